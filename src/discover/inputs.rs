//! What each step of a reset depends on, from the project's files alone: a layer is served again only where all of it is
//! the same.
//!
//! A dependency too many costs a slow reset, one too few serves a stale database. So a step that reads what cannot be
//! told from its text is open, until `devdb.toml` lists what it reads.

mod command;
mod globs;
mod modules;
mod packages;
mod places;
mod python;
mod seeds;
mod session;
mod shared;
mod sql;
#[cfg(test)]
mod tests;
mod tool;

use std::path::Path;

pub use shared::shared;

use crate::model::layer::{Digest, Input, Inputs};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use modules::Modules;
use packages::Packages;

/// What the readers of the steps share.
struct Project<'p> {
    root: &'p Path,
    picture: &'p Picture,
    packages: Packages,
    /// What `[cache] inputs` names; nothing when it is not declared.
    declared: Option<Input>,
}

/// Returns what the steps of a reset depend on.
pub fn read(root: &Path, picture: &Picture) -> Inputs {
    let declared = picture.config.cache.inputs.as_deref();
    let project = Project {
        root,
        picture,
        packages: Packages::read(root, picture),
        declared: declared.map(|patterns| globs::digest(root, patterns, "[cache] inputs")),
    };
    let mut modules = Modules::new(root, project.places());
    Inputs {
        tool: tool::read(&project, &mut modules),
        init: picture.recipe.init.iter().map(|file| sql::file(&project, file, project.is_declared())).collect(),
        bootstrap: command::bootstrap(&project),
        revisions: revisions(&project, &mut modules),
        seeds: seeds::read(&project, &mut modules),
        session: session::first(&project),
    }
}

fn revisions(project: &Project<'_>, modules: &mut Modules<'_>) -> Vec<(String, Input)> {
    match (&project.picture.chain, &project.picture.recipe.sql_chain) {
        (Observed::Known(chain), _) => python::revisions(project, chain, modules),
        (_, Observed::Known(chain)) if project.picture.config.migrations.upgrade.is_none() => {
            chain.migrations.iter().map(|one| (one.version.clone(), sql::migration(project, chain, one))).collect()
        }
        _ => Vec::new(),
    }
}

impl Project<'_> {
    fn is_declared(&self) -> bool {
        self.declared.is_some()
    }

    /// Returns what every command of the project runs in: the container, or the interpreter's packages.
    fn surroundings(&self) -> Input {
        let Some(service) = &self.picture.config.migrations.service else { return Input::Known(self.packages.digest) };
        match self.picture.container_of(service) {
            Some(container) => Input::Known(Digest::of(["container", &container.id])),
            None => Input::Open(format!("the container of the Compose service `{service}` is not known")),
        }
    }

    /// Returns the input where what a command reads is declared; else it is open.
    fn command(&self, command: &str, inputs: Option<Input>, list: &str) -> Input {
        let Some(inputs) = inputs else {
            return Input::Open(format!("`{command}` may read anything; list what it reads in {list}"));
        };
        known(["command", command]).and(self.surroundings()).and(inputs)
    }
}

fn known<'t>(parts: impl IntoIterator<Item = &'t str>) -> Input {
    Input::Known(Digest::of(parts))
}

/// Joins inputs in their order.
fn all(inputs: impl IntoIterator<Item = Input>) -> Input {
    inputs.into_iter().fold(known(["all"]), Input::and)
}
