//! Whether a chain can be replaced by one revision, and which files that touches.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::migrate::{chain, describe, sql_chain};
use super::scratch::{one_by_one, scratch};
use super::workplace::container;
use crate::error::Error;
use crate::model::chain::{Chain, Revision};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::squash::SquashPlan;
use crate::model::text::counted;

/// What stands on the command line.
#[derive(Debug, Clone)]
pub struct SquashRequest {
    pub message: Option<String>,
    /// How many of the newest revisions stay as they are.
    pub keep: usize,
    pub with_data: bool,
    /// Also where the database is behind.
    pub force: bool,
}

/// Returns the plan. `folder` is the name of the folder for the originals.
pub fn squash(picture: &Picture, request: &SquashRequest, folder: &str) -> Result<SquashPlan, Error> {
    if let Some(sql) = sql_chain(picture)? {
        return Err(Error::usage(format!(
            "this is a chain of SQL files ({}), and devdb squashes Alembic's only",
            sql.tool
        )));
    }
    let chain = chain(picture)?;
    whole(chain)?;
    if picture.config.migrations.bootstrap.is_some() {
        return Err(Error::usage("this chain needs tables that another command makes, so it cannot stand alone")
            .detail("set by", "devdb.toml: `migrations.bootstrap`"));
    }
    let scratch = scratch(picture)?;
    one_by_one(&scratch)?;
    let (squashed, kept) = parts(chain, request.keep)?;
    let Some(last) = squashed.last() else { return Err(Error::usage("there is nothing to squash")) };
    at_least(picture, chain, &squashed, request.force)?;
    let server = picture.server.known();
    let labels = squashed.iter().flat_map(|revision| revision.branch_labels.iter().cloned()).collect();
    let message = request.message.clone().unwrap_or_else(|| "initial schema".to_owned());
    let directory = last.at.file.parent().map(Path::to_path_buf).unwrap_or_default();
    let aside = aside(chain, folder)?;
    Ok(SquashPlan {
        file: directory.join(format!("{}_{}.py", last.id, slug(&message))),
        moves: moves(chain, &squashed, &aside),
        aside,
        message,
        labels,
        squashed: squashed.into_iter().cloned().collect(),
        kept: kept.into_iter().cloned().collect(),
        with_data: request.with_data,
        container: container(picture),
        major: server.map_or(0, |server| server.version_number / 10_000),
        scratch,
    })
}

/// Every file is read, nothing is wrong, and there is one end.
fn whole(chain: &Chain) -> Result<(), Error> {
    if let Some(file) = chain.unreadable.first() {
        return Err(Error::failed(format!("{}: {}", file.at, file.reason)).hint("devdb doctor"));
    }
    if let Some(fault) = chain.faults().first() {
        return Err(Error::failed("the chain has a fault, which has to be mended first")
            .detail("fault", describe(fault))
            .hint("devdb migrate check"));
    }
    let heads = chain.heads();
    if heads.len() > 1 {
        let list: Vec<&str> = heads.iter().map(|head| head.id.as_str()).collect();
        return Err(Error::usage(format!("the chain has {}, and a squash ends at one", counted(heads.len(), "head")))
            .detail("heads", list.join("\n"))
            .hint("devdb migrate merge   or   devdb migrate rebase"));
    }
    match chain.revisions.iter().find(|revision| revision.at.file.is_absolute()) {
        Some(outside) => {
            Err(Error::usage(format!("`{}` is not in the project, so it is not moved", outside.at.file.display())))
        }
        None => Ok(()),
    }
}

/// The older revisions, and the newest that stay. Those that stay may follow the last of the older ones only.
fn parts(chain: &Chain, keep: usize) -> Result<(Vec<&Revision>, Vec<&Revision>), Error> {
    let mut order = chain.pending(&[]);
    let at = order.len().saturating_sub(keep);
    let kept = order.split_off(at);
    if order.len() < 2 {
        let left = counted(order.len(), "revision");
        return Err(Error::usage(format!("that leaves {left}, so there is nothing to squash")));
    }
    let older: BTreeSet<&str> = order.iter().map(|revision| revision.id.as_str()).collect();
    let last = order.last().map_or("", |last| last.id.as_str());
    let named = |revision: &&Revision| {
        let mut named = revision.down_revisions.iter().chain(&revision.depends_on);
        named.any(|id| older.contains(id.as_str()) && id != last)
    };
    let below = chain.ancestors(last).len() + 1;
    if let Some(crossing) = kept.iter().find(|revision| named(revision)) {
        return Err(Error::usage(format!("`{}` follows a revision in the middle of the squashed ones", crossing.id))
            .hint("choose another number for `--keep`"));
    }
    if below != order.len() {
        return Err(Error::usage(format!("the chain is branched at `{last}`, so it cannot be cut there"))
            .hint("choose another number for `--keep`"));
    }
    Ok((order, kept))
}

/// A database that lacks squashed revisions could never get them: their files are gone from the chain.
fn at_least(picture: &Picture, chain: &Chain, squashed: &[&Revision], force: bool) -> Result<(), Error> {
    let Some(database) = picture.server.known().and_then(|server| server.database.known()) else { return Ok(()) };
    let Observed::Known(rows) = &database.versions else { return Ok(()) };
    let pending: BTreeSet<&str> = chain.pending(rows).iter().map(|it| it.id.as_str()).collect();
    let missing = squashed.iter().filter(|revision| pending.contains(revision.id.as_str())).count();
    if rows.is_empty() || missing == 0 || force {
        return Ok(());
    }
    Err(Error::refused(format!("`{}` lacks {} that would be squashed", database.name, counted(missing, "revision")))
        .detail("rule", "behind")
        .detail("why", "it could not be upgraded by the chain any more")
        .hint("devdb migrate up   (then squash)")
        .hint("or add `--force`, and run `devdb reset` afterwards"))
}

/// A folder beside the chain in which Alembic does not look for revisions.
fn aside(chain: &Chain, folder: &str) -> Result<PathBuf, Error> {
    let config = &chain.config;
    let beside = config.file.parent().map(Path::to_path_buf).unwrap_or_default();
    let places = [config.script_directory.clone(), beside, PathBuf::new()];
    let read = |place: &Path| {
        config.version_directories.iter().any(|versions| {
            if config.recursive {
                place.starts_with(versions) || versions.as_os_str().is_empty()
            } else {
                place == versions
            }
        })
    };
    places.into_iter().map(|place| place.join(folder)).find(|place| !place.is_absolute() && !read(place)).ok_or_else(
        || Error::usage("every folder of the project is searched for revisions, so none can take the old ones"),
    )
}

/// Where each original goes: its place below the version folder stays.
fn moves(chain: &Chain, squashed: &[&Revision], aside: &Path) -> Vec<(PathBuf, PathBuf)> {
    let folders = &chain.config.version_directories;
    let place = |revision: &&Revision| {
        let file = &revision.at.file;
        let folder = folders.iter().find(|folder| file.starts_with(folder));
        let inside = folder.and_then(|folder| file.strip_prefix(folder).ok()).unwrap_or(file);
        let several = folder.filter(|_| folders.len() > 1).and_then(|folder| folder.file_name());
        (file.clone(), aside.join(several.map(PathBuf::from).unwrap_or_default()).join(inside))
    };
    squashed.iter().map(place).collect()
}

/// A message as a part of a file's name.
fn slug(message: &str) -> String {
    let words: Vec<String> = message
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("_").chars().take(40).collect()
}
