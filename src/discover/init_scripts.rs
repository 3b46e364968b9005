//! The scripts that a database's service runs in an empty volume, and when they changed last.
#![expect(clippy::disallowed_methods, reason = "mounted folders are listed here")]

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{Scope, git};
use crate::model::compose::MountSource;
use crate::model::picture::{InitScript, Picture};
use crate::wire::files::read_text;

/// Where the official image looks for them.
const INSIDE: &str = "/docker-entrypoint-initdb.d";
/// How many are followed.
const LIMIT: usize = 100;

/// Returns the files that the database's services mount for their first start.
pub(super) fn list(scope: &Scope, picture: &Picture) -> Vec<InitScript> {
    let mut found = Vec::new();
    for service in picture.database_services() {
        for mount in service.mounts.iter().filter(|mount| mount.target.trim_end_matches('/').starts_with(INSIDE)) {
            let MountSource::Bind(source) = &mount.source else { continue };
            let target = mount.target.trim_end_matches('/');
            let path = scope.root.join(source);
            let script = |path: &Path, inside: String| {
                let file = path.strip_prefix(&scope.root).unwrap_or(path).to_path_buf();
                Some(InitScript { service: service.name.clone(), file, inside, changed: changed(path)?, named: false })
            };
            if path.is_file() {
                found.extend(script(&path, target.to_owned()));
                continue;
            }
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
            files.sort();
            let named = files.iter().filter_map(|file| Some((file, file.file_name()?.to_str()?)));
            // As the entrypoint's own pattern, which leaves hidden files out.
            let shown = named.filter(|(_, name)| !name.starts_with('.') && !name.contains(char::is_control));
            found.extend(shown.filter_map(|(file, name)| script(file, format!("{target}/{name}"))));
        }
    }
    found.truncate(LIMIT);
    let texts: Vec<String> = found
        .iter()
        .filter(|script| script.file.extension().is_some_and(|ending| ending == "sh"))
        .filter_map(|script| read_text(&scope.root.join(&script.file)).ok())
        .collect();
    for script in &mut found {
        let name = script.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        script.named = texts.iter().any(|text| text.contains(&name));
    }
    found
}

/// Takes the last commit for the last change, where a clean file is younger than the volume: a checkout is no change.
pub(super) async fn date(scope: &Scope, picture: &mut Picture) {
    let volume = picture.database_container().and_then(|container| picture.data_volume(container));
    let Some(created) = volume.and_then(|volume| volume.created) else { return };
    for script in picture.init_scripts.iter_mut().filter(|script| script.changed > created) {
        if let Some(committed) = git::committed(&scope.root, &script.file, scope.deadline).await {
            script.changed = script.changed.min(committed);
        }
    }
}

fn changed(path: &Path) -> Option<i64> {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}
