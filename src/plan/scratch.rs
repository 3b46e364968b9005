//! What runs in a scratch database, and whether there can be one.

use super::migrate::{chain, program, sql_chain};
use super::workplace::{no_server, runnable, target, workplace};
use crate::error::Error;
use crate::model::chain::Chain;
use crate::model::disposable::Disposable;
use crate::model::history::{Entry, History};
use crate::model::picture::Picture;
use crate::model::scratch::{ChainTestPlan, ScratchPlan};
use crate::model::sql_chain::SqlChain;

/// Returns the plan of a test that begins with `from`, or with the first revision.
pub fn chain_test(picture: &Picture, from: Option<&str>) -> Result<ChainTestPlan, Error> {
    let scratch = scratch(picture)?;
    one_by_one(&scratch)?;
    let skipped = match from {
        None => 0,
        Some(name) => {
            let found = match sql_chain(picture)? {
                Some(chain) => chain.find(name).map(|migration| migration.version.clone()),
                None => chain(picture)?.find(name).map(|revision| revision.id.clone()),
            };
            let found = found.ok_or_else(|| {
                Error::usage(format!("no revision and no branch is called `{name}`")).hint("devdb migrate history")
            })?;
            let at = scratch.revisions.iter().position(|revision| revision.id == found);
            at.ok_or_else(|| Error::usage(format!("`{found}` is below the stamped revision")))?
        }
    };
    Ok(ChainTestPlan { scratch, skipped })
}

/// Fails where the revisions cannot be chosen one by one: devdb's socket does not reach into a container.
pub(super) fn one_by_one(scratch: &ScratchPlan) -> Result<(), Error> {
    if scratch.workplace.inside.is_none() || scratch.sql.is_some() {
        return Ok(());
    }
    Err(Error::usage("commands run inside a container, where devdb cannot choose the revisions one by one")
        .detail("set by", "devdb.toml: `migrations.service`")
        .hint("install the project's dependencies here, and run it without `service`"))
}

/// Returns what the chain needs to run in a scratch database.
pub fn scratch(picture: &Picture) -> Result<ScratchPlan, Error> {
    let sql = sql_chain(picture)?;
    if sql.is_none() {
        runnable(chain(picture)?)?;
    }
    server_of_ours(picture)?;
    match sql {
        Some(chain) => of_sql(picture, chain),
        None => of_alembic(picture, chain(picture)?),
    }
}

/// Fails where no scratch database can be made: somebody else's server, or a role without the right.
pub(super) fn server_of_ours(picture: &Picture) -> Result<(), Error> {
    let candidate = target(picture)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    Disposable::server_is_ours(picture)
        .map_err(|refusal| Error::refused(refusal.message).detail("rule", refusal.rule).hint(refusal.remedy))?;
    if server.role.create_database {
        return Ok(());
    }
    Err(Error::environment(format!(
        "role `{}` may not create databases, so there can be no scratch database",
        server.role.name
    ))
    .hint("devdb doctor --only no-createdb   (offers the grant)"))
}

fn of_sql(picture: &Picture, chain: &SqlChain) -> Result<ScratchPlan, Error> {
    if let Some(fault) = chain.faults.first() {
        return Err(Error::failed(format!("{} would not run this chain: {}", chain.tool, fault.describe()))
            .hint("devdb doctor"));
    }
    let schema = chain.table.schema.clone().unwrap_or_else(|| "public".to_owned());
    Ok(ScratchPlan {
        workplace: workplace(picture)?,
        command: String::new(),
        directory: std::path::PathBuf::new(),
        init: picture.recipe.init.clone(),
        bootstrap: picture.config.migrations.bootstrap.clone(),
        stamp: None,
        version_table: (schema, chain.table.name.clone()),
        revisions: History::of_sql(chain, None).entries,
        sql: Some(chain.clone()),
    })
}

fn of_alembic(picture: &Picture, chain: &Chain) -> Result<ScratchPlan, Error> {
    let config = &picture.config.migrations;
    let workplace = workplace(picture)?;
    let (alembic, folder) = program(chain, config);
    let (command, directory) = match &config.upgrade {
        Some(configured) => (configured.clone(), std::path::PathBuf::new()),
        None => (format!("{alembic} upgrade heads"), folder),
    };
    Ok(ScratchPlan {
        workplace,
        command,
        directory,
        sql: None,
        init: picture.recipe.init.clone(),
        bootstrap: config.bootstrap.clone(),
        stamp: config.stamp.clone(),
        version_table: (
            chain.config.version_table_schema.clone().unwrap_or_else(|| "public".to_owned()),
            chain.config.version_table.clone(),
        ),
        revisions: revisions(chain, config.stamp.as_deref()),
    })
}

fn revisions(chain: &Chain, stamp: Option<&str>) -> Vec<Entry> {
    let stamped: Vec<String> = stamp.and_then(|name| chain.find(name)).map(|it| it.id.clone()).into_iter().collect();
    let entries = History::of_chain(chain, Some(&stamped)).entries;
    entries.into_iter().filter(|entry| entry.applied == Some(false)).collect()
}
