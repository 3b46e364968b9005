//! `url-driver-sync`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "url-driver-sync",
    title: "An async engine of the app gets an async driver",
    area: "env",
    severity: Severity::Warning,
    needs: &[Need::Target],
    follows: &["url-scheme-postgres"],
    explain: "Seen as: `InvalidRequestError: The asyncio extension requires an async driver to be used. The loaded 'psycopg2' is not async.`\n\
        Cause: the app calls `create_async_engine`, and the URL names psycopg2, or no driver, which is psycopg2 before SQLAlchemy 2.1.\n\
        Proof: the call in a module for the database (`database.py`, `db.py`, `session.py`, …), where neither that nor the settings beside it \
        rewrite the URL.\n\
        Fix: `postgresql+asyncpg://`, after asking: `psql` and other clients do not know that scheme.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.candidates[0].target.driver = Some("psycopg2".to_owned());
        picture.habits.async_engines = vec![(Place::new("app/database.py", 7), Vec::new())];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(driver)) = (picture.target(), facts::sync_driver(picture)) else {
        return Ok(Vec::new());
    };
    let key = candidate.origin.key().to_ascii_uppercase();
    // What another variable names may be async.
    let reads = |names: &[String]| names.is_empty() || names.contains(&key);
    let Some((at, _)) = picture.habits.async_engines.iter().find(|(_, names)| reads(names)) else {
        return Ok(Vec::new());
    };
    let is_async = |entry: &EnvEntry| ["+asyncpg", "+psycopg:"].iter().any(|it| entry.raw.reveal().contains(it));
    let other = picture.env_files.iter().flat_map(|file| &file.entries).any(is_async);
    // Where `env.py` is of the same mind, `alembic-sync-url` tells.
    if other || picture.chain.known().is_some_and(|chain| chain.config.async_engine.contains(&key)) {
        return Ok(Vec::new());
    }
    let finding = Finding::new(format!("the app makes an async engine of a URL for `{driver}`, which is not"));
    let finding = facts::leads_there(candidate, finding).at(at, "create_async_engine(…)");
    Ok(vec![facts::with_async_driver(picture, candidate, finding)])
}
