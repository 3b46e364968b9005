//! A chain of SQL files, as one of eight tools lays it out, and what the tool's own table says of a database.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::place::Place;
use super::text::counted;

pub mod history;
#[cfg(test)]
mod tests;

pub use history::{AppliedMigration, HistoryTable, State};

/// The tool whose layout, order and table a chain follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqlTool {
    Dbmate,
    Sqlx,
    GolangMigrate,
    Flyway,
    Diesel,
    Goose,
    Prisma,
    Supabase,
}

/// The migrations of one folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlChain {
    pub tool: SqlTool,
    /// Relative to the project's root.
    pub directory: PathBuf,
    /// In the order in which the tool runs them.
    pub migrations: Vec<SqlMigration>,
    /// What the tool would stumble over; nothing is run while there are any.
    pub faults: Vec<SqlChainFault>,
    pub table: HistoryTable,
    /// The schema in which the URL says that the tool works (`schema` for Prisma, `search_path` for Go's drivers).
    pub schema: Option<String>,
}

/// One migration: a file, a pair of files, or a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlMigration {
    /// As the tool's table has it, without leading zeros where it counts; `R__…` for a repeatable one.
    pub version: String,
    /// For people: without version, endings and underscores.
    pub message: String,
    /// The file that is shown; the one with the `up` statements.
    pub file: PathBuf,
    /// What the tool calls it in its table: Flyway's script, Prisma's folder, Supabase's name.
    pub name: String,
    /// In order; dbmate's files may hold several.
    pub up: Vec<Section>,
    /// Empty when there is no way back.
    pub down: Vec<Section>,
    /// As the tool's table has it: hexadecimal digits, or Flyway's number.
    pub checksum: Option<String>,
    /// Checksums that the tool takes for the same, for other line ends.
    pub equal_checksums: Vec<String>,
    /// Run again whenever its checksum changes, after all others.
    pub repeatable: bool,
}

/// Statements that are run together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub file: PathBuf,
    /// The 1-based line of the file at which the text starts.
    pub line: usize,
    pub text: String,
    pub mode: Mode,
}

/// How the tool sends a section to the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Between `begin` and `commit`, together with the row of its table: all or nothing.
    #[default]
    Transaction,
    /// As one query without `begin`, which the server runs in a transaction of its own when it holds several statements
    /// (PostgreSQL documentation, "Multiple Statements in a Simple Query").
    Whole,
    /// Statement by statement, each committed by itself.
    Each,
}

/// What a tool would stumble over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SqlChainFault {
    /// A file cannot be read, or not understood as the tool would.
    Unreadable { at: Place, reason: String },
    /// Several files carry the same version.
    DuplicateVersion { version: String, files: Vec<PathBuf> },
}

impl SqlTool {
    pub const ALL: [Self; 8] = [
        Self::Dbmate,
        Self::Sqlx,
        Self::GolangMigrate,
        Self::Flyway,
        Self::Diesel,
        Self::Goose,
        Self::Prisma,
        Self::Supabase,
    ];

    /// Returns the name, as devdb.toml has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dbmate => "dbmate",
            Self::Sqlx => "sqlx",
            Self::GolangMigrate => "golang-migrate",
            Self::Flyway => "flyway",
            Self::Diesel => "diesel",
            Self::Goose => "goose",
            Self::Prisma => "prisma",
            Self::Supabase => "supabase",
        }
    }

    /// Returns whether versions are numbers, which count without their leading zeros.
    pub fn has_numbers(self) -> bool {
        matches!(self, Self::Sqlx | Self::GolangMigrate | Self::Goose)
    }

    /// Returns whether the tool's table holds one row with the last version, instead of a row for each.
    pub fn keeps_one_row(self) -> bool {
        self == Self::GolangMigrate
    }
}

impl fmt::Display for SqlTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The vocabulary is that of [`super::chain::Chain`]; `applied` are the rows of the tool's table.
impl SqlChain {
    /// Returns what the tool has not run yet, in its order. A repeatable migration is pending when it was edited.
    pub fn pending(&self, applied: &[AppliedMigration]) -> Vec<&SqlMigration> {
        let applied = self.rows(applied);
        self.migrations.iter().filter(|migration| !applied.holds(migration)).collect()
    }

    /// Returns what is applied, in run order.
    pub fn applied(&self, applied: &[AppliedMigration]) -> Vec<&SqlMigration> {
        let applied = self.rows(applied);
        self.migrations.iter().filter(|migration| applied.holds(migration)).collect()
    }

    /// Returns the versions among `applied` that no file has.
    pub fn unknown<'a>(&self, applied: &'a [AppliedMigration]) -> Vec<&'a str> {
        let known: BTreeSet<&str> = self.migrations.iter().map(|it| it.version.as_str()).collect();
        let own = applied.iter().filter(|row| row.state != State::Baseline);
        let versions = own.map(|row| row.version.as_str());
        versions.filter(|version| !known.contains(version)).collect()
    }

    /// Returns whether a database with these rows needs nothing more: all are known, whole, and nothing is pending.
    pub fn is_at_head(&self, applied: &[AppliedMigration]) -> bool {
        self.unknown(applied).is_empty() && self.pending(applied).is_empty() && dirty(applied).is_none()
    }

    /// Returns the applied migrations whose files were edited since, with the checksum that the table holds.
    pub fn edited<'a>(&'a self, applied: &'a [AppliedMigration]) -> Vec<(&'a SqlMigration, &'a str)> {
        let checksum = |migration: &'a SqlMigration| {
            let row = applied.iter().find(|row| row.version == migration.version)?;
            let then = row.checksum.as_deref()?;
            (!migration.repeatable && row.state == State::Applied && !migration.has_checksum(then))
                .then_some((migration, then))
        };
        self.migrations.iter().filter_map(checksum).collect()
    }

    /// Returns the migration that a user means: its version (leading zeros and dashes as in the file's name, or not), or
    /// the beginning of exactly one version or file name.
    pub fn find(&self, name: &str) -> Option<&SqlMigration> {
        if name.is_empty() {
            return None;
        }
        let plain: String = name.chars().filter(|c| self.tool != SqlTool::Diesel || *c != '-').collect();
        let number = if self.tool.has_numbers() { plain.trim_start_matches('0') } else { plain.as_str() };
        let is = |migration: &&SqlMigration| migration.version == name || migration.version == number;
        let begins = |migration: &&SqlMigration| {
            migration.version.starts_with(&plain) || migration.shown_name().is_some_and(|file| file.starts_with(name))
        };
        self.migrations.iter().find(is).or_else(|| {
            let mut found = self.migrations.iter().filter(begins);
            found.next().filter(|_| found.next().is_none())
        })
    }

    /// Returns the last migration that has a version of its own.
    pub fn head(&self) -> Option<&SqlMigration> {
        self.migrations.iter().rev().find(|migration| !migration.repeatable)
    }

    /// Returns the last applied migration, in run order, that has a version of its own.
    pub fn current(&self, applied: &[AppliedMigration]) -> Option<&SqlMigration> {
        self.applied(applied).into_iter().rev().find(|migration| !migration.repeatable)
    }

    /// Returns the chain up to a migration; repeatable ones belong to every version.
    #[must_use]
    pub fn upto(&self, last: &SqlMigration) -> Self {
        let end = self.migrations.iter().position(|migration| migration == last).map_or(0, |at| at + 1);
        let inside = self.migrations.iter().enumerate();
        let kept = inside.filter(|(index, migration)| *index < end || (migration.repeatable && !last.repeatable));
        let migrations = kept.map(|(_, migration)| migration.clone()).collect();
        Self { migrations, ..self.clone() }
    }

    /// Returns the rows that the table holds once all of `migrations` are applied: one each, or the last alone.
    pub fn rows_after<'a>(&self, migrations: &[&'a SqlMigration]) -> Vec<&'a str> {
        let from = if self.tool.keeps_one_row() { migrations.len().saturating_sub(1) } else { 0 };
        migrations.iter().skip(from).map(|migration| migration.version.as_str()).collect()
    }

    fn rows<'a>(&'a self, applied: &'a [AppliedMigration]) -> Rows<'a> {
        let by_version = applied.iter().map(|row| (row.version.as_str(), row)).collect();
        let reached = self.tool.keeps_one_row().then(|| {
            let row = applied.first()?;
            let version: u64 = row.version.parse().ok()?;
            Some((version, row.state == State::Applied))
        });
        let baseline = applied.iter().find(|row| row.state == State::Baseline).map(|row| version_parts(&row.version));
        Rows { by_version, reached: reached.map(Option::unwrap_or_default), baseline }
    }
}

/// The rows of a tool's table, to look migrations up in.
struct Rows<'a> {
    by_version: BTreeMap<&'a str, &'a AppliedMigration>,
    /// For a tool that keeps one row: its version, and whether that one is whole.
    reached: Option<(u64, bool)>,
    /// Flyway: everything up to this version was there before the tool came.
    baseline: Option<Vec<(usize, String)>>,
}

impl Rows<'_> {
    fn holds(&self, migration: &SqlMigration) -> bool {
        if let Some((reached, whole)) = self.reached {
            let version = migration.version.parse::<u64>().unwrap_or(u64::MAX);
            return version < reached || (version == reached && whole);
        }
        if let Some(baseline) = &self.baseline
            && !migration.repeatable
            && version_parts(&migration.version) <= *baseline
        {
            return true;
        }
        self.by_version.get(migration.version.as_str()).is_some_and(|row| {
            let same = row.checksum.as_deref().is_none_or(|checksum| migration.has_checksum(checksum));
            row.state == State::Applied && (!migration.repeatable || same)
        })
    }
}

/// Returns a dotted version so that versions compare as their numbers do, of any length; `1.0` and `1` are one.
pub fn version_parts(version: &str) -> Vec<(usize, String)> {
    let number = |part: &str| {
        let digits = part.trim_start_matches('0');
        (digits.len(), digits.to_owned())
    };
    let mut parts: Vec<_> = version.split('.').map(number).collect();
    while parts.len() > 1 && parts.last().is_some_and(|(digits, _)| *digits == 0) {
        parts.pop();
    }
    parts
}

/// Returns the row of a migration that was begun and not finished, without which the tool goes no further.
pub fn dirty(applied: &[AppliedMigration]) -> Option<&AppliedMigration> {
    applied.iter().find(|row| row.state == State::Unfinished)
}

impl SqlMigration {
    /// Returns whether a checksum of the table is this file's; one that the tool does not keep is.
    pub fn has_checksum(&self, checksum: &str) -> bool {
        self.checksum
            .as_deref()
            .is_none_or(|own| own == checksum || self.equal_checksums.iter().any(|it| it == checksum))
    }

    /// Returns the name of the file, or of the folder where that carries the version.
    pub fn shown_name(&self) -> Option<&str> {
        let own = self.file.file_name()?.to_str()?;
        let folder = || self.file.parent()?.file_name()?.to_str();
        if matches!(own, "up.sql" | "migration.sql") { folder().or(Some(own)) } else { Some(own) }
    }

    /// Returns whether everything runs in one transaction, so that a failure leaves the database unchanged.
    pub fn in_transaction(&self) -> bool {
        self.up.len() < 2 && self.up.iter().all(|section| section.mode == Mode::Transaction)
    }
}

impl SqlChainFault {
    /// Returns the fault as a fragment, and where it is.
    pub fn describe(&self) -> String {
        match self {
            Self::Unreadable { at, reason } => format!("`{at}`: {reason}"),
            Self::DuplicateVersion { version, files } => {
                let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.display())).collect();
                format!("{} carry the version `{version}`: {}", counted(files.len(), "file"), names.join(", "))
            }
        }
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "mend the file that is named",
            Self::DuplicateVersion { .. } => "give the file that came later a version of its own: rename it",
        }
    }

    /// Returns where the fault is.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Unreadable { at, .. } => Some(at.clone()),
            Self::DuplicateVersion { files, .. } => files.last().map(|file| Place::new(file, 0)),
        }
    }
}
