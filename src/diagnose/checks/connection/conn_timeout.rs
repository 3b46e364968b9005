//! `conn-timeout`

use super::super::prelude::*;
use crate::model::server::LoginFailure;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "conn-timeout",
    title: "The server answers in time",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: super::conn_refused::ROOTS,
    explain: "Seen as: `timeout expired`, or a command that hangs.\n\
        Cause: packets are dropped: a firewall, a VPN, WSL's mirrored network, a server too busy to accept.\n\
        Proof: no address of the host answered within the deadline, and none refused.\n\
        Fix: the network's; devdb cannot change it.\n\
        Keeps: everything; nothing was changed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.server = Observed::Unknown("timed out".to_owned());
        for endpoint in &mut picture.reach.endpoints {
            endpoint.reply = Reply::TimedOut;
        }
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target().filter(|_| !facts::logged_in(picture)) else { return Ok(Vec::new()) };
    let timed_out = |reply: &Reply| *reply == Reply::TimedOut;
    let endpoints = &picture.reach.endpoints;
    let address = candidate.target.address();
    if facts::answers(picture) {
        let slow = picture.login_failure.as_ref().filter(|failure| failure.kind == LoginFailureKind::TimedOut);
        let finding = |failure: &LoginFailure| {
            facts::leads_there(candidate, Finding::new(format!("{address} greets, and then does not let in")))
                .seen(failure.message.clone())
                .manual("restart the server, or the pooler in front of it", &[])
        };
        return Ok(slow.map(finding).into_iter().collect());
    }
    if !endpoints.iter().any(|endpoint| timed_out(&endpoint.reply)) {
        return Ok(Vec::new());
    }
    let mut finding = facts::leads_there(candidate, Finding::new(format!("{address} does not answer")));
    for endpoint in endpoints.iter().filter(|endpoint| timed_out(&endpoint.reply)) {
        finding = finding.seen(format!("{}: no answer within the deadline", endpoint.shown));
    }
    if let Some(container) = picture.database_container().filter(|container| container.state.status == "paused") {
        let unpause = format!("docker unpause {}", container.name);
        let what = format!("{} is paused", facts::container_name(container));
        return Ok(vec![finding.seen(what).manual("let the container go on", &[&unpause])]);
    }
    let local = candidate.target.host().is_loopback();
    if local && picture.shell.contains_key("WSL_DISTRO_NAME") {
        // With mirrored networking, a port that nobody holds is silent instead of refusing (microsoft/WSL).
        let finding = finding.seen("this is WSL, where a port that nobody holds may be silent instead of refusing");
        let commands = ["devdb up", "wsl --shutdown   # in Windows, when the server runs and is silent all the same"];
        return Ok(vec![finding.manual("start the server; or restart WSL's network", &commands)]);
    }
    let fix = if local { "restart the server: it accepts nobody" } else { "check firewall, VPN and the host's name" };
    Ok(vec![finding.manual(fix, &[])])
}
