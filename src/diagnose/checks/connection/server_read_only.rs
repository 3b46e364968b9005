//! `server-read-only`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "server-read-only",
    title: "The server takes writes",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server"],
    explain: "Seen as: `cannot execute INSERT in a read-only transaction` (25006); migrations that fail at their first statement.\n\
        Cause: `default_transaction_read_only` was set on the server, the database or the role and never taken back, or the port\n\
        leads to a standby.\n\
        Proof: `default_transaction_read_only` in a new session, and `pg_is_in_recovery()`.\n\
        Fix: the command that takes the setting back from where it stands; for a standby, the address of its primary.\n\
        Keeps: all data.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::health(picture).read_only = Some(ReadOnly::Database),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, _, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let Some(target) = picture.target().map(|candidate| &candidate.target) else { return Ok(Vec::new()) };
    Ok(match health.read_only {
        None => Vec::new(),
        Some(ReadOnly::Standby) => vec![
            Finding::new(format!("the server at {} is a standby, which takes no writes", target.address()))
                .seen("`pg_is_in_recovery()` is true")
                .manual("name the primary's address instead", &["devdb env   # says which file names it"]),
        ],
        Some(of) => {
            let (database, role) = (ident(target.database()), ident(&server.role.name));
            let reset = |what: &str| {
                let statements = ["SET default_transaction_read_only = off", what].map(shell_word);
                format!("devdb psql -c {}", statements.join(" -c "))
            };
            let command = match of {
                ReadOnly::Database => reset(&format!("ALTER DATABASE {database} RESET default_transaction_read_only")),
                ReadOnly::Role => reset(&format!("ALTER ROLE {role} RESET default_transaction_read_only")),
                ReadOnly::Server | ReadOnly::Standby => facts::superuser_command(
                    picture,
                    "postgres",
                    &["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"],
                ),
            };
            let whose = match of {
                ReadOnly::Database => "the database",
                ReadOnly::Role => "the role",
                ReadOnly::Server | ReadOnly::Standby => "the server (postgresql.auto.conf, or postgresql.conf itself)",
            };
            vec![
                Finding::new(format!("every session on `{}` is read-only", target.database()))
                    .seen(format!("`default_transaction_read_only` is on, by a setting of {whose}"))
                    .manual(format!("take the setting of {whose} back"), &[&command]),
            ]
        }
    })
}
