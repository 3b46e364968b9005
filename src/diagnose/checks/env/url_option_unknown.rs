//! `url-option-unknown`

use super::super::prelude::*;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "url-option-unknown",
    title: "The driver knows the URL's options",
    area: "env",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Chain],
    follows: &["url-scheme-postgres"],
    explain: "Seen as: `connect() got an unexpected keyword argument 'sslmode'`, `invalid dsn: invalid URI query parameter: \"schema\"`,\n\
        `invalid connection option \"pgbouncer\"`.\n\
        Cause: the URL was copied from another tool. SQLAlchemy hands its options to the driver: asyncpg has `ssl` and not `sslmode`;\n\
        psycopg knows libpq's, and not those of Prisma or of a pool.\n\
        Proof: the option, and the driver that the URL names, in a project with an Alembic chain.\n\
        Fix: asyncpg's word for it; what has none is taken away by hand.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let target = &mut picture.candidates[0].target;
        target.driver = Some("asyncpg".to_owned());
        target.parameters = vec![("sslmode".to_owned(), "require".to_owned())];
    },
};

/// libpq's options that asyncpg's `connect` has no argument for (asyncpg documentation, "API Reference").
const OF_LIBPQ: [&str; 11] = [
    "sslmode",
    "channel_binding",
    "connect_timeout",
    "application_name",
    "options",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "gssencmode",
    "keepalives",
    "client_encoding",
];
/// Options of Prisma, of poolers and of asyncpg: SQLAlchemy hands them to psycopg by name, and libpq has none of these
/// (PostgreSQL documentation, "Parameter Key Words").
const OF_OTHERS: [&str; 9] = [
    "ssl",
    "schema",
    "pgbouncer",
    "connection_limit",
    "pool_timeout",
    "socket_timeout",
    "statement_cache_size",
    "prepared_statement_cache_size",
    "command_timeout",
];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target() else { return Ok(Vec::new()) };
    let (driver, unknown) = match candidate.target.driver.as_deref() {
        Some("asyncpg") => ("asyncpg", OF_LIBPQ.as_slice()),
        Some("psycopg2" | "psycopg" | "psycopg_async") | None => ("libpq", OF_OTHERS.as_slice()),
        Some(_) => return Ok(Vec::new()),
    };
    let found = candidate.target.parameters.iter().filter(|(key, _)| unknown.contains(&key.as_str()));
    let finding = |(key, value): &(String, String)| {
        let mut finding = Finding::new(format!("{driver} does not know the URL's option `{key}`"));
        if let Some(at) = candidate.origin.place() {
            finding = finding
                .at(at, format!("{} ends in `…{key}={}`", candidate.origin.key(), shortened(&visible(value), 40)));
        }
        let renamed = || facts::edit_url(picture, candidate, |url| pg_url::rename_parameter(url, "sslmode", "ssl"));
        match (driver, key.as_str()) {
            ("asyncpg", "sslmode") => match renamed() {
                Some(step) => finding.confirm("write `ssl`, which asyncpg has", vec![step]),
                None => finding.manual("write `ssl`, which asyncpg has", &[]),
            },
            _ => finding.manual(format!("take `{key}` out of the URL that SQLAlchemy gets, unless the app does"), &[]),
        }
    };
    Ok(found.map(finding).collect())
}
