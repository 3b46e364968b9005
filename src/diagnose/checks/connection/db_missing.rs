//! `db-missing`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "db-missing",
    title: "The app's database exists and lets it in",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server"],
    explain: "Seen as: `database \"app\" does not exist` (3D000).\n\
        Cause: it was never created, was dropped, or the volume was made with another POSTGRES_DB; the image creates it only once.\n\
        Proof: the role logs in to the server, and `pg_database` has no such row.\n\
        Fix: creates it, empty; `devdb reset` fills it.\n\
        Keeps: every other database; the new one is empty.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::server(picture).database = Observed::Absent,
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(server)) = (picture.target(), picture.server.known()) else { return Ok(Vec::new()) };
    let name = candidate.target.database();
    match &server.database {
        Observed::Known(database) if !database.allows_connections => return Ok(vec![closed(picture, candidate, name)]),
        Observed::Known(_) | Observed::Unknown(_) => return Ok(Vec::new()),
        Observed::Absent => {}
    }
    let finding = Finding::new(format!("the server has no database `{name}`"));
    let mut finding = facts::leads_there(candidate, finding)
        .seen(format!("PostgreSQL {} answers, role `{}` logs in", server.version, server.role.name));
    if candidate.target.database.is_none() {
        finding = finding.seen("the URL ends without a name: clients take the role's for it");
    }
    // The project's own server is down, and another one happens to let the role in.
    if let Some(service) = picture
        .database_service()
        .filter(|_| picture.engine().is_ok())
        .filter(|service| !picture.container_of(&service.name).is_some_and(crate::model::engine::Container::is_running))
    {
        finding = finding.at(&service.at, format!("service `{}` should run it, and does not", service.name));
        if let Some(holder) = facts::holder(picture, candidate.target.port()) {
            finding = finding.seen(holder);
        }
        let stop = "stop the server that answers, then start the project's own";
        return Ok(vec![finding.manual(stop, &["devdb up", "devdb doctor"])]);
    }
    if !server.role.create_database {
        return Ok(vec![finding.manual(
            "have it created by a role that may",
            &[&facts::superuser_command(
                picture,
                "postgres",
                &[&format!("CREATE DATABASE {} OWNER {}", ident(name), ident(&server.role.name))],
            )],
        )]);
    }
    let step = Step::CreateDatabase { name: name.to_owned() };
    Ok(vec![finding.auto(step.describe(), vec![step])])
}

/// Somebody (or a killed reset) left `datallowconn` off: the database is there, and nobody may enter.
fn closed(picture: &Picture, candidate: &Candidate, name: &str) -> Finding {
    let finding = Finding::new(format!("the database `{name}` is there and lets nobody in"));
    let finding = facts::leads_there(candidate, finding).seen("`pg_database.datallowconn` is off");
    let statement = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", ident(name));
    let sql = facts::superuser_command(picture, "postgres", &[&statement]);
    finding.manual("let connections in again, as its owner or a superuser", &[&sql])
}
