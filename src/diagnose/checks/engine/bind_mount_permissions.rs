//! `bind-mount-permissions`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "bind-mount-permissions",
    title: "The server may keep its data where they are mounted",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: `initdb: error: could not change permissions of directory \"/var/lib/postgresql/data\": Operation not permitted`, \
        `data directory … has wrong ownership`, a container that restarts again and again.\n\
        Cause: a folder of the machine is mounted as the data directory, and the server may not own it: it lies on a Windows drive (`/mnt/c`), \
        NTFS or a network share, or belongs to another user than `user:` names.\n\
        Proof: the bind mount at the data directory, and the server's own words in the log.\n\
        Fix: by hand: a named volume, which the engine keeps on a file system of its own.\n\
        Keeps: the folder as it is; the new volume is empty, and its data want a dump from a server that could read \
        the folder.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let container = sample::container(picture);
        container.mounts = vec![crate::model::engine::ContainerMount {
            kind: "bind".to_owned(),
            source: "/mnt/c/shop/data".to_owned(),
            destination: "/var/lib/postgresql/data".to_owned(),
            writable: true,
        }];
        container.state.status = "exited".to_owned();
        container.state.exit_code = 1;
        let line = "initdb: error: could not change permissions of directory \"/var/lib/postgresql/data\": Operation not permitted";
        container.log_tail = Observed::Known(vec![line.to_owned()]);
        picture.server = Observed::Unknown("refused".to_owned());
        for endpoint in &mut picture.reach.endpoints {
            endpoint.reply = Reply::Refused;
        }
    },
};

/// What the server, `initdb` and the image's entrypoint say (PostgreSQL's sources, `initdb.c` and `miscinit.c`).
const SAID: [&str; 5] = [
    "could not change permissions of directory",
    "has wrong ownership",
    "has invalid permissions",
    "could not access directory",
    "could not create directory",
];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container() else { return Ok(Vec::new()) };
    let Some(mount) = container.data_mount().filter(|mount| mount.kind == "bind") else { return Ok(Vec::new()) };
    // A server that runs has made its peace with the folder, whatever stands further up in its log.
    if facts::answers(picture) || (container.is_running() && container.state.restart_count == 0) {
        return Ok(Vec::new());
    }
    let log = container.log_tail.known().map_or(&[][..], Vec::as_slice);
    let said = |line: &&String| SAID.iter().any(|words| line.contains(words));
    let Some(line) = log.iter().rev().find(said).filter(|_| !facts::logged_in(picture)) else { return Ok(Vec::new()) };
    let message =
        format!("the server of {} may not use the folder that its data are to be in", facts::container_name(container));
    let mut finding = Finding::new(message).seen(format!("log: {}", line.trim()));
    finding = finding.seen(format!("`{}` is mounted as `{}`", mount.source, mount.destination));
    if mount.source.starts_with("/mnt/") && picture.shell.contains_key("WSL_DISTRO_NAME") {
        finding = finding.seen("that is a drive of Windows, on which nobody owns a file");
    }
    let name = container.compose_service.as_deref().unwrap_or("db");
    let line = format!(
        "- {name}-data:{}   # in the `volumes` of `{name}`; and `{name}-data:` in the top-level ones",
        mount.destination
    );
    Ok(vec![finding.manual("mount a named volume instead", &[&line])])
}
