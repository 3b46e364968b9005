//! `volume-anonymous`

use super::super::prelude::*;
use crate::model::compose::{MountSource, Service};

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "volume-anonymous",
    title: "The database's data outlive its container",
    area: "engine",
    severity: Severity::Info,
    needs: &[Need::Compose],
    follows: &["pg18-mount"],
    explain: "Seen as: an empty database after `docker compose down`, and volumes with names of 64 digits that fill the disk.\n\
        Cause: nothing is mounted where the server keeps its data (or at a path beside it): the image makes a volume without a name, which\n\
        the next container does not get.\n\
        Proof: the mounts of the service, and the data directory of its image.\n\
        Fix: by hand: a named volume. What the old one holds is carried over by `devdb snapshot export` and `import`.\n\
        Keeps: the old volume, until `docker compose down -v` or a prune takes it.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::service(picture).mounts.clear(),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for service in picture.database_services() {
        // What a service is built from may keep its data anywhere, and so do images that are not made like the official one.
        let Some(image) = service.image.as_ref().filter(|_| service.is_active(&picture.profiles) && !service.build)
        else {
            continue;
        };
        if OTHERS.iter().any(|name| image.value.contains(name)) {
            continue;
        }
        let (data, place) = data_directory(service, &image.value);
        let above = service.mounts.iter().filter(|mount| std::path::Path::new(&data).starts_with(&mount.target));
        let mount = above.max_by_key(|mount| mount.target.len());
        if mount.is_some_and(|mount| !matches!(mount.source, MountSource::Anonymous)) {
            continue;
        }
        let message = format!("the data of service `{}` go with its container", service.name);
        let finding = match mount {
            Some(mount) => Finding::new(message).at(&mount.at, "a volume without a name"),
            None => Finding::new(message).at(&service.at, format!("mounts nothing at `{data}`")),
        };
        let beside = service.mounts.iter().find(|mount| mount.target.contains("/postgres"));
        let finding = match beside.filter(|_| mount.is_none()) {
            Some(beside) => finding.at(&beside.at, format!("`{}` is another place", beside.target)),
            None => finding,
        };
        let line = format!(
            "- {}-data:{place}   # in the `volumes` of `{}`; and `{}-data:` in the top-level ones",
            service.name, service.name, service.name
        );
        let keep = "devdb snapshot export before.dump   # first, where the data matter: a new volume is empty";
        findings.push(finding.manual("give the data a named volume", &[keep, &line]));
    }
    Ok(findings)
}

/// Images that keep their data elsewhere.
const OTHERS: [&str; 7] = ["bitnami", "supabase", "crunchy", "spilo", "zalando", "cloudnative", "timescaledb-ha"];

/// Where the image keeps its data, and where a volume for them is mounted (the official image's documentation, "PGDATA").
fn data_directory(service: &Service, image: &str) -> (String, String) {
    if let Some(own) = service.variable("PGDATA") {
        return (own.reveal().to_owned(), own.reveal().to_owned());
    }
    match facts::image_major(image) {
        Some(major) if major >= 18 => (format!("/var/lib/postgresql/{major}/docker"), "/var/lib/postgresql".to_owned()),
        _ => ("/var/lib/postgresql/data".to_owned(), "/var/lib/postgresql/data".to_owned()),
    }
}
