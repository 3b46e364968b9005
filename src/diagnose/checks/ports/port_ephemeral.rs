//! `port-ephemeral`

use super::super::prelude::*;
use crate::model::compose::{Port, Service};

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "port-ephemeral",
    title: "The database's host port stays the same",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Compose],
    follows: &["localhost-in-container", "docker-down", "docker-permission"],
    explain: "Seen as: the port in `docker ps` changes at each start.\n\
        Cause: `ports: [\"5432\"]` names the container's port only, or `\"${DB_PORT}:5432\"` with a variable that is not set.\n\
        Proof: the mapping, as Compose reads it, has no host port.\n\
        Fix: sets the variable where one is missing; otherwise the line to write.\n\
        Keeps: the volume; the container is made anew on the new port.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::service(picture).ports[0].published = None,
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(service)) = (picture.target(), picture.database_service()) else {
        return Ok(Vec::new());
    };
    let Some(port) = facts::database_port(service).filter(|port| port.published.is_none()) else {
        return Ok(Vec::new());
    };
    if !facts::on_loopback(candidate) {
        return Ok(Vec::new());
    }
    Ok(vec![finding(picture, candidate, service, port)])
}

fn finding(picture: &Picture, candidate: &Candidate, service: &Service, port: &Port) -> Finding {
    let wanted = candidate.target.port();
    let mut finding = Finding::new(format!("service `{}` gets another host port at each start", service.name))
        .at(&port.at, format!("\"{}\" names no host port", port.written));
    if let (Some(at), text) = facts::port_line(candidate) {
        finding = finding.at(&at, text);
    }
    if let Some(now) =
        picture.container_of(&service.name).and_then(|container| container.database_ports().first().copied())
    {
        finding = finding.seen(format!("right now it is {now}"));
    }
    let compose = picture.compose.known();
    let unset = compose.and_then(|compose| {
        compose
            .variables
            .iter()
            .find(|variable| variable.at == port.at && !variable.defined && variable.default.is_none())
    });
    let beside = compose.map(|compose| compose.directory.join(".env")).unwrap_or_default();
    if let Some(variable) = unset.filter(|_| picture.env_files.iter().any(|file| file.path == beside)) {
        let append = Step::AppendEnv {
            file: beside,
            key: variable.name.clone(),
            value: wanted.to_string().into(),
            shown: wanted.to_string(),
        };
        let up = Step::ComposeUp { service: service.name.clone(), recreate: false };
        return finding
            .confirm(format!("set `{}` to {wanted}, the port that your app dials", variable.name), vec![append, up]);
    }
    let line = format!("\"{wanted}:{}\"   # instead of \"{}\"", port.target, port.written);
    finding.manual("name the host port", &[&line, "devdb up"])
}
