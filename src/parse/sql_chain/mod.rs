//! Folders of SQL migrations, read as the tools read them. One file a tool; each names the source of its rules.

mod checksum;
mod dbmate;
mod diesel;
mod flyway;
mod golang_migrate;
mod goose;
pub mod layout;
mod new_file;
mod pieces;
mod prisma;
mod sqlx;
mod supabase;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use flyway::undo as undo_checksum;
pub use new_file::{filled_file, new_file};
pub use pieces::{Piece, PieceKind, kept_by_supabase, pieces};

use crate::model::place::Place;
use crate::model::sql_chain::{HistoryTable, SqlChain, SqlChainFault, SqlMigration, SqlTool};

/// What is known of a folder before its files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub tool: SqlTool,
    /// Relative to the project's root.
    pub directory: PathBuf,
    pub table: HistoryTable,
    /// Characters that sqlx leaves out of its checksums (`sqlx.toml`, `ignored-chars`).
    pub ignored: Vec<char>,
    /// Flyway's placeholders; nothing when it is told to leave them alone.
    pub placeholders: Option<BTreeMap<String, String>>,
    /// See [`SqlChain::schema`].
    pub schema: Option<String>,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Relative to the folder.
    pub path: PathBuf,
    /// Its text, or why it cannot be read.
    pub text: Result<String, String>,
}

/// What a tool's reader has made of the files so far.
#[derive(Debug, Default)]
struct Reading {
    migrations: Vec<SqlMigration>,
    faults: Vec<SqlChainFault>,
}

impl Layout {
    /// Returns the layout of a tool's folder without anything special.
    pub fn new(tool: SqlTool, directory: impl AsRef<Path>) -> Self {
        Self {
            tool,
            directory: directory.as_ref().to_path_buf(),
            table: HistoryTable::of(tool),
            ignored: Vec::new(),
            placeholders: Some(BTreeMap::new()),
            schema: None,
        }
    }

    fn shown(&self, source: &Source) -> PathBuf {
        self.directory.join(&source.path)
    }
}

impl Source {
    fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The name of the folder below the chain's own in which the file lies.
    fn folder(&self) -> Option<&str> {
        self.path.parent()?.file_name()?.to_str()
    }
}

impl Reading {
    fn fault(&mut self, file: &Path, line: usize, reason: impl Into<String>) {
        self.faults.push(SqlChainFault::Unreadable { at: Place::new(file, line), reason: reason.into() });
    }

    /// Returns the text of a file, or notes why there is none.
    fn text(&mut self, layout: &Layout, source: &Source) -> Option<String> {
        match &source.text {
            Ok(text) => Some(text.clone()),
            Err(why) => {
                self.fault(&layout.shown(source), 0, format!("cannot be read: {why}"));
                None
            }
        }
    }
}

/// Returns whether a file of the folder belongs to a chain of this tool, by its path below the folder.
pub fn wants(tool: SqlTool, path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let depth = path.components().count();
    match tool {
        SqlTool::Diesel => depth == 2 && matches!(name, "up.sql" | "down.sql" | "metadata.toml"),
        SqlTool::Prisma => depth == 2 && name == "migration.sql",
        SqlTool::Flyway => flyway::wants(name),
        SqlTool::Goose => depth == 1 && goose::wants(name),
        SqlTool::Dbmate => depth == 1 && dbmate::wants(name),
        SqlTool::Sqlx => depth == 1 && sqlx::wants(name),
        SqlTool::GolangMigrate => depth == 1 && golang_migrate::wants(name),
        SqlTool::Supabase => depth == 1 && supabase::wants(name),
    }
}

/// Returns the chain that the files of a folder make, in the order in which the tool runs them.
pub fn chain(layout: Layout, mut sources: Vec<Source>) -> SqlChain {
    sources.retain(|source| wants(layout.tool, &source.path));
    sources.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    let mut reading = match layout.tool {
        SqlTool::Dbmate => dbmate::read(&layout, &sources),
        SqlTool::Sqlx => sqlx::read(&layout, &sources),
        SqlTool::GolangMigrate => golang_migrate::read(&layout, &sources),
        SqlTool::Flyway => flyway::read(&layout, &sources),
        SqlTool::Diesel => diesel::read(&layout, &sources),
        SqlTool::Goose => goose::read(&layout, &sources),
        SqlTool::Prisma => prisma::read(&layout, &sources),
        SqlTool::Supabase => supabase::read(&layout, &sources),
    };
    reading.faults.extend(duplicates(&reading.migrations));
    let Layout { tool, directory, table, schema, .. } = layout;
    SqlChain { tool, directory, migrations: reading.migrations, faults: reading.faults, table, schema }
}

/// Versions that several files carry; every one of the tools keeps them apart by version alone.
fn duplicates(migrations: &[SqlMigration]) -> Vec<SqlChainFault> {
    let mut files: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for migration in migrations {
        files.entry(&migration.version).or_default().push(migration.file.clone());
    }
    let several = files.into_iter().filter(|(_, files)| files.len() > 1);
    several.map(|(version, files)| SqlChainFault::DuplicateVersion { version: version.to_owned(), files }).collect()
}

/// Returns whether a file's name ends so, as the tools compare it: with its case.
pub fn ends_in(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == ending)
}

/// Returns the digits that a name starts with, and the rest.
fn leading_digits(name: &str) -> (&str, &str) {
    let end = name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len());
    name.split_at_checked(end).unwrap_or((name, ""))
}

/// Returns a part of a file's name as a sentence.
fn words(name: &str) -> String {
    name.trim_start_matches(['_', '-', '.']).replace(['_', '-'], " ").trim().to_owned()
}

/// Returns Flyway's version after `version`: its last part plus one, or the timestamp where that is one.
fn flyway_next(version: &str, timestamp: &str) -> String {
    let (before, last) = version.rsplit_once('.').map_or(("", version), |(before, last)| (before, last));
    match last.parse::<u64>() {
        Ok(number) if last.len() < 10 => {
            let next = format!("{:0width$}", number + 1, width = last.len());
            if before.is_empty() { next } else { format!("{}_{next}", before.replace('.', "_")) }
        }
        _ => timestamp.to_owned(),
    }
}
