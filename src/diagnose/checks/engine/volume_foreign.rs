//! `volume-foreign`

use super::super::prelude::*;
use crate::model::compose::MountSource;
#[cfg(test)]
use crate::model::engine::EngineVolume;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "volume-foreign",
    title: "The database's volume is the project's own",
    area: "engine",
    severity: Severity::Info,
    needs: &[Need::Compose, Need::Engine],
    follows: &[],
    explain: "Seen as: `volume \"pgdata\" already exists but was not created by Docker Compose. Use `external: true` to use an existing \
        volume` at each `docker compose up`; data of another project, or an old password.\n\
        Cause: a `name:` in the file that another project, or `docker volume create`, has used before.\n\
        Proof: the volume's label `com.docker.compose.project` is another one's, or absent.\n\
        Fix: by hand: `external: true`, or another name.\n\
        Keeps: the volume in either case; with another name a new, empty one is used.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::engine(picture).volumes = vec![EngineVolume {
            name: "shop_data".to_owned(),
            project: Some("blog".to_owned()),
            ..EngineVolume::default()
        }];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(compose), Ok(engine)) = (picture.compose.known(), picture.engine()) else { return Ok(Vec::new()) };
    let Some(service) = picture.database_service() else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for mount in service.mounts.iter().filter(|mount| mount.target.starts_with("/var/lib/postgresql")) {
        let MountSource::Named(key) = &mount.source else { continue };
        let Some(volume) = compose.volumes.get(key).filter(|volume| !volume.external) else { continue };
        let Some(there) = engine.volumes.iter().find(|it| it.name == volume.engine_name) else { continue };
        if there.project.as_deref() == Some(compose.name.as_str()) {
            continue;
        }
        let whose = match &there.project {
            Some(project) => format!("it was made for the Compose project `{project}`; this one is `{}`", compose.name),
            None => "it was made without Compose".to_owned(),
        };
        findings.push(
            Finding::new(format!("the volume `{}` was not made by this project", there.name))
                .at(&volume.at, format!("`{key}` of service `{}`", service.name))
                .seen(whose)
                .manual(
                    "say that it is meant, or take another name",
                    &[
                        &format!("{key}: {{name: {}, external: true}}   # keeps its data", there.name),
                        &format!("{key}: {{}}   # a new, empty volume; the old one stays as it is"),
                    ],
                ),
        );
    }
    Ok(findings)
}
