//! What stands in the project's `.devdb/` folder, and where the rest of a cluster goes.
#![expect(clippy::disallowed_methods, reason = "the folder is made and its record read here")]

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::owner::Owner;
use crate::error::{Error, Result};
use crate::model::text::hex;

pub(super) const RECORD: &str = "cluster.json";
/// What follows the folder in a unix socket's path, and what the whole may have (`sun_path`).
pub(super) const LONGEST_SOCKET_FOLDER: usize = 107 - "/.s.PGSQL.65535".len();

/// `cluster.json`: what the next run needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) data: PathBuf,
    pub(super) log: PathBuf,
    /// The folder of the private unix socket.
    pub(super) socket: PathBuf,
    pub(super) port: u16,
    pub(super) major: u32,
    pub(super) superuser: String,
    pub(super) password: String,
}

pub(super) fn read_record(folder: &Path) -> Result<Option<Record>> {
    let path = folder.join(RECORD);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::environment(format!("cannot read `{}`", path.display())).because(error)),
    };
    let record = serde_json::from_str(&text).map_err(|error| {
        Error::environment(format!("`{}` is damaged", path.display()))
            .because(error)
            .hint("move `.devdb` away to begin with an empty cluster")
    })?;
    Ok(Some(record))
}

/// Writes a new file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Makes `.devdb` with a `.gitignore` that ignores all of it.
pub(super) fn prepare_folder(folder: &Path, owner: Option<&Owner>) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    if owner.is_some() {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    }
    let ignore = folder.join(".gitignore");
    if ignore.exists() { Ok(()) } else { std::fs::write(ignore, "*\n") }
}

/// A name that is different for every folder: `shop-1f3a9c2e` of `/home/me/shop/.devdb`.
pub(super) fn name_of(folder: &Path) -> String {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let hash = hex(digest.get(..4).unwrap_or_default());
    let project = folder.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let plain: String =
        project.unwrap_or_default().chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').take(30).collect();
    format!("{plain}-{hash}")
}

/// A short private folder: the project's own path may be too long for a socket, or on a file system without them.
pub(super) fn socket_folder(name: &str) -> PathBuf {
    let hash = name.rsplit('-').next().unwrap_or(name);
    let short = Path::new("/tmp");
    let parent = if short.is_dir() { short.to_path_buf() } else { std::env::temp_dir() };
    parent.join(format!("devdb-{}-{hash}", user_number()))
}

#[cfg(unix)]
fn user_number() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[cfg(not(unix))]
fn user_number() -> u32 {
    0
}

pub(super) fn new_password() -> Result<String> {
    // rustls's own generator: the one source of randomness that is linked in anyway.
    let mut bytes = [0_u8; 16];
    let filled = rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_error| Error::environment("the system gives no random numbers"))?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_folders_are_short_and_differ() {
        let long = PathBuf::from(format!("/home/{}/.devdb", "x".repeat(200)));
        let one = socket_folder(&name_of(&long));
        assert!(one.as_os_str().len() <= LONGEST_SOCKET_FOLDER, "{}", one.display());
        assert_ne!(one, socket_folder(&name_of(Path::new("/home/me/other/.devdb"))));
    }
}
