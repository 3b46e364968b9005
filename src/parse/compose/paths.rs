//! Paths as a Compose file writes them. Nothing here looks at the disk.

use std::path::{Component, Path, PathBuf};

/// Returns `path` seen from `directory`: `~` expanded, `.` and `..` folded.
pub(super) fn resolve(directory: &Path, path: &str, home: Option<&str>) -> String {
    let path = match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) => Path::new(home).join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    };
    fold(&directory.join(path)).display().to_string()
}

/// Returns the path without `.` and, where it can be told, without `..`.
pub(super) fn fold(path: &Path) -> PathBuf {
    let mut folded = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match folded.components().next_back() {
                Some(Component::Normal(_)) => {
                    folded.pop();
                }
                Some(Component::RootDir) => {}
                _ => folded.push(".."),
            },
            other => folded.push(other),
        }
    }
    if folded.as_os_str().is_empty() {
        folded.push(".");
    }
    folded
}

/// Returns the directory of a file as it is shown: empty for a file of the root.
pub(super) fn parent(file: &Path) -> PathBuf {
    file.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Returns whether the source of a volume is a path of the host and not the name of a volume.
pub(super) fn is_file_path(source: &str) -> bool {
    let mut letters = source.chars();
    let first = letters.next();
    let drive = first.is_some_and(char::is_alphabetic) && letters.next() == Some(':');
    matches!(first, Some('.' | '/' | '~')) || source.starts_with(r"\\") || drive
}
