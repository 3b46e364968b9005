//! `image-unpinned`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "image-unpinned",
    title: "The database's image names its major",
    area: "engine",
    severity: Severity::Info,
    needs: &[Need::Compose],
    follows: &["pgdata-major-mismatch", "pg18-mount"],
    explain: "Seen as: one morning, `database files are incompatible with server`, or a fresh clone that runs another PostgreSQL than the rest.\n\
        Cause: the tag is `latest`, or there is none: the next pull may bring a major that cannot read the volume.\n\
        Proof: the image as the Compose file has it.\n\
        Fix: by hand: the major that runs now.\n\
        Keeps: the container and its data, until it is made anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::service(picture).image.as_mut().unwrap().value = "postgres:latest".to_owned(),
};

/// Images that are PostgreSQL's own, and carry its major in their tag.
const OFFICIAL: [&str; 5] =
    ["postgres", "library/postgres", "postgis/postgis", "pgvector/pgvector", "timescale/timescaledb"];
/// Tags that stand for whatever is newest.
const MOVING: [&str; 6] = ["", "latest", "alpine", "bookworm", "trixie", "bullseye"];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for service in picture.database_services() {
        let Some(image) = service.image.as_ref().filter(|_| service.is_active(&picture.profiles)) else { continue };
        let (name, tag) = image.value.rsplit_once(':').unwrap_or((&image.value, ""));
        if !OFFICIAL.contains(&name) || !MOVING.contains(&tag) {
            continue;
        }
        let runs = picture.container_of(&service.name).and_then(Container::image_major);
        let server = picture.server.known().map(|server| server.version_number / 10_000);
        let message = format!("service `{}` takes whatever `{}` is today", service.name, image.value);
        let finding = Finding::new(message).at(&image.at, "names no major");
        let pinned = runs.or(server).and_then(|major| pinned(name, tag, major));
        let pinned = pinned.map(|image| format!("image: {image}   # under the service `{}`", service.name));
        findings
            .push(finding.manual("name the major that runs", &pinned.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    Ok(findings)
}

/// The image with its major, as each names it in its tags; nothing where the tag needs more than that.
fn pinned(name: &str, tag: &str, major: u32) -> Option<String> {
    match (name, tag) {
        ("pgvector/pgvector", "" | "latest") => Some(format!("{name}:pg{major}")),
        ("timescale/timescaledb", "" | "latest") => Some(format!("{name}:latest-pg{major}")),
        ("postgres" | "library/postgres", "" | "latest") => Some(format!("{name}:{major}")),
        // Another C library would sort text otherwise than the indexes do.
        ("postgres" | "library/postgres", tag) => Some(format!("{name}:{major}-{tag}")),
        _ => None,
    }
}
