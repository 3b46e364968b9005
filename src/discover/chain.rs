//! The Alembic chain, read without Python.
#![expect(clippy::disallowed_methods, reason = "version folders are listed here")]

use std::path::{Component, Path, PathBuf};

use super::Scope;
use super::files::Found;
use crate::model::chain::{AlembicConfig, Chain, UnreadableRevision};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::place::{Located, Place};
use crate::model::secret::Secret;
use crate::model::sql_chain::{HistoryTable, SqlTool};
use crate::parse::alembic::{config, env, revision};
use crate::parse::python_commands;
use crate::wire::files::read_text;
use crate::wire::postgres::quote_ident;

/// A table that says which revisions are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VersionTable {
    /// Quoted for SQL.
    Alembic(String),
    Sql(SqlTool, HistoryTable),
}

/// Returns the chain and the folder of its configuration.
pub(super) fn read(scope: &Scope, found: &Found) -> (Observed<Chain>, Option<PathBuf>) {
    let configured = scope.config.migrations.config.clone();
    let ini = configured.or_else(|| found.alembic.first().cloned());
    let candidates = ini.into_iter().chain(found.pyprojects.iter().cloned());
    for file in candidates {
        let text = match read_text(&scope.root.join(&file)) {
            Ok(text) => text,
            Err(why) => return (Observed::Unknown(format!("`{}` cannot be read: {why}", file.display())), None),
        };
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        let is_ini = file.extension().is_some_and(|ending| ending == "ini" || ending == "cfg");
        let packages = |package: &str| package_directory(scope, &folder, package);
        // `%(here)s/alembic` must not become `/alembic` for a configuration at the root.
        let here = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.clone() };
        let parsed = if is_ini {
            config::from_ini(&file, &text, &here, "alembic", &packages).map(Some)
        } else if text.contains("[tool.alembic") {
            config::from_pyproject(&file, &text, &here, &packages)
        } else {
            continue;
        };
        return match parsed {
            Ok(None) => continue,
            Ok(Some(parsed)) => (Observed::Known(read_chain(scope, parsed)), Some(folder)),
            Err(error) => (Observed::Unknown(format!("`{}`: {error}", file.display())), Some(folder)),
        };
    }
    (Observed::Absent, None)
}

/// Returns where the chain's tool keeps the applied revisions.
pub(super) fn version_table(picture: &Picture) -> Option<VersionTable> {
    if let Some(chain) = picture.chain.known() {
        let config = &chain.config;
        let schema = config.version_table_schema.as_ref().map(|schema| format!("{}.", quote_ident(schema)));
        let table = format!("{}{}", schema.unwrap_or_default(), quote_ident(&config.version_table));
        return Some(VersionTable::Alembic(table));
    }
    picture.recipe.sql_chain.known().map(|chain| VersionTable::Sql(chain.tool, chain.table.clone()))
}

/// Finds the folder of a Python package that a script location names, among the project's own sources.
fn package_directory(scope: &Scope, folder: &Path, package: &str) -> Option<PathBuf> {
    let below = package.replace('.', "/");
    let roots = [folder.to_path_buf(), folder.join("src"), PathBuf::new(), PathBuf::from("src")];
    roots.into_iter().map(|root| root.join(&below)).find(|path| scope.root.join(path).is_dir())
}

/// Returns the path without `.`, as it is shown.
fn shown(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn read_chain(scope: &Scope, mut config: AlembicConfig) -> Chain {
    config.script_directory = shown(&config.script_directory);
    config.version_directories = config.version_directories.iter().map(|path| shown(path)).collect();
    let env_py = config.script_directory.join("env.py");
    if let Ok(text) = read_text(&scope.root.join(&env_py)) {
        let (table, schema) = env::version_table(&text);
        if let Some(table) = table {
            config.version_table = table;
        }
        config.version_table_schema = schema;
        config.env_urls = literal_urls(&env_py, &text);
        config.env_sets_url = sets_url(&text);
        config.rewrites_scheme = text.contains("postgres://");
    }
    let mut chain = Chain::default();
    for folder in &config.version_directories {
        for file in revision_files(scope, folder, config.recursive, &mut chain.unreadable) {
            read_revision(scope, &file, &mut chain);
        }
    }
    chain.config = config;
    chain
}

/// What `env.py` says when it computes the URL; then the ini's line does not count.
fn sets_url(env_py: &str) -> bool {
    const WORDS: [&str; 7] =
        ["set_main_option", "environ", "getenv", "settings", "get_url", "create_engine(", "create_async_engine("];
    WORDS.iter().any(|word| env_py.contains(word))
}

fn literal_urls(env_py: &Path, text: &str) -> Vec<Located<Secret>> {
    let found = python_commands::literal_url(text).into_iter();
    // `url.replace("postgres://", …)` names a scheme, not a database.
    let whole = found.filter(|(url, _)| url.split_once("://").is_some_and(|(_, rest)| !rest.is_empty()));
    whole.map(|(url, line)| Located::new(Secret::from(url), Place::new(env_py, line))).collect()
}

fn read_revision(scope: &Scope, file: &Path, chain: &mut Chain) {
    match read_text(&scope.root.join(file)) {
        Ok(text) => match revision::parse(file, &text) {
            Ok(Some(revision)) => chain.revisions.push(revision),
            Ok(None) => {}
            Err(unreadable) => chain.unreadable.push(unreadable),
        },
        Err(reason) => chain.unreadable.push(UnreadableRevision { at: Place::new(file, 0), reason }),
    }
}

/// Returns the files that Alembic takes for revisions: `*.py`, neither hidden locks nor `__init__`.
fn revision_files(
    scope: &Scope,
    folder: &Path,
    recursive: bool,
    unreadable: &mut Vec<UnreadableRevision>,
) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match std::fs::read_dir(scope.root.join(&folder)) {
            Ok(entries) => entries,
            Err(error) => {
                unreadable.push(UnreadableRevision { at: Place::new(&folder, 0), reason: error.to_string() });
                continue;
            }
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = folder.join(&name);
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && recursive && depth < 16 && name != "__pycache__" {
                folders.push((path, depth + 1));
            } else if !is_folder
                && path.extension().is_some_and(|ending| ending == "py")
                && !name.starts_with("__init__")
                && !name.starts_with(".#")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
