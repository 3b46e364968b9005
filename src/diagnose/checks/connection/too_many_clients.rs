//! `too-many-clients`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "too-many-clients",
    title: "The server has connections to spare",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &["connection-limit"],
    explain: "Seen as: `sorry, too many clients already`, `remaining connection slots are reserved` (53300).\n\
        Cause: pools of dev servers that reload, test runs that leak, a notebook that was left open.\n\
        Proof: SQLSTATE 53300 at login; or 95 of 100 connections in use, counted by application.\n\
        Fix: ends what you do not need.\n\
        Keeps: all that is committed; sessions that are ended lose what they have not.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::fail_login(picture, LoginFailureKind::TooManyClients, "53300"),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target() else { return Ok(Vec::new()) };
    if let Some(failure) = &picture.login_failure {
        if failure.kind != LoginFailureKind::TooManyClients {
            return Ok(Vec::new());
        }
        let finding = Finding::new(format!("the server at {} has no connection left", candidate.target.address()));
        let finding =
            facts::leads_there(candidate, finding).seen(format!("the server says: {} (53300)", failure.message));
        return Ok(vec![
            finding.manual("stop apps, notebooks or test runs that hold connections, or restart the server", &[]),
        ]);
    }
    let Some(server) = picture.server.known() else { return Ok(Vec::new()) };
    if server.connections.saturating_mul(100) < server.max_connections.saturating_mul(95) {
        return Ok(Vec::new());
    }
    let finding = Finding::new(format!("{} of {} connections are in use", server.connections, server.max_connections));
    let mut finding = facts::leads_there(candidate, finding);
    let sessions = server.database.known().map_or(&[][..], |database| database.sessions.as_slice());
    let mut by_application: BTreeMap<&str, usize> = BTreeMap::new();
    for session in sessions {
        *by_application.entry(session.application()).or_default() += 1;
    }
    for (application, count) in by_application {
        finding = finding.seen(format!("{}: {application}", counted(count, "session")));
    }
    let step = Step::EndSessions { database: candidate.target.database().to_owned() };
    Ok(vec![finding.confirm(step.describe(), vec![step])])
}
