//! Parents changed in revision files, all of them or none.

use std::path::Path;

use crate::error::{Error, Result};
use crate::model::rebase::RebasePlan;
use crate::parse::alembic::edit;
use crate::wire::files::{read_text, write_whole};

/// Files as they were.
#[derive(Debug, Default)]
pub struct Originals(Vec<(std::path::PathBuf, String)>);

/// Writes the new parents; when one file cannot be written, those before it get their old text back.
pub fn rebase(plan: &RebasePlan, root: &Path) -> Result<Originals> {
    let mut texts = Vec::new();
    for edit in &plan.edits {
        let path = root.join(&edit.at.file);
        let text = read_text(&path).map_err(|why| {
            Error::environment(format!("cannot read `{}`", edit.at.file.display())).detail("why", why)
        })?;
        let new = edit::parents(&edit.at.file, &text, &edit.from, &edit.to).map_err(|unreadable| {
            Error::failed(format!("{}: {}", unreadable.at, unreadable.reason))
                .hint(format!("set `down_revision` to `{}` by hand", edit.to.join(", ")))
        })?;
        texts.push((path, text, new));
    }
    let mut written = Originals::default();
    for (path, old, new) in texts {
        if let Err(error) = write_whole(&path, &new) {
            let failed = Error::environment(format!("cannot write `{}`", path.display())).because(error);
            return Err(match restore(written) {
                Ok(()) => failed.detail("state", "the files are as they were"),
                Err(other) => failed.detail("state", other.message),
            });
        }
        written.0.push((path, old));
    }
    Ok(written)
}

/// Gives the files their old text back.
pub fn restore(originals: Originals) -> Result<()> {
    for (path, text) in originals.0 {
        write_whole(&path, &text).map_err(|error| {
            Error::environment(format!("cannot write `{}` back", path.display()))
                .because(error)
                .hint("git restore the file")
        })?;
    }
    Ok(())
}
