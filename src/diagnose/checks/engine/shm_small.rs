//! `shm-small`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "shm-small",
    title: "The container's shared memory suffices",
    area: "engine",
    severity: Severity::Warning,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: `could not resize shared memory segment … No space left on device`, at large queries, VACUUM or index builds.\n\
        Cause: parallel workers share `/dev/shm`, and the engine gives a container 64 MB of it.\n\
        Proof: the server's own log, and the size that the engine gave.\n\
        Fix: `shm_size` in the Compose file, and another container.\n\
        Keeps: the volume.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::container(picture).shm_bytes = 64 << 20;
        sample::container(picture).log_tail = Observed::Known(vec![
            "ERROR:  could not resize shared memory segment \"/PostgreSQL.1\" to 1 bytes: No space left on device"
                .to_owned(),
        ]);
    },
};

const SAID: &str = "could not resize shared memory segment";

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container() else { return Ok(Vec::new()) };
    let log = container.log_tail.known().map_or(&[][..], Vec::as_slice);
    let Some(line) = log.iter().rev().find(|line| line.contains(SAID)) else { return Ok(Vec::new()) };
    let size = container.shm_bytes >> 10;
    let mut finding = Finding::new(format!("{} has too little shared memory", facts::container_name(container)))
        .seen(format!("`/dev/shm` has {size} kB"))
        .seen(format!("log: {}", line.trim()));
    if let Some(service) = picture.database_service() {
        finding = finding.at(&service.at, format!("service `{}`", service.name));
    }
    Ok(vec![finding.manual(
        "give it more, then recreate the container; its volume stays",
        &["shm_size: 256mb", &facts::recreate_command(picture)],
    )])
}
