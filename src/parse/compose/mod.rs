//! Compose files: the project that Docker Compose would run, with the place of every value.
//!
//! Ports of compose-go, the library of Docker Compose, over a tree that keeps lines: [`interpolate`],
//! `merge`, [`ports`]. Files are read through the caller.

mod canonical;
mod extends;
pub mod interpolate;
mod load;
mod merge;
mod paths;
pub mod ports;
mod service;
#[cfg(test)]
mod tests;
mod volumes;
mod words;
mod yaml;

use std::path::{Path, PathBuf};

use crate::model::compose::Compose;
use crate::model::place::Place;

use load::{Loader, Scope};

/// The names that Compose looks for, in its order of preference.
const FILE_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The names of the override that Compose adds, in its order of preference.
const OVERRIDE_NAMES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// What a project is loaded from.
pub struct ComposeInput<'a> {
    /// The project directory as it is shown; relative paths of the files start here.
    pub directory: &'a Path,
    /// The last part of the directory's absolute path: the default of the project's name.
    pub absolute_directory_name: &'a str,
    /// The files to merge, as they are shown and handed to `read`.
    pub files: Vec<PathBuf>,
    /// The shell's environment over the project's `.env`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Returns the text of a file, or why there is none.
    pub read: &'a dyn Fn(&Path) -> Result<String, String>,
}

/// Returns the files that Compose takes in a directory, in merge order: those of `COMPOSE_FILE`, else
/// the first known name and the first known override.
///
/// `separator` is `COMPOSE_PATH_SEPARATOR`; without it `COMPOSE_FILE` is split as `PATH` is.
pub fn project_files(
    names_in_dir: &[String],
    compose_file_variable: Option<&str>,
    separator: Option<&str>,
) -> Vec<String> {
    if let Some(files) = compose_file_variable.filter(|files| !files.is_empty()) {
        let default = if cfg!(windows) { ";" } else { ":" };
        let separator = separator.filter(|text| !text.is_empty()).unwrap_or(default);
        let files = files.split(separator).filter(|file| !file.is_empty());
        return files.map(str::to_owned).collect();
    }
    let first_of = |known: &[&str]| {
        let found = known.iter().find(|name| names_in_dir.iter().any(|there| there == *name));
        found.map(|name| (*name).to_owned())
    };
    let Some(main) = first_of(&FILE_NAMES) else {
        return Vec::new();
    };
    std::iter::once(main).chain(first_of(&OVERRIDE_NAMES)).collect()
}

/// Returns the merged project. It never fails: whatever Compose would refuse or warn about is in
/// [`Compose::problems`], and the rest of the project is read all the same.
pub fn load(input: &ComposeInput<'_>) -> Compose {
    let mut loader = Loader::new(input.read);
    let name = project_name(input, &mut loader);
    let environment = |variable: &str| {
        if variable == "COMPOSE_PROJECT_NAME" { Some(name.clone()) } else { (input.environment)(variable) }
    };
    let scope = Scope { directory: input.directory, environment: &environment };
    let model = loader.model(&input.files, scope, &[]);
    let services = service::services(&model, &mut loader, scope);
    let volumes = service::volumes(&model, &name);
    service::check(&model, &services, &volumes, &mut loader);
    let files = std::mem::take(&mut loader.files);
    let variables = std::mem::take(&mut loader.variables);
    Compose {
        directory: input.directory.to_path_buf(),
        files,
        services,
        volumes,
        variables: variables.into_values().collect(),
        problems: loader.into_problems(),
        name,
    }
}

/// Returns the project's name: `COMPOSE_PROJECT_NAME`, else the last `name:`, else the directory's.
fn project_name(input: &ComposeInput<'_>, loader: &mut Loader<'_>) -> String {
    let set = (input.environment)("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty());
    if let Some(name) = set {
        let normal = normalised(&name);
        if normal != name {
            let file = input.files.first().map_or(input.directory, PathBuf::as_path);
            let message = format!("`COMPOSE_PROJECT_NAME` is `{name}`, which is no valid project name");
            loader.report(Place::new(file, 0), message, true);
        }
        return normal;
    }
    let written = input.files.iter().rev().find_map(|file| {
        let text = (input.read)(file).ok()?;
        service::written_name(&yaml::documents(&text, file).ok()?)
    });
    let named = written.and_then(|mut name| {
        let scope = Scope { directory: input.directory, environment: input.environment };
        loader.interpolate(&mut name, scope);
        name.as_text().map(normalised)
    });
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| normalised(input.absolute_directory_name))
}

/// Returns a name as Compose normalises it: lower case, only `a-z0-9_-`, no leading `_` or `-`.
fn normalised(name: &str) -> String {
    let kept: String =
        name.to_lowercase().chars().filter(|next| matches!(next, 'a'..='z' | '0'..='9' | '_' | '-')).collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}
