//! `port-unpublished`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "port-unpublished",
    title: "The database's container publishes its port",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Compose],
    follows: &["localhost-in-container", "docker-down", "docker-permission"],
    explain: "Seen as: `Connection refused`, although `docker ps` shows the database running.\n\
        Cause: the service has no `ports:`, or only `expose:`, which opens nothing on the host; or its port leads to one inside on which\n\
        nobody listens (`\"5433:5433\"`): `server closed the connection unexpectedly`.\n\
        Proof: neither the Compose file nor the running container maps the database's port, and your app dials the host's loopback.\n\
        Fix: add a mapping to the service, then recreate it.\n\
        Keeps: the volume; the container is made anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::service(picture).ports.clear();
        sample::container(picture).published_ports.clear();
        sample::container(picture).wanted_ports.clear();
        picture.server = Observed::Unknown("refused".to_owned());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(service)) = (picture.target(), picture.database_service()) else {
        return Ok(Vec::new());
    };
    let container = picture.container_of(&service.name);
    let published = container.is_some_and(|container| !container.database_ports().is_empty());
    if !facts::on_loopback(candidate) || facts::logged_in(picture) || published {
        return Ok(Vec::new());
    }
    if facts::database_port(service).is_some() {
        let stale = container.is_some_and(|container| container.is_running() && container.wanted_ports.is_empty());
        return Ok(if stale { vec![recreate(candidate, service)] } else { Vec::new() });
    }
    let (at, text) = facts::port_line(candidate);
    let inner = service.inner_port();
    let mut finding = Finding::new(format!("service `{}` publishes no port for PostgreSQL", service.name));
    finding = match service.ports.first() {
        Some(other) => {
            finding.at(&other.at, format!("leads to {} inside; the server listens on {inner}", other.target))
        }
        None => finding.at(&service.at, format!("has no `ports:` entry for {inner}")),
    };
    if let Some(at) = at {
        finding = finding.at(&at, text);
    }
    if let Some(exposed) = service.expose.first() {
        finding = finding.at(&exposed.at, "`expose` opens nothing on the host");
    }
    let entry = format!("ports: [\"{}:{inner}\"]   # under the service `{}`", candidate.target.port(), service.name);
    Ok(vec![finding.manual("publish the port, then recreate the service", &[&entry, "devdb up"])])
}

/// The file publishes the port, the container was made before it did.
fn recreate(candidate: &Candidate, service: &crate::model::compose::Service) -> Finding {
    let mut finding =
        Finding::new(format!("the container of service `{}` was made before its port was published", service.name));
    if let Some(port) = facts::database_port(service) {
        finding = finding.at(&port.at, format!("publishes \"{}\"", port.written));
    }
    if let (Some(at), text) = facts::port_line(candidate) {
        finding = finding.at(&at, text);
    }
    let step = Step::ComposeUp { service: service.name.clone(), recreate: true };
    finding.confirm("recreate the container; its volume stays", vec![step])
}
