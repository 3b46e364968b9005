//! `pooler-in-between`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "pooler-in-between",
    title: "The app's URL leads to the server itself",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target],
    follows: &[],
    explain: "Seen as: `unsupported startup parameter` (08P01), `prepared statement \"…\" does not exist` (26000) or `already exists` (42P05), migrations\n\
        that wait for a lock which nobody holds, `database is being accessed by other users` by sessions that nobody opened.\n\
        Cause: PgBouncer, Odyssey or PgCat listens on the port. It lends one session to many clients, which migrations do not bear.\n\
        Proof: the process that listens on the port, or the image of the container that publishes it.\n\
        Fix: let migrations and devdb dial the server's own port; the app may stay with the pooler.\n\
        Keeps: everything; the pooler's configuration is not touched.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        if let Observed::Known(listeners) = &mut picture.listeners {
            let process = crate::model::server::Process { pid: 9, name: "pgbouncer".to_owned() };
            *listeners = listeners
                .drain(..)
                .map(|it| crate::model::server::Listener { process: Some(process.clone()), ..it })
                .collect();
        }
    },
};

const POOLERS: [&str; 4] = ["pgbouncer", "odyssey", "pgcat", "pgpool"];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target().filter(|candidate| facts::on_loopback(candidate)) else {
        return Ok(Vec::new());
    };
    let port = candidate.target.port();
    let pooler = |name: &str| POOLERS.into_iter().find(|known| name.contains(known));
    let listeners = picture.listeners_on(port);
    let by_process = listeners.iter().find_map(|listener| {
        let process = listener.process.as_ref()?;
        Some((
            pooler(&process.name)?,
            format!("{} is held by `{}` (pid {})", listener.address, process.name, process.pid),
        ))
    });
    let by_container = || {
        let publishes =
            |it: &&Container| it.is_running() && it.published_ports.iter().any(|bound| bound.host_port == port);
        let container = picture.engine().ok()?.containers.iter().find(publishes)?;
        Some((pooler(&container.image)?, format!("{} runs `{}`", facts::container_name(container), container.image)))
    };
    let Some((name, seen)) = by_process.or_else(by_container) else { return Ok(Vec::new()) };
    let finding = Finding::new(format!("port {port} is answered by {name}, not by the server"));
    let mut finding = facts::leads_there(candidate, finding).seen(seen);
    if let Some(failure) = &picture.login_failure {
        finding = finding.seen(format!("it says: {}{}", failure.message, facts::code(failure)));
    }
    let service = picture.database_service().and_then(facts::fixed_port);
    let own = service.map(|(published, _)| published).filter(|published| *published != port);
    let command = match own {
        Some(own) => format!("DATABASE_URL with port {own}, which leads to the server itself"),
        None => "DATABASE_URL with the server's own port, for migrations and devdb".to_owned(),
    };
    Ok(vec![finding.manual("let migrations dial the server itself", &[&command])])
}
