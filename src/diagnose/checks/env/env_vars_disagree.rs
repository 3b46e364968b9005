//! `env-vars-disagree`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-vars-disagree",
    title: "One `.env` names one database",
    area: "env",
    severity: Severity::Warning,
    needs: &[Need::Target],
    follows: &["port-mismatch", "wrong-server", "host-is-service-name"],
    explain: "Seen as: `psql` or a script looks at another database than the app; a change to `POSTGRES_DB` changes nothing.\n\
        Cause: the URL and the parts (`POSTGRES_DB`, `PGPORT`, `DB_NAME` and their kin) stand in the same file, and only one of them was\n\
        changed.\n\
        Proof: both lines, where both lead to this machine and name another port, database or role.\n\
        Fix: by hand: let both say the same, or take away those that nobody reads.\n\
        Keeps: devdb changes nothing; you edit the file yourself.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let mut parts = picture.candidates[0].clone();
        parts.target.database = Some("other".to_owned());
        let origin = Origin::EnvFile { at: Place::new(".env", 4), key: "POSTGRES_DB".to_owned() };
        parts.database_origin = Some(origin.clone());
        parts.host_origin = Some(origin.clone());
        parts.origin = origin;
        picture.candidates.push(parts);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(winner) = picture.target() else { return Ok(Vec::new()) };
    let file = |candidate: &Candidate| candidate.origin.place().map(|at| at.file.clone());
    let in_file = |candidate: &Candidate| matches!(candidate.origin, Origin::EnvFile { .. });
    let is_parts = |candidate: &&Candidate| in_file(candidate) && candidate.database_origin.is_some();
    // Parts that win are what the app reads: a URL beside them is another matter.
    if !in_file(winner) || winner.database_origin.is_some() || !winner.target.host().is_loopback() {
        return Ok(Vec::new());
    }
    let others = picture.candidates.iter().skip(1).filter(is_parts).filter(|other| file(other) == file(winner));
    let mut findings = Vec::new();
    for other in others
        .filter(|other| other.host_origin.is_some() && other.target.host().is_loopback())
        .filter(|other| !is_of_another_server(picture, other))
    {
        let port = other.port_origin.as_ref().filter(|_| other.target.port() != winner.target.port());
        let database = other.database_origin.as_ref().filter(|_| other.target.database() != winner.target.database());
        let said = [
            port.map(|origin| (origin, format!("port {}", other.target.port()))),
            database.map(|origin| (origin, format!("database `{}`", other.target.database()))),
        ];
        let said: Vec<_> = said.into_iter().flatten().collect();
        if said.is_empty() {
            continue;
        }
        let what: Vec<&str> = said.iter().map(|(_, text)| text.as_str()).collect();
        let mut finding = Finding::new(format!(
            "`{}` and `{}` lead to different databases: the latter says {}",
            winner.origin.key(),
            other.origin.key(),
            what.join(" and ")
        ));
        if let Some(at) = winner.origin.place() {
            finding = finding.at(at, format!("{}={}", winner.origin.key(), winner.target));
        }
        for (origin, text) in &said {
            if let Some(at) = origin.place() {
                finding = finding.at(at, format!("{} says {text}", origin.key()));
            }
        }
        findings.push(finding.manual("let both say the same, or take away those that nobody reads", &["devdb env"]));
    }
    Ok(findings)
}

/// Whether the parts name a server that is no PostgreSQL: by its usual port, or by a driver beside them.
fn is_of_another_server(picture: &Picture, parts: &Candidate) -> bool {
    const PORTS: [u16; 6] = [3306, 3307, 1433, 1521, 6379, 27017];
    const DRIVERS: [&str; 5] = ["DB_CONNECTION", "DB_ENGINE", "DB_DRIVER", "DB_DIALECT", "DB_TYPE"];
    let file = parts.origin.place().and_then(|at| picture.env_files.iter().find(|file| file.path == at.file));
    let other = |entry: &EnvEntry| {
        let value = entry.raw.reveal().to_ascii_lowercase();
        DRIVERS.contains(&entry.key.as_str())
            && !value.contains("postgres")
            && !value.contains("pg")
            && !value.is_empty()
    };
    PORTS.contains(&parts.target.port()) || file.is_some_and(|file| file.entries.iter().any(other))
}
