//! Whether a snapshot can be taken, brought back, written to a file or read from one.

use super::migrate::version_table;
use super::reset::{may_end, refused};
use super::workplace::{container, no_server, target};
use crate::error::Error;
use crate::model::disposable::Disposable;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::plan::BlastRadius;
use crate::model::server::{Database, Server};
use crate::model::snapshot::{ArchivePlan, ComparePlan, RestorePlan, SavePlan, Side, Snapshot, VersionRows, unfit};
use crate::model::target::Target;

/// What stands on the command line, and what git says.
#[derive(Debug, Clone, Default)]
pub struct SaveRequest {
    pub name: Option<String>,
    pub branch: Option<String>,
    pub force: bool,
}

/// Returns the plan of a new snapshot of the target.
pub fn save(picture: &Picture, request: SaveRequest) -> Result<SavePlan, Error> {
    let (plan, server) = prepared(picture, request)?;
    let database = existing(server, &plan.target)?;
    if !server.role.owns_database {
        return Err(not_owner(server, database));
    }
    may_end(server, &database.sessions)?;
    Ok(plan)
}

/// Returns the plan of an export, of the target itself or of a snapshot.
pub fn export(picture: &Picture, of: &Side) -> Result<ArchivePlan, Error> {
    let candidate = target(picture)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    if *of == Side::Live {
        existing(server, &candidate.target)?;
    }
    // Nothing is written to the server, but for a moment in which a snapshot is open.
    let proof = Disposable::prove(picture).map_err(refused)?;
    let save = SavePlan {
        proof,
        target: candidate.target.clone(),
        name: None,
        branch: None,
        force: false,
        version: VersionRows::None,
    };
    Ok(ArchivePlan { save, container: container(picture), major: server.version_number / 10_000 })
}

/// Returns the plan of an import into a new snapshot.
pub fn import(picture: &Picture, request: SaveRequest) -> Result<ArchivePlan, Error> {
    let (save, server) = prepared(picture, request)?;
    Ok(ArchivePlan { save, container: container(picture), major: server.version_number / 10_000 })
}

/// Returns the plan by which a snapshot takes the target's place.
pub fn restore(picture: &Picture, snapshot: Snapshot) -> Result<RestorePlan, Error> {
    let candidate = target(picture)?;
    let proof = Disposable::prove(picture).map_err(refused)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    may_create(server)?;
    let database = server.database.known();
    if let Some(database) = database {
        if !server.role.owns_database {
            return Err(not_owner(server, database));
        }
        may_end(server, &database.sessions)?;
    }
    let moved = head(picture).filter(|head| *head != snapshot.note.revision);
    let moved = moved.map(|head| (head, is_known(picture, &snapshot.note.revision)));
    Ok(RestorePlan {
        blast: BlastRadius {
            server: format!("PostgreSQL {} at {}", server.version, candidate.target.address()),
            proof: proof.how().to_owned(),
            size_bytes: database.map(|database| database.size_bytes).unwrap_or_default(),
            tables: database.and_then(|database| database.tables.known().copied()),
            estimated_rows: database.map(|database| database.estimated_rows).unwrap_or_default(),
        },
        target: candidate.target.clone(),
        exists: database.is_some(),
        sessions: database.map_or(0, |database| database.sessions.len()),
        keep: picture.config.reset.keep,
        snapshot,
        moved,
        proof,
    })
}

/// Returns the snapshot of that name; the newest without one. `all` is newest first.
pub fn find<'s>(all: &'s [Snapshot], name: Option<&str>, database: &str) -> Result<&'s Snapshot, Error> {
    let Some(name) = name else {
        return all
            .first()
            .ok_or_else(|| Error::usage(format!("there is no snapshot of `{database}`")).hint("devdb snapshot save"));
    };
    all.iter().find(|snapshot| snapshot.note.name == name).ok_or_else(|| {
        let error = Error::usage(format!("no snapshot of `{database}` is called `{name}`"));
        match all {
            [] => error.detail("there are", "none").hint("devdb snapshot save"),
            some => {
                let names: Vec<String> = some.iter().take(8).map(|it| format!("`{}`", it.note.name)).collect();
                error.detail("there are", names.join(", ")).hint("devdb snapshot list")
            }
        }
    })
}

/// Returns the plan of a comparison.
pub fn compare(picture: &Picture, before: Side, after: Side, content: bool) -> Result<ComparePlan, Error> {
    let target = target(picture)?.target.clone();
    Ok(ComparePlan { proof: proof(picture)?, target, before, after, content })
}

/// Returns one side of a comparison: `.` is the database itself.
pub fn side(all: &[Snapshot], name: &str, database: &str) -> Result<Side, Error> {
    if name == "." {
        return Ok(Side::Live);
    }
    find(all, Some(name), database).map(|snapshot| Side::Snapshot(snapshot.clone()))
}

/// Returns the proof that the target, and what devdb keeps of it, may be touched.
pub fn proof(picture: &Picture) -> Result<Disposable, Error> {
    let candidate = target(picture)?;
    let proof = Disposable::prove(picture).map_err(refused)?;
    picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    Ok(proof)
}

fn prepared(picture: &Picture, request: SaveRequest) -> Result<(SavePlan, &Server), Error> {
    if let Some((name, why)) = request.name.as_deref().and_then(|name| Some((name, unfit(name)?))) {
        return Err(Error::usage(format!("`{name}` is no name for a snapshot")).detail("why", why));
    }
    let candidate = target(picture)?;
    let proof = Disposable::prove(picture).map_err(refused)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    may_create(server)?;
    let SaveRequest { name, branch, force } = request;
    let version = version_rows(picture);
    Ok((SavePlan { proof, target: candidate.target.clone(), name, branch, force, version }, server))
}

fn existing<'p>(server: &'p Server, target: &Target) -> Result<&'p Database, Error> {
    server.database.known().ok_or_else(|| {
        Error::environment(format!("the server has no database `{}`", target.database())).hint("devdb reset")
    })
}

fn may_create(server: &Server) -> Result<(), Error> {
    if server.role.create_database {
        return Ok(());
    }
    Err(Error::environment(format!("role `{}` may not create databases, so it can keep no copies", server.role.name))
        .hint("devdb doctor --only no-createdb   (offers the grant)"))
}

fn not_owner(server: &Server, database: &Database) -> Error {
    let (role, name) = (&server.role.name, &database.name);
    Error::environment(format!("role `{role}` does not own the database `{name}`, so it may not copy it"))
        .detail("owner", database.owner.clone())
        .hint(format!("have its owner run: ALTER DATABASE \"{name}\" OWNER TO \"{role}\""))
}

fn version_rows(picture: &Picture) -> VersionRows {
    match (&picture.chain, &picture.recipe.sql_chain) {
        (Observed::Known(chain), _) => VersionRows::Alembic(version_table(&chain.config)),
        (_, Observed::Known(chain)) => VersionRows::Sql(chain.clone()),
        _ => VersionRows::None,
    }
}

/// Whether every row of a snapshot's revision is one of the chain's.
fn is_known(picture: &Picture, revision: &str) -> bool {
    let known = |row: &str| match (&picture.chain, &picture.recipe.sql_chain) {
        (Observed::Known(chain), _) => chain.revisions.iter().any(|it| it.id == row),
        (_, Observed::Known(chain)) => chain.migrations.iter().any(|it| it.version == row),
        _ => false,
    };
    revision.is_empty() || revision.split(", ").all(known)
}

/// Where the chain ends, as a snapshot's revision is written.
fn head(picture: &Picture) -> Option<String> {
    match (&picture.chain, &picture.recipe.sql_chain) {
        (Observed::Known(chain), _) => {
            let mut rows: Vec<&str> = chain.version_rows_at_head().iter().map(|it| it.id.as_str()).collect();
            rows.sort_unstable();
            Some(rows.join(", ")).filter(|rows| !rows.is_empty())
        }
        (_, Observed::Known(chain)) => {
            let numbered = chain.migrations.iter().rev().find(|migration| !migration.repeatable);
            numbered.map(|last| last.version.clone())
        }
        _ => None,
    }
}
