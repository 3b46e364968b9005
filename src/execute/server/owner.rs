//! The user that a cluster's programs run as: PostgreSQL refuses to serve as root.
#![expect(clippy::disallowed_methods, reason = "folders are made, and given to that user")]

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Somebody who is not root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) user: u32,
    pub(super) group: u32,
}

/// Returns whom to become; nothing when we may stay who we are.
#[cfg(unix)]
pub(super) fn needed() -> Result<Option<Owner>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let mut known = ["postgres", "nobody"].iter().filter_map(|name| nix::unistd::User::from_name(name).ok().flatten());
    let found = known.next().ok_or_else(|| {
        Error::environment("PostgreSQL refuses to serve as root, and there is neither a user `postgres` nor `nobody`")
            .hint("run devdb as an ordinary user, or add one: useradd --system postgres")
    })?;
    Ok(Some(Owner { name: found.name, user: found.uid.as_raw(), group: found.gid.as_raw() }))
}

#[cfg(not(unix))]
pub(super) fn needed() -> Result<Option<Owner>> {
    Ok(None)
}

/// Returns whether `owner` can reach what lies in `folder`, as far as permission bits tell.
#[cfg(unix)]
pub(super) fn reaches(owner: &Owner, folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    folder.ancestors().all(|ancestor| {
        let Ok(metadata) = std::fs::metadata(ancestor) else { return false };
        let bit = if metadata.uid() == owner.user {
            0o100
        } else if metadata.gid() == owner.group {
            0o010
        } else {
            0o001
        };
        metadata.mode() & bit != 0
    })
}

#[cfg(not(unix))]
pub(super) fn reaches(_owner: &Owner, _folder: &Path) -> bool {
    true
}

/// Gives a path to `owner`; without one it stays ours.
#[cfg(unix)]
pub(super) fn give(path: &Path, owner: Option<&Owner>) -> io::Result<()> {
    match owner {
        Some(owner) => std::os::unix::fs::lchown(path, Some(owner.user), Some(owner.group)),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn give(_path: &Path, _owner: Option<&Owner>) -> io::Result<()> {
    Ok(())
}

/// Makes a folder that only `owner` can enter; one that is there must be theirs and closed to others.
pub(super) fn private_folder(path: &Path, owner: Option<&Owner>) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => give(path, owner),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_private(path, owner),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn check_private(path: &Path, owner: Option<&Owner>) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::symlink_metadata(path)?;
    let user = owner.map_or_else(|| nix::unistd::geteuid().as_raw(), |owner| owner.user);
    if metadata.is_dir() && metadata.uid() == user && metadata.mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    Err(io::Error::other(format!("`{}` is there already and belongs to somebody else", path.display())))
}

#[cfg(not(unix))]
fn check_private(_path: &Path, _owner: Option<&Owner>) -> io::Result<()> {
    Ok(())
}

/// Returns the folder for a cluster's data: the project's own, unless `owner` cannot reach it.
pub(super) fn base(folder: &Path, name: &str, owner: Option<&Owner>) -> io::Result<PathBuf> {
    let Some(owner) = owner.filter(|owner| !reaches(owner, folder)) else { return Ok(folder.to_path_buf()) };
    let system = Path::new("/var/lib/devdb");
    let parent = match std::fs::create_dir_all(system) {
        Ok(()) if reaches(owner, system) => system.to_path_buf(),
        _ => std::env::temp_dir(),
    };
    let base = parent.join(name);
    private_folder(&base, Some(owner))?;
    Ok(base)
}
