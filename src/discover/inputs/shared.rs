//! How much of a chain the default branch has as well, asked of git.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::places::plain;
use crate::model::chain::Revision;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::sql_chain::SqlMigration;
use crate::wire::process::output_bytes;

/// Where the default branch may be, the surest first. The brackets make each a pattern: a plain name would mean what is
/// below it.
const DEFAULT_BRANCHES: [&str; 6] = [
    "--glob=refs/remotes/origin/HEA[D]",
    "--glob=refs/remotes/upstream/HEA[D]",
    "--glob=refs/remotes/origin/mai[n]",
    "--glob=refs/remotes/origin/maste[r]",
    "--glob=refs/heads/mai[n]",
    "--glob=refs/heads/maste[r]",
];

/// Returns how many revisions, from the first in run order on, are as they were where this branch left the default one.
/// Nothing outside of a repository, or without such a branch, or when git does not answer in time.
pub async fn shared(root: &Path, picture: &Picture, deadline: Duration) -> Option<usize> {
    let steps = steps(picture)?;
    let folders = folders(picture);
    let status =
        git(root, &["status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules"], &folders, deadline);
    let committed = async {
        let words: Vec<&str> =
            ["rev-parse", "--show-prefix", "--symbolic-full-name"].into_iter().chain(DEFAULT_BRANCHES).collect();
        let told = git(root, &words, &[], deadline).await?;
        let told = String::from_utf8(told).ok()?;
        let mut lines = told.lines();
        let (prefix, branch) = (lines.next()?.to_owned(), lines.next()?);
        // Three dots: since the two parted.
        let range = format!("{branch}...HEAD");
        let changed = git(root, &["diff", "--name-only", "--no-renames", "-z", &range], &folders, deadline).await?;
        Some((prefix, changed))
    };
    let both = async { tokio::join!(status, committed) };
    let (Some(status), Some((prefix, committed))) = tokio::time::timeout(deadline, Box::pin(both)).await.ok()? else {
        return None;
    };
    let mut changed: HashSet<PathBuf> = names(&committed).map(path).collect();
    changed.extend(changed_here(&status));
    let below = |file: &PathBuf| plain(&Path::new(&prefix).join(file));
    Some(steps.iter().take_while(|files| !files.iter().any(|file| changed.contains(&below(file)))).count())
}

/// The files of each step, in run order.
fn steps(picture: &Picture) -> Option<Vec<Vec<PathBuf>>> {
    if let Observed::Known(chain) = &picture.chain {
        let file = |revision: &Revision| vec![revision.at.file.clone()];
        return Some(chain.run_order().ok()?.into_iter().map(file).collect());
    }
    let files = |migration: &SqlMigration| {
        let own = std::iter::once(&migration.file);
        own.chain(migration.up.iter().map(|section| &section.file)).cloned().collect()
    };
    Some(picture.recipe.sql_chain.known()?.migrations.iter().map(files).collect())
}

fn folders(picture: &Picture) -> Vec<PathBuf> {
    let chain = picture.chain.known().map(|chain| chain.config.version_directories.clone());
    let folders = chain.or_else(|| picture.recipe.sql_chain.known().map(|chain| vec![chain.directory.clone()]));
    let mut folders = folders.unwrap_or_default();
    // Git takes an empty name for a mistake.
    folders.iter_mut().filter(|folder| folder.as_os_str().is_empty()).for_each(|folder| folder.push("."));
    folders
}

async fn git(root: &Path, words: &[&str], folders: &[PathBuf], deadline: Duration) -> Option<Vec<u8>> {
    // What the user's settings would change in the answers.
    const ALWAYS: [&str; 7] = [
        "--literal-pathspecs",
        "--no-optional-locks",
        "--no-pager",
        "-c",
        "diff.relative=false",
        "-c",
        "status.renames=false",
    ];
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let mut all: Vec<&str> = ALWAYS.into_iter().chain(words.iter().copied()).collect();
    if !folders.is_empty() {
        all.push("--");
        all.extend(folders.iter().map(String::as_str));
    }
    output_bytes("git", &all, root, deadline).await
}

fn names(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.split(|byte| *byte == 0).filter(|name| !name.is_empty())
}

/// The names that `git status -z` tells: two letters, a blank, and the name; a rename is followed by the old one.
fn changed_here(status: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut fields = names(status);
    while let Some(field) = fields.next() {
        let (letters, name) = field.split_at_checked(3).unwrap_or_default();
        found.push(path(name));
        if letters.iter().any(|letter| b"RC".contains(letter)) {
            found.extend(fields.next().map(path));
        }
    }
    found
}

#[cfg(unix)]
fn path(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn path(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}
