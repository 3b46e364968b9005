//! What `env.py` adds to a configuration.
#![expect(clippy::disallowed_methods, reason = "version folders are listed here")]

use std::path::{Component, Path, PathBuf};

use crate::discover::Scope;
use crate::model::chain::{AlembicConfig, EnvMay, UnreadableRevision};
use crate::model::place::{Located, Place};
use crate::model::secret::Secret;
use crate::parse::alembic::env;
use crate::parse::python_commands;
use crate::wire::files::read_text;

/// Returns the configuration with shown paths and with what its `env.py` says in literals.
pub(super) fn complete(scope: &Scope, mut config: AlembicConfig) -> AlembicConfig {
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
        config.engine_from_config = text.contains("engine_from_config(");
        let placeholder = |url: &Located<Secret>| url.value.is_empty() || url.value.reveal().starts_with("driver://");
        let overrides = text.contains("set_main_option") || !config.env_urls.is_empty();
        let of_ini = config.url.as_ref().is_some_and(|url| !placeholder(url)) && !overrides;
        config.of_flask = config.script_location.is_none() && text.contains("current_app") && text.contains("flask");
        config.plain_engine = env::plain_engine(&text, of_ini);
        config.async_engine = env::async_engine(&text, of_ini);
        config.autocommits = text.contains("AUTOCOMMIT");
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        config.env_may = EnvMay {
            set_options: has(&["set_section_option", "set_main_option", "file_config"]),
            create_extensions: text.to_ascii_lowercase().contains("extension"),
        };
        config.no_metadata = env::no_metadata(&text).map(|line| Place::new(&env_py, line));
        config.sets_unescaped = env::sets_unescaped(&text).map(|line| Place::new(&env_py, line));
    }
    config
}

/// The version folders of an `env.py` that sets them while it runs.
#[derive(Debug, Default)]
pub(super) struct SetWhileRunning {
    /// The folder for PostgreSQL among those in the usual place.
    pub(super) chosen: Option<PathBuf>,
    pub(super) others: Vec<PathBuf>,
    /// What to say when there is none.
    pub(super) unreadable: Option<UnreadableRevision>,
}

/// Returns which folders an `env.py` may mean that sets `version_locations` itself: one a database system, by its name.
///
/// Nothing, when the configured folder has revisions of its own or `env.py` says nothing of folders.
pub(super) fn set_while_running(scope: &Scope, config: &AlembicConfig) -> Option<SetWhileRunning> {
    let env_py = config.script_directory.join("env.py");
    let text = read_text(&scope.root.join(&env_py)).ok()?;
    let line = text.lines().zip(1..).find(|(line, _)| {
        let (before, after) = line.split_once("version_locations").unwrap_or_default();
        !before.contains('#') && after.trim_start().starts_with('=')
    });
    let ((_, line), [folder]) = (line?, &*config.version_directories) else { return None };
    let (has_files, mut folders) = list(&scope.root.join(folder))?;
    if has_files || config.recursive {
        return None;
    }
    folders.sort();
    let is_ours = |name: &String| name.starts_with("postgres") || name == "pg";
    let chosen = folders.iter().position(is_ours).map(|position| folders.remove(position));
    let reason = "`version_locations` is set here while Alembic runs, and cannot be told";
    Some(SetWhileRunning {
        unreadable: chosen
            .is_none()
            .then(|| UnreadableRevision { at: Place::new(&env_py, line), reason: reason.to_owned() }),
        chosen: chosen.map(|name| folder.join(name)),
        others: folders.into_iter().map(|name| folder.join(name)).collect(),
    })
}

/// Returns whether a folder has Python files, and the names of its folders that have.
fn list(folder: &Path) -> Option<(bool, Vec<String>)> {
    let (mut has_files, mut folders) = (false, Vec::new());
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if entry.path().is_dir() {
            let has_python =
                std::fs::read_dir(entry.path()).is_ok_and(|inner| inner.flatten().any(|file| is_python(&file.path())));
            folders.extend(has_python.then_some(name).filter(|name| name != "__pycache__"));
        } else {
            has_files |= is_python(&entry.path()) && name != "__init__.py";
        }
    }
    Some((has_files, folders))
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "py")
}

/// Returns the path without `.`, as it is shown.
fn shown(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
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
