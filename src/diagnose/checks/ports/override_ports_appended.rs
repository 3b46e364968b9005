//! `override-ports-appended`

use super::super::prelude::*;
use crate::model::compose::Port;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "override-ports-appended",
    title: "An override replaces the port that it means to",
    area: "ports",
    severity: Severity::Info,
    needs: &[Need::Compose],
    follows: &["port-allocated", "port-in-use"],
    explain: "Seen as: the old port is still taken after `compose.override.yaml` names another one; `port is already allocated` for a port that\n\
        you thought you had changed.\n\
        Cause: Compose appends the lists of ports of all files; only the same address, port and protocol are one.\n\
        Proof: two host ports for the database's one, from two files.\n\
        Fix: by hand: `!override`, or a variable in the first file.\n\
        Keeps: the volume; the container is made anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let ports = &mut sample::service(picture).ports;
        let mut second = ports[0].clone();
        second.published = Some(crate::model::compose::PublishedPort::One(5433));
        second.at = Place::new("compose.override.yaml", 4);
        ports.push(second);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for service in picture.database_services().into_iter().filter(|it| it.is_active(&picture.profiles)) {
        let inner = service.inner_port();
        let ours: Vec<&Port> =
            service.ports.iter().filter(|port| port.target == inner && port.published.is_some()).collect();
        let (Some(first), Some(last)) = (ours.first(), ours.last()) else { continue };
        let two = ours.len() == 2 && first.at.file != last.at.file && first.host_ip == last.host_ip;
        if !two || first.published == last.published {
            continue;
        }
        let mut finding = Finding::new(format!("service `{}` is published on {} ports", service.name, ours.len()));
        for port in &ours {
            finding = finding.at(&port.at, format!("publishes \"{}\"", port.written));
        }
        let line = format!("ports: !override [\"{}\"]   # in {}", last.written, last.at.file.display());
        findings.push(finding.manual("say that the second file replaces the list (Compose 2.24 and later)", &[&line]));
    }
    Ok(findings)
}
