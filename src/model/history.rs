//! A chain and what a database has of it: the same for Alembic's revisions and for files of SQL.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::chain::{Chain, Revision};
use super::place::Place;
use super::sql_chain::{AppliedMigration, SqlChain, SqlMigration};

/// A chain, with what is known of a database beside it.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The tool whose chain it is: `Alembic`, `dbmate`.
    pub tool: &'static str,
    /// The configuration or folder that it was read from.
    pub from: PathBuf,
    /// In the order in which an upgrade runs them; in file order when a fault leaves no order.
    pub entries: Vec<Entry>,
    /// Ids that nothing follows.
    pub heads: Vec<String>,
    /// The rows of the database's version table; nothing when it was not asked or did not answer.
    pub rows: Option<Vec<String>>,
    /// Rows that no file has.
    pub unknown: Vec<String>,
    /// Other chains of the project, which this is not about: the file and section, or folder, that each is found by.
    pub others: Vec<String>,
}

/// One revision or migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub down_revisions: Vec<String>,
    pub depends_on: Vec<String>,
    pub branch_labels: Vec<String>,
    pub message: String,
    pub at: Place,
    /// Nothing when the database is not known.
    pub applied: Option<bool>,
    /// The version table names it.
    pub current: bool,
}

impl History {
    /// Returns the history of an Alembic chain; `rows` are those of `alembic_version`.
    pub fn of_chain(chain: &Chain, rows: Option<&[String]>) -> Self {
        let none: &[String] = &[];
        let pending = chain.pending(rows.unwrap_or(none));
        let pending: BTreeSet<&str> = pending.iter().map(|revision| revision.id.as_str()).collect();
        // Below a row that no file has, anything may be applied.
        let lost = rows.is_some_and(|rows| !chain.unknown(rows).is_empty());
        let entry = |revision: &Revision| Entry {
            id: revision.id.clone(),
            down_revisions: revision.down_revisions.clone(),
            depends_on: revision.depends_on.clone(),
            branch_labels: revision.branch_labels.clone(),
            message: revision.message.clone(),
            at: revision.at.clone(),
            applied: rows.and_then(|_| {
                (!(pending.contains(revision.id.as_str()) && lost)).then(|| !pending.contains(revision.id.as_str()))
            }),
            current: rows.is_some_and(|rows| rows.contains(&revision.id)),
        };
        Self {
            tool: "Alembic",
            from: chain.config.file.clone(),
            entries: chain.pending(none).into_iter().map(entry).collect(),
            heads: chain.heads().iter().map(|head| head.id.clone()).collect(),
            rows: rows.map(<[String]>::to_vec),
            unknown: rows.map(|rows| chain.unknown(rows).into_iter().map(str::to_owned).collect()).unwrap_or_default(),
            others: chain.others.iter().map(ToString::to_string).collect(),
        }
    }

    /// Returns the history of a chain of SQL files; `rows` are those of the tool's own table.
    pub fn of_sql(chain: &SqlChain, rows: Option<&[AppliedMigration]>) -> Self {
        let pending = chain.pending(rows.unwrap_or_default());
        let pending: BTreeSet<&str> = pending.iter().map(|migration| migration.version.as_str()).collect();
        let current = rows.and_then(|rows| chain.current(rows)).map(|migration| migration.version.as_str());
        let before = [None].into_iter().chain(chain.migrations.iter().map(Some));
        let entry = |(migration, before): (&SqlMigration, Option<&SqlMigration>)| Entry {
            id: migration.version.clone(),
            down_revisions: before.iter().map(|before| before.version.clone()).collect(),
            depends_on: Vec::new(),
            branch_labels: Vec::new(),
            message: migration.message.clone(),
            at: Place::new(&migration.file, 0),
            applied: rows.map(|_| !pending.contains(migration.version.as_str())),
            current: current == Some(migration.version.as_str()),
        };
        let unknown = rows.map(|rows| chain.unknown(rows).into_iter().map(str::to_owned).collect());
        Self {
            tool: chain.tool.name(),
            from: chain.directory.clone(),
            entries: chain.migrations.iter().zip(before).map(entry).collect(),
            heads: chain.migrations.last().iter().map(|head| head.version.clone()).collect(),
            rows: rows.map(|rows| rows.iter().map(|row| row.version.clone()).collect()),
            unknown: unknown.unwrap_or_default(),
            others: Vec::new(),
        }
    }

    /// Returns what an upgrade would still run, in its order.
    pub fn pending(&self) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.applied == Some(false)).collect()
    }

    /// Returns the entry with this full id.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// Returns what one entry is called.
    pub fn noun(&self) -> &'static str {
        if self.tool == "Alembic" { "revision" } else { "migration" }
    }

    /// Returns where the database is, as one line: the rows that Alembic has, the last version of an SQL chain.
    pub fn position(&self) -> String {
        let current: Vec<&str> = self.entries.iter().filter(|it| it.current).map(|it| it.id.as_str()).collect();
        let unknown = self.unknown.iter().map(String::as_str);
        match self.rows.as_deref() {
            None => "unknown".to_owned(),
            Some([]) => "base (nothing applied)".to_owned(),
            Some(_) => current.into_iter().chain(unknown).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Whether a database is where its chain ends, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainState {
    /// Everything is applied.
    Current,
    /// So many revisions are pending.
    Behind(usize),
    /// Rows of the version table that no file has.
    Unknown(Vec<String>),
    /// The chain itself is wrong; one sentence a fault.
    Faulty(Vec<String>),
    /// There are tables and no version: they were made by something else than the chain.
    Unstamped,
    /// The server has no such database.
    NoDatabase,
    /// The server did not let us in, and what it said.
    Unreachable(String),
}

impl ChainState {
    /// Returns whether nothing needs to be done.
    pub fn is_current(&self) -> bool {
        *self == Self::Current
    }

    /// Returns the state's name, as JSON has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Behind(_) => "behind",
            Self::Unknown(_) => "unknown",
            Self::Faulty(_) => "faulty",
            Self::Unstamped => "unstamped",
            Self::NoDatabase => "no-database",
            Self::Unreachable(_) => "unreachable",
        }
    }
}
