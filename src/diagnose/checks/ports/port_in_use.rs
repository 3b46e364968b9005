//! `port-in-use`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "port-in-use",
    title: "No process of this machine holds the database's port",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Engine, Need::Listeners],
    follows: &["localhost-in-container", "port-reserved", "port-allocated"],
    explain: "Seen as: `listen tcp4 0.0.0.0:5432: bind: address already in use`, `Ports are not available`.\n\
        Cause: a PostgreSQL (or anything else) installed on the machine listens on the port that the container wants to publish.\n\
        Proof: your container is not running, and the socket table names the process on its port.\n\
        Fix: stop the local server, or publish on another port and change `.env` with it.\n\
        Keeps: the local server's data; it starts again when you start it.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let own = sample::container(picture);
        own.state.status = "created".to_owned();
        own.state.error = "listen tcp4 0.0.0.0:5432: bind: address already in use".to_owned();
        own.published_ports.clear();
        picture.listeners = Observed::Known(vec![crate::model::server::Listener {
            address: "127.0.0.1:5432".parse().unwrap(),
            process: Some(crate::model::server::Process { pid: 812, name: "postgres".to_owned() }),
        }]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let own = picture.database_container();
    let refused = own.is_some_and(|own| {
        own.state.error.contains("address already in use") || own.state.error.contains("Ports are not available")
    });
    let idle = own.is_none_or(|own| !own.is_running());
    // A local server that the app uses on purpose is no fault, as long as no container was refused.
    if !idle || (facts::logged_in(picture) && !refused) {
        return Ok(Vec::new());
    }
    let (Some(port), Some(service)) = (facts::wanted_port(picture), picture.database_service()) else {
        return Ok(Vec::new());
    };
    let Some(holder) = facts::holder(picture, port).filter(|_| !facts::held_by_engine(picture, port)) else {
        return Ok(Vec::new());
    };
    let mut finding = Finding::new(format!("host port {port}, which service `{}` publishes, is taken", service.name));
    if let Some((_, mapping)) = facts::fixed_port(service) {
        finding = finding.at(&mapping.at, format!("asks for host port {port}"));
    }
    finding = finding.seen(holder);
    if let Some(error) = own.map(|own| own.state.error.as_str()).filter(|error| !error.is_empty()) {
        finding = finding.seen(facts::engine_says(error));
    }
    let mapping = format!("\"{}:5432\"   # in the Compose file, and the same port in .env", port.saturating_add(1));
    Ok(vec![finding.manual("stop that process, or publish on another port", &[&mapping])])
}
