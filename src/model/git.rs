//! What git knows of revision files: who wrote them, and where those are that are not here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::chain::Revision;

/// What was asked of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origins {
    /// The last commit of each head's file, where there are several heads.
    pub heads: Vec<Origin>,
    /// Revisions that no file has, and that were found elsewhere.
    pub found: Vec<FoundRevision>,
    /// Revisions that were looked for and not found, or not in time.
    pub missing: Vec<Lost>,
}

/// The last commit of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub file: PathBuf,
    /// Nothing when the file is not committed.
    pub commit: Option<Commit>,
}

/// What became of a file since it was added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// The commit that added it.
    pub added: Option<Commit>,
    /// The last commit that changed it after the one that added it.
    pub commit: Option<Commit>,
    /// It differs from what is committed.
    pub uncommitted: bool,
}

/// A commit as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub id: String,
    pub author: String,
    /// `2026-11-21`.
    pub date: String,
    pub subject: String,
    /// The local branches that hold it, when they are few.
    pub branches: Vec<String>,
}

/// A revision file that stands somewhere else in the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRevision {
    /// As its file there declares it.
    pub revision: Revision,
    pub place: Elsewhere,
    /// Relative to the root of the repository, or of the other worktree.
    pub path: PathBuf,
}

/// Where a file is that is not in the working tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Elsewhere {
    /// What is checked out has it: it was deleted in the working tree alone.
    Here,
    /// A branch, remote branch or tag, by its short name.
    Ref(String),
    /// A stash, such as `stash@{0}`, with its message.
    Stash { name: String, message: String },
    /// Another worktree of the same repository.
    Worktree(PathBuf),
    /// A commit that no branch holds any more.
    Commit(String),
}

impl FoundRevision {
    /// Returns the command that brings the file back, where it was deleted in the working tree alone.
    pub fn restore(&self) -> Option<String> {
        (self.place == Elsewhere::Here)
            .then(|| format!("git restore -- {}", super::text::shell_word(&format!(":/{}", self.path.display()))))
    }
}

/// A revision that was not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    pub revision: String,
    /// The search was cut short.
    pub cut: bool,
    /// The repository has no full history.
    pub shallow: bool,
}

impl Elsewhere {
    /// Returns the place in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Here => "the last commit, and was deleted since".to_owned(),
            Self::Ref(name) => format!("the branch `{name}`"),
            Self::Stash { name, message } if message.is_empty() => format!("`{name}`"),
            Self::Stash { name, message } => format!("`{name}` ({message})"),
            Self::Worktree(path) => format!("the worktree `{}`", path.display()),
            Self::Commit(id) => format!("the commit `{id}`, which no branch holds"),
        }
    }

    /// Returns what `git show` calls the place's tree; nothing for a worktree, whose files lie on the disk.
    pub fn tree(&self) -> Option<&str> {
        match self {
            Self::Here => Some("HEAD"),
            Self::Ref(name) | Self::Stash { name, .. } | Self::Commit(name) => Some(name),
            Self::Worktree(_) => None,
        }
    }
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checkout {
    Branch(String),
    /// A commit without a branch.
    Detached(String),
    /// There is no repository, or no git.
    None,
}

impl Checkout {
    /// Returns the branch, if one is checked out.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::Branch(name) => Some(name),
            Self::Detached(_) | Self::None => None,
        }
    }
}

/// Another working tree of the same repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worktree {
    pub path: PathBuf,
    pub branch: String,
}
