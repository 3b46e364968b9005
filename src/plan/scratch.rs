//! What runs in a scratch database, and whether there can be one.

use super::migrate::{chain, program};
use super::workplace::{no_server, runnable, target, workplace};
use crate::error::Error;
use crate::model::chain::{Chain, Revision};
use crate::model::disposable::Disposable;
use crate::model::picture::Picture;
use crate::model::scratch::{ChainTestPlan, ScratchPlan};

/// Returns the plan of a test that begins with `from`, or with the first revision.
pub fn chain_test(picture: &Picture, from: Option<&str>) -> Result<ChainTestPlan, Error> {
    let scratch = scratch(picture)?;
    if scratch.workplace.inside.is_some() {
        return Err(Error::usage(
            "commands run inside a container, where devdb cannot choose the revisions one by one",
        )
        .detail("set by", "devdb.toml: `migrations.service`")
        .hint("install the project's dependencies here, and run it without `service`"));
    }
    let chain = chain(picture)?;
    let skipped = match from {
        None => 0,
        Some(name) => {
            let found = chain.find(name).ok_or_else(|| {
                Error::usage(format!("no revision and no branch is called `{name}`")).hint("devdb migrate history")
            })?;
            let at = scratch.revisions.iter().position(|revision| revision.id == found.id);
            at.ok_or_else(|| Error::usage(format!("`{}` is below the stamped revision", found.id)))?
        }
    };
    Ok(ChainTestPlan { scratch, skipped })
}

/// Returns what the chain needs to run in a scratch database.
pub fn scratch(picture: &Picture) -> Result<ScratchPlan, Error> {
    let chain = chain(picture)?;
    runnable(chain)?;
    let candidate = target(picture)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    Disposable::server_is_ours(picture)
        .map_err(|refusal| Error::refused(refusal.message).detail("rule", refusal.rule).hint(refusal.remedy))?;
    if !server.role.create_database {
        return Err(Error::environment(format!(
            "role `{}` may not create databases, so there can be no scratch database",
            server.role.name
        ))
        .hint("devdb doctor --only no-createdb   (offers the grant)"));
    }
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

fn revisions(chain: &Chain, stamp: Option<&str>) -> Vec<Revision> {
    let stamped: Vec<String> = stamp.and_then(|name| chain.find(name)).map(|it| it.id.clone()).into_iter().collect();
    chain.pending(&stamped).into_iter().cloned().collect()
}
