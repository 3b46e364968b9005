//! `pg18-mount`

use super::super::prelude::*;
#[cfg(test)]
use crate::model::compose::MountSource;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "pg18-mount",
    title: "The volume is mounted where PostgreSQL 18's image keeps data",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Compose],
    follows: &["pgdata-major-mismatch"],
    explain: "Seen as: `in 18+, these Docker images are configured to store database data in a format which is compatible with …`, and a container\n\
        that ends at once, on an empty volume, too.\n\
        Cause: since 18 the image keeps its data in `/var/lib/postgresql/18/docker`, and refuses a mount at `/var/lib/postgresql/data`.\n\
        Proof: the image's major, the mount's path, and no PGDATA of one's own.\n\
        Fix: mounts `/var/lib/postgresql`.\n\
        Keeps: what the volume has: data of an older major stay in it, and that major's image reads them.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let service = sample::service(picture);
        let at = service.at.clone();
        service.image = Some(crate::model::place::Located::new("postgres:18".to_owned(), at.clone()));
        service.mounts.push(crate::model::compose::Mount {
            source: MountSource::Named("data".to_owned()),
            target: OLD.to_owned(),
            read_only: false,
            at,
        });
        sample::container(picture).state.status = "exited".to_owned();
        picture.server = Observed::Unknown("refused".to_owned());
    },
};

const OLD: &str = "/var/lib/postgresql/data";
const NEW: &str = "/var/lib/postgresql";

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(service) = picture.database_service() else { return Ok(Vec::new()) };
    let container = picture.container_of(&service.name);
    // Where it runs, it does.
    if facts::logged_in(picture) || container.is_some_and(|it| it.is_running() && it.state.restart_count == 0) {
        return Ok(Vec::new());
    }
    let Some(mount) = service.mounts.iter().find(|mount| mount.target == OLD) else { return Ok(Vec::new()) };
    let own = service.variable("PGDATA").map(|path| path.reveal().to_owned());
    let by_container = container.and_then(|it| Some((it.image_major()?, it.data_directory().starts_with(OLD))));
    let by_tag = || Some((facts::image_major(service.image.as_ref()?.value.as_str())?, false));
    let Some((major, elsewhere)) = by_container.or_else(by_tag) else { return Ok(Vec::new()) };
    if major < 18 || own.is_some() || elsewhere {
        return Ok(Vec::new());
    }
    let message = format!("service `{}` mounts its volume where PostgreSQL {major}'s image refuses it", service.name);
    let mut finding = Finding::new(message).at(&mount.at, format!("mounted at {OLD}"));
    if let Some(image) = &service.image {
        finding = finding.at(&image.at, format!("image: {}", image.value));
    }
    let log = container.and_then(|it| it.log_tail.known()).into_iter().flatten();
    if let Some(line) = log.into_iter().rev().find(|line| line.contains("in 18+")) {
        finding = finding.seen(format!("log: {}", line.trim()));
    }
    // Data of another major may lie in a volume that no container shows: on top of them an empty server would start.
    if !container.is_some_and(|it| it.data_major.is_absent()) {
        let edit = format!("- …:{NEW}   # where it is {OLD}");
        return Ok(vec![finding.seen("nothing is known of what is in the volume").manual(
            "if the volume has data of an older PostgreSQL, go back to its image; if it is empty, mount it elsewhere",
            &[&edit, "devdb up", "devdb doctor"],
        )]);
    }
    let step =
        Step::EditLine { file: mount.at.file.clone(), line: mount.at.line, from: OLD.to_owned(), to: NEW.to_owned() };
    let up = Step::ComposeUp { service: service.name.clone(), recreate: true };
    Ok(vec![finding.confirm(format!("mount the volume at {NEW}, and recreate the container"), vec![step, up])])
}
