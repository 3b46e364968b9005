//! A downgrade with revision files from another branch, a stash or a worktree. They are laid into a folder of their own
//! beside the project's; the working tree is not touched.
#![expect(clippy::disallowed_methods, reason = "the borrowed files are written here")]

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::model::git::{Elsewhere, FoundRevision};
use crate::model::plan::Borrowed;
use crate::wire::files::read_text;
use crate::wire::process::output;

const SCRIPT: &str = include_str!("../../templates/downgrade_elsewhere.py");

/// How long git may take to show a file.
const PATIENCE: Duration = Duration::from_secs(10);

/// The files of a downgrade, as long as they are needed, and the command that uses them.
pub(super) struct Laid {
    pub(super) command: String,
    /// Removed when dropped.
    _folder: TempDir,
}

/// Lays out the files that a downgrade needs.
pub(super) async fn lay(root: &Path, borrowed: &Borrowed) -> Result<Laid> {
    let failed =
        |error: std::io::Error| Error::environment("cannot make a folder for the revision files").because(error);
    let folder = tempfile::Builder::new().prefix("devdb-").tempdir().map_err(failed)?;
    let versions = folder.path().join("versions");
    std::fs::create_dir(&versions).map_err(failed)?;
    for (number, revision) in borrowed.revisions.iter().enumerate() {
        let text = text(root, revision).await?;
        // The names count for nothing; two folders may hold files of one name.
        let name = revision.revision.at.file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = format!("{number}_{}", name.unwrap_or_else(|| "revision.py".to_owned()));
        std::fs::write(versions.join(name), text).map_err(failed)?;
    }
    let script = folder.path().join("downgrade.py");
    std::fs::write(&script, SCRIPT).map_err(failed)?;
    let mut words =
        vec!["python3".to_owned(), shown(&script), shown(&root.join(&borrowed.config)), borrowed.section.clone()];
    words.push(borrowed.to.clone());
    words.extend(borrowed.folders.iter().map(|folder| shown(&root.join(folder))));
    words.push(shown(&versions));
    let command = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    Ok(Laid { command, _folder: folder })
}

async fn text(root: &Path, found: &FoundRevision) -> Result<String> {
    let path = found.path.display();
    let read = match (&found.place, found.place.tree()) {
        (Elsewhere::Worktree(tree), _) => read_text(&tree.join(&found.path)).ok(),
        (_, Some(tree)) => output("git", &["--no-pager", "show", &format!("{tree}:{path}")], root, PATIENCE).await,
        (_, None) => None,
    };
    let place = found.place.describe();
    read.ok_or_else(|| Error::environment(format!("cannot read `{path}` from {place}")).hint("devdb doctor"))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Returns a word as the shell takes it literally.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
