//! A scratch database: made beside the target to try a chain out, and thrown away.

use std::path::PathBuf;
use std::time::Duration;

use super::history::Entry;
use super::place::Place;
use super::plan::Workplace;
use super::schema::Difference;
use super::sql_chain::SqlChain;

/// What a chain needs to run in a scratch database.
#[derive(Debug, Clone)]
pub struct ScratchPlan {
    pub workplace: Workplace,
    /// The command that upgrades, inside which the revisions are chosen one by one; empty for SQL files.
    pub command: String,
    /// Where it is run, relative to the root.
    pub directory: PathBuf,
    /// The chain of SQL files that devdb runs itself.
    pub sql: Option<SqlChain>,
    /// SQL files run before the chain.
    pub init: Vec<PathBuf>,
    pub bootstrap: Option<String>,
    /// Stamped after `bootstrap`, by this command.
    pub stamp: Option<String>,
    /// Schema and name of the table that holds the version.
    pub version_table: (String, String),
    /// In the order in which they run; those below the stamp are not among them.
    pub revisions: Vec<Entry>,
}

/// A test of a chain, decided.
#[derive(Debug, Clone)]
pub struct ChainTestPlan {
    pub scratch: ScratchPlan,
    /// How many revisions are only applied, because the test starts behind them.
    pub skipped: usize,
}

/// What became of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    pub id: String,
    pub message: String,
    /// Its `downgrade`, or the line that failed.
    pub at: Place,
    pub verdict: Verdict,
    pub took: Duration,
}

/// Whether a revision comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Down and up again make the schemas that were there before and after it.
    Reversible,
    /// It says itself that there is no way back: by raising, or by an empty `downgrade`.
    Irreversible { reason: String },
    /// Its `downgrade` ran and left another schema than the one before it; `again` says why it cannot be applied again.
    NotBack { differences: Vec<Difference>, again: Option<String> },
    /// Its `downgrade` failed.
    DownFailed { reason: String },
    /// It came back, and could not be applied a second time.
    UpAgainFailed { reason: String },
    /// It came back, and made another schema the second time.
    UpDiffers { differences: Vec<Difference> },
}

/// How a migration begins that says itself that it cannot be taken back, with SQLSTATE `0A000`.
pub const NO_WAY_BACK: &str = "no way back";

impl Verdict {
    /// Returns in one line why it does not come back; nothing where it does.
    pub fn why(&self) -> Option<String> {
        let first = |differences: &[Difference]| differences.first().map(ToString::to_string).unwrap_or_default();
        match self {
            Self::Reversible => None,
            Self::Irreversible { reason } | Self::DownFailed { reason } => Some(reason.clone()),
            Self::NotBack { differences, .. } => Some(format!("it leaves something else: {}", first(differences))),
            Self::UpAgainFailed { reason } => Some(format!("it cannot be applied again: {reason}")),
            Self::UpDiffers { differences } => {
                Some(format!("applied again it makes something else: {}", first(differences)))
            }
        }
    }

    /// Returns whether nothing is wrong with the revision; one that says that it is irreversible keeps its word.
    pub fn is_fine(&self) -> bool {
        matches!(self, Self::Reversible | Self::Irreversible { .. })
    }

    /// Returns the verdict's name, as JSON has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::Irreversible { .. } => "irreversible",
            Self::NotBack { .. } => "not_back",
            Self::DownFailed { .. } => "down_failed",
            Self::UpAgainFailed { .. } => "up_again_failed",
            Self::UpDiffers { .. } => "up_differs",
        }
    }
}
