//! `stale-pidfile`

use super::super::prelude::*;
#[cfg(test)]
use crate::model::local_server::DataFolder;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "stale-pidfile",
    title: "No left `postmaster.pid` keeps the server from starting",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &["docker-down", "localhost-in-container"],
    explain: "Seen as: `FATAL: lock file \"postmaster.pid\" already exists`, `Is another postmaster (PID 451) running in data directory …?`\n\
        Cause: the machine went down with the server, and another program of the same user has the number today that the file names. A \
        number that nobody has the server clears away by itself.\n\
        Proof: nobody answers; the file names a process that lives, is of the folder's owner, and is no `postgres`.\n\
        Fix: by hand: that one file. Never take it away while a server runs on the folder: two on one folder destroy it.\n\
        Keeps: all data; the server writes the file anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        refuse(picture);
        let postmaster = Some((451, "Finder".to_owned()));
        picture.data_folders =
            vec![DataFolder { path: "/opt/homebrew/var/postgresql@15".into(), major: 15, postmaster, installed: None }];
    },
};

#[cfg(test)]
pub(super) fn refuse(picture: &mut Picture) {
    picture.server = Observed::Unknown("refused".to_owned());
    for endpoint in &mut picture.reach.endpoints {
        endpoint.reply = Reply::Refused;
    }
}

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for folder in &picture.data_folders {
        let Some((pid, name)) = &folder.postmaster else { continue };
        if name.contains("postgres") || name.contains("postmaster") {
            continue;
        }
        let file = folder.path.join("postmaster.pid");
        let path = shell_argument(&folder.path.display().to_string());
        findings.push(
            Finding::new(format!("`{}` names a process that is no server", file.display()))
                .seen(format!("pid {pid} is `{name}`"))
                .manual(
                    "take that file away, then start the server",
                    &[&format!("rm {path}/postmaster.pid"), &format!("pg_ctl -D {path} start")],
                ),
        );
    }
    Ok(findings)
}
