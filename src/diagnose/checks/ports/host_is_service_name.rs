//! `host-is-service-name`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "host-is-service-name",
    title: "The host in `.env` can be found from this machine",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &[],
    explain: "Seen as: `could not translate host name \"db\" to address`, `getaddrinfo ENOTFOUND db`.\n\
        Cause: the URL names the Compose service, or `host.docker.internal`. Such names exist only inside of containers; your process\n\
        runs outside.\n\
        Proof: the host equals a service's name or one of those that engines give the host, and this machine cannot resolve it.\n\
        Fix: `localhost` and the published port; asked for first when the same file is also a service's `env_file`.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.candidates[0].target.hosts[0].0 = crate::model::target::Host::Tcp("db".to_owned());
        picture.reach.unresolved = Some("Name or service not known".to_owned());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(why)) = (picture.target(), &picture.reach.unresolved) else { return Ok(Vec::new()) };
    let Some(service) = picture.target_is_service() else { return Ok(of_engine(picture, candidate, why)) };
    let host_line = candidate.host_origin.as_ref().unwrap_or(&candidate.origin);
    let mut finding =
        Finding::new(format!("`{}` is a Compose service; outside of Compose its name means nothing", service.name));
    if let Some(at) = host_line.place() {
        finding = finding.at(at, format!("names the host `{}`", service.name));
    }
    finding = finding.at(&service.at, "the service").seen(format!("the resolver says: {why}"));
    let running = picture.container_of(&service.name).map(Container::database_ports).unwrap_or_default();
    let port = running.first().copied().or_else(|| facts::fixed_port(service).map(|(port, _)| port));
    // In a container of the project's own network the name is right, and the service is only not running.
    if picture.inside_container && port.is_none_or(|port| picture.listeners_on(port).is_empty()) {
        return Ok(Vec::new());
    }
    let Some(port) = port else {
        let entry = format!("ports: [\"5432:5432\"]   # under the service `{}`", service.name);
        return Ok(vec![finding.manual("publish the service's port, then use localhost", &[&entry])]);
    };
    let Some(steps) = facts::set_host_and_port(picture, candidate, "localhost", port) else {
        return Ok(vec![finding.manual(format!("use localhost:{port} where {host_line} is set"), &[])]);
    };
    let file = host_line.place().map(|at| at.file.clone()).unwrap_or_default();
    let services = picture.compose.known().map_or(&[][..], |compose| compose.services.as_slice());
    let shared = services.iter().find(|service| service.env_files.iter().any(|reference| reference.value.path == file));
    Ok(vec![match shared {
        Some(other) => finding
            .at(
                &other.at,
                format!(
                    "service `{}` reads the same file: give it the name `{}` under `environment:`",
                    other.name, service.name
                ),
            )
            .confirm(format!("dial localhost:{port}"), steps),
        None => finding.auto(format!("dial localhost:{port}"), steps),
    }])
}

/// What engines call the machine itself, inside of containers: Docker's, Podman's and Lima's documentation.
const HOST_NAMES: [&str; 4] =
    ["host.docker.internal", "gateway.docker.internal", "host.containers.internal", "host.lima.internal"];

fn of_engine(picture: &Picture, candidate: &Candidate, why: &str) -> Vec<Finding> {
    let host = candidate.target.host().to_string();
    if !HOST_NAMES.contains(&host.as_str()) {
        return Vec::new();
    }
    let port = candidate.target.port();
    // Inside of a container the name is right, where the engine was told to give it.
    if picture.inside_container && picture.listeners_on(port).is_empty() {
        let finding = Finding::new(format!("the engine gave this container no `{host}`"))
            .seen(format!("the resolver says: {why}"));
        let line = format!("extra_hosts: [\"{host}:host-gateway\"]   # under this service in the Compose file");
        return vec![finding.manual("ask for it, and make the container anew", &[&line])];
    }
    let host_line = candidate.host_origin.as_ref().unwrap_or(&candidate.origin);
    let mut finding = Finding::new(format!("`{host}` is this machine's name inside of containers alone"));
    if let Some(at) = host_line.place() {
        finding = finding.at(at, format!("names the host `{host}`"));
    }
    let finding = finding.seen(format!("the resolver says: {why}"));
    vec![match facts::set_host_and_port(picture, candidate, "localhost", port) {
        Some(steps) => finding.confirm(format!("dial localhost:{port}"), steps),
        None => finding.manual(format!("use localhost:{port} where {host_line} is set"), &[]),
    }]
}
