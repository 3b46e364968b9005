//! `port-in-container`

use super::super::prelude::*;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "port-in-container",
    title: "Services inside Compose dial the container's own port",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Compose],
    follows: &[],
    explain: "Seen as: `Connection refused` or Prisma's P1001 for `db:5433` in the app's container, while `localhost:5433` works on the host.\n\
        Cause: `ports: [\"5433:5432\"]` is for the host. Inside the network the container is dialled directly, on its own port.\n\
        Proof: the service's resolved environment has a URL with the database's service name and a port on which it does not listen.\n\
        Fix: the container's port in that URL.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::add_app(picture, "postgresql://app:pw@db:5433/app"),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(compose) = picture.compose.known() else { return Ok(Vec::new()) };
    let databases = picture.database_services();
    let mut findings = Vec::new();
    for service in compose.services.iter().filter(|service| service.is_active(&picture.profiles)) {
        for (key, entry) in &service.environment {
            let Some(url) = entry.value.as_ref().and_then(|value| pg_url::parse(value.reveal()).ok()) else { continue };
            let Host::Tcp(host) = url.target.host() else { continue };
            let Some(database) = databases.iter().find(|it| it.name == *host && it.name != service.name) else {
                continue;
            };
            let inner = database.inner_port();
            if url.target.port() == inner {
                continue;
            }
            let mut finding = Finding::new(format!(
                "service `{}` dials `{host}:{}`, and `{host}` listens on {inner}",
                service.name,
                url.target.port()
            ))
            .at(&entry.at, format!("{key} leads to {}", url.target));
            if let Some(port) = database.ports.iter().find(|port| port.target == inner) {
                finding = finding.at(&port.at, format!("\"{}\" is for the host", port.written));
            }
            let line = format!("{key}: postgresql://…@{host}:{inner}/{}", url.target.database());
            findings.push(finding.manual("name the container's own port", &[&line]));
        }
    }
    Ok(findings)
}
