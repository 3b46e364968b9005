//! `published-everywhere`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "published-everywhere",
    title: "A password that anybody guesses is not offered to the network",
    area: "ports",
    severity: Severity::Info,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: foreign tables or roles in a database of a machine with a public address, a processor that never rests: such servers are \
        searched for.\n\
        Cause: `\"5432:5432\"` publishes on every address of the machine, and the engine's rules come before the firewall's.\n\
        Proof: the running container's port is bound to all addresses, and its password is a usual one, or the role's name.\n\
        Fix: by hand: `127.0.0.1:` in front of the port.\n\
        Keeps: the volume; other machines no longer reach it.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::container(picture).guessable = true;
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container().filter(|it| it.is_running()) else { return Ok(Vec::new()) };
    let inner = container.inner_port();
    let everywhere = |it: &&crate::model::engine::PortBinding| {
        it.container_port == inner && matches!(it.host_ip.as_str(), "" | "0.0.0.0" | "::")
    };
    let Some(binding) = container.published_ports.iter().find(everywhere) else { return Ok(Vec::new()) };
    // Where none is asked for, `auth-trust` tells.
    let method = container.environment.get("POSTGRES_HOST_AUTH_METHOD");
    if !container.guessable || method.is_some_and(|method| method.reveal() == "trust") {
        return Ok(Vec::new());
    }
    let name = facts::container_name(container);
    let message = format!("{name} has a password that anybody guesses, and every machine of the network reaches it");
    let mut finding = Finding::new(message).seen(format!("port {} is bound to all addresses", binding.host_port));
    let service = picture.database_service();
    if let Some(port) = service.and_then(facts::database_port) {
        finding = finding.at(&port.at, format!("ports: {}", port.written));
    }
    let line = format!("ports: [\"127.0.0.1:{}:{inner}\"]", binding.host_port);
    Ok(vec![finding.manual("publish it on this machine alone", &[&line, &facts::recreate_command(picture)])])
}
