//! What a reset will do.

use super::layers::{LayerRequest, layers};
use super::migrate::{program, version_table};
use super::workplace::{no_server, runnable, target, workplace};
use crate::error::Error;
use crate::model::chain::{Chain, Revision};
use crate::model::config::MigrationsConfig;
use crate::model::disposable::{Disposable, Refusal};
use crate::model::layer::Inputs;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::plan::{BlastRadius, ChainPlan, LayerPlan, Order, ResetPlan, SchemaPlan, SeedPlan};
use crate::model::server::{Attached, Server, Session};
use crate::model::sql_chain::SqlChain;

/// What the user asked for, with nothing left to interpret.
#[derive(Debug, Clone, Default)]
pub struct ResetRequest {
    /// The seed profile, besides the seeds without one.
    pub profile: Option<String>,
    pub no_seed: bool,
    /// Stop the chain at this revision.
    pub to: Option<String>,
    pub keep_failed: bool,
    pub in_place: bool,
    /// Start from an empty database, whatever layers there are.
    pub cold: bool,
    /// A child may be left to clear away and make a spare.
    pub later: bool,
}

/// Returns the plan of a reset, or why there is none.
pub fn reset(picture: &Picture, inputs: &Inputs, request: &ResetRequest) -> Result<ResetPlan, Error> {
    let candidate = target(picture)?;
    let proof = Disposable::prove(picture).map_err(refused)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    let database = server.database.known();
    let order = order(picture, server, request)?;
    let fallback = database.and_then(|database| database.attached.keeps_name()).filter(|_| !request.in_place);
    let sessions = database.map(|database| database.sessions.clone()).unwrap_or_default();
    if order != Order::InPlace {
        may_end(server, &sessions)?;
    }
    let where_from = Disposable::how(&proof).to_owned();
    let schema = schema(picture, request.to.as_deref())?;
    let (profile, seeds) = seeds(picture, request)?;
    let aside = order == Order::Aside;
    let wanted = LayerRequest { cold: request.cold, aside, profile, to: request.to.clone() };
    Ok(ResetPlan {
        blast: BlastRadius {
            server: format!("PostgreSQL {} at {}", server.version, candidate.target.address()),
            proof: where_from,
            size_bytes: database.map(|database| database.size_bytes).unwrap_or_default(),
            tables: database.and_then(|database| database.tables.known().copied()),
            estimated_rows: database.map(|database| database.estimated_rows).unwrap_or_default(),
        },
        exists: database.is_some(),
        workplace: workplace(picture)?,
        order,
        fallback,
        layers: layers(picture, inputs, &schema, &seeds, &wanted),
        schema,
        seeds: seeds.into_iter().map(|(_, seed)| seed).collect(),
        sessions,
        keep: picture.config.reset.keep,
        keep_failed: request.keep_failed,
        later: request.later && order == Order::Aside,
        proof,
    })
}

/// Returns the steps of an ordinary reset, and what they depend on.
pub fn layers_of(picture: &Picture, inputs: &Inputs) -> Result<LayerPlan, Error> {
    let (profile, seeds) = seeds(picture, &ResetRequest::default())?;
    let aside = picture.config.migrations.redirect != Some(false);
    let schema = schema(picture, None)?;
    Ok(layers(picture, inputs, &schema, &seeds, &LayerRequest { aside, profile, ..LayerRequest::default() }))
}

/// Returns the error of a refusal: the rule, what stands in the way, and what would make it pass.
pub(super) fn refused(refusal: Refusal) -> Error {
    Error::refused(refusal.message).detail("rule", refusal.rule).hint(refusal.remedy)
}

fn order(picture: &Picture, server: &Server, request: &ResetRequest) -> Result<Order, Error> {
    let exists = server.database.known().is_some();
    if exists && !server.role.owns_database {
        let owner = server.database.known().map(|database| database.owner.clone()).unwrap_or_default();
        let name = picture.target().map(|candidate| candidate.target.database().to_owned()).unwrap_or_default();
        return Err(Error::environment(format!("role `{}` does not own the database `{name}`", server.role.name))
            .detail("owner", owner)
            .hint(format!("have its owner run: ALTER DATABASE \"{name}\" OWNER TO \"{}\"", server.role.name)));
    }
    if let Some(attached) = server.database.known().map(|database| &database.attached) {
        nothing_prepared(server, attached)?;
        if attached.keeps_name().is_some() && !request.in_place && server.role.create_database {
            return Ok(Order::InPlace);
        }
    }
    if request.in_place {
        return if exists { Ok(Order::InPlace) } else { Err(no_createdb(server)) };
    }
    if !server.role.create_database {
        return Err(no_createdb(server));
    }
    Ok(if picture.config.migrations.redirect == Some(false) { Order::RenameFirst } else { Order::Aside })
}

/// No database can be renamed nor its schemas dropped while one holds it.
fn nothing_prepared(server: &Server, attached: &Attached) -> Result<(), Error> {
    let Some(first) = attached.prepared.first() else { return Ok(()) };
    let name = server.database.known().map(|database| database.name.clone()).unwrap_or_default();
    Err(Error::environment(format!("a prepared transaction holds `{name}`"))
        .detail("prepared", attached.prepared.join("\n"))
        .hint(format!("psql -d '{name}' -c \"ROLLBACK PREPARED '{first}'\"   (or COMMIT PREPARED)")))
}

fn no_createdb(server: &Server) -> Error {
    let role = &server.role.name;
    Error::environment(format!("role `{role}` may not create databases, so the new one cannot be built aside"))
        .hint("devdb doctor --only no-createdb   (offers the grant)")
        .hint("devdb reset --in-place   (drops and recreates the schemas inside the database; no way back)")
}

/// Sessions of other roles can be ended only by a superuser or a member of `pg_signal_backend`.
pub(super) fn may_end(server: &Server, sessions: &[Session]) -> Result<(), Error> {
    let role = &server.role;
    let beyond = |session: &&Session| !role.superuser && !role.signal_backend && session.user != role.name;
    let beyond: Vec<String> = sessions
        .iter()
        .filter(beyond)
        .map(|session| format!("pid {}: {} as `{}`", session.pid, session.application(), session.user))
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Error::environment(format!("role `{}` may not end the sessions that hold the database", role.name))
        .detail("sessions", beyond.join("\n"))
        .hint("close them where they were opened, then run it again"))
}

/// Returns what a new database of the project is given before its seeds; the chain stops at `to`.
fn schema(picture: &Picture, to: Option<&str>) -> Result<SchemaPlan, Error> {
    Ok(SchemaPlan {
        init: picture.recipe.init.clone(),
        bootstrap: picture.config.migrations.bootstrap.clone(),
        stamp: picture.config.migrations.stamp.clone(),
        chain: chain(picture, to)?,
    })
}

fn chain(picture: &Picture, to: Option<&str>) -> Result<ChainPlan, Error> {
    let configured = picture.config.migrations.upgrade.clone();
    if let Observed::Known(chain) = &picture.chain {
        runnable(chain)?;
        let odd = |to: &&str| !to.chars().all(|c| c.is_alphanumeric() || "._@+:-".contains(c));
        if let Some(to) = to.filter(odd) {
            return Err(Error::usage(format!("`{to}` is no revision")).hint("devdb doctor -v   (reads the chain)"));
        }
        return Ok(alembic(chain, &picture.config.migrations, to));
    }
    if let Some(command) = configured {
        if to.is_some() {
            return Err(Error::usage("`--to` needs a chain that devdb can read"));
        }
        return Ok(ChainPlan::Command {
            command,
            directory: std::path::PathBuf::new(),
            heads: Vec::new(),
            revisions: 0,
            version_table: None,
        });
    }
    match (&picture.recipe.sql_chain, &picture.chain) {
        (Observed::Known(chain), _) => Ok(ChainPlan::Sql { chain: sql(chain, to)? }),
        (Observed::Unknown(why), _) | (_, Observed::Unknown(why)) => {
            Err(Error::usage("the migrations cannot be read").detail("why", why.clone()).hint("devdb doctor"))
        }
        _ => Ok(ChainPlan::None),
    }
}

/// The chain, up to a version when one is named; its faults are said before anything is built.
fn sql(chain: &SqlChain, to: Option<&str>) -> Result<SqlChain, Error> {
    if let Some(fault) = chain.faults.first() {
        return Err(Error::failed(format!("the migrations of {} cannot be run", chain.tool))
            .detail("why", fault.describe())
            .hint("devdb doctor"));
    }
    let Some(to) = to else { return Ok(chain.clone()) };
    let last = chain.find(to).ok_or_else(|| Error::usage(format!("no migration has the version `{to}`")))?;
    Ok(chain.upto(last))
}

fn alembic(chain: &Chain, config: &MigrationsConfig, to: Option<&str>) -> ChainPlan {
    let (program, folder) = program(chain, config);
    // A command of the project's own knows its folder; Alembic's wants the one of its configuration.
    let (command, directory) = match (to, &config.upgrade) {
        (None, Some(configured)) => (configured.clone(), std::path::PathBuf::new()),
        (None, None) => (format!("{program} upgrade heads"), folder),
        (Some(revision), _) => (format!("{program} upgrade '{revision}'"), folder),
    };
    let heads = chain.version_rows_at_head().iter().map(|revision| revision.id.clone()).collect();
    ChainPlan::Command {
        directory,
        command,
        heads: if to.is_some() { Vec::new() } else { heads },
        revisions: upto(chain, to).count(),
        version_table: Some(version_table(&chain.config)),
    }
}

/// The revisions that an upgrade to `to` runs; all of them where that cannot be told (`+2`, a label).
fn upto<'a>(chain: &'a Chain, to: Option<&str>) -> impl Iterator<Item = &'a Revision> {
    let last = to.and_then(|to| chain.find(to));
    let below = last.map(|last| chain.ancestors(&last.id)).unwrap_or_default();
    let wanted = move |revision: &&Revision| {
        last.is_none_or(|last| last.id == revision.id || below.iter().any(|it| it.id == revision.id))
    };
    chain.revisions.iter().filter(wanted)
}

/// A profile's name, and seeds with their places in the recipe.
type Chosen = (Option<String>, Vec<(usize, SeedPlan)>);

/// Returns the profile, and its seeds beside the common ones.
fn seeds(picture: &Picture, request: &ResetRequest) -> Result<Chosen, Error> {
    if request.no_seed {
        return Ok((None, Vec::new()));
    }
    let all = &picture.recipe.seeds;
    let profile = request.profile.as_ref().or(picture.config.reset.seed.as_ref());
    if let Some(wanted) = profile {
        let known = |(of, _): &(Option<String>, SeedPlan)| of.as_ref() == Some(wanted);
        if !all.iter().any(known) {
            let mut profiles: Vec<&str> = all.iter().filter_map(|(of, _)| of.as_deref()).collect();
            profiles.dedup();
            let error = Error::usage(format!("there is no seed profile `{wanted}`"));
            return Err(match profiles.as_slice() {
                [] => error.hint(format!("put SQL files into `seeds/{wanted}/`")),
                some => error.hint(format!("profiles: {}", some.join(", "))),
            });
        }
    }
    let chosen = all.iter().enumerate().filter(|(_, (of, _))| of.is_none() || of.as_ref() == profile);
    Ok((profile.cloned(), chosen.map(|(index, (_, seed))| (index, seed.clone())).collect()))
}
