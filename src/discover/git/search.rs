//! The search for one revision: branches and tags, stashes, other worktrees, and at last commits that nothing holds.
#![expect(clippy::disallowed_methods, reason = "the folders of other worktrees are listed here")]

use std::path::{Path, PathBuf};

use super::{Git, below, declares, read_there};
use crate::model::chain::Chain;
use crate::model::git::{Elsewhere, FoundRevision};

/// How many branches and tags are searched, the youngest first.
const REFS: &str = "--count=300";

/// How many stashes are searched, the last first.
const STASHES: usize = 50;

/// How many files that only mention the revision are read.
const READ: usize = 40;

/// Returns the file that declares the revision.
pub(super) async fn find(git: &Git, prefix: &str, chain: &Chain, id: &str) -> Option<FoundRevision> {
    if let Some(mut found) = in_trees(git, prefix, chain, id, &["HEAD".to_owned()]).await {
        found.place = Elsewhere::Here;
        return Some(found);
    }
    if let Some(found) = in_refs(git, prefix, chain, id).await {
        return Some(found);
    }
    if let Some(found) = in_stashes(git, prefix, chain, id).await {
        return Some(found);
    }
    if let Some(found) = in_worktrees(git, prefix, chain, id).await {
        return Some(found);
    }
    let held = format!("-S{id}");
    let log = ["log", "--all", "--reflog", "-n", "1", "--format=%h", "--diff-filter=AM", &held, "--"];
    let commit = git.ask(&with_folders(&log, chain).iter().map(String::as_str).collect::<Vec<_>>()).await?;
    in_trees(git, prefix, chain, id, std::slice::from_ref(&commit)).await.map(|mut found| {
        found.place = Elsewhere::Commit(commit);
        found
    })
}

/// Returns the file that declares the revision in one place.
pub(super) async fn inside(
    git: &Git,
    prefix: &str,
    chain: &Chain,
    place: &Elsewhere,
    id: &str,
) -> Option<FoundRevision> {
    match place {
        Elsewhere::Here => {
            let mut found = in_trees(git, prefix, chain, id, &["HEAD".to_owned()]).await?;
            found.place = Elsewhere::Here;
            Some(found)
        }
        Elsewhere::Ref(tree) | Elsewhere::Stash { name: tree, .. } | Elsewhere::Commit(tree) => {
            let mut found = in_trees(git, prefix, chain, id, std::slice::from_ref(tree)).await?;
            found.place = place.clone();
            Some(found)
        }
        Elsewhere::Worktree(path) => in_worktree(path, prefix, chain, id),
    }
}

/// Adds the version folders to a command.
fn with_folders(command: &[&str], chain: &Chain) -> Vec<String> {
    let folders = chain.config.version_directories.iter().map(|folder| folder.display().to_string());
    let folders: Vec<String> = folders.filter(|folder| !folder.is_empty()).collect();
    command.iter().map(|word| (*word).to_owned()).chain(folders).collect()
}

async fn in_refs(git: &Git, prefix: &str, chain: &Chain, id: &str) -> Option<FoundRevision> {
    let sort = "--sort=-committerdate";
    let kinds = ["refs/heads", "refs/remotes", "refs/tags"];
    let mut list = vec!["for-each-ref", sort, REFS, "--format=%(refname)"];
    list.extend(kinds);
    let refs: Vec<String> = git.ask(&list).await?.lines().map(str::to_owned).collect();
    // A local branch is nearer than the same one elsewhere.
    let mut ordered: Vec<String> = Vec::new();
    for kind in kinds {
        ordered.extend(refs.iter().filter(|name| name.starts_with(kind)).cloned());
    }
    let mut found = in_trees(git, prefix, chain, id, &ordered).await?;
    if let Elsewhere::Ref(name) = &found.place {
        let short = kinds.iter().find_map(|kind| name.strip_prefix(kind)?.strip_prefix('/'));
        found.place = Elsewhere::Ref(short.unwrap_or(name).to_owned());
    }
    Some(found)
}

/// Searches trees, the first that has the file wins; the place is the tree's name.
async fn in_trees(git: &Git, prefix: &str, chain: &Chain, id: &str, trees: &[String]) -> Option<FoundRevision> {
    if trees.is_empty() {
        return None;
    }
    let mut command = vec!["grep", "--full-name", "-I", "-l", "-z", "-F", "-e", id];
    command.extend(trees.iter().map(String::as_str));
    command.push("--");
    let command = with_folders(&command, chain);
    let told = git.ask(&command.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    for hit in told.split('\0').filter(|hit| is_python(Path::new(hit))).take(READ) {
        let Some((tree, path)) = hit.split_once(':') else { continue };
        let Some(text) = git.ask(&["show", &format!("{tree}:{path}")]).await else { continue };
        let file = below(prefix, path);
        if let Some(revision) = declares(&file, &text, id) {
            return Some(FoundRevision { revision, place: Elsewhere::Ref(tree.to_owned()), path: path.into() });
        }
    }
    None
}

async fn in_stashes(git: &Git, prefix: &str, chain: &Chain, id: &str) -> Option<FoundRevision> {
    let told = git.ask(&["stash", "list", "-z", "--format=%gd%x1f%gs"]).await?;
    for entry in told.split('\0').filter(|entry| !entry.is_empty()).take(STASHES) {
        let (name, message) = entry.split_once('\u{1f}').unwrap_or((entry, ""));
        // A file that was never added is in the stash's third parent.
        let untracked = format!("{name}^3");
        let mut trees = vec![name.to_owned()];
        if git.ask(&["rev-parse", "--verify", "--quiet", &untracked]).await.is_some() {
            trees.push(untracked);
        }
        if let Some(mut found) = in_trees(git, prefix, chain, id, &trees).await {
            let tree = found.place.tree().unwrap_or(name).to_owned();
            found.place = Elsewhere::Stash { name: tree, message: message.to_owned() };
            return Some(found);
        }
    }
    None
}

async fn in_worktrees(git: &Git, prefix: &str, chain: &Chain, id: &str) -> Option<FoundRevision> {
    let told = git.ask(&["worktree", "list", "--porcelain"]).await?;
    let own = git.ask(&["rev-parse", "--show-toplevel"]).await.unwrap_or_default();
    let trees = told.lines().filter_map(|line| line.strip_prefix("worktree ")).filter(|path| *path != own);
    trees.map(Path::new).find_map(|path| in_worktree(path, prefix, chain, id))
}

fn in_worktree(worktree: &Path, prefix: &str, chain: &Chain, id: &str) -> Option<FoundRevision> {
    for folder in &chain.config.version_directories {
        let folder = Path::new(prefix).join(folder);
        let entries = std::fs::read_dir(worktree.join(&folder)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut files: Vec<PathBuf> = names.map(|name| folder.join(name)).filter(|path| is_python(path)).collect();
        files.sort();
        for path in files {
            let text = read_there(worktree, &path).filter(|text| text.contains(id));
            let file = path.strip_prefix(prefix).unwrap_or(&path).to_path_buf();
            if let Some(revision) = text.and_then(|text| declares(&file, &text, id)) {
                return Some(FoundRevision { revision, place: Elsewhere::Worktree(worktree.to_path_buf()), path });
            }
        }
    }
    None
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "py")
}
