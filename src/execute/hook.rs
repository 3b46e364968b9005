//! The hook in git's folder: written beside what is there, and taken out again.
#![expect(clippy::disallowed_methods, reason = "hooks are files of the repository")]

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::parse::git_hook::{Block, HOOK, KEPT, goes_on, is_empty};
use crate::wire::files::{read_text, write_whole};

/// How a hook was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    New,
    /// Into the script that was there.
    Inserted,
    /// Before the program that was there, which has this name now.
    Before(PathBuf),
    Already,
}

/// Writes the lines into the hook of a folder.
pub fn install(folder: &Path, block: &Block) -> Result<Installed> {
    let file = folder.join(HOOK);
    if std::fs::symlink_metadata(&file).is_err() {
        std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, error))?;
        return write(&file, &block.hook(false)).map(|()| Installed::New);
    }
    if !is_executable(&file) {
        return Err(Error::usage(format!("`{}` is there, and git does not run it", file.display()))
            .detail("why", "it is not executable; devdb would bring it to life")
            .hint(format!("chmod +x {0}   or   rm {0}", file.display())));
    }
    let link = std::fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_symlink());
    let text = read_text(&file).ok().filter(|_| !link);
    if let Some(text) = &text
        && let Some(inserted) = block.inserted(text)
    {
        if inserted == *text {
            return Ok(Installed::Already);
        }
        return write(&file, &inserted).map(|()| Installed::Inserted);
    }
    // A link leads to a file of somebody else's; a program of another language cannot hold a shell's lines.
    let kept = folder.join(KEPT);
    if std::fs::symlink_metadata(&kept).is_ok() {
        return Err(Error::usage(format!("`{}` is there already", kept.display()))
            .detail("why", format!("`{}` would be renamed to it", file.display()))
            .hint("move one of them away"));
    }
    std::fs::rename(&file, &kept).map_err(|error| unwritten(&file, error))?;
    if let Err(error) = write(&file, &block.hook(true)) {
        std::fs::rename(&kept, &file).map_err(|error| unwritten(&file, error))?;
        return Err(error);
    }
    Ok(Installed::Before(kept))
}

/// Takes the lines out again; returns whether they were there.
pub fn uninstall(folder: &Path, block: &Block) -> Result<bool> {
    let file = folder.join(HOOK);
    let Some(text) = read_text(&file).ok() else { return Ok(false) };
    let Some(rest) = block.removed(&text) else { return Ok(false) };
    let kept = folder.join(KEPT);
    if goes_on(&rest) && !rest.contains("# >>> devdb branch") && std::fs::symlink_metadata(&kept).is_ok() {
        std::fs::rename(&kept, &file).map_err(|error| unwritten(&file, error))?;
    } else if is_empty(&rest) {
        std::fs::remove_file(&file).map_err(|error| unwritten(&file, error))?;
    } else {
        write(&file, &rest)?;
    }
    Ok(true)
}

/// Returns whether the hook has the lines.
pub fn is_installed(folder: &Path, block: &Block) -> bool {
    read_text(&folder.join(HOOK)).is_ok_and(|text| block.removed(&text).is_some())
}

fn write(file: &Path, text: &str) -> Result<()> {
    let permissions = std::fs::metadata(file).map(|metadata| metadata.permissions()).ok();
    write_whole(file, text).map_err(|error| unwritten(file, error))?;
    if permissions.is_none() {
        make_executable(file).map_err(|error| unwritten(file, error))?;
    }
    Ok(())
}

fn unwritten(path: &Path, error: io::Error) -> Error {
    Error::environment(format!("cannot write `{}`", path.display())).because(error)
}

#[cfg(unix)]
fn make_executable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// Git for Windows asks the first line alone.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on other systems")]
fn make_executable(_file: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn is_executable(_file: &Path) -> bool {
    true
}
