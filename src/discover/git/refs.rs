//! What is checked out, and which branches there are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::Git;
use crate::model::git::{Checkout, Worktree};

/// Returns what is checked out at `root`.
pub async fn checkout(root: &Path, deadline: Duration) -> Checkout {
    let git = Git::within(root, deadline);
    if let Some(branch) = git.ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]).await.filter(|it| !it.is_empty()) {
        return Checkout::Branch(branch);
    }
    match git.ask(&["rev-parse", "--short", "HEAD"]).await {
        Some(commit) => Checkout::Detached(commit),
        None => Checkout::None,
    }
}

/// Returns the branch that was checked out before this one.
pub async fn before(root: &Path, deadline: Duration) -> Option<String> {
    let git = Git::within(root, deadline);
    let name = git.ask(&["rev-parse", "--abbrev-ref", "@{-1}"]).await?;
    (!name.is_empty() && name != "HEAD" && name != "@{-1}").then_some(name)
}

/// Returns the local branches; nothing where git does not answer.
pub async fn branches(root: &Path, deadline: Duration) -> Option<Vec<String>> {
    let git = Git::within(root, deadline);
    let told = git.ask(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]).await?;
    Some(told.lines().map(str::to_owned).collect())
}

/// Returns the other worktrees of the repository that have a branch checked out.
pub async fn worktrees(root: &Path, deadline: Duration) -> Vec<Worktree> {
    let git = Git::within(root, deadline);
    let own = git.ask(&["rev-parse", "--show-toplevel"]).await.unwrap_or_default();
    let told = git.ask(&["worktree", "list", "--porcelain"]).await.unwrap_or_default();
    let entry = |block: &str| {
        let line = |key: &str| block.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        // One whose folder is gone is nobody's.
        let path = line("worktree ").filter(|path| *path != own && line("prunable").is_none())?;
        Some(Worktree { path: PathBuf::from(path), branch: line("branch refs/heads/")? })
    };
    told.split("\n\n").filter_map(entry).collect()
}

/// Returns those of `candidates` that are branches, the one nearest to what is checked out first: first by the commits
/// that they lack, then by those that they have beyond it.
pub async fn nearest(root: &Path, candidates: &[String], deadline: Duration) -> Vec<String> {
    let git = Git::within(root, deadline);
    let mut found = Vec::new();
    for (index, name) in candidates.iter().enumerate() {
        let range = format!("refs/heads/{name}...HEAD");
        let Some(told) = git.ask(&["rev-list", "--left-right", "--count", &range, "--"]).await else { continue };
        let mut counts = told.split_whitespace().filter_map(|count| count.parse::<u64>().ok());
        if let (Some(beyond), Some(lacking)) = (counts.next(), counts.next()) {
            found.push((lacking, beyond, index, name.clone()));
        }
    }
    found.sort();
    found.into_iter().map(|(_, _, _, name)| name).collect()
}

/// Where git looks for hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooks {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// The project's folder below the top of the working tree; empty where it is the top.
    pub prefix: String,
    /// The top of the working tree.
    pub top: PathBuf,
    /// The repository's own folder, which all worktrees share.
    pub common: PathBuf,
}

/// Returns where hooks belong; nothing without a repository.
pub async fn hooks(root: &Path, deadline: Duration) -> Option<Hooks> {
    let git = Git::within(root, deadline);
    let folder = git.ask(&["rev-parse", "--git-path", "hooks"]).await?;
    let prefix = git.ask(&["rev-parse", "--show-prefix"]).await?;
    let top = git.ask(&["rev-parse", "--show-toplevel"]).await?;
    let common = git.ask(&["rev-parse", "--git-common-dir"]).await?;
    Some(Hooks {
        // Relative ones are relative to where git was run.
        folder: root.join(folder),
        prefix: prefix.trim_end_matches('/').to_owned(),
        top: PathBuf::from(top),
        common: root.join(common),
    })
}

impl Git {
    fn within(root: &Path, deadline: Duration) -> Self {
        Self { root: root.to_path_buf(), end: Instant::now() + deadline }
    }
}
