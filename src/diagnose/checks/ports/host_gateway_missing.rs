//! `host-gateway-missing`

use super::super::prelude::*;
use crate::model::compose::Service;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "host-gateway-missing",
    title: "Services know the machine by the name that they dial",
    area: "ports",
    severity: Severity::Warning,
    needs: &[Need::Compose, Need::Engine],
    follows: &[],
    explain: "Seen as: `could not translate host name \"host.docker.internal\" to address` in the app's container, on Linux; on a colleague's Mac it \
        works.\n\
        Cause: Docker Desktop gives every container that name, Docker's engine on Linux only those that ask for it.\n\
        Proof: a service's URL has the host, the service has no such `extra_hosts`, and the engine is neither Desktop nor another that gives it.\n\
        Fix: by hand: one line under the service, which does no harm on a Mac.\n\
        Keeps: volumes; its container is made anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::add_app(picture, "postgresql://app:pw@host.docker.internal:5432/app"),
};

const NAME: &str = "host.docker.internal";
/// Engines that give every container the name.
const GIVERS: [&str; 8] = ["Desktop", "Podman", "podman", "orbstack", "colima", "lima", ".rd/", "Rancher"];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(compose), Ok(engine)) = (picture.compose.known(), picture.engine()) else { return Ok(Vec::new()) };
    // Where the machine is no Linux, the engine is in a virtual one, and gives it.
    let elsewhere = cfg!(not(target_os = "linux"));
    if elsewhere || GIVERS.iter().any(|it| engine.product.contains(it) || picture.engine.address.contains(it)) {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    for service in compose.services.iter().filter(|it| it.is_active(&picture.profiles) && !asks(it)) {
        for (key, entry) in &service.environment {
            let url = entry.value.as_ref().and_then(|value| pg_url::parse(value.reveal()).ok());
            if url.is_none_or(|url| !url.target.host().to_string().eq_ignore_ascii_case(NAME)) {
                continue;
            }
            let line = format!("extra_hosts: [\"{NAME}:host-gateway\"]   # under the service `{}`", service.name);
            let again = format!("docker compose up -d {}", shell_argument(&service.name));
            findings.push(
                Finding::new(format!(
                    "service `{}` dials `{NAME}`, a name that this engine does not give it",
                    service.name
                ))
                .at(&entry.at, format!("{key} names it"))
                .manual("ask for it", &[&line, &again]),
            );
        }
    }
    Ok(findings)
}

/// Whether it has the name, or the machine's own.
fn asks(service: &Service) -> bool {
    let host = service.network_mode.as_ref().is_some_and(|mode| mode.value == "host");
    host || service.extra_hosts.iter().any(|entry| entry.value.to_ascii_lowercase().starts_with(NAME))
}
