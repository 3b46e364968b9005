//! `conn-refused`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "conn-refused",
    title: "Somebody listens where the app dials",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: ROOTS,
    explain: "Seen as: `Connection refused. Is the server running on that host and accepting TCP/IP connections?`\n\
        Cause: the server is not started, or listens elsewhere.\n\
        Proof: every address of the host refuses (or the socket's file is missing, or the host's name is unknown).\n\
        Fix: starts the project's server: the Compose service, the container, or a private local cluster.\n\
        Keeps: all data: a container that is started anew has its volume.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.server = Observed::Unknown("refused".to_owned());
        for endpoint in &mut picture.reach.endpoints {
            endpoint.reply = Reply::Refused;
        }
    },
};

/// The causes of which "nobody answers" is only the consequence.
pub(super) const ROOTS: &[&str] = &[
    "env-missing",
    "docker-down",
    "docker-permission",
    "compose-invalid",
    "localhost-in-container",
    "password-empty",
    "container-created",
    "port-reserved",
    "bind-mount-permissions",
    "pgdata-major-mismatch",
    "pg18-mount",
    "locale-missing",
    "container-oom",
    "disk-full",
    "container-restarting",
    "port-allocated",
    "port-in-use",
    "port-unpublished",
    "port-ephemeral",
    "port-mismatch",
    "host-is-service-name",
    "wrong-server",
    "url-unescaped",
    "socket-missing",
    "stale-pidfile",
    "data-folder-major",
];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target().filter(|_| !facts::logged_in(picture)) else { return Ok(Vec::new()) };
    let reach = &picture.reach;
    let silent = |reply: &Reply| matches!(reply, Reply::Refused | Reply::Unreachable(_));
    if reach.unresolved.is_none() && (reach.endpoints.is_empty() || !reach.endpoints.iter().all(|it| silent(&it.reply)))
    {
        return Ok(Vec::new());
    }
    let message = match &reach.unresolved {
        Some(why) => format!("the host `{}` is unknown: {why}", candidate.target.host()),
        None => format!("nobody listens on {}", candidate.target.address()),
    };
    let mut finding = facts::leads_there(candidate, Finding::new(message));
    for endpoint in &reach.endpoints {
        let what = match &endpoint.reply {
            Reply::Unreachable(why) => why.as_str(),
            _ => "connection refused",
        };
        finding = finding.seen(format!("{}: {what}", endpoint.shown));
    }
    Ok(vec![start(picture, candidate, finding)])
}

fn start(picture: &Picture, candidate: &Candidate, finding: Finding) -> Finding {
    let is_service = picture.target_is_service().is_some();
    if !candidate.target.host().is_loopback() && !is_service {
        return finding.manual("check the host's name, your network or VPN", &[]);
    }
    if let Some(service) = picture.target_is_service().or_else(|| picture.database_service()) {
        let state = match picture.container_of(&service.name) {
            Some(container) => format!("its container is {}", container.state.status),
            None => "it has no container yet".to_owned(),
        };
        let step = Step::ComposeUp { service: service.name.clone(), recreate: false };
        return finding
            .at(&service.at, format!("service `{}` runs the database; {state}", service.name))
            .confirm(step.describe(), vec![step]);
    }
    if let Some(container) = picture.database_container().filter(|container| !container.is_running()) {
        let step = Step::StartContainer { name: container.name.clone() };
        return finding.confirm(step.describe(), vec![step]);
    }
    let finding = picture.nearby.iter().fold(finding, |finding, address| {
        let holder = facts::holder(picture, address.port());
        finding.seen(match holder {
            Some(holder) => format!("PostgreSQL answers there: {holder}"),
            None => format!("PostgreSQL answers on {address}"),
        })
    });
    if let [one] = picture.nearby.as_slice()
        && let Some(step) = facts::set_port(picture, candidate, one.port())
    {
        return finding.confirm(format!("dial port {}, on which PostgreSQL answers", one.port()), vec![step]);
    }
    if !picture.nearby.is_empty() {
        return finding.manual("name the port of the server that you mean, or start one on this port", &["devdb up"]);
    }
    finding.manual("start the server", &["devdb up"])
}
