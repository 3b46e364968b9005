//! `not-postgres`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "not-postgres",
    title: "What listens there speaks PostgreSQL",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: super::conn_refused::ROOTS,
    explain: "Seen as: `received invalid response to SSL negotiation: H`, `server closed the connection unexpectedly`.\n\
        Cause: the port belongs to something else (a web server, usually), or a port forwarder has nobody behind it.\n\
        Proof: the first bytes that came back to PostgreSQL's own first message, or a connection closed without a byte.\n\
        Fix: the right port; or wait for, or start, the server behind the forwarder.\n\
        Keeps: everything; what listens there is left alone.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.server = Observed::Unknown("no".to_owned());
        for endpoint in &mut picture.reach.endpoints {
            endpoint.reply = Reply::Foreign("HTTP/1.1".to_owned());
        }
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target().filter(|_| !facts::logged_in(picture)) else { return Ok(Vec::new()) };
    if facts::answers(picture) {
        return Ok(Vec::new());
    }
    let port = candidate.target.port();
    let foreign = picture.reach.endpoints.iter().find_map(|endpoint| match &endpoint.reply {
        Reply::Foreign(bytes) => Some((endpoint, format!("it answers `{bytes}`"))),
        Reply::Closed => Some((endpoint, "it accepts and closes at once, without a byte".to_owned())),
        _ => None,
    });
    let Some((endpoint, what)) = foreign else { return Ok(Vec::new()) };
    let mut finding = Finding::new(format!("{} is no PostgreSQL server", endpoint.shown));
    if let (Some(at), text) = facts::port_line(candidate) {
        finding = finding.at(&at, text);
    }
    finding = finding.seen(what);
    if let Some(holder) = facts::holder(picture, port) {
        finding = finding.seen(holder);
    }
    if endpoint.reply == Reply::Closed
        && let Some(container) = picture.database_container()
    {
        let name = facts::container_name(container);
        let logs = format!("docker logs {}", container.name);
        return Ok(vec![
            finding
                .seen(format!("{name} publishes the port; nobody listens inside yet"))
                .manual("wait for the server inside, or read why it does not start", &[&logs]),
        ]);
    }
    Ok(vec![finding.manual("use the port of your PostgreSQL server", &[])])
}
