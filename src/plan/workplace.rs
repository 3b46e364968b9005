//! What every command of the project needs to run against the right database.

use crate::error::Error;
use crate::model::chain::{Chain, ChainFault};
use crate::model::picture::Picture;
use crate::model::plan::{Inside, Pointer, Workplace};
use crate::model::target::{Candidate, Origin};

/// Returns where and with what the project's commands run.
pub fn workplace(picture: &Picture) -> Result<Workplace, Error> {
    let candidate = target(picture)?;
    let revisions = picture.chain.known().map(|chain| chain.revisions.as_slice()).unwrap_or_default();
    Ok(Workplace {
        target: candidate.target.clone(),
        origin: candidate.origin.clone(),
        inside: inside(picture)?,
        python_environment: picture.recipe.python_environment.clone(),
        pointers: pointers(picture, candidate),
        revisions: revisions.iter().map(|revision| (revision.id.clone(), revision.at.clone())).collect(),
    })
}

/// Returns the database that the app uses; fails where nothing names one, or not the key that was configured.
pub fn target(picture: &Picture) -> Result<&Candidate, Error> {
    let candidate = picture.target().ok_or_else(no_target)?;
    if let Some(key) = picture.config.database.url_key.as_ref().filter(|key| candidate.origin.key() != key.as_str()) {
        return Err(Error::usage(format!(
            "devdb.toml: `database.url_key`: no file and no variable has a URL in `{key}`"
        )));
    }
    Ok(candidate)
}

fn no_target() -> Error {
    Error::environment("no file and no variable names a database").hint("devdb setup")
}

pub(super) fn no_server(picture: &Picture, candidate: &Candidate) -> Error {
    let why = picture.login_failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
    Error::environment(format!("cannot log in to {}", candidate.target))
        .detail("named by", candidate.origin.to_string())
        .detail("server says", why)
        .hint("devdb doctor")
}

/// Faults with which Alembic would refuse every command: said before anything is built.
pub(super) fn runnable(chain: &Chain) -> Result<(), Error> {
    // Alembic would stop at these, or wait for a pipe for ever.
    const BROKEN: [&str; 3] = ["invalid Python", "it is no regular file", "no `revision` variable"];
    let broken = |reason: &str| BROKEN.iter().any(|start| reason.starts_with(start));
    if let Some(double) = chain.faults().iter().find(|fault| matches!(fault, ChainFault::DuplicateId { .. })) {
        return Err(Error::failed(super::migrate::describe(double)).hint("devdb doctor   (says which lines to edit)"));
    }
    if let Some(broken) = chain.unreadable.iter().find(|file| broken(&file.reason)) {
        return Err(Error::failed(format!("the revision file `{}` cannot be run", broken.at))
            .detail("why", broken.reason.clone())
            .hint("devdb doctor"));
    }
    let error = match chain.run_order() {
        Ok(_order) => return Ok(()),
        Err(ChainFault::MissingParent { revision, parent, at }) => {
            Error::failed(format!("revision `{revision}` follows `{parent}`, which no file has"))
                .detail("where", at.to_string())
        }
        Err(ChainFault::Cycle { revisions }) => {
            Error::failed(format!("these revisions follow each other in a circle: {}", revisions.join(" -> ")))
        }
        Err(ChainFault::DuplicateId { id, files } | ChainFault::DuplicateLabel { label: id, files }) => {
            let files: Vec<String> = files.iter().map(ToString::to_string).collect();
            Error::failed(format!("`{id}` is claimed by several files")).detail("files", files.join("\n"))
        }
    };
    Err(error.hint("devdb doctor"))
}

fn inside(picture: &Picture) -> Result<Option<Inside>, Error> {
    let Some(service) = &picture.config.migrations.service else { return Ok(None) };
    let container = picture.container_of(service).filter(|container| container.is_running());
    let container = container.ok_or_else(|| {
        Error::environment(format!("service `{service}`, inside which the commands run, is not running"))
            .hint(format!("docker compose up -d {service}"))
    })?;
    Ok(Some(Inside { container: container.id.clone(), engine: picture.engine.address.clone() }))
}

/// The keys that name the target: while the new database is built they name that one, for commands that read them.
fn pointers(picture: &Picture, candidate: &Candidate) -> Vec<Pointer> {
    let mut pointers = Vec::new();
    for other in &picture.candidates {
        if !other.target.same_place(&candidate.target) {
            continue;
        }
        let key = match &other.origin {
            Origin::EnvFile { key, .. } | Origin::Shell { key } => key.clone(),
            _ => continue,
        };
        pointers.push(match &other.database_origin {
            Some(name) => Pointer::Name { key: name.key().to_owned() },
            None if other.host_origin.is_none() && other.port_origin.is_none() => {
                Pointer::Url { key, target: other.target.clone() }
            }
            None => continue,
        });
    }
    pointers
}

/// Returns the container that answered for the target, proven by the server's identifier.
pub(super) fn container(picture: &Picture) -> Option<Inside> {
    let container = picture.database_container().filter(|container| container.is_running())?;
    let identifier = picture.server.known()?.system_identifier?;
    let same = container.system_identifier.known() == Some(&identifier);
    same.then(|| Inside { container: container.id.clone(), engine: picture.engine.address.clone() })
}
