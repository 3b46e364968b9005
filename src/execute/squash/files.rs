//! The files of a squash: a folder to prove it with, then the originals moved aside and the new one written.
#![expect(clippy::disallowed_methods, reason = "revision files are moved here")]

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::model::squash::{Proven, SquashPlan};
use crate::wire::files::create_private;

/// What was done, to be undone.
#[derive(Debug, Default)]
pub struct Moved {
    /// From, to.
    renamed: Vec<(PathBuf, PathBuf)>,
    written: Option<PathBuf>,
    /// Folders that were made, outermost first.
    made: Vec<PathBuf>,
}

/// Returns a folder with the new revision and copies of those that stay, as the chain will be.
pub(super) fn as_versions(plan: &SquashPlan, root: &Path, text: &str) -> Result<TempDir> {
    let failed = |error: io::Error| Error::environment("cannot write the new revision to try it").because(error);
    // The separator of version folders must not be part of their name.
    let folder = tempfile::Builder::new().prefix("devdb-versions-").tempdir().map_err(failed)?;
    let name = plan.file.file_name().unwrap_or_default();
    std::fs::write(folder.path().join(name), text).map_err(failed)?;
    for (number, revision) in plan.kept.iter().enumerate() {
        let name = revision.at.file.file_name().unwrap_or_default().to_string_lossy();
        let to = folder.path().join(format!("{number:05}_{name}"));
        std::fs::copy(root.join(&revision.at.file), to).map_err(failed)?;
    }
    Ok(folder)
}

/// Moves the originals aside and writes the new file; when one step fails, those before it are undone.
pub fn carry_out(plan: &SquashPlan, proven: &Proven, root: &Path) -> Result<Moved> {
    let mut moved = Moved::default();
    match steps(plan, proven, root, &mut moved) {
        Ok(()) => Ok(moved),
        Err(error) => {
            let failed = Error::environment("cannot put the new chain into place").because(error);
            Err(match roll_back(&moved) {
                Ok(()) => failed.detail("state", "the files are as they were"),
                Err(other) => failed.detail("state", other.message),
            })
        }
    }
}

fn steps(plan: &SquashPlan, proven: &Proven, root: &Path, moved: &mut Moved) -> io::Result<()> {
    // The new text is on the disk before the first original moves.
    let target = root.join(&plan.file);
    let directory = target.parent().unwrap_or(root);
    let ready = directory.join(format!(".devdb-{}.tmp", plan.id()));
    if ready.exists() {
        std::fs::remove_file(&ready)?;
    }
    create_private(&ready, &proven.text)?;
    moved.written = Some(ready.clone());
    like(&ready, &root.join(&plan.moves.first().ok_or(io::ErrorKind::NotFound)?.0))?;
    for (from, to) in &plan.moves {
        let (from, to) = (root.join(from), root.join(to));
        make_folder(to.parent().unwrap_or(root), moved)?;
        if to.exists() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("`{}` is there already", to.display())));
        }
        std::fs::rename(&from, &to)?;
        moved.renamed.push((from, to));
    }
    if target.exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("`{}` is there already", target.display())));
    }
    std::fs::rename(&ready, &target)?;
    moved.written = Some(target);
    Ok(())
}

/// Gives the new file the permissions and the owner of an original.
fn like(file: &Path, original: &Path) -> io::Result<()> {
    let metadata = std::fs::metadata(original)?;
    std::fs::set_permissions(file, metadata.permissions())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let now = std::fs::metadata(file)?;
        if (now.uid(), now.gid()) != (metadata.uid(), metadata.gid()) {
            std::os::unix::fs::chown(file, Some(metadata.uid()), Some(metadata.gid()))?;
        }
    }
    Ok(())
}

fn make_folder(folder: &Path, moved: &mut Moved) -> io::Result<()> {
    let missing: Vec<PathBuf> = folder.ancestors().take_while(|path| !path.exists()).map(Path::to_path_buf).collect();
    for path in missing.into_iter().rev() {
        std::fs::create_dir(&path)?;
        moved.made.push(path);
    }
    Ok(())
}

/// Puts every file back where it was.
pub fn roll_back(moved: &Moved) -> Result<()> {
    let failed = |path: &Path, error: io::Error| {
        Error::environment(format!("cannot put `{}` back", path.display())).because(error).hint("git status")
    };
    if let Some(written) = &moved.written {
        std::fs::remove_file(written).map_err(|error| failed(written, error))?;
    }
    for (from, to) in moved.renamed.iter().rev() {
        std::fs::rename(to, from).map_err(|error| failed(from, error))?;
    }
    for folder in moved.made.iter().rev() {
        if let Err(error) = std::fs::remove_dir(folder) {
            tracing::debug!(%error, "a folder stays");
        }
    }
    Ok(())
}
