//! `container-created`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "container-created",
    title: "The database's container was able to start",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &["localhost-in-container", "port-reserved", "port-allocated", "port-in-use"],
    explain: "Seen as: `docker ps` does not list it, `docker ps -a` says `Created`.\n\
        Cause: the engine could not start it: a port, a mount, a device, an unknown command.\n\
        Proof: state `created`, and the engine's own error.\n\
        Fix: mend what the error names, then start it.\n\
        Keeps: the container and its volume.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::container(picture).state.status = "created".to_owned();
        sample::container(picture).state.error = "error while mounting".to_owned();
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container() else { return Ok(Vec::new()) };
    if container.state.status != "created" {
        return Ok(Vec::new());
    }
    let name = facts::container_name(container);
    let finding = Finding::new(format!("{name} was created and never ran"));
    let finding = if container.state.error.is_empty() {
        finding
    } else {
        finding.seen(facts::engine_says(&container.state.error))
    };
    let step = Step::StartContainer { name: container.name.clone() };
    Ok(vec![finding.confirm("start it", vec![step])])
}
