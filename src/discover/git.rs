//! What git knows of revision files: their authors, and where those are that are not in the working tree. Asked only
//! where something is amiss, through the `git` program, and never for longer than the deadline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::chain::{Chain, ChainFault, Revision};
use crate::model::env::InGit;
use crate::model::git::{Commit, Edited, FoundRevision, Lost, Origin, Origins};
use crate::model::observed::Observed;
use crate::parse::alembic::revision;
use crate::wire::files::{exists, read_text};
use crate::wire::process::output;

pub mod refs;
mod search;

/// How many branches a commit is said to be on.
const BRANCHES: usize = 5;

/// How many files are followed from an unknown revision to one that is known.
const LINEAGE: usize = 50;

/// A repository, asked with a deadline.
struct Git {
    /// The project's root.
    root: PathBuf,
    end: Instant,
}

impl Git {
    /// Returns what `git` answers; nothing when it fails, or finds nothing.
    async fn ask(&self, arguments: &[&str]) -> Option<String> {
        let left = self.end.saturating_duration_since(Instant::now());
        // Names of files are no patterns, and nothing is locked or asked on a terminal.
        let mut all = vec!["--literal-pathspecs", "--no-optional-locks", "--no-pager"];
        // A program that the repository names is nobody's to run here.
        all.extend(["-c", "core.fsmonitor=false"]);
        all.extend(arguments);
        if left.is_zero() { None } else { output("git", &all, &self.root, left).await }
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.end
    }
}

/// Returns what the repository says of the chain: the authors of several heads, and where the revisions are that the
/// database (`applied`) or another revision names and that no file has.
pub async fn look(root: &Path, chain: &Chain, applied: &[String], deadline: Duration) -> Observed<Origins> {
    let heads = chain.heads();
    let several = heads.len() > 1;
    let mut wanted: Vec<String> = chain.unknown(applied).into_iter().map(str::to_owned).collect();
    for fault in chain.faults() {
        if let ChainFault::MissingParent { parent, .. } = fault
            && !wanted.contains(&parent)
        {
            wanted.push(parent);
        }
    }
    if chain.revisions.is_empty() || (!several && wanted.is_empty()) {
        return Observed::Absent;
    }
    let git = Git { root: root.to_path_buf(), end: Instant::now() + deadline };
    let Some(prefix) = git.ask(&["rev-parse", "--show-prefix"]).await else { return Observed::Absent };
    let mut origins = Origins::default();
    if several {
        for head in heads {
            origins.heads.push(origin(&git, head).await);
        }
    }
    let shallow = git.ask(&["rev-parse", "--is-shallow-repository"]).await.as_deref() == Some("true");
    for id in wanted {
        let found = lineage(&git, &prefix, chain, &id).await;
        if found.is_empty() {
            origins.missing.push(Lost { revision: id, cut: git.is_late(), shallow });
        }
        for one in found {
            if !origins.found.iter().any(|known| known.revision.id == one.revision.id) {
                origins.found.push(one);
            }
        }
    }
    Observed::Known(origins)
}

/// Returns a revision and those that it stands on and the chain does not have, the last first.
async fn lineage(git: &Git, prefix: &str, chain: &Chain, id: &str) -> Vec<FoundRevision> {
    let Some(first) = search::find(git, prefix, chain, id).await else { return Vec::new() };
    let place = first.place.clone();
    let mut found = vec![first];
    let mut next = 0;
    while let Some(one) = found.get(next).cloned() {
        next += 1;
        for parent in &one.revision.down_revisions {
            let known = chain.revisions.iter().any(|it| it.id == *parent);
            if known || found.iter().any(|it| it.revision.id == *parent) || found.len() >= LINEAGE {
                continue;
            }
            found.extend(search::inside(git, prefix, chain, &place, parent).await);
        }
    }
    found
}

async fn origin(git: &Git, head: &Revision) -> Origin {
    let file = head.at.file.clone();
    let shown = file.display().to_string();
    let told = git.ask(&["log", "-1", FORMAT, "--", &shown]).await.unwrap_or_default();
    let Some(commit) = commit(&told) else { return Origin { file, commit: None } };
    let contains = git.ask(&["branch", "--all", "--format=%(refname:short)", "--contains", &commit.id]).await;
    let mut branches: Vec<String> = contains.unwrap_or_default().lines().map(str::to_owned).collect();
    branches.retain(|name| !name.starts_with('(') && !name.ends_with("/HEAD"));
    branches.truncate(BRANCHES);
    Origin { file, commit: Some(Commit { branches, ..commit }) }
}

/// A commit in one line, as [`commit`] reads it.
const FORMAT: &str = "--format=%h%x1f%an%x1f%as%x1f%s";

fn commit(line: &str) -> Option<Commit> {
    let mut parts = line.split('\u{1f}').map(str::to_owned);
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let (id, author, date) = (part()?, part()?, part()?);
    Some(Commit { id, author, date, subject: part().unwrap_or_default(), branches: Vec::new() })
}

/// Returns whether a file is one of the project's own repository, and of none below it.
pub fn is_of(root: &Path, file: &Path) -> bool {
    let folders = file.ancestors().skip(1).take_while(|folder| !folder.as_os_str().is_empty());
    file.is_relative() && !folders.into_iter().any(|folder| exists(&root.join(folder).join(".git")))
}

/// Returns what git does with each of these files; nothing without a repository.
pub async fn states(root: &Path, files: &[PathBuf], deadline: Duration) -> Vec<(PathBuf, InGit)> {
    let git = Git { root: root.to_path_buf(), end: Instant::now() + deadline };
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let with = |first: &[&'static str]| -> Vec<&str> {
        first.iter().copied().chain(["--"]).chain(shown.iter().map(String::as_str)).collect()
    };
    // Odd names are quoted unless a null byte ends them.
    let tracked = with(&["ls-files", "-z"]);
    let ignored = with(&["ls-files", "-z", "--others", "--ignored", "--exclude-standard"]);
    let (tracked, ignored) = tokio::join!(git.ask(&tracked), git.ask(&ignored));
    let (Some(tracked), Some(ignored)) = (tracked, ignored) else { return Vec::new() };
    let has = |listed: &str, file: &str| listed.split('\u{0}').any(|it| it == file);
    let state = |(file, shown): (&PathBuf, &String)| {
        // Of a link git keeps where it leads, not what stands there.
        let linked = root.join(file).is_symlink();
        let state = if has(&tracked, shown) && !linked {
            InGit::Committed
        } else if has(&ignored, shown) {
            InGit::Ignored
        } else {
            InGit::Open
        };
        (file.clone(), state)
    };
    files.iter().zip(&shown).map(state).collect()
}

/// Returns when a file was committed last, in seconds since 1970; nothing where it is not committed, or differs from that.
pub async fn committed(root: &Path, file: &Path, deadline: Duration) -> Option<i64> {
    let git = Git { root: root.to_path_buf(), end: Instant::now() + deadline };
    let shown = file.display().to_string();
    let log = ["log", "-1", "--format=%ct", "--", &shown];
    let status = ["status", "--porcelain", "--untracked-files=no", "--", &shown];
    let (log, status) = tokio::join!(git.ask(&log), git.ask(&status));
    let clean = status.is_none_or(|status| status.trim().is_empty());
    log?.trim().parse().ok().filter(|_| clean)
}

/// Returns what became of files since they were added; those of which git knows nothing are left out.
pub async fn edits(root: &Path, files: &[PathBuf], deadline: Duration) -> BTreeMap<PathBuf, Edited> {
    let git = Git { root: root.to_path_buf(), end: Instant::now() + deadline };
    let mut found = BTreeMap::new();
    for file in files {
        let shown = file.display().to_string();
        let log = ["log", FORMAT, "--", &shown];
        let status = ["status", "--porcelain", "--untracked-files=no", "--", &shown];
        let (log, status) = tokio::join!(git.ask(&log), git.ask(&status));
        let Some(log) = log.filter(|log| !log.is_empty()) else { continue };
        let mut lines = log.lines();
        let (last, first) = (lines.next().and_then(commit), lines.next_back().and_then(commit));
        let uncommitted = status.is_some_and(|status| !status.trim().is_empty());
        let edited = last.clone().filter(|_| first.is_some());
        found.insert(file.clone(), Edited { added: first.or(last), commit: edited, uncommitted });
    }
    found
}

/// Returns the revision that a text declares, when it is the one that is looked for.
fn declares(file: &Path, text: &str, id: &str) -> Option<Revision> {
    revision::parse(file, text).ok().flatten().filter(|revision| revision.id == id)
}

/// Returns the path below the repository's root as one below the project's.
fn below(prefix: &str, path: &str) -> PathBuf {
    PathBuf::from(path.strip_prefix(prefix).unwrap_or(path))
}

/// Reads a file of another worktree.
fn read_there(worktree: &Path, file: &Path) -> Option<String> {
    read_text(&worktree.join(file)).ok()
}
