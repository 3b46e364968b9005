//! `client-older`

use super::super::prelude::*;
#[cfg(test)]
use crate::model::habits::Call;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "client-older",
    title: "`pg_dump` is as new as the server",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server"],
    explain: "Seen as: `pg_dump: error: aborting because of server version mismatch`.\n\
        Cause: the `pg_dump` of this machine is of an older major than the server in the container; it refuses.\n\
        Proof: a script of the project that calls it here, what it says its version is, and the server's.\n\
        Fix: by hand: the container's own `pg_dump`, or newer client programs. Nothing is changed in the database.\n\
        Keeps: everything: a dump only reads.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.habits.calls = vec![Call {
            at: Place::new("scripts/dump.sh", 3),
            program: "pg_dump".to_owned(),
            variables: Vec::new(),
            revision: None,
            elsewhere: false,
        }];
        picture.habits.pg_dump = Observed::Known(13);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(server) = picture.server.known() else { return Ok(Vec::new()) };
    let dumps = |call: &&crate::model::habits::Call| call.program.starts_with("pg_dump") && !call.elsewhere;
    let calls: Vec<_> = picture.habits.calls.iter().filter(dumps).collect();
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let Some(client) = picture.habits.pg_dump.look()? else { return Ok(Vec::new()) };
    let major = server.version_number / 10_000;
    if *client >= major {
        return Ok(Vec::new());
    }
    let mut finding = Finding::new(format!("`pg_dump` is of PostgreSQL {client}, and refuses a server of {major}"));
    for call in &calls {
        finding = finding.at(&call.at, format!("calls {}", call.program));
    }
    let inside = match (picture.database_service(), facts::own_container(picture, server)) {
        (Some(service), Some(_)) => Some(format!("docker compose exec -T {} pg_dump …", shell_argument(&service.name))),
        (None, Some(container)) => Some(format!("docker exec {} pg_dump …", container.name)),
        (_, None) => None,
    };
    let package = if cfg!(target_os = "macos") {
        format!("brew install postgresql@{major} && brew link --force postgresql@{major}")
    } else {
        format!("apt install postgresql-client-{major}")
    };
    let mut commands: Vec<&str> = inside.as_deref().into_iter().collect();
    commands.push(&package);
    Ok(vec![finding.manual("run the server's own, or install a newer one", &commands)])
}
