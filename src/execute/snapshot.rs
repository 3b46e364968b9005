//! Snapshots: taken from the target, listed, brought back, removed. Each is a database beside the target, closed to
//! connections, that says in its tag what it is.

use std::time::Duration;

use tokio::time::Instant;

use super::admin::{Admin, comment_statement};
use super::clone::size;
use super::clone_live::{Wanted, clone_live};
use super::create::{BUILDING, clean_up, free_name, now, prove_again};
use super::properties::Properties;
use super::reset::prune;
use super::swap::{Exchange, swap};
use super::tag::{Role, Tag};
use super::{Teller, migrate};
use crate::error::{Error, Result};
use crate::model::disposable::Disposable;
use crate::model::event::{Event, Stage};
use crate::model::snapshot::{Note, RestorePlan, SavePlan, Snapshot, VersionRows, next_name};
use crate::model::target::Target;
use crate::model::text;
use crate::wire::history;
use crate::wire::postgres::{Session, quote_ident};

mod archive;
pub(super) mod compare;

pub use archive::{Exported, Wanted as ExportWanted, export, import};
pub use compare::compare;

/// What the names of snapshots' databases say.
const SNAPSHOT: &str = "snapshot";
const LOGIN: Duration = Duration::from_secs(10);

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub snapshot: Snapshot,
    /// One of the same name was there, and is gone.
    pub replaced: bool,
    pub took: Duration,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The name under which the replaced database is kept.
    pub kept: Option<String>,
    pub took: Duration,
}

/// Returns the snapshots of a target, newest first.
pub async fn list(target: &Target) -> Result<Vec<Snapshot>> {
    let admin = Admin::open(target, "snapshot list").await?;
    let found = all(&admin).await;
    admin.close().await;
    found
}

/// Takes a snapshot. `cancelled` resolves when the user gives up: what was copied is then removed.
pub async fn save(plan: &SavePlan, cancelled: impl Future<Output = ()>, tell: &mut Teller<'_>) -> Result<Saved> {
    tokio::pin!(cancelled);
    let started = Instant::now();
    let admin = enter(&plan.target, "snapshot save", &plan.proof, cancelled.as_mut(), tell).await?;
    let done = Box::pin(take(&admin, plan, cancelled, tell)).await;
    admin.close().await;
    done.map(|(snapshot, replaced)| Saved { snapshot, replaced, took: started.elapsed() })
}

/// Gives a copy of a snapshot the target's name, by the same swap as a reset.
pub async fn restore(
    plan: &RestorePlan,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Restored> {
    tokio::pin!(cancelled);
    let started = Instant::now();
    let admin = enter(&plan.target, "snapshot restore", &plan.proof, cancelled.as_mut(), tell).await?;
    let done = Box::pin(bring_back(&admin, plan, cancelled, tell)).await;
    admin.close().await;
    done.map(|kept| Restored { kept, took: started.elapsed() })
}

/// Drops snapshots.
pub async fn remove(target: &Target, proof: &Disposable, chosen: &[Snapshot], tell: &mut Teller<'_>) -> Result<()> {
    let admin = enter(target, "snapshot remove", proof, std::future::pending(), tell).await?;
    let mut done = Ok(());
    for snapshot in chosen {
        done = match still_there(&admin, snapshot).await {
            Ok(_tag) => admin.drop_own(&snapshot.database).await,
            Err(error) => Err(error),
        };
        if done.is_err() {
            break;
        }
    }
    admin.close().await;
    done
}

/// Opens the maintenance session, takes the lock, proves again, and clears away what a killed run left.
pub(super) async fn enter(
    target: &Target,
    what: &str,
    proof: &Disposable,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Admin> {
    let admin = Admin::open(target, what).await?;
    let locked = tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled()),
        locked = admin.lock(tell) => locked,
    };
    let ready = match locked {
        Ok(_waited) => prove_again(&admin, proof).await,
        Err(error) => Err(error),
    };
    let ready = match ready {
        Ok(()) => clean_up(&admin, target.database(), tell).await,
        Err(error) => Err(error),
    };
    match ready {
        Ok(_restored) => Ok(admin),
        Err(error) => {
            admin.close().await;
            Err(error)
        }
    }
}

/// The snapshots of the session's target, newest first.
pub(super) async fn all(admin: &Admin) -> Result<Vec<Snapshot>> {
    let target = admin.target.database();
    let now = now(admin).await;
    let mut found = Vec::new();
    for database in admin.databases().await? {
        let Some(tag) = database.tag.filter(|tag| tag.role == Role::Snapshot && tag.of == target) else { continue };
        let Some(note) = tag.snapshot else { continue };
        let age_seconds = (now - tag.made).max(0) / 1_000_000;
        found.push((tag.made, Snapshot { database: database.name, note, age_seconds }));
    }
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    Ok(found.into_iter().map(|(_, snapshot)| snapshot).collect())
}

async fn take(
    admin: &Admin,
    plan: &SavePlan,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<(Snapshot, bool)> {
    let target = plan.proof.database();
    let (name, replaced) = name(plan, &all(admin).await?)?;
    let properties = Properties::read(admin, target).await?;
    let properties =
        properties.ok_or_else(|| Error::environment(format!("the server has no database `{target}` any more")))?;
    let database = free_name(admin, target, SNAPSHOT).await?;
    let bytes = size(admin, target).await;
    let started = Instant::now();
    tell(Event::Started { stage: Stage::Copy, detail: text::size(bytes) });
    // Worthless until it says what it is: the next run removes what a killed one had begun.
    let tag = Tag::new(Role::Building, target, now(admin).await);
    let wanted = Wanted { source: target, bytes, name: &database, tag: &tag, properties: &properties };
    clone_live(admin, &wanted, cancelled, tell).await?;
    tell(Event::Finished { stage: Stage::Copy, detail: text::size(bytes), took: started.elapsed() });
    let was = replaced.is_some();
    let snapshot = keep(admin, plan, Copied { database, name, replaced, properties }, tell).await?;
    Ok((snapshot, was))
}

/// The name that the new snapshot gets, and the one that has it now.
pub(super) fn name(plan: &SavePlan, there: &[Snapshot]) -> Result<(String, Option<Snapshot>)> {
    let Some(name) = &plan.name else { return Ok((next_name(plan.branch.as_deref(), there), None)) };
    let same = there.iter().find(|snapshot| snapshot.note.name == *name);
    if same.is_some() && !plan.force {
        return Err(Error::usage(format!("there is a snapshot called `{name}` already"))
            .hint("add `--force` to replace it, or choose another name"));
    }
    Ok((name.clone(), same.cloned()))
}

/// A database that is complete, and not a snapshot yet.
pub(super) struct Copied {
    pub database: String,
    pub name: String,
    /// The snapshot that has the name.
    pub replaced: Option<Snapshot>,
    pub properties: Properties,
}

/// Turns a complete copy into a snapshot, in the place of the one that has its name; drops it when it cannot be.
pub(super) async fn keep(admin: &Admin, plan: &SavePlan, copied: Copied, tell: &mut Teller<'_>) -> Result<Snapshot> {
    let done = finish(admin, plan, &copied).await;
    if done.is_err()
        && let Err(error) = admin.drop_own(&copied.database).await
    {
        tell(Event::Warning { text: format!("{}; the next run removes it", error.message) });
    }
    done
}

async fn finish(admin: &Admin, plan: &SavePlan, copied: &Copied) -> Result<Snapshot> {
    let (target, database) = (plan.proof.database(), copied.database.as_str());
    copied.properties.limit(admin, database).await?;
    let note = Note {
        name: copied.name.clone(),
        revision: revision(plan, database).await.unwrap_or_default(),
        branch: plan.branch.clone(),
        bytes: size(admin, database).await,
    };
    let made = now(admin).await;
    let comment = copied.properties.comment.clone();
    let tag = Tag { comment, snapshot: Some(note.clone()), ..Tag::new(Role::Snapshot, target, made) };
    let mut statements = vec![
        format!("alter database {} allow_connections false", quote_ident(database)),
        comment_statement(database, Some(&tag.comment())),
    ];
    if let Some(replaced) = &copied.replaced {
        // Unfinished by its tag from now on: dropped below, or by the next run.
        let tag = Tag::new(Role::Building, target, made);
        statements.push(comment_statement(&replaced.database, Some(&tag.comment())));
    }
    admin.run(&format!("begin; {}; commit", statements.join("; ")), "name the snapshot").await?;
    if let Some(replaced) = &copied.replaced {
        admin.drop_own(&replaced.database).await?;
    }
    Ok(Snapshot { database: database.to_owned(), note, age_seconds: 0 })
}

/// Where a copy is on the chain; nothing when it cannot be told.
async fn revision(plan: &SavePlan, database: &str) -> Option<String> {
    match &plan.version {
        VersionRows::None => None,
        VersionRows::Alembic(table) => {
            migrate::versions(&plan.target.with_database(database), table).await.ok().map(|rows| rows.join(", "))
        }
        VersionRows::Sql(chain) => {
            let session = Session::open(&plan.target, database, "devdb snapshot", LOGIN).await.ok()?;
            let rows = history::read(&session, chain.tool, &chain.table).await.ok().flatten();
            session.close().await;
            Some(chain.current(&rows?)?.version.clone())
        }
    }
}

/// Reads again what was chosen: somebody may have removed it since.
async fn still_there(admin: &Admin, snapshot: &Snapshot) -> Result<Tag> {
    let found = admin.databases().await?.into_iter().find(|database| database.name == snapshot.database);
    let tag = found.and_then(|database| database.tag);
    tag.filter(|tag| tag.role == Role::Snapshot && tag.snapshot.as_ref() == Some(&snapshot.note)).ok_or_else(|| {
        Error::environment(format!("the snapshot `{}` was removed meanwhile", snapshot.note.name))
            .hint("devdb snapshot list")
    })
}

async fn bring_back(
    admin: &Admin,
    plan: &RestorePlan,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Option<String>> {
    let target = plan.proof.database();
    let kept = still_there(admin, &plan.snapshot).await?;
    let from = plan.snapshot.database.as_str();
    let missing = || Error::environment(format!("the snapshot `{}` is gone", plan.snapshot.note.name));
    let properties = Properties::read(admin, from).await?.ok_or_else(missing)?;
    let old = Properties::read(admin, target).await?;
    let building = free_name(admin, target, BUILDING).await?;
    let tag = Tag::new(Role::Building, target, now(admin).await);
    let bytes = size(admin, from).await;
    let started = Instant::now();
    tell(Event::Started { stage: Stage::Copy, detail: text::size(bytes) });
    let wanted = Wanted { source: from, bytes, name: &building, tag: &tag, properties: &properties };
    clone_live(admin, &wanted, cancelled, tell).await?;
    tell(Event::Finished { stage: Stage::Copy, detail: text::size(bytes), took: started.elapsed() });
    let started = Instant::now();
    tell(Event::Started { stage: Stage::Swap, detail: String::new() });
    let exchange = Exchange {
        proof: &plan.proof,
        incoming: &building,
        tag,
        comment: kept.comment,
        exists: old.is_some(),
        outgoing_comment: old.and_then(|old| old.comment),
    };
    let swapped = match properties.limit(admin, &building).await {
        Ok(()) => swap(admin, &exchange, tell).await,
        Err(error) => Err(error),
    };
    match swapped {
        Ok(kept) => {
            let detail = format!("`{target}` is the copy of `{}`", plan.snapshot.note.name);
            tell(Event::Finished { stage: Stage::Swap, detail, took: started.elapsed() });
            prune(admin, target, plan.keep, kept, tell).await
        }
        Err(error) => {
            if let Err(other) = admin.drop_own(&building).await {
                tell(Event::Warning { text: format!("{}; the next run removes it", other.message) });
            }
            Err(error.state("the old database was not touched and is in use"))
        }
    }
}
