//! What a new database is made from: the interpreter, SQL chains, seeds.
#![expect(clippy::disallowed_methods, reason = "seed and migration folders are listed here")]

use std::path::{Path, PathBuf};

use super::Scope;
use crate::model::config::SeedConfig;
use crate::model::observed::Observed;
use crate::model::picture::Recipe;
use crate::model::plan::{SeedPlan, SqlMigration};
use crate::model::secret::Secret;
use crate::wire::files::read_text;

/// Returns the recipe; `config_folder` is the folder of `alembic.ini`.
pub(super) fn read(scope: &Scope, config_folder: Option<&Path>) -> Recipe {
    Recipe {
        python_environment: python_environment(scope, config_folder),
        init: scope.config.database.init.iter().flat_map(|pattern| expand(scope, pattern)).collect(),
        sql_migrations: sql_migrations(scope),
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

/// dbmate's `db/migrations` when its files have `-- migrate:up` sections, or the configured folder.
fn sql_migrations(scope: &Scope) -> Observed<Vec<SqlMigration>> {
    let configured = scope.config.migrations.directory.clone();
    let folder = configured.clone().unwrap_or_else(|| PathBuf::from("db/migrations"));
    let files = sql_files(scope, &folder);
    if configured.is_none() {
        let sectioned =
            |path: &PathBuf| read_text(&scope.root.join(path)).is_ok_and(|text| text.contains("-- migrate:up"));
        if !files.first().is_some_and(sectioned) {
            return Observed::Absent;
        }
    } else if files.is_empty() {
        return Observed::Unknown(format!("`{}` has no SQL files", folder.display()));
    }
    Observed::Known(files.into_iter().filter_map(|path| migration(&path)).collect())
}

/// `20240102030405_add_users.sql`: the digits are the version (dbmate README, "Creating Migrations").
fn migration(path: &Path) -> Option<SqlMigration> {
    let stem = path.file_stem()?.to_str()?;
    let digits = stem.find(|c: char| !c.is_ascii_digit()).unwrap_or(stem.len());
    let (version, rest) = stem.split_at_checked(digits)?;
    if version.is_empty() {
        return None;
    }
    let message = rest.trim_start_matches(['_', '-', '.']).replace('_', " ");
    Some(SqlMigration { version: version.to_owned(), path: path.to_path_buf(), message })
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
    plans.extend(seed.run.clone().map(SeedPlan::Command));
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
