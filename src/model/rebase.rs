//! A branch of a chain put behind another head.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::place::Place;

/// What somebody else can already have: the files of one ref.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// `origin/main`, `main`, `HEAD`.
    pub name: String,
    /// Revision files, relative to the project's root.
    pub files: BTreeSet<PathBuf>,
}

/// A rebase, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebasePlan {
    /// The head that moves.
    pub head: String,
    /// The head that it is put behind.
    pub onto: String,
    /// How it was told which of the two moves; nothing when the user said it.
    pub because: Option<String>,
    /// The revisions that move, in the order in which they run.
    pub moved: Vec<String>,
    pub edits: Vec<ParentEdit>,
    /// What the user should know before, a sentence each.
    pub warnings: Vec<String>,
    /// What is left to do on the database, if anything.
    pub next: Option<String>,
}

/// New parents for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentEdit {
    pub revision: String,
    /// The line of `down_revision`.
    pub at: Place,
    pub from: Vec<String>,
    pub to: Vec<String>,
}
