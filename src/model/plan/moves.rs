//! Moves of a database along its chain.

use std::path::PathBuf;
use std::time::Duration;

use super::Workplace;
use crate::model::history::Entry;
use crate::model::sql_chain::SqlChain;
use crate::model::text::counted;

/// A move along an Alembic chain, decided.
#[derive(Debug, Clone)]
pub struct MigratePlan {
    pub workplace: Workplace,
    pub command: String,
    /// Where it is run, relative to the root.
    pub directory: PathBuf,
    /// Quoted for SQL.
    pub version_table: String,
    /// The rows of that table before.
    pub before: Vec<String>,
    /// The revisions that will run, in order; nothing where only Alembic can tell (`label@head`).
    pub steps: Option<Vec<Entry>>,
}

/// Files of an SQL chain to run or to take back, or a table to write as if they had been run.
#[derive(Debug, Clone)]
pub struct SqlMovePlan {
    pub workplace: Workplace,
    pub chain: SqlChain,
    pub task: SqlTask,
    /// Versions, in the order in which they run; for a stamp, all that count as applied then.
    pub versions: Vec<String>,
    pub before: Vec<String>,
    /// Where the database is: the last applied version.
    pub position: String,
    pub steps: Vec<Entry>,
}

/// What is done with the files of an SQL chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlTask {
    Up,
    Down,
    Stamp,
}

/// A move along a chain of either kind, decided.
#[derive(Debug, Clone)]
pub enum Move {
    Alembic(MigratePlan),
    Sql(SqlMovePlan),
}

impl Move {
    pub fn workplace(&self) -> &Workplace {
        match self {
            Self::Alembic(plan) => &plan.workplace,
            Self::Sql(plan) => &plan.workplace,
        }
    }

    /// Returns the rows of the version table before.
    pub fn before(&self) -> &[String] {
        match self {
            Self::Alembic(plan) => &plan.before,
            Self::Sql(plan) => &plan.before,
        }
    }

    /// Returns what will run, in order; nothing where only Alembic can tell.
    pub fn steps(&self) -> Option<&[Entry]> {
        match self {
            Self::Alembic(plan) => plan.steps.as_deref(),
            Self::Sql(plan) => Some(&plan.steps),
        }
    }

    /// Returns what runs, as it is shown: a command, or whose files.
    pub fn shown(&self) -> String {
        match self {
            Self::Alembic(plan) => format!("`{}`", plan.command),
            Self::Sql(plan) if plan.task == SqlTask::Stamp => {
                format!("nothing: the table of {} is written", plan.chain.tool)
            }
            Self::Sql(plan) => format!(
                "{} of {} (as {} does)",
                counted(plan.versions.len(), "file"),
                plan.chain.directory.display(),
                plan.chain.tool
            ),
        }
    }

    /// Returns what one step is called.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Alembic(_) => "revision",
            Self::Sql(_) => "migration",
        }
    }

    /// Returns where the database is before, as one line.
    pub fn position(&self) -> String {
        let before = self.before();
        match self {
            _ if before.is_empty() => "base (nothing applied)".to_owned(),
            Self::Sql(plan) => plan.position.clone(),
            Self::Alembic(_) => before.join(", "),
        }
    }
}

/// What a move along the chain did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Revisions that ran.
    pub ran: usize,
    /// The rows of the version table now.
    pub rows: Vec<String>,
    pub took: Duration,
}

impl Moved {
    /// Returns what was done, as one line.
    pub fn describe(&self, noun: &str) -> String {
        let at = if self.rows.is_empty() { "base".to_owned() } else { self.rows.join(", ") };
        match self.ran {
            0 => format!("at {at}"),
            ran => format!("at {at}, {}", counted(ran, noun)),
        }
    }
}
