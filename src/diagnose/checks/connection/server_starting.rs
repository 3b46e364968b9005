//! `server-starting`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "server-starting",
    title: "The server has finished starting",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: super::conn_refused::ROOTS,
    explain: "Seen as: `the database system is starting up`, `… is shutting down`, `… is not yet accepting connections` (57P03).\n\
        Cause: the server is on its way up or down; after a crash it replays its log first.\n\
        Proof: SQLSTATE 57P03.\n\
        Fix: waits until a login succeeds.\n\
        Keeps: everything: it only waits. A server that stops is not started by it.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::fail_login(picture, LoginFailureKind::Starting, "57P03"),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let starting = |failure: &&crate::model::server::LoginFailure| failure.kind == LoginFailureKind::Starting;
    let (Some(candidate), Some(failure)) = (picture.target(), picture.login_failure.as_ref().filter(starting)) else {
        return Ok(Vec::new());
    };
    let finding = Finding::new(format!("the server at {} says: {}", candidate.target.address(), failure.message));
    let finding = facts::leads_there(candidate, finding).seen("SQLSTATE 57P03");
    Ok(vec![finding.auto("wait until it accepts logins", vec![Step::WaitForServer])])
}
