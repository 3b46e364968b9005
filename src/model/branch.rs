//! A database a git branch: the live one belongs to the branch that is checked out, the others stand beside it.

use std::path::PathBuf;

use super::disposable::Disposable;
use super::target::Target;

/// The databases of a target's branches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    /// The target itself; nothing when it does not exist.
    pub live: Option<Live>,
    /// The newest of a branch first.
    pub parked: Vec<Parked>,
}

/// The database that has the target's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Nothing before branches were used.
    pub branch: Option<String>,
    pub bytes: u64,
}

/// The database of a branch that is not checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub branch: String,
    /// Its name on the server.
    pub database: String,
    pub bytes: u64,
    /// Since it was left.
    pub age_seconds: i64,
}

impl Shelf {
    /// Returns the branches that have a database, the live one first.
    pub fn branches(&self) -> Vec<String> {
        let live = self.live.iter().filter_map(|live| live.branch.clone());
        let mut all: Vec<String> = Vec::new();
        for branch in live.chain(self.parked.iter().map(|parked| parked.branch.clone())) {
            if !all.contains(&branch) {
                all.push(branch);
            }
        }
        all
    }

    /// Returns the database that a branch left last.
    pub fn parked(&self, branch: &str) -> Option<&Parked> {
        self.parked.iter().find(|parked| parked.branch == branch)
    }
}

/// What becomes of the live database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It belongs to the branch already.
    Already,
    /// It belongs to the branch from now on: to nobody before, or to a branch that is gone.
    Adopt { gone: Option<String> },
    /// A copy of it stays for the branch that it belongs to.
    Fork { from: String },
    /// The branch's own takes its place.
    Bring { from: Option<String>, parked: Parked },
    /// A copy of another branch's takes its place.
    Copy { from: String, parent: Parked },
    /// There is no database at all.
    Missing,
    /// Left as it is, in a hook: another working tree uses it.
    InUse { by: PathBuf, from: String },
    /// Left as it is, in a hook: a copy would take long.
    Large { from: String, bytes: u64 },
}

/// A change of branch, decided.
#[derive(Debug, Clone)]
pub struct SwitchPlan {
    pub proof: Disposable,
    pub target: Target,
    pub to: String,
    pub turn: Turn,
}

/// A branch's database, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub branch: String,
    pub database: String,
    /// It has the target's name.
    pub live: bool,
    pub bytes: u64,
    /// Since it was left; nothing for the live one.
    pub age_seconds: Option<i64>,
    /// git has no such branch any more.
    pub gone: bool,
}
