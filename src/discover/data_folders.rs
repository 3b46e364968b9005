//! The data folders of servers that were installed on this machine, where nobody answers.
#![expect(clippy::disallowed_methods, reason = "where packages keep their data is looked at here")]

use std::path::{Path, PathBuf};

use super::{Scope, habits};
use crate::model::local_server::DataFolder;
use crate::model::picture::Picture;
use crate::model::secret::Secret;
use crate::model::server::Reply;
use crate::wire::files::read_text;

/// Where projects keep a cluster of their own.
const OWN: [&str; 7] =
    [".pgdata", "pgdata", ".postgres", ".pg", "postgres-data", ".devenv/state/postgres", "tmp/postgres"];
/// Where Homebrew keeps them, on Apple's processors and on Intel's.
const HOMEBREW: [&str; 2] = ["/opt/homebrew/var", "/usr/local/var"];

/// Returns the folders that are there, where a server of this machine should answer and none does.
pub(super) async fn look(scope: &Scope, picture: &Picture) -> Vec<DataFolder> {
    let silent = |reply: &Reply| matches!(reply, Reply::Refused | Reply::Unreachable(_));
    // Where the database runs in a container, a folder of data is that one's, or of another day.
    if picture.database_service().is_some() || picture.database_container().is_some() {
        return Vec::new();
    }
    if picture.server.known().is_some() || !picture.reach.endpoints.iter().all(|it| silent(&it.reply)) {
        return Vec::new();
    }
    let paths = paths(scope);
    if paths.is_empty() {
        return Vec::new();
    }
    let installed = habits::version(scope, "postgres").await;
    let folder = |path: PathBuf| {
        let major = read_text(&path.join("PG_VERSION")).ok()?.trim().parse().ok()?;
        Some(DataFolder { postmaster: postmaster(&path), path, major, installed })
    };
    paths.into_iter().filter_map(folder).collect()
}

fn paths(scope: &Scope) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    found.extend(scope.shell.get("PGDATA").map(Secret::reveal).filter(|path| !path.is_empty()).map(PathBuf::from));
    found.extend(OWN.iter().map(|name| scope.root.join(name)));
    for folder in HOMEBREW {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        found.extend(entries.filter(|it| it.file_name().to_string_lossy().starts_with("postgres")).map(|it| it.path()));
    }
    found.retain(|path| path.join("PG_VERSION").is_file());
    found.dedup();
    found
}

/// Returns the process that `postmaster.pid` names, where it lives and is of the user who owns the folder: the server asks no
/// more (PostgreSQL's `CreateLockFile`).
#[cfg(unix)]
fn postmaster(folder: &Path) -> Option<(u32, String)> {
    use std::os::unix::fs::MetadataExt as _;
    let text = read_text(&folder.join("postmaster.pid")).ok()?;
    let pid: u32 = text.lines().next()?.trim().parse().ok()?;
    let asked = std::process::Command::new("ps").args(["-o", "uid=,comm=", "-p", &pid.to_string()]).output().ok()?;
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    let (user, name) = said.trim().split_once(' ')?;
    let owner = std::fs::metadata(folder).ok()?.uid();
    (user.parse() == Ok(owner)).then(|| (pid, crate::model::text::visible(name.trim())))
}

#[cfg(not(unix))]
fn postmaster(_folder: &Path) -> Option<(u32, String)> {
    None
}
