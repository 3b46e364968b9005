//! `volume-shared`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "volume-shared",
    title: "No other server runs on the same data",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: rows that come and go, `could not read block`, an index that is corrupt; a server that stops by itself.\n\
        Cause: two running containers mount one volume as their data directory. Each is process 1 of its own, so that PostgreSQL's lock file\n\
        does not tell them apart.\n\
        Proof: both containers run, and the engine names the same volume for both.\n\
        Fix: stop the other one now. What both have written may be damaged: `devdb reset` makes the database new.\n\
        Keeps: what the volume has by then; `devdb snapshot save NAME` makes a copy before you reset.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let mount = crate::model::engine::ContainerMount {
            kind: "volume".to_owned(),
            source: "data".to_owned(),
            destination: "/var/lib/postgresql/data".to_owned(),
            writable: true,
        };
        sample::container(picture).mounts = vec![mount];
        let other =
            Container { id: "other".to_owned(), name: "other".to_owned(), ..sample::container(picture).clone() };
        sample::engine(picture).containers.push(other);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(own) = picture.database_container().filter(|container| container.is_running()) else {
        return Ok(Vec::new());
    };
    let Some(mount) = own.data_mount() else { return Ok(Vec::new()) };
    let folder = inside_of(own);
    let same = |other: &&Container| {
        let mounted = other.data_mount().is_some_and(|it| it.source == mount.source && it.writable);
        let serves =
            other.command.first().is_none_or(|program| program.ends_with("postgres") || program.starts_with('-'));
        other.id != own.id
            && other.is_running()
            && other.is_postgres()
            && mounted
            && serves
            && inside_of(other) == folder
    };
    let findings = picture.engine()?.containers.iter().filter(same).map(|other| {
        let (name, second) = (facts::container_name(own), facts::container_name(other));
        let stop = format!("docker stop {}", other.name);
        let mut finding = Finding::new(format!("{name} and {second} run on the same data"))
            .seen(format!("both mount the {} `{}`", mount.kind, mount.source));
        if let Some(project) = other.compose_project.as_ref().filter(|it| Some(*it) != own.compose_project.as_ref()) {
            finding = finding.seen(format!("the other belongs to the Compose project `{project}`"));
        }
        finding.manual("stop the other one at once, then make the database new", &[&stop, "devdb reset"])
    });
    Ok(findings.collect())
}

/// Returns where in its volume a container's data are.
fn inside_of(container: &Container) -> Option<&str> {
    container.data_directory().strip_prefix(container.data_mount()?.destination.as_str())
}
