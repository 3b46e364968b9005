//! Files that `devdb.toml` names by patterns.
#![expect(clippy::disallowed_methods, reason = "files too large to read are told by what the file system says of them")]

use std::path::{Path, PathBuf};

use crate::model::layer::{Digest, Input};
use crate::wire::files::{TEXT_LIMIT, read_bytes};

/// Returns the names and the contents of what the patterns match; `list` names them to the user.
pub(super) fn digest(root: &Path, patterns: &[String], list: &str) -> Input {
    match matched(root, patterns, list) {
        Ok(files) => contents(root, &files),
        Err(why) => Input::Open(why),
    }
}

/// Returns the files that the patterns match, relative to the root, each once and in order; a folder stands for
/// everything in it. A pattern that matches nothing is a mistake.
pub(super) fn matched(root: &Path, patterns: &[String], list: &str) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for pattern in patterns {
        let before = files.len();
        for path in expand(root, pattern).map_err(|why| format!("{list} has the pattern `{pattern}`: {why}"))? {
            if root.join(&path).is_dir() {
                let inside = glob::Pattern::escape(&path.display().to_string());
                files.extend(expand(root, &format!("{inside}/**/*")).unwrap_or_default());
            } else {
                files.push(path);
            }
        }
        files.retain(|path| root.join(path).is_file() && !is_bytecode(path));
        if files.len() == before {
            return Err(format!("{list} names `{pattern}`, which matches no file"));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn expand(root: &Path, pattern: &str) -> Result<Vec<PathBuf>, &'static str> {
    let escaped = glob::Pattern::escape(&root.display().to_string());
    let whole = if Path::new(pattern).is_absolute() { pattern.to_owned() } else { format!("{escaped}/{pattern}") };
    let found = glob::glob(&whole).map_err(|error| error.msg)?;
    let relative = |path: PathBuf| path.strip_prefix(root).map(Path::to_path_buf).unwrap_or(path);
    Ok(found.flatten().map(relative).collect())
}

/// Python writes it anew whenever it likes.
fn is_bytecode(path: &Path) -> bool {
    path.iter().any(|part| part == "__pycache__") || path.extension().is_some_and(|ending| ending == "pyc")
}

fn contents(root: &Path, files: &[PathBuf]) -> Input {
    let mut digest = Digest::of(["files"]);
    for file in files {
        let Ok(content) = content(&root.join(file)) else {
            return Input::Open(format!("`{}` cannot be read", file.display()));
        };
        digest = digest.then(Digest::of([file.as_os_str().as_encoded_bytes(), &content]));
    }
    Input::Known(digest)
}

fn content(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.len() <= TEXT_LIMIT { read_bytes(path) } else { Ok(identity(&metadata)) }
}

/// Returns what changes whenever a large file is written: to read it each time would take longer than the reset.
fn identity(metadata: &std::fs::Metadata) -> Vec<u8> {
    let mut parts = format!("{} {:?}", metadata.len(), metadata.modified().ok());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let numbers = (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec());
        parts = format!("{parts} {numbers:?}");
    }
    parts.into_bytes()
}
