//! `initdb-not-rerun`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "initdb-not-rerun",
    title: "The volume was initialised with today's scripts",
    area: "engine",
    severity: Severity::Info,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: a table, role or extension of `docker-entrypoint-initdb.d` that is missing, whatever the script says.\n\
        Cause: the image runs those scripts once, in an empty volume. What was added or changed since never ran.\n\
        Proof: the script's last change (its commit's, where it is committed) is younger than the volume.\n\
        Fix: by hand: run the script in the container; or name the scripts as `[database] init` in devdb.toml, which every reset runs.\n\
        Keeps: all rows that are there; a script that is not made for it may stumble over what exists.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let file = "initdb/02_extensions.sql".into();
        let inside = "/docker-entrypoint-initdb.d/02_extensions.sql".to_owned();
        let script = crate::model::picture::InitScript {
            service: "db".to_owned(),
            file,
            inside,
            changed: 2_000_000,
            named: false,
        };
        picture.init_scripts = vec![script];
        let mount = crate::model::engine::ContainerMount {
            kind: "volume".to_owned(),
            source: "shop_data".to_owned(),
            destination: "/var/lib/postgresql/data".to_owned(),
            writable: true,
        };
        sample::container(picture).mounts = vec![mount];
        let volume = crate::model::engine::EngineVolume {
            name: "shop_data".to_owned(),
            created: Some(1_000_000),
            ..Default::default()
        };
        sample::engine(picture).volumes = vec![volume];
    },
};

/// Files that were written together with the volume are no younger.
const MEANWHILE: i64 = 60;

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container() else { return Ok(Vec::new()) };
    let Some(created) = picture.data_volume(container).and_then(|volume| volume.created) else {
        return Ok(Vec::new());
    };
    let ours = |script: &&crate::model::picture::InitScript| {
        Some(script.service.as_str()) == container.compose_service.as_deref()
            && facts::runs_at_init(std::path::Path::new(&script.inside))
    };
    let younger = picture.init_scripts.iter().filter(ours).filter(|script| script.changed > created + MEANWHILE);
    let finding = |script: &crate::model::picture::InitScript| {
        let message =
            format!("`{}` changed after the database's volume was made: it did not run there", script.file.display());
        let database = container.environment.get("POSTGRES_DB").map(crate::model::secret::Secret::reveal);
        let user = container.superuser();
        let (user, database) = (shell_argument(user), shell_argument(database.unwrap_or(user)));
        let (name, inside) = (&container.name, shell_argument(&script.inside));
        let psql = format!("psql -U {user} -d {database}");
        let run = match script.inside.rsplit('.').next() {
            Some("sql") => format!("docker exec {name} {psql} -f {inside}"),
            Some("sh") => format!("docker exec {name} bash {inside}"),
            _ => format!("docker exec {name} sh -c {}", shell_argument(&format!("gunzip -c {inside} | {psql}"))),
        };
        Finding::new(message)
            .at(&Place::new(&script.file, 0), "mounted for the first start")
            .seen(format!("the volume of {} is older", facts::container_name(container)))
            .manual("run it there, when it may run twice", &[&run])
    };
    Ok(younger.map(finding).collect())
}
