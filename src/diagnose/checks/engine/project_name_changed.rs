//! `project-name-changed`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "project-name-changed",
    title: "The data are in this Compose project's volume",
    area: "engine",
    severity: Severity::Warning,
    needs: &[Need::Compose, Need::Engine],
    follows: &["port-allocated"],
    explain: "Seen as: an empty database, though nobody removed anything.\n\
        Cause: Compose names volumes after the project: after `name:`, COMPOSE_PROJECT_NAME or `-p` changed, it makes a new, empty one \
        beside the old.\n\
        Proof: a container of another project that was made from this very folder, which is stopped, and its older volume of the same key.\n\
        Fix: by hand: the old name; or `external` with the old volume's name.\n\
        Keeps: both volumes; the one that is not used stays on the disk.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let mut old = sample::container(picture).clone();
        old.compose_project = Some("store".to_owned());
        old.name = "store-db-1".to_owned();
        old.state.status = "exited".to_owned();
        let volume = |name: &str, project: &str| crate::model::engine::EngineVolume {
            name: name.to_owned(),
            created: None,
            project: Some(project.to_owned()),
            key: Some("data".to_owned()),
        };
        let engine = sample::engine(picture);
        engine.containers.push(old);
        engine.volumes = vec![volume("shop_data", "shop"), volume("store_data", "store")];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(compose), Ok(engine)) = (picture.compose.known(), picture.engine()) else { return Ok(Vec::new()) };
    let Some(service) = picture.database_service() else { return Ok(Vec::new()) };
    let folder = picture.root.join(&compose.directory).display().to_string();
    // The name that runs may have been given on the command line.
    let now = picture.container_of(&service.name).and_then(|it| it.compose_project.as_deref()).unwrap_or(&compose.name);
    let old = |container: &&Container| {
        let same = container
            .compose_directory
            .as_deref()
            .is_some_and(|it| it.trim_end_matches('/') == folder.trim_end_matches('/'));
        same && container.compose_service.as_deref() == Some(service.name.as_str())
            && container.compose_project.as_deref().is_some_and(|name| name != now)
    };
    let mut findings = Vec::new();
    let ours =
        engine.volumes.iter().find(|volume| volume.project.as_deref() == Some(now) && volume.is_data_of(service));
    // Of a project that runs beside it, as those for tests do, the folder has two on purpose.
    for container in engine.containers.iter().filter(old).filter(|container| !container.is_running()) {
        let project = container.compose_project.as_deref();
        let Some(volume) =
            engine.volumes.iter().find(|volume| volume.project.as_deref() == project && volume.is_data_of(service))
        else {
            continue;
        };
        // Its name may be what this project's file says now, as `external` does.
        if compose.volumes.values().any(|it| it.engine_name == volume.name) {
            continue;
        }
        let younger = ours.and_then(|ours| ours.created).zip(volume.created).is_some_and(|(ours, its)| its > ours);
        if younger {
            continue;
        }
        let name = project.unwrap_or_default();
        findings.push(
            Finding::new(format!("this folder was the Compose project `{name}` before, and has another volume since"))
                .at(&service.at, format!("service `{}`, now of the project `{now}`", service.name))
                .seen(format!("{} was made from this folder", facts::container_name(container)))
                .seen(format!("its data are in the volume `{}`", volume.name))
                .manual(
                    "call it as before, if those are the data that you miss",
                    &[&format!("name: {name}   # the first line of the Compose file")],
                ),
        );
    }
    Ok(findings)
}
