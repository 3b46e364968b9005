//! The configurations of chains that a repository holds, and which of them is meant.

use std::path::{Path, PathBuf};

use super::env;
use crate::discover::Scope;
use crate::discover::files::Found;
use crate::model::chain::AlembicConfig;
use crate::model::place::{Located, Place};
use crate::parse::alembic::config::{self, ConfigFault, ConfigFile, MAIN_SECTION};
use crate::parse::ini::Problem;
use crate::wire::files::{exists, read_text};

/// Folders whose chains are not the application's.
const ASIDE: [&str; 9] =
    ["tests", "test", "testing", "fixtures", "examples", "example", "samples", "docs", "integration-tests"];

/// A configuration that was found, or why it cannot be used.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) file: PathBuf,
    pub(super) config: Result<AlembicConfig, String>,
    /// There is nothing in it about a chain.
    empty: bool,
}

/// Returns every chain's configuration, the main one first.
///
/// That is the one nearest to the root, unless it is one of tests or examples, or is known to be another database
/// system's. What `devdb.toml` says goes before all that.
pub(super) fn candidates(scope: &Scope, found: &Found) -> Vec<Candidate> {
    let wanted = &scope.config.migrations;
    let files = match &wanted.config {
        Some(file) => vec![file.clone()],
        None => [&*found.alembic, &*found.inis, &*found.pyprojects].concat(),
    };
    let mut candidates: Vec<Candidate> = files.iter().flat_map(|file| of_file(scope, file)).collect();
    if let Some(section) = &wanted.section {
        candidates.retain(|candidate| !candidate.config.as_ref().is_ok_and(|config| config.section != *section));
    }
    candidates.sort_by_cached_key(rank);
    if wanted.config.is_some() && wanted.section.is_none() {
        // The file was named, so its other chains are no news, but those of other files may be.
        let others = [&*found.alembic, &*found.inis, &*found.pyprojects].concat();
        let mut rest: Vec<Candidate> = others
            .iter()
            .filter(|file| Some(*file) != wanted.config.as_ref())
            .flat_map(|file| of_file(scope, file))
            .collect();
        rest.sort_by_cached_key(rank);
        candidates.extend(rest);
    }
    candidates
}

fn of_file(scope: &Scope, file: &Path) -> Vec<Candidate> {
    let candidate = |config| Candidate { file: file.to_path_buf(), config, empty: false };
    let named = file.file_name().is_some_and(|name| name == "alembic.ini");
    let configured = scope.config.migrations.config.as_deref() == Some(file);
    let text = match read_text(&scope.root.join(file)) {
        Ok(text) => text,
        Err(why) if named || configured => {
            return vec![candidate(Err(format!("`{}` cannot be read: {why}", file.display())))];
        }
        Err(_) => return Vec::new(),
    };
    let is_toml = file.extension().is_some_and(|ending| ending == "toml");
    if is_toml {
        let found = text.contains("[tool.alembic").then(|| pyproject(scope, file, &text)).flatten();
        return found.into_iter().map(candidate).collect();
    }
    let mut sections = config::sections(&text);
    if let Some(section) = &scope.config.migrations.section
        && scope.config.migrations.config.is_some()
    {
        sections = vec![section.clone()];
    }
    if sections.is_empty() && (named || configured) {
        sections.push(MAIN_SECTION.to_owned());
    }
    sections.iter().map(|section| ini(scope, file, &text, section)).collect()
}

fn pyproject(scope: &Scope, file: &Path, text: &str) -> Option<Result<AlembicConfig, String>> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let here = scope.root.join(folder);
    let packages = |package: &str| package_directory(scope, folder, package);
    let input = input(file, text, &here, folder, &packages);
    match config::from_pyproject(&input) {
        Ok(found) => found.map(|mut found| {
            // The URL stays in the ini file, where Alembic looks for it.
            let ini = folder.join("alembic.ini");
            if let Ok(text) = read_text(&scope.root.join(&ini)) {
                found.url = config::url_from_ini(&ini, &text, &here, MAIN_SECTION);
            }
            Ok(env::complete(scope, found))
        }),
        Err(error) => Some(Err(format!("`{}`: {error}", error.at))),
    }
}

fn ini(scope: &Scope, file: &Path, text: &str, section: &str) -> Candidate {
    let folder = file.parent().unwrap_or(Path::new(""));
    let here = scope.root.join(folder);
    let packages = |package: &str| package_directory(scope, folder, package);
    let mut input = input(file, text, &here, folder, &packages);
    if exists(&here.join("env.py")) {
        input.script_directory = Some(folder);
    }
    let there = |config: &AlembicConfig| exists(&scope.root.join(&config.script_directory));
    let mut read = config::from_ini(&input, section);
    // `alembic -c deep/down/alembic.ini` at the root takes relative locations from there.
    for above in folder.ancestors().skip(1) {
        if !read.as_ref().is_ok_and(|config| !there(config)) {
            break;
        }
        input.directory = above;
        read = config::from_ini(&input, section).ok().filter(there).map_or(read, Ok);
    }
    if let Ok(config) = &mut read
        && !there(config)
    {
        as_mounted(scope, folder, config);
    }
    let empty = read.as_ref().is_err_and(|error| error.fault == ConfigFault::NoScriptLocation);
    let located = |it: Problem| Located::new(it.reason, Place::new(file, it.line));
    let problems = config::problems(text, &here, section).into_iter().map(located).collect();
    let read = read.map(|config| AlembicConfig { problems, ..config });
    let config = read.map(|config| env::complete(scope, config)).map_err(|error| format!("`{}`: {error}", error.at));
    Candidate { file: file.to_path_buf(), config, empty }
}

/// A location that is one of a container's, as `/usr/src/app/migrations`, is looked for in the project by the end of its path.
fn as_mounted(scope: &Scope, folder: &Path, config: &mut AlembicConfig) {
    if !config.script_directory.is_absolute() {
        return;
    }
    let parts: Vec<_> = config.script_directory.components().skip(1).collect();
    let tails = (0..parts.len()).map(|start| parts.iter().skip(start).collect::<PathBuf>());
    let places = tails.flat_map(|tail| [folder.join(&tail), tail]);
    let Some(own) = places.into_iter().find(|place| exists(&scope.root.join(place).join("env.py"))) else { return };
    for versions in &mut config.version_directories {
        if let Ok(below) = versions.strip_prefix(&config.script_directory) {
            *versions = own.join(below);
        }
    }
    config.script_directory = own;
}

fn input<'f>(
    file: &'f Path,
    text: &'f str,
    here: &'f Path,
    directory: &'f Path,
    package_directory: config::PackageDirectory<'f>,
) -> ConfigFile<'f> {
    ConfigFile { file, text, here, directory, package_directory, script_directory: None }
}

/// Finds the folder of a Python package that a script location names, among the project's own sources.
fn package_directory(scope: &Scope, folder: &Path, package: &str) -> Option<PathBuf> {
    let below = package.replace('.', "/");
    let roots = folder.ancestors().flat_map(|above| [above.to_path_buf(), above.join("src")]);
    roots.into_iter().map(|root| root.join(&below)).find(|path| scope.root.join(path).is_dir())
}

/// What decides between chains, the most important first.
type Rank = (bool, bool, bool, usize, bool, PathBuf, bool);

fn rank(candidate: &Candidate) -> Rank {
    let named = |name: &std::ffi::OsStr| ASIDE.iter().any(|aside| name == *aside);
    let config = candidate.config.as_ref().ok();
    let scheme = config.and_then(|config| config.url.as_ref()).and_then(|url| {
        let (scheme, _) = url.value.reveal().split_once(':')?;
        Some(scheme.trim_matches('"').to_owned())
    });
    let is = |known: &[&str]| scheme.as_ref().is_some_and(|scheme| known.iter().any(|name| scheme.starts_with(name)));
    let elsewhere = is(&["sqlite", "mysql", "mariadb", "oracle", "mssql"]);
    (
        candidate.empty,
        candidate.file.iter().any(named),
        elsewhere && config.is_some_and(|config| !config.env_sets_url),
        candidate.file.components().count(),
        !is(&["postgres"]),
        candidate.file.clone(),
        config.is_some_and(|config| config.section != MAIN_SECTION),
    )
}
