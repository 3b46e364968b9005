//! `pgdata-major-mismatch`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "pgdata-major-mismatch",
    title: "The data directory is of the image's major version",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: `database files are incompatible with server`, `initialized by PostgreSQL version 14, which is not compatible with this version\n\
        15`; a container that restarts again and again after the image was renewed.\n\
        Cause: the image's tag moved on to another major (`latest`, or an edit), and the volume kept the data of the one before.\n\
        Proof: `PG_VERSION` in the data directory beside `PG_MAJOR` of the image.\n\
        Fix: the tag of the old major starts it again with all data. To move on: dump with the old one, an empty volume, restore.\n\
        Keeps: all data, with the old tag. The dump keeps them on the way to the new one; do not empty the volume \
        before it is restored.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let container = sample::container(picture);
        container.state.status = "exited".to_owned();
        container.state.exit_code = 1;
        container.environment.insert("PG_MAJOR".to_owned(), "15".into());
        container.data_major = Observed::Known(14);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container() else { return Ok(Vec::new()) };
    let (Some(data), Some(image)) = (container.data_major.look()?, container.image_major()) else {
        return Ok(Vec::new());
    };
    if *data == image {
        return Ok(Vec::new());
    }
    let name = facts::container_name(container);
    let mut finding = Finding::new(format!("the data of {name} are of PostgreSQL {data}, its image is {image}"));
    if let Some(image) = picture.database_service().and_then(|service| service.image.as_ref()) {
        finding = finding.at(&image.at, format!("image: {}", image.value));
    }
    let usual = container.data_directory().starts_with("/var/lib/postgresql/");
    let before_18 = container.mounts.iter().find(|it| usual && it.destination == "/var/lib/postgresql/data");
    if let Some(mount) = before_18.or_else(|| container.data_mount()) {
        finding = finding.seen(format!("the {} `{}` holds PG_VERSION {data}", mount.kind, mount.source));
    }
    let old = facts::with_major(&container.image, image, *data);
    Ok(vec![finding.manual(
        format!(
            "go back to PostgreSQL {data}, which keeps all data; then, to move on, dump, empty the volume, restore"
        ),
        &[
            &format!("image: {old}"),
            "devdb up",
            "devdb snapshot export before.dump   # then the new image, and an empty volume",
            "devdb snapshot import before.dump",
        ],
    )])
}
