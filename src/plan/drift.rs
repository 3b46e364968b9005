//! How the models, the migrations and the database are learned.

use super::layers_of;
use super::migrate::{self, history};
use super::scratch::{scratch, server_of_ours};
use super::workplace::{no_server, target, workplace};
use crate::error::Error;
use crate::model::drift::{ChainSource, DriftPlan, ModelsSource, Position};
use crate::model::git::Elsewhere;
use crate::model::history::History;
use crate::model::layer::Inputs;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::scratch::ScratchPlan;
use crate::model::server::Database;

/// Returns how the three sources are learned; fails where there is no database to compare.
pub fn drift(picture: &Picture, inputs: &Inputs, privileges: bool) -> Result<DriftPlan, Error> {
    let candidate = target(picture)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    let database = server.database.known().ok_or_else(|| migrate::no_database(candidate))?;
    let has_chain = !picture.chain.is_absent() || !picture.recipe.sql_chain.is_absent();
    let command = picture.config.migrations.upgrade.as_deref().filter(|_| !has_chain);
    let history = has_chain.then(|| history(picture)).transpose();
    let position = match &history {
        Ok(Some(history)) => position(picture, database, history),
        // Where the command stands nobody can tell: what it makes is taken for what there should be.
        _ if command.is_some() => Position::AtHead,
        _ => Position::NoChain,
    };
    let made = if has_chain { scratch(picture) } else { bare(picture, command) };
    let chain = match (&history, &made) {
        (Ok(None), Ok(_)) if command.is_some() => {
            Observed::Known(ChainSource { layers: layers_of(picture, inputs).ok(), applied: None })
        }
        (Ok(None), Err(error)) if command.is_some() => Observed::Unknown(in_words(error)),
        (Ok(None), _) => Observed::Absent,
        (Err(error), _) | (Ok(Some(_)), Err(error)) => Observed::Unknown(in_words(error)),
        (Ok(Some(history)), Ok(scratch)) => Observed::Known(ChainSource {
            layers: layers_of(picture, inputs).ok(),
            applied: applied(&position, history, scratch),
        }),
    };
    let version_table = made.as_ref().ok().map(|made| made.version_table.clone()).filter(|(_, name)| !name.is_empty());
    Ok(DriftPlan {
        target: candidate.target.clone(),
        position,
        models: models(picture),
        version_table,
        scratch: made.map_err(|error| in_words(&error)),
        chain,
        privileges,
    })
}

fn in_words(error: &Error) -> String {
    let why = error.details.iter().find(|(label, _)| label == "why");
    why.map_or_else(|| error.message.clone(), |(_, why)| format!("{}: {why}", error.message))
}

/// A scratch database for models alone, or for a command of which nothing is known but that it migrates.
fn bare(picture: &Picture, command: Option<&str>) -> Result<ScratchPlan, Error> {
    server_of_ours(picture)?;
    let version_table = if command.is_some() { ("public", "alembic_version") } else { ("", "") };
    Ok(ScratchPlan {
        workplace: workplace(picture)?,
        command: command.unwrap_or_default().to_owned(),
        directory: std::path::PathBuf::new(),
        sql: None,
        init: picture.recipe.init.clone(),
        bootstrap: picture.config.migrations.bootstrap.clone(),
        stamp: None,
        version_table: (version_table.0.to_owned(), version_table.1.to_owned()),
        revisions: Vec::new(),
    })
}

fn models(picture: &Picture) -> Observed<ModelsSource> {
    match (&picture.config.models.metadata, &picture.chain) {
        (Some(name), _) => Observed::Known(ModelsSource::Named(name.clone())),
        (None, Observed::Known(_)) => Observed::Known(ModelsSource::EnvPy),
        (None, Observed::Absent)
            if picture.config.migrations.upgrade.is_some() && picture.recipe.sql_chain.is_absent() =>
        {
            Observed::Known(ModelsSource::EnvPy)
        }
        (None, _) => Observed::Absent,
    }
}

fn position(picture: &Picture, database: &Database, history: &History) -> Position {
    if !history.unknown.is_empty() {
        let origins = picture.origins.known();
        let found = origins.and_then(|it| it.found.iter().find(|it| history.unknown.contains(&it.revision.id)));
        let switch = found.and_then(|it| match &it.place {
            Elsewhere::Here => it.restore(),
            Elsewhere::Ref(name) => Some(format!("git switch {}", name.rsplit("origin/").next().unwrap_or(name))),
            _ => None,
        });
        return Position::Unknown { rows: history.unknown.clone(), found: found.map(|it| it.place.describe()), switch };
    }
    let rows = history.rows.as_ref().is_none_or(Vec::is_empty);
    let tables = database.tables.known().is_some_and(|tables| *tables > 0);
    match history.pending().len() {
        0 => Position::AtHead,
        _ if rows && tables => Position::Unstamped,
        pending => Position::Behind(pending),
    }
}

/// Returns the revisions that the database has, in the order in which a scratch database runs them.
fn applied(position: &Position, history: &History, scratch: &ScratchPlan) -> Option<Vec<String>> {
    if !matches!(position, Position::AtHead | Position::Behind(_)) {
        return None;
    }
    let is_applied = |id: &String| history.entry(id).is_some_and(|entry| entry.applied == Some(true));
    Some(scratch.revisions.iter().map(|it| it.id.clone()).filter(is_applied).collect())
}
