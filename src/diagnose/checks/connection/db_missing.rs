//! `db-missing`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "db-missing",
    title: "The app's database exists",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server"],
    explain: "Seen as: `database \"app\" does not exist` (3D000).\n\
        Cause: it was never created, was dropped, or the volume was made with another POSTGRES_DB; the image creates it only once.\n\
        Proof: the role logs in to the server, and `pg_database` has no such row.\n\
        Fix: creates it, empty; `devdb reset` fills it.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::server(picture).database = Observed::Absent,
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(server)) = (picture.target(), picture.server.known()) else { return Ok(Vec::new()) };
    if server.database != Observed::Absent {
        return Ok(Vec::new());
    }
    let name = candidate.target.database();
    let mut finding = Finding::new(format!("the server has no database `{name}`"));
    if let Some(at) = candidate.origin.place() {
        finding = finding.at(at, format!("leads to {}", candidate.target));
    }
    finding = finding.seen(format!("PostgreSQL {} answers, role `{}` logs in", server.version, server.role.name));
    if !server.role.create_database {
        return Ok(vec![
            finding
                .manual("have it created by a role that may", &[&format!("createdb -O {} {name}", server.role.name)]),
        ]);
    }
    let step = Step::CreateDatabase { name: name.to_owned() };
    Ok(vec![finding.auto(step.describe(), vec![step])])
}
