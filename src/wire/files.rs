//! Files, read with a limit and written whole or not at all.
#![expect(clippy::disallowed_methods, reason = "this is where files are touched")]

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// What a text file may hold at most; larger ones are no configuration.
pub const TEXT_LIMIT: u64 = 12 << 20;

/// What a `.env` file may hold: loaders expand its variables, so a small one can already be made to grow.
pub const ENV_LIMIT: usize = 256 << 10;

/// Returns a file's text. Errors say why in words: missing, not a regular file, too large, not UTF-8.
pub fn read_text(path: &Path) -> Result<String, String> {
    let bytes = read_bytes(path)?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16; save it as UTF-8".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })
}

/// Returns what a file holds. Errors say why in words: missing, not a regular file, too large.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    // Asked before opening: opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if metadata.len() > TEXT_LIMIT {
        return Err(format!("it is larger than {} MB", TEXT_LIMIT >> 20));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(TEXT_LIMIT).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Replaces a file's content: written beside it, flushed, renamed over it, with the old file's permissions.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it points to is replaced.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_absent| path.to_path_buf());
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".devdb-").tempfile_in(directory)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    if let Ok(metadata) = std::fs::metadata(&path) {
        beside.as_file().set_permissions(metadata.permissions())?;
        #[cfg(unix)]
        keep_owner(beside.path(), &metadata)?;
    }
    beside.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Root that edits a developer's file leaves it the developer's.
#[cfg(unix)]
fn keep_owner(path: &Path, before: &std::fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let now = std::fs::metadata(path)?;
    if (now.uid(), now.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    std::os::unix::fs::chown(path, Some(before.uid()), Some(before.gid()))
}

/// Copies a file to `to`, which must not exist; the copy can be read by its owner only.
pub fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let directory = to.parent().unwrap_or_else(|| Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".devdb-").tempfile_in(directory)?;
    io::copy(&mut std::fs::File::open(from)?, &mut beside)?;
    beside.as_file().sync_all()?;
    beside.persist_noclobber(to).map_err(|error| error.error)?;
    Ok(())
}

/// Returns the sockets of PostgreSQL servers in a folder, by their names: `.s.PGSQL.5432`.
pub fn sockets_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let port = |name: &str| name.strip_prefix(".s.PGSQL.").is_some_and(|port| port.parse::<u16>().is_ok());
    let mut found: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(port)).map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Returns a table of `/proc`, which has no length of its own; empty when it cannot be read.
#[cfg(target_os = "linux")]
pub fn read_proc(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Returns the processes that run, oldest number first.
#[cfg(target_os = "linux")]
pub fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

/// Returns the inodes of the sockets that a process holds; none where it belongs to another user.
#[cfg(target_os = "linux")]
pub fn sockets_of(pid: u32) -> Vec<u64> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

/// Writes a file that must not exist yet and that only its owner may read; whole or not at all.
pub fn create_private(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".devdb-").tempfile_in(directory)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes a file that only its owner may read, in place of what is there.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".devdb-").tempfile_in(directory)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes a file that is not there yet, and its folders.
pub fn create_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Returns the bytes that are free for ordinary users on the disk that holds `path`; nothing where it cannot be asked.
#[cfg(unix)]
pub fn free_space(path: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(path).ok()?;
    #[allow(clippy::allow_attributes, clippy::useless_conversion, reason = "these are narrower on macOS")]
    Some(u64::from(disk.blocks_available()).saturating_mul(u64::from(disk.fragment_size())))
}

#[cfg(not(unix))]
pub fn free_space(_path: &Path) -> Option<u64> {
    None
}

/// Removes a file.
pub fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// Removes a folder that has nothing in it, and leaves any other.
pub fn remove_if_empty(folder: &Path) -> io::Result<()> {
    if std::fs::read_dir(folder)?.next().is_none() { std::fs::remove_dir(folder) } else { Ok(()) }
}

/// Returns whether something stands at `path`.
pub fn exists(path: &Path) -> bool {
    path.exists()
}
