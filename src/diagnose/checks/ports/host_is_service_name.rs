//! `host-is-service-name`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "host-is-service-name",
    title: "The host in `.env` can be found from this machine",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Compose],
    follows: &[],
    explain: "Seen as: `could not translate host name \"db\" to address`, `getaddrinfo ENOTFOUND db`.\n\
        Cause: the URL names the Compose service. That name exists only inside the Compose network; your process runs outside.\n\
        Proof: the host equals a service's name, and this machine cannot resolve it.\n\
        Fix: `localhost` and the published port; asked for first when the same file is also a service's `env_file`.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.candidates[0].target.hosts[0].0 = crate::model::target::Host::Tcp("db".to_owned());
        picture.reach.unresolved = Some("Name or service not known".to_owned());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(service)) = (picture.target(), picture.target_is_service()) else {
        return Ok(Vec::new());
    };
    let Some(why) = &picture.reach.unresolved else { return Ok(Vec::new()) };
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
