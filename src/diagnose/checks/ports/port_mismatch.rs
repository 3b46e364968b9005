//! `port-mismatch`

use std::path::Path;

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "port-mismatch",
    title: "`.env` names the port that the database is published on",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &[
        "localhost-in-container",
        "wrong-server",
        "port-unpublished",
        "port-ephemeral",
        "port-allocated",
        "port-in-use",
    ],
    explain: "Seen as: `Connection refused`, Prisma's P1001, or another server's errors.\n\
        Cause: your app dials one port, the container publishes another; 5432 and 5433, most often.\n\
        Proof: the line that names the port, and the mapping in force (or, with no engine to ask, the Compose file's line).\n\
        Fix: writes the published port into the line that your app reads.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let container = sample::container(picture);
        container.published_ports[0].host_port = 5433;
        container.wanted_ports[0].host_port = 5433;
        picture.server = Observed::Unknown("refused".to_owned());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target().filter(|candidate| facts::on_loopback(candidate)) else {
        return Ok(Vec::new());
    };
    if facts::logged_in(picture) || matches!(candidate.origin, Origin::Compose { .. }) {
        return Ok(Vec::new());
    }
    let dialled = candidate.target.port();
    let container = picture.database_container().filter(|container| container.is_running());
    let service = picture.database_service();
    let in_force = container.map(Container::database_ports).unwrap_or_default();
    let asked = service.and_then(facts::fixed_port);
    let ports = if in_force.is_empty() { asked.iter().map(|(port, _)| *port).collect() } else { in_force };
    if ports.is_empty() {
        let own = own_cluster(picture, candidate);
        return if own.is_empty() { unnamed_container(picture, candidate) } else { Ok(own) };
    }
    if ports.contains(&dialled) || leads_to_another(picture, dialled) {
        return Ok(Vec::new());
    }
    let owner = match (container, service) {
        (Some(container), _) => facts::container_name(container),
        (None, Some(service)) => format!("service `{}`", service.name),
        (None, None) => return Ok(Vec::new()),
    };
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    let mut finding = Finding::new(format!("your app dials port {dialled}, {owner} publishes {}", list.join(" and ")));
    if let (Some(at), text) = facts::port_line(candidate) {
        finding = finding.at(&at, text);
    }
    if let Some((_, port)) = asked {
        finding = finding.at(&port.at, format!("publishes \"{}\"", port.written));
    }
    if container.is_some() {
        finding = finding.seen(format!("the engine says: {} -> 5432/tcp", list.join(", ")));
    }
    if let Some(holder) = facts::holder(picture, dialled) {
        finding = finding.seen(holder);
    }
    // A variable that the mapping reads itself would change what is published.
    if let (Some(origin), Some((_, port))) = (&candidate.port_origin, asked)
        && port.written.contains(origin.key())
    {
        let key = origin.key();
        return Ok(vec![
            finding.manual(format!("`{key}` stands in that mapping, too: give the app a variable of its own"), &[]),
        ]);
    }
    Ok(vec![mend(picture, candidate, finding, &ports)])
}

/// Whether another service publishes the port that is dialled: a pooler before the database.
fn leads_to_another(picture: &Picture, dialled: u16) -> bool {
    let databases: Vec<&str> = picture.database_services().iter().map(|it| it.name.as_str()).collect();
    let others = picture.compose.known().into_iter().flat_map(|compose| &compose.services);
    let publishes =
        |port: &crate::model::compose::Port| port.published == Some(crate::model::compose::PublishedPort::One(dialled));
    others.filter(|it| !databases.contains(&it.name.as_str())).any(|it| it.ports.iter().any(publishes))
}

/// A project whose server is the private cluster that `devdb up` made.
fn own_cluster(picture: &Picture, candidate: &Candidate) -> Vec<Finding> {
    let dialled = candidate.target.port();
    let Some(cluster) = picture.cluster.as_ref().filter(|cluster| cluster.running && cluster.port != dialled) else {
        return Vec::new();
    };
    if picture.listeners_on(cluster.port).is_empty() || picture.database_service().is_some() {
        return Vec::new();
    }
    let port = cluster.port;
    let mut finding =
        Finding::new(format!("your app dials port {dialled}, the project's own server listens on {port}"));
    if let (Some(at), text) = facts::port_line(candidate) {
        finding = finding.at(&at, text);
    }
    finding = finding.seen(format!("PostgreSQL {} in {}", cluster.major, cluster.data.display()));
    if let Some(holder) = facts::holder(picture, port) {
        finding = finding.seen(holder);
    }
    vec![mend(picture, candidate, finding, &[port])]
}

/// A project without a Compose service: exactly one PostgreSQL container has the target's database and publishes another port.
fn unnamed_container(picture: &Picture, candidate: &Candidate) -> Result<Vec<Finding>, Unknown> {
    if picture.database_service().is_some() || facts::answers(picture) {
        return Ok(Vec::new());
    }
    let Ok(engine) = picture.engine() else { return Ok(Vec::new()) };
    // A container of another Compose project is that project's, whatever it is called inside.
    let ours = |container: &Container| {
        container
            .compose_directory
            .as_deref()
            .map_or(container.compose_project.is_none(), |path| Path::new(path).starts_with(&picture.root))
    };
    let database = |container: &&Container| {
        let name = container.environment.get("POSTGRES_DB").map_or_else(|| container.superuser(), |name| name.reveal());
        let same = name == candidate.target.database() && container.superuser() == candidate.target.user();
        container.is_running() && !container.database_ports().is_empty() && same && ours(container)
    };
    let mut matching = engine.containers.iter().filter(database);
    let (Some(container), None) = (matching.next(), matching.next()) else { return Ok(Vec::new()) };
    let ports = container.database_ports();
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    let mut finding = Finding::new(format!(
        "your app dials port {}, {} publishes {}",
        candidate.target.port(),
        facts::container_name(container),
        list.join(" and ")
    ));
    if let (Some(at), text) = facts::port_line(candidate) {
        finding = finding.at(&at, text);
    }
    Ok(vec![mend(picture, candidate, finding, &ports)])
}

fn mend(picture: &Picture, candidate: &Candidate, finding: Finding, ports: &[u16]) -> Finding {
    if let [port] = ports
        && let Some(step) = facts::set_port(picture, candidate, *port)
    {
        return finding.auto(step.describe(), vec![step]);
    }
    finding.manual(format!("use the published port where {} is set", candidate.origin), &[])
}
