//! Which revision files others can already have, as git tells.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::rebase::Published;
use crate::wire::process;

/// Where a project's common line is, the first that exists and tells the heads apart; last what is committed at all.
const REFS: [&str; 8] =
    ["origin/HEAD", "upstream/HEAD", "origin/main", "origin/master", "origin/develop", "main", "master", "HEAD"];
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the files below `folders` in every such ref; none outside a repository.
pub async fn published(root: &Path, folders: &[PathBuf]) -> Vec<Published> {
    let mut found = Vec::new();
    for name in REFS {
        let commit = format!("{name}^{{commit}}");
        let known = process::output("git", &["rev-parse", "--verify", "--quiet", &commit], root, PATIENCE).await;
        if known.is_none() {
            continue;
        }
        let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let mut arguments = vec!["-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", name, "--"];
        arguments.extend(folders.iter().map(String::as_str));
        let Some(listed) = process::output("git", &arguments, root, PATIENCE).await else { continue };
        found.push(Published { name: name.to_owned(), files: listed.lines().map(PathBuf::from).collect() });
    }
    found
}
