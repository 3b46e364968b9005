//! What a new database is made from: the interpreter, SQL chains, seeds.
#![expect(clippy::disallowed_methods, reason = "seed and migration folders are listed here")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Depth, Scope, sql_chain};
use crate::model::config::SeedConfig;
use crate::model::observed::Observed;
use crate::model::picture::Recipe;
use crate::model::plan::SeedPlan;
use crate::model::secret::Secret;
use crate::wire::files::read_text;

/// Returns the recipe; `config_folder` is the folder of `alembic.ini`, and `has_chain` whether that makes the schema.
pub(super) fn read(scope: &Scope, config_folder: Option<&Path>, has_chain: bool) -> Recipe {
    let python_environment = python_environment(scope, config_folder);
    Recipe {
        python_packages: match scope.depth {
            Depth::All => python_packages(python_environment.as_deref()),
            _ => Observed::Unknown("not asked".to_owned()),
        },
        python_environment,
        init: scope.config.database.init.iter().flat_map(|pattern| expand(scope, pattern)).collect(),
        sql_chain: if has_chain { Observed::Absent } else { sql_chain::read(scope) },
        seeds: seeds(scope),
    }
}

/// The virtual environment beside the chain, at the root, or active in the shell.
fn python_environment(scope: &Scope, config_folder: Option<&Path>) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in config_folder.into_iter().chain([Path::new("")]) {
        folders.extend([".venv", "venv", "env"].map(|name| scope.root.join(folder).join(name)));
    }
    for key in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        folders.extend(scope.shell.get(key).map(|value| PathBuf::from(value.reveal())));
    }
    let conda = scope.shell.get("CONDA_DEFAULT_ENV").map(Secret::reveal) == Some("base");
    folders.into_iter().find(|folder| {
        let base = conda && scope.shell.get("CONDA_PREFIX").is_some_and(|prefix| Path::new(prefix.reveal()) == folder);
        !base && (folder.join("bin/python").exists() || folder.join("Scripts/python.exe").exists())
    })
}

/// Returns the modules and packages of an environment (Python's documentation, "site": `lib/pythonX.Y/site-packages`, on
/// Windows `Lib/site-packages`).
fn python_packages(environment: Option<&Path>) -> Observed<BTreeSet<String>> {
    let Some(environment) = environment else { return Observed::Absent };
    let settings = read_text(&environment.join("pyvenv.cfg")).unwrap_or_default();
    let shares = |line: &str| {
        let (key, value) = line.split_once('=').unwrap_or_default();
        key.trim() == "include-system-site-packages" && value.trim() == "true"
    };
    if settings.is_empty() || settings.lines().any(shares) {
        return Observed::Unknown("the environment has packages of the system, too".to_owned());
    }
    let versions = std::fs::read_dir(environment.join("lib")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = versions.map(|version| version.join("site-packages")).collect();
    folders.push(environment.join("Lib/site-packages"));
    folders.retain(|folder| folder.is_dir());
    let mut found = BTreeSet::new();
    for entry in folders.iter().flat_map(std::fs::read_dir).flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // `pyasn1`, `six.py`, `_cffi_backend.cpython-311-x86_64-linux-gnu.so`
        found.extend(name.split('.').next().filter(|module| !module.is_empty()).map(str::to_owned));
    }
    if found.is_empty() {
        Observed::Unknown("its packages are not where they should be".to_owned())
    } else {
        Observed::Known(found)
    }
}

fn seeds(scope: &Scope) -> Vec<(Option<String>, SeedPlan)> {
    if !scope.config.seeds.is_empty() {
        return scope.config.seeds.iter().flat_map(|seed| configured(scope, seed)).collect();
    }
    let folder = PathBuf::from("seeds");
    let common = sql_files(scope, &folder).into_iter().map(|path| (None, SeedPlan::File(path)));
    let mut seeds: Vec<_> = common.collect();
    for profile in folders(scope, &folder) {
        let files = sql_files(scope, &folder.join(&profile));
        seeds.extend(files.into_iter().map(|path| (Some(profile.clone()), SeedPlan::File(path))));
    }
    seeds
}

fn configured(scope: &Scope, seed: &SeedConfig) -> Vec<(Option<String>, SeedPlan)> {
    let mut plans: Vec<SeedPlan> = Vec::new();
    if let Some(pattern) = &seed.files {
        plans.extend(expand(scope, pattern).into_iter().map(SeedPlan::File));
    }
    let command = |run| SeedPlan::Command { run, inputs: seed.inputs.clone() };
    plans.extend(seed.run.clone().map(command));
    plans.into_iter().map(|plan| (seed.profile.clone(), plan)).collect()
}

/// Files that a pattern names, in name order, relative to the root.
fn expand(scope: &Scope, pattern: &str) -> Vec<PathBuf> {
    let escaped = glob::Pattern::escape(&scope.root.display().to_string());
    let Ok(found) = glob::glob(&format!("{escaped}/{pattern}")) else { return Vec::new() };
    let relative = |path: PathBuf| path.strip_prefix(&scope.root).map(Path::to_path_buf).unwrap_or(path);
    let mut files: Vec<PathBuf> = found.flatten().filter(|path| path.is_file()).map(relative).collect();
    files.sort();
    files
}

fn sql_files(scope: &Scope, folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(scope.root.join(folder)) else { return Vec::new() };
    let is_sql = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql"));
    let names = entries.flatten().map(|entry| folder.join(entry.file_name()));
    let mut files: Vec<PathBuf> = names.filter(is_sql).filter(|path| scope.root.join(path).is_file()).collect();
    files.sort();
    files
}

fn folders(scope: &Scope, folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(scope.root.join(folder)) else { return Vec::new() };
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut names: Vec<String> =
        entries.flatten().filter(is_folder).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
