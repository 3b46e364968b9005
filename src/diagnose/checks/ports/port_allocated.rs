//! `port-allocated`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "port-allocated",
    title: "No other container holds the database's port",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: `Bind for 0.0.0.0:5432 failed: port is already allocated`.\n\
        Cause: another container, usually another project's database, publishes the same host port.\n\
        Proof: your container is not running, and a running one publishes the port that it asks for.\n\
        Fix: stop the other one, or publish on another port and change `.env` with it.\n\
        Keeps: both containers and their volumes.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let mut other = sample::container(picture).clone();
        other.id = "other".to_owned();
        other.name = "other-db-1".to_owned();
        other.compose_project = Some("other".to_owned());
        other.compose_directory = Some("/other".to_owned());
        let own = sample::container(picture);
        own.state.status = "created".to_owned();
        own.published_ports.clear();
        sample::engine(picture).containers.push(other);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let own = picture.database_container();
    if own.is_some_and(Container::is_running) || facts::logged_in(picture) && own.is_none() {
        return Ok(Vec::new());
    }
    let Some(port) = facts::wanted_port(picture) else { return Ok(Vec::new()) };
    let engine = picture.engine()?;
    let holder = engine.containers.iter().find(|container| {
        let publishes = container.published_ports.iter().any(|binding| binding.host_port == port);
        container.is_running() && publishes && own.is_none_or(|own| own.id != container.id)
    });
    let Some(holder) = holder else { return Ok(Vec::new()) };
    let mut finding = Finding::new(format!("host port {port} is taken by {}", facts::container_name(holder)));
    if let Some((_, mapping)) = picture.database_service().and_then(facts::fixed_port) {
        finding = finding.at(&mapping.at, format!("asks for host port {port}"));
    }
    if let Some(project) = &holder.compose_project {
        let directory = holder.compose_directory.as_deref().map(|path| format!(" in {path}")).unwrap_or_default();
        finding = finding.seen(format!("it belongs to the Compose project `{project}`{directory}"));
    }
    if let Some(error) = own.map(|own| own.state.error.as_str()).filter(|error| !error.is_empty()) {
        finding = finding.seen(facts::engine_says(error));
    }
    let stop = format!("docker stop {}", holder.name);
    Ok(vec![
        finding.manual(
            "stop the other container, then start yours; or publish yours on another port",
            &[&stop, "devdb up"],
        ),
    ])
}
