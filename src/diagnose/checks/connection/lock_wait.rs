//! `lock-wait`

use super::super::prelude::*;
use crate::model::health::Waiting;
use crate::model::server::Server;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "lock-wait",
    title: "No session waits for another one's lock",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server"],
    explain: "Seen as: a migration or a request that hangs; `canceling statement due to lock timeout` (55P03).\n\
        Cause: a transaction that somebody left open (a debugger's breakpoint, an IDE's console) holds a lock that others want; \
        those that come later wait behind them.\n\
        Proof: `pg_locks` that are not granted for three seconds or more, and `pg_blocking_pids`.\n\
        Fix: ends the session that is idle in its transaction, where your role may. One that works is named, and left.\n\
        Keeps: all that is committed; what that session has not committed is lost.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let waiting = Waiting {
            pid: 8,
            application: "alembic".to_owned(),
            seconds: 12,
            blocker: 9,
            blocker_role: "app".to_owned(),
            blocker_state: Some("idle in transaction".to_owned()),
            ..Waiting::default()
        };
        sample::health(picture).waiting = vec![waiting];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, _, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let mut by_blocker: BTreeMap<i32, Vec<&Waiting>> = BTreeMap::new();
    for waiting in &health.waiting {
        by_blocker.entry(waiting.blocker).or_default().push(waiting);
    }
    // Who waits and is waited for is not the one to end.
    let waits = |pid: &i32| health.waiting.iter().any(|it| it.pid == *pid);
    let first = by_blocker.into_iter().filter(|(pid, _)| !waits(pid));
    Ok(first.map(|(pid, waiting)| blocked(server, pid, &waiting)).collect())
}

fn blocked(server: &Server, pid: i32, waiting: &[&Waiting]) -> Finding {
    let named = |name: &str| if name.is_empty() { "an unnamed client".to_owned() } else { format!("`{name}`") };
    let Some(first) = waiting.first() else { return Finding::new("a session waits for a lock") };
    let sessions = counted(waiting.len(), "session");
    let wait = if waiting.len() == 1 { "waits" } else { "wait" };
    if pid == 0 {
        return Finding::new(format!("{sessions} {wait} for a prepared transaction"))
            .manual("end it, by its name", &["devdb psql -c 'SELECT gid, prepared, owner FROM pg_prepared_xacts'"]);
    }
    let mut finding = Finding::new(format!("{sessions} {wait} for what pid {pid} holds"));
    for it in waiting {
        finding = finding.seen(format!("pid {}: {} has waited for {} s", it.pid, named(&it.application), it.seconds));
    }
    let state = first.blocker_state.as_deref().unwrap_or("state hidden");
    let (application, role) = (named(&first.blocker_application), &first.blocker_role);
    finding = finding.seen(format!("pid {pid}: {application} as `{role}`, {state}"));
    // It may have gone on since.
    let statement = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {pid} AND state LIKE 'idle in transaction%'"
    );
    let own = server.role.superuser || *role == server.role.name;
    if own && state.starts_with("idle in transaction") {
        let shown = format!("end the session {pid}, which rolls its open transaction back");
        return finding.confirm(shown.clone(), vec![Step::Sql { statement, shown }]);
    }
    if own {
        let cancel = format!("devdb psql -c 'SELECT pg_cancel_backend({pid})'");
        return finding.manual("it works: wait for it, or cancel its statement", &[&cancel]);
    }
    finding.manual("close it where it was opened, or have a superuser end it", &[])
}
