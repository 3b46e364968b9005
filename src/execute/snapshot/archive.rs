//! Files in `pg_dump`'s custom format: written from the target or a snapshot, and read into a new snapshot, by the
//! programs inside the server's container, else by those of this machine that are new enough.
#![expect(clippy::disallowed_methods, reason = "the archive is a file of the user's")]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::{Copied, Saved, all, enter, keep, name};
use crate::error::{Error, Result};
use crate::execute::create::{close, create_tagged, free_name, now, reopen};
use crate::execute::properties::Properties;
use crate::execute::tag::{Role, Tag};
use crate::execute::{Surroundings, Teller};
use crate::model::event::{Event, Stage};
use crate::model::snapshot::{ArchivePlan, Side};
use crate::model::text;
use crate::parse::pg_archive::{ENOUGH, Head, read};

mod programs;

use programs::{Direction, run};

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    pub bytes: u64,
    pub took: Duration,
}

/// What is written where.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub side: &'a Side,
    pub file: &'a Path,
    /// Replaces the file that is there.
    pub force: bool,
}

/// Writes a database to a file, which appears there whole or not at all.
pub async fn export(
    plan: &ArchivePlan,
    wanted: Wanted<'_>,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Exported> {
    tokio::pin!(cancelled);
    let Wanted { side, file, force } = wanted;
    let started = Instant::now();
    let beside = beside(file, force)?;
    let direction = Direction::Out { file: beside.path() };
    let done = match side {
        Side::Live => {
            let database = plan.save.target.database();
            tell(Event::Started { stage: Stage::Dump, detail: format!("`{database}`") });
            tokio::select! {
                biased;
                () = cancelled => Err(Error::cancelled()),
                done = run(plan, database, direction, surroundings) => done,
            }
        }
        Side::Snapshot(snapshot) => {
            let what = "snapshot export";
            let admin = enter(&plan.save.target, what, &plan.save.proof, cancelled.as_mut(), tell).await?;
            tell(Event::Started { stage: Stage::Dump, detail: format!("`{}`", snapshot.note.name) });
            let there = all(&admin).await?.into_iter().any(|it| it.database == snapshot.database);
            let done = if there {
                // Open while it is read; a run that is killed meanwhile leaves that to the next.
                reopen(&admin, &snapshot.database).await?;
                let done = tokio::select! {
                    biased;
                    () = cancelled => Err(Error::cancelled()),
                    done = run(plan, &snapshot.database, direction, surroundings) => done,
                };
                close(&admin, &snapshot.database).await?;
                done
            } else {
                Err(Error::environment(format!("the snapshot `{}` was removed meanwhile", snapshot.note.name)))
            };
            admin.close().await;
            done
        }
    };
    done.map_err(|error| hidden(error, plan))?;
    let bytes = put_in_place(beside, file, force)?;
    tell(Event::Finished { stage: Stage::Dump, detail: text::size(bytes), took: started.elapsed() });
    Ok(Exported { bytes, took: started.elapsed() })
}

/// Makes a snapshot from a file.
pub async fn import(
    plan: &ArchivePlan,
    file: &Path,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Saved> {
    tokio::pin!(cancelled);
    let started = Instant::now();
    let head = head(file)?;
    fits(&head, plan.major, file)?;
    let save = &plan.save;
    let admin = enter(&save.target, "snapshot import", &save.proof, cancelled.as_mut(), tell).await?;
    let filled = async {
        let (name, replaced) = name(save, &all(&admin).await?)?;
        let target = save.proof.database();
        let like = Properties::read(&admin, target).await?;
        let database = free_name(&admin, target, "snapshot").await?;
        let began = Instant::now();
        tell(Event::Started { stage: Stage::Load, detail: format!("`{}`", file.display()) });
        let tag = Tag::new(Role::Building, target, now(&admin).await);
        let direction = Direction::In { file, program: head.program_major().unwrap_or_default() };
        let loaded = async {
            create_tagged(&admin, &database, &tag, like.as_ref(), tell).await?;
            run(plan, &database, direction, surroundings).await
        };
        let loaded = tokio::select! {
            biased;
            () = cancelled => Err(Error::cancelled()),
            loaded = loaded => loaded,
        };
        if let Err(error) = loaded {
            if let Err(other) = admin.drop_own(&database).await {
                tell(Event::Warning { text: format!("{}; the next run removes it", other.message) });
            }
            return Err(hidden(error, plan));
        }
        let what = format!("from PostgreSQL {}", text::visible(&head.server));
        tell(Event::Finished { stage: Stage::Load, detail: what, took: began.elapsed() });
        let properties = like.unwrap_or(Properties { connection_limit: -1, ..Properties::default() });
        let was = replaced.is_some();
        let snapshot = keep(&admin, save, Copied { database, name, replaced, properties }, tell).await?;
        Ok(Saved { snapshot, replaced: was, took: started.elapsed() })
    };
    let done = Box::pin(filled).await;
    admin.close().await;
    done
}

fn hidden(error: Error, plan: &ArchivePlan) -> Error {
    error.hiding(plan.save.target.password.as_ref().map_or("", |password| password.reveal()))
}

/// A file of nobody else's, in the folder of the one that is to be written.
fn beside(file: &Path, force: bool) -> Result<tempfile::NamedTempFile> {
    if file.is_dir() {
        return Err(Error::usage(format!("`{}` is a folder", file.display())).hint("name a file in it"));
    }
    if file.exists() && !force {
        return Err(already(file));
    }
    let folder = folder_of(file);
    tempfile::Builder::new()
        .prefix(".devdb-")
        .tempfile_in(&folder)
        .map_err(|error| Error::environment(format!("cannot write into `{}`", folder.display())).because(error))
}

fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn already(file: &Path) -> Error {
    Error::usage(format!("`{}` is there already", file.display())).hint("add `--force` to replace it")
}

fn put_in_place(beside: tempfile::NamedTempFile, file: &Path, force: bool) -> Result<u64> {
    let bytes = std::fs::metadata(beside.path()).map(|metadata| metadata.len()).unwrap_or_default();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => already(file),
        _ => Error::environment(format!("cannot write `{}`", file.display())).because(error),
    };
    beside.as_file().sync_all().map_err(failed)?;
    let placed = if force { beside.persist(file) } else { beside.persist_noclobber(file) };
    placed.map_err(|error| failed(error.error))?;
    Ok(bytes)
}

fn head(file: &Path) -> Result<Head> {
    let unreadable = |error: std::io::Error| Error::usage(format!("cannot read `{}`", file.display())).because(error);
    if file.is_dir() {
        return Err(Error::usage(format!("`{}` is a folder", file.display()))
            .detail("why", "devdb reads one file in pg_dump's custom format (`pg_dump -Fc`)"));
    }
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    let mut bytes = Vec::new();
    opened.take(ENOUGH as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    read(&bytes).map_err(|why| Error::usage(format!("`{}` cannot be imported", file.display())).detail("why", why))
}

/// A newer server's dump says what an older one does not understand.
fn fits(head: &Head, major: u32, file: &Path) -> Result<()> {
    let Some(from) = head.server_major().filter(|from| *from > major) else { return Ok(()) };
    Err(Error::environment(format!("`{}` comes from PostgreSQL {from}, this server is {major}", file.display()))
        .detail("why", "a dump of a newer server says what an older one does not understand")
        .hint("run the project's server in that version, or export from one of this version"))
}
