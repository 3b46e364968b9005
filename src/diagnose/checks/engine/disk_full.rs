//! `disk-full`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "disk-full",
    title: "There is room for the data",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: `could not extend file … No space left on device` (53100), `could not write lock file \"postmaster.pid\"`, a server that stops in\n\
        recovery.\n\
        Cause: the volume, the disk or the disk image of Docker's machine is full: of images and build caches, mostly.\n\
        Proof: the server's own log, and what `df` says inside the container now, where it runs.\n\
        Fix: look what takes the room, and clear what nobody needs. No data of the database are among it.\n\
        Keeps: the database's own data; what you clear of images and other volumes is gone.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::container(picture).data_free = Observed::Known(0);
        sample::container(picture).log_tail =
            Observed::Known(vec!["ERROR:  could not extend file \"base/1/2\": No space left on device".to_owned()]);
    },
};

const SAID: &str = "No space left on device";
/// More than this, and the disk is not full any more.
const ENOUGH: u64 = 64 << 20;

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container() else { return Ok(Vec::new()) };
    let log = container.log_tail.known().map_or(&[][..], Vec::as_slice);
    // Shared memory is no disk.
    let full = |line: &&String| line.contains(SAID) && !line.contains("shared memory");
    let line = log.iter().rev().find(full);
    let free = container.data_free.known().copied();
    let is_full = match free {
        Some(free) => free == 0 || free <= ENOUGH && line.is_some(),
        None => line.is_some() && !container.is_running(),
    };
    if !is_full {
        return Ok(Vec::new());
    }
    let mut finding = Finding::new(format!("{} has no room for its data", facts::container_name(container)));
    if let Some(line) = line {
        finding = finding.seen(format!("log: {}", line.trim()));
    }
    if let Some(failure) = &picture.login_failure {
        finding = finding.seen(format!("the server says: {}{}", failure.message, facts::code(failure)));
    }
    if let Some(free) = free {
        finding = finding.seen(format!("`df` inside says that {} kB are left", free >> 10));
    }
    if let Some(mount) = container.data_mount() {
        finding = finding.seen(format!("the data are in the {} `{}`", mount.kind, mount.source));
    }
    Ok(vec![finding.manual(
        "look what takes the room, and clear what nobody needs",
        &["docker system df", "docker builder prune", "docker image prune", "devdb up"],
    )])
}
