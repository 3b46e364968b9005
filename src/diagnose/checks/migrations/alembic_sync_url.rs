//! `alembic-sync-url`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-sync-url",
    title: "An async `env.py` gets an async driver",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Chain],
    follows: &["url-scheme-postgres", "alembic-url-placeholder", "alembic-percent"],
    explain: "Seen as: `InvalidRequestError: The asyncio extension requires an async driver to be used. The loaded 'psycopg2' is not async.`\n\
        Cause: `env.py` makes an async engine (`alembic init -t async`), and the URL names psycopg2, or no driver, which is psycopg2 before\n\
        SQLAlchemy 2.1.\n\
        Proof: the URL's scheme, and an `env.py` that reads it from the environment (or `alembic.ini`) and does not rewrite it.\n\
        Fix: `postgresql+asyncpg://`, after asking: `psql` and other clients do not know that scheme.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.candidates[0].target.driver = Some("psycopg2".to_owned());
        sample::chain(picture).config.async_engine = vec!["DATABASE_URL".to_owned()];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(chain)) = (picture.target(), picture.chain.known()) else { return Ok(Vec::new()) };
    let Some(driver) = facts::sync_driver(picture) else { return Ok(Vec::new()) };
    let key = candidate.origin.key().to_ascii_uppercase();
    if !chain.config.async_engine.contains(&key) {
        return Ok(Vec::new());
    }
    let env_py = chain.config.script_directory.join("env.py");
    let finding =
        Finding::new(format!("`{}` makes an async engine of a URL for `{driver}`, which is not", env_py.display()));
    let finding = facts::leads_there(candidate, finding)
        .at(&Place::new(&env_py, 0), "makes an async engine, and rewrites no URL");
    Ok(vec![facts::with_async_driver(picture, candidate, finding)])
}
