//! `db-in-use`

use super::super::prelude::*;
use crate::model::server::{Server, Session};

/// A transaction left open this long blocks every migration.
const IDLE_SECONDS: i64 = 60;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "db-in-use",
    title: "No session stands in the way of a reset",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server"],
    explain: "Seen as: `database \"app\" is being accessed by other users` (55006), or a migration that hangs.\n\
        Cause: a transaction that somebody left open (a debugger, an IDE's console), or sessions of roles that yours may not end.\n\
        Ordinary sessions of your app are no fault: `devdb reset` ends and names them.\n\
        Proof: `pg_stat_activity`, by application.\n\
        Fix: ends the sessions that your role may end; the others are named.\n\
        Keeps: all that is committed; what those sessions have not committed is lost.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let server = sample::server(picture);
        server.role.superuser = false;
        server.role.signal_backend = false;
        if let Observed::Known(database) = &mut server.database {
            database.sessions.push(Session {
                pid: 1,
                user: "postgres".to_owned(),
                application: "pgAdmin 4".to_owned(),
                state: None,
                idle_seconds: None,
            });
        }
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(server)) = (picture.target(), picture.server.known()) else { return Ok(Vec::new()) };
    let sessions = server.database.known().map_or(&[][..], |database| database.sessions.as_slice());
    let left_open = |session: &&Session| {
        session.state.as_deref().is_some_and(|state| state.starts_with("idle in transaction"))
            && session.idle_seconds.is_some_and(|seconds| seconds >= IDLE_SECONDS)
    };
    let beyond = |session: &&Session| !may_end(server, session);
    let mut findings = Vec::new();
    let open: Vec<&Session> = sessions.iter().filter(left_open).collect();
    if !open.is_empty() {
        let step = Step::EndSessions { database: candidate.target.database().to_owned() };
        let what = format!("{} left a transaction open", counted(open.len(), "session"));
        findings.push(named(what, &open).confirm(step.describe(), vec![step]));
    }
    let foreign: Vec<&Session> = sessions.iter().filter(beyond).collect();
    if !foreign.is_empty() {
        let what =
            format!("{} of other roles cannot be ended by `{}`", counted(foreign.len(), "session"), server.role.name);
        findings.push(named(what, &foreign).manual("close them where they were opened", &[]));
    }
    Ok(findings)
}

fn may_end(server: &Server, session: &Session) -> bool {
    let role = &server.role;
    role.superuser || session.user == role.name || (role.signal_backend && session.user != "postgres")
}

fn named(what: String, sessions: &[&Session]) -> Finding {
    sessions.iter().fold(Finding::new(what), |finding, session| {
        let idle = session.idle_seconds.map(|seconds| format!(", for {seconds} s")).unwrap_or_default();
        let state = session.state.as_deref().unwrap_or("state hidden");
        finding.seen(format!("pid {}: {} as `{}`, {state}{idle}", session.pid, session.application(), session.user))
    })
}
