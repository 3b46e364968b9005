//! `image-stale`

use super::super::prelude::*;
#[cfg(test)]
use crate::model::engine::TaggedImage;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "image-stale",
    title: "The container runs what its tag names",
    area: "engine",
    severity: Severity::Info,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: an extension or a fix that the new image has, and the server does not.\n\
        Cause: the image was pulled or built again, and `docker compose start` goes on with the old container.\n\
        Proof: the container's image id is not the one that its tag has on this engine.\n\
        Fix: by hand: makes the container anew.\n\
        Keeps: a named volume, with its data. Where the tag names another major now, they need a dump first.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let container = sample::container(picture);
        container.image_id = "sha256:1".to_owned();
        container.tagged = Observed::Known(TaggedImage { id: "sha256:2".to_owned(), major: Some(15) });
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container().filter(|it| it.is_running()) else { return Ok(Vec::new()) };
    let Some(tagged) = container.tagged.known() else { return Ok(Vec::new()) };
    if container.image_id.is_empty() || tagged.id.is_empty() || tagged.id == container.image_id {
        return Ok(Vec::new());
    }
    let name = facts::container_name(container);
    let finding = Finding::new(format!("{name} was made from an older `{}`", container.image)).seen(format!(
        "it runs {}, the tag names {}",
        brief(&container.image_id),
        brief(&tagged.id)
    ));
    let runs = container.image_major().or_else(|| picture.server.known().map(|server| server.version_number / 10_000));
    let keep = "devdb snapshot export before.dump   # first: what goes with the container is gone";
    Ok(vec![match (runs, tagged.major) {
        (Some(runs), Some(major)) if runs != major => finding
            .seen(format!("the tag's server is PostgreSQL {major}, which cannot read the files of {runs}"))
            .manual(
                "keep it, or keep the data and load them into a new volume",
                &[
                    &format!("image: {}   # as it was; or", facts::with_major(&container.image, major, runs)),
                    "devdb snapshot export before.dump   # then the new image, and an empty volume",
                ],
            ),
        _ if stays(container) => {
            finding.manual("make the container anew; its volume stays", &[&recreate(picture, &container.name)])
        }
        _ => {
            finding.manual("keep the data, then make the container anew", &[keep, &recreate(picture, &container.name)])
        }
    }])
}

/// Whether the data outlive the container: in a volume with a name (the engine's own are 64 hexadecimal digits), or a folder.
fn stays(container: &Container) -> bool {
    let named = |name: &str| name.len() != 64 || !name.chars().all(|c| c.is_ascii_hexdigit());
    container.data_mount().is_some_and(|mount| mount.kind == "bind" || (mount.kind == "volume" && named(&mount.source)))
}

/// Compose compares images itself.
fn recreate(picture: &Picture, container: &str) -> String {
    if picture.database_service().is_some() {
        facts::recreate_command(picture)
    } else {
        format!("docker rm -f {container}   # then start it as you did")
    }
}

fn brief(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}
