//! The Compose project: which files, read with which variables.

use std::path::{Path, PathBuf};

use super::Scope;
use super::files::Found;
use crate::model::compose::Compose;
use crate::model::env::{Dialect, EnvFile};
use crate::model::observed::Observed;
use crate::parse::compose::{ComposeInput, load, project_files};
use crate::parse::env_file;
use crate::wire::files::read_text;

/// Returns the Compose project nearest to the root, merged and interpolated; absent when there is none.
pub(super) fn read(scope: &Scope, found: &Found, env_files: &[EnvFile]) -> Observed<Compose> {
    let Some((directory, files)) = choose(scope, found) else { return Observed::Absent };
    let dotenv = directory.join(".env");
    // Compose reads the `.env` beside its file for interpolation, whatever the app reads.
    let beside = match env_files.iter().find(|file| file.path == dotenv) {
        Some(file) => Some(file.clone()),
        None => read_text(&scope.root.join(&dotenv)).ok().map(|text| env_file::parse(&dotenv, &text)),
    };
    let shell = |name: &str| scope.shell.get(name).map(|value| value.reveal().to_owned());
    let reading = beside.map(|file| env_file::effective(&file, Dialect::Compose, &shell));
    let environment = |name: &str| {
        shell(name).or_else(|| {
            let entry = reading.as_ref()?.keys.get(name)?;
            entry.value.as_ref().map(|value| value.reveal().to_owned())
        })
    };
    let absolute = scope.root.join(&directory);
    let name = absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let read = |path: &Path| read_text(&scope.root.join(path));
    Observed::Known(load(&ComposeInput {
        directory: &directory,
        absolute_directory_name: &name,
        files,
        environment: &environment,
        read: &read,
    }))
}

fn choose(scope: &Scope, found: &Found) -> Option<(PathBuf, Vec<PathBuf>)> {
    if let Some(file) = &scope.config.compose.file {
        let directory = file.parent().map(Path::to_path_buf).unwrap_or_default();
        return Some((directory, vec![file.clone()]));
    }
    // Compose takes both from the `.env` beside it, too (its documentation, "Set or change pre-defined variables").
    let beside = read_text(&scope.root.join(".env")).map(|text| env_file::parse(Path::new(".env"), &text));
    let of_file = |name: &str| {
        let entry = beside.as_ref().ok()?.entries.iter().rev().find(|entry| entry.key == name)?;
        Some(entry.raw.reveal().to_owned()).filter(|value| !value.is_empty())
    };
    let setting = |name: &str| scope.shell.get(name).map(|value| value.reveal().to_owned()).or_else(|| of_file(name));
    let (variable, separator) = (setting("COMPOSE_FILE"), setting("COMPOSE_PATH_SEPARATOR"));
    let (variable, separator) = (variable.as_deref(), separator.as_deref());
    let files_of = |directory: &Path, names: &[String], variable: Option<&str>| {
        let chosen = project_files(names, variable, separator);
        chosen.into_iter().map(|name| directory.join(name)).collect::<Vec<_>>()
    };
    if variable.is_some() {
        return Some((PathBuf::new(), files_of(Path::new(""), &[], variable)));
    }
    found.compose.iter().find_map(|(directory, names)| {
        let files = files_of(directory, names, None);
        (!files.is_empty()).then(|| (directory.clone(), files))
    })
}
