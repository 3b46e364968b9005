//! Seeds: SQL files, and commands with what they read.

use std::path::PathBuf;

use super::modules::Modules;
use super::{Project, all, globs, sql};
use crate::model::layer::Input;
use crate::model::plan::SeedPlan;

/// Returns what each seed of the recipe depends on, in its order.
pub(super) fn read(project: &Project<'_>, modules: &mut Modules<'_>) -> Vec<Input> {
    let one = |(_, seed): &(Option<String>, SeedPlan)| match seed {
        SeedPlan::File(path) => sql::file(project, path, false),
        SeedPlan::Command { run, inputs } => {
            let inputs = inputs.as_deref().map(|patterns| files(project, modules, patterns));
            project.command(run, inputs, "[[seeds]] inputs")
        }
    };
    project.picture.recipe.seeds.iter().map(one).collect()
}

/// Python files stand for the modules that they import as well.
fn files(project: &Project<'_>, modules: &mut Modules<'_>, patterns: &[String]) -> Input {
    const LIST: &str = "[[seeds]] inputs";
    let contents = globs::digest(project.root, patterns, LIST);
    let matched = globs::matched(project.root, patterns, LIST).unwrap_or_default();
    let python: Vec<PathBuf> =
        matched.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "py")).collect();
    let imported = python.iter().map(|path| modules.imported_by_file(path, true));
    contents.and(all(imported.collect::<Vec<_>>()))
}
