//! `host-localhost-inside`

use super::super::prelude::*;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "host-localhost-inside",
    title: "Services inside Compose dial the database by its service name",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Compose],
    follows: &[],
    explain: "Seen as: `Connection refused` in the app's container, while the same URL works on the host.\n\
        Cause: inside a container, `localhost` is that container.\n\
        Proof: the service's resolved environment has a PostgreSQL URL with a loopback host, and it does not use the host's network.\n\
        Fix: under the service's `environment:`, the service's name and the container's own port.\n\
        Keeps: volumes; the service's container is made anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::add_app(picture, "postgresql://app:pw@localhost:5432/app"),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(compose), Some(database)) = (picture.compose.known(), picture.database_service()) else {
        return Ok(Vec::new());
    };
    let mut findings = Vec::new();
    for service in &compose.services {
        let host_network = service
            .network_mode
            .as_ref()
            .is_some_and(|mode| mode.value == "host" || mode.value.starts_with("service:"));
        if host_network || service.name == database.name || !service.is_active(&picture.profiles) {
            continue;
        }
        for (key, entry) in &service.environment {
            let url = entry.value.as_ref().and_then(|value| pg_url::parse(value.reveal()).ok());
            let Some(url) = url.filter(|url| url.target.host().is_loopback()) else { continue };
            let inner = facts::database_port(database).map_or(5432, |port| port.target);
            let line = format!(
                "{key}: postgresql://…@{}:{inner}/{}   # under `environment:` of `{}`",
                database.name,
                url.target.database(),
                service.name
            );
            findings.push(
                Finding::new(format!(
                    "service `{}` dials `{}`, which is its own container",
                    service.name,
                    url.target.host()
                ))
                .at(&entry.at, format!("{key} leads to {}", url.target))
                .at(&database.at, format!("the database is service `{}`", database.name))
                .manual("name the service instead", &[&line]),
            );
        }
    }
    Ok(findings)
}
