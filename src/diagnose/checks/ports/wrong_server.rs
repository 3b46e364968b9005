//! `wrong-server`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "wrong-server",
    title: "The server that answers is the project's own",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Engine, Need::Answer],
    follows: &[],
    explain: "Seen as: `password authentication failed`, `role does not exist`, missing tables, with no bind error anywhere.\n\
        Cause: a PostgreSQL installed on the machine listens where your URL points, and shadows the container's port; on macOS both can\n\
        hold 5432 at once and localhost wins.\n\
        Proof: `pg_control_system().system_identifier` of the server that answered differs from the first eight bytes of\n\
        `global/pg_control` inside the container. Where nobody is let in: two processes listen on the port that the container publishes,\n\
        its engine's forwarder and another.\n\
        Fix: points `.env` at the container's own port; or stop the local server.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed. A server that is stopped keeps its data.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::container(picture).system_identifier = Observed::Known(7),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(container)) = (picture.target(), picture.database_container()) else {
        return Ok(Vec::new());
    };
    let server = match picture.server.look() {
        Ok(Some(server)) => server,
        Ok(None) => return Ok(Vec::new()),
        Err(unknown) => {
            let found = shadowed(picture, candidate, container);
            return if found.is_empty() { Err(unknown) } else { Ok(found) };
        }
    };
    let Some(expected) = container.system_identifier.look()? else { return Ok(Vec::new()) };
    let Some(answered) = server.system_identifier else {
        return Err(Unknown("the role may not read the server's identifier".to_owned()));
    };
    // A container that was stopped, beside a local server that serves the app, is nobody's fault.
    if answered == *expected || (!container.is_running() && container.state.status == "exited") {
        return Ok(Vec::new());
    }
    let port = candidate.target.port();
    let ports = container.database_ports();
    let mut finding = Finding::new(format!(
        "PostgreSQL {} on port {port} is not {}",
        server.version,
        facts::container_name(container)
    ));
    if let (Some(at), text) = facts::port_line(candidate) {
        finding = finding.at(&at, text);
    }
    if let Some(mapping) = picture.database_service().and_then(facts::database_port) {
        finding = finding.at(&mapping.at, format!("publishes \"{}\"", mapping.written));
    }
    finding = finding.seen(format!("system identifier over TCP: {answered}; in the container: {expected}"));
    if let Some(holder) = facts::holder(picture, port) {
        finding = finding.seen(holder);
    }
    if let [published] = ports.as_slice()
        && *published != port
        && let Some(step) = facts::set_port(picture, candidate, *published)
    {
        return Ok(vec![finding.auto(step.describe(), vec![step])]);
    }
    let other = picture.engine().ok().and_then(|engine| {
        let mut running = engine.containers.iter().filter(|it| it.is_running() && it.id != container.id);
        running.find(|it| it.published_ports.iter().any(|binding| binding.host_port == port))
    });
    let commands = match other {
        Some(other) => vec![format!("docker stop {}", other.name)],
        None => facts::stop_commands(&server.version),
    };
    Ok(vec![finding.manual(
        "stop the local server, or publish the container on a free port and use it in `.env`",
        &commands.iter().map(String::as_str).collect::<Vec<_>>(),
    )])
}

/// A login that was refused names no identifier. But where the engine's forwarder shares the port with another process, as
/// macOS allows it for `*` and `localhost`, the more specific one answers.
fn shadowed(picture: &Picture, candidate: &Candidate, container: &Container) -> Vec<Finding> {
    let port = candidate.target.port();
    let publishes = container.is_running() && container.database_ports().contains(&port);
    let local = candidate.target.host().is_loopback();
    if picture.login_failure.is_none() || !publishes || !local || !facts::held_by_engine(picture, port) {
        return Vec::new();
    }
    let Some(other) = facts::beside_engine(picture, port) else { return Vec::new() };
    let name = facts::container_name(container);
    let mut finding = Finding::new(format!("another PostgreSQL answers on port {port} than {name}"));
    finding = facts::leads_there(candidate, finding).seen(other);
    if let Some(mapping) = picture.database_service().and_then(facts::database_port) {
        finding = finding.at(&mapping.at, format!("publishes \"{}\"", mapping.written));
    }
    if let Some(failure) = &picture.login_failure {
        finding = finding.seen(format!("it says: {}{}", failure.message, facts::code(failure)));
    }
    let commands = facts::stop_commands("");
    vec![finding.manual(
        "stop the local server, or publish the container on a free port and use it in `.env`",
        &commands.iter().map(String::as_str).collect::<Vec<_>>(),
    )]
}
