//! `data-folder-major`

use super::super::prelude::*;
#[cfg(test)]
use crate::model::local_server::DataFolder;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "data-folder-major",
    title: "The installed server is of the data folder's major",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &["docker-down", "localhost-in-container"],
    explain: "Seen as: `FATAL: database files are incompatible with server`, `The data directory was initialized by PostgreSQL version 14`; after \
        `brew upgrade`, a server that no longer starts.\n\
        Cause: the package went to a new major, and the data stayed with the old one.\n\
        Proof: nobody answers; `PG_VERSION` in the folder, and the version of the `postgres` along PATH.\n\
        Fix: by hand: the old major's programs; or `pg_upgrade`.\n\
        Keeps: everything; `pg_upgrade` without `--link` leaves the old folder as it is.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        super::stale_pidfile::refuse(picture);
        let path = "/opt/homebrew/var/postgres".into();
        picture.data_folders = vec![DataFolder { path, major: 14, postmaster: None, installed: Some(16) }];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for folder in &picture.data_folders {
        let Some(installed) = folder.installed.filter(|installed| *installed != folder.major) else { continue };
        let (path, major) = (folder.path.display().to_string(), folder.major);
        // It runs, on another port than the one that is dialled.
        if folder.postmaster.is_some() {
            continue;
        }
        // The programs of its own major are beside it.
        let own = folder.path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains('@'));
        if own {
            continue;
        }
        let install = if cfg!(target_os = "macos") {
            format!("brew install postgresql@{major}")
        } else {
            format!("apt install postgresql-{major}")
        };
        let start = if cfg!(target_os = "macos") {
            format!("$(brew --prefix postgresql@{major})/bin/pg_ctl -D {} start", shell_argument(&path))
        } else {
            format!("/usr/lib/postgresql/{major}/bin/pg_ctl -D {} start", shell_argument(&path))
        };
        findings.push(
            Finding::new(format!(
                "the data in `{path}` are of PostgreSQL {major}, the installed server is {installed}"
            ))
            .seen(format!("{path}/PG_VERSION says {major}"))
            .manual("start it with its own major", &[&install, &start]),
        );
    }
    Ok(findings)
}
