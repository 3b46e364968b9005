//! A new, empty database beside the old one, and the clearing away of what a killed run left.

use std::sync::atomic::Ordering;

use super::Teller;
use super::admin::{Admin, Listed};
use super::properties::Properties;
use super::tag::{Role, Tag, is_beside, name_beside};
use crate::error::{Error, Result};
use crate::model::disposable::Disposable;
use crate::model::event::Event;
use crate::wire::postgres::quote_ident;

/// Reads again what the plan was made from: the same server, and the database still devdb's to replace.
pub(super) async fn prove_again(admin: &Admin, proof: &Disposable) -> Result<()> {
    const MARKER: &str = "select split_part(setting, '=', 2)
        from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) setting
        where d.datname = $1 and s.setrole = 0 and setting like 'devdb.environment=%'";
    let rows = admin.rows(MARKER, &[proof.database()], "read the database's marker").await?;
    let marker = rows.first().and_then(|row| row.try_get::<_, String>(0).ok());
    Disposable::marker_allows(proof.database(), marker.as_deref())
        .map_err(|refusal| Error::refused(refusal.message).detail("rule", refusal.rule).hint(refusal.remedy))?;
    let now = admin.system_identifier().await;
    if proof.system_identifier().is_some() && now.is_some() && now != proof.system_identifier() {
        return Err(Error::refused("another server answers now than the one that was looked at")
            .detail("rule", "identity")
            .hint("devdb doctor"));
    }
    Ok(())
}

/// Removes what a killed run left behind and returns the target to connections, when that run had closed it. Returns
/// whether the old database, renamed away by that run, has its name back.
/// The lock is held, so whatever is found here belongs to nobody that lives.
pub(super) async fn clean_up(admin: &Admin, target: &str, tell: &mut Teller<'_>) -> Result<bool> {
    let databases = admin.databases().await?;
    let own = |role: Role| {
        databases.iter().filter(move |it| it.tag.as_ref().is_some_and(|tag| tag.role == role && tag.of == target))
    };
    let current = databases.iter().find(|database| database.name == target);
    let mut restored = false;
    if let Some(aside) = own(Role::Aside).next() {
        restored = restore_aside(admin, target, current, aside, tell).await?;
    }
    // An undo, or the switch to a branch, announces its swap on the kept database: that one is worth keeping.
    let swapping = |it: &&Listed| it.tag.as_ref().is_some_and(|tag| tag.of == target && tag.swapping);
    let announced: Vec<&Listed> = databases.iter().filter(swapping).collect();
    if !announced.is_empty() && current.is_some_and(|current| !current.allows_connections) {
        reopen(admin, target).await?;
        tell(Event::Cleaned { what: format!("`{target}` accepts connections again") });
    }
    let is_kept = |tag: &Tag| matches!(tag.role, Role::Previous | Role::Branch);
    for kept in announced.iter().filter(|it| it.tag.as_ref().is_some_and(is_kept)) {
        let tag = kept.tag.clone().map(|tag| Tag { swapping: false, ..tag });
        admin.comment(&kept.name, tag.map(|tag| tag.comment()).as_deref()).await?;
    }
    // One that bears the target's own name was swapped in unfinished, beside no old one: see `rename_first`.
    let untagged = |it: &&Listed| it.is_blank() && UNFINISHED.iter().any(|kind| is_beside(&it.name, target, kind));
    let aside = own(Role::Aside).next().is_some();
    let unfinished = own(Role::Building).filter(|it| it.name != target || !aside);
    for left in unfinished.chain(databases.iter().filter(untagged)) {
        admin.drop_own(&left.name).await?;
        tell(Event::Cleaned { what: format!("the unfinished `{}` of a run that was killed", left.name) });
    }
    for name in super::spare::clean(admin, target, &databases).await? {
        tell(Event::Cleaned { what: format!("the unfinished `{name}` of a run that was killed") });
    }
    for open in own(Role::Snapshot).filter(|it| it.allows_connections) {
        close(admin, &open.name).await?;
    }
    super::scratch::clean(admin, target, &databases, tell).await?;
    Ok(restored)
}

/// A run that builds under the real name was killed: its half is dropped, the old database gets its name back.
async fn restore_aside(
    admin: &Admin,
    target: &str,
    current: Option<&Listed>,
    aside: &Listed,
    tell: &mut Teller<'_>,
) -> Result<bool> {
    let unfinished = current.is_some_and(|it| it.tag.as_ref().is_some_and(|tag| tag.role == Role::Building));
    if current.is_some() && !unfinished {
        // Somebody made a database of that name since: both stay, and the old one can still be brought back.
        let tag = aside.tag.clone().map(|tag| Tag { role: Role::Previous, ..tag });
        admin.comment(&aside.name, tag.map(|tag| tag.comment()).as_deref()).await?;
        return Ok(false);
    }
    if unfinished {
        admin.drop_own(target).await?;
    }
    let tag = aside.tag.as_ref();
    let comment = tag.and_then(|tag| Tag::standing(target, tag.comment.as_deref(), tag.branch.as_deref()));
    let rename = format!("alter database {} rename to {}", quote_ident(&aside.name), quote_ident(target));
    let comment = super::admin::comment_statement(target, comment.as_deref());
    admin.run(&format!("begin; {rename}; {comment}; commit"), "give the old database its name back").await?;
    tell(Event::Cleaned { what: format!("the old `{target}` has its name back") });
    Ok(true)
}

/// What the names of databases being built say.
pub(super) const BUILDING: &str = "building";

/// What a database is called that was not tagged yet when its run was killed.
const UNFINISHED: [&str; 3] = [BUILDING, "snapshot", "branch"];

/// Lets nobody connect to a database.
pub(super) async fn close(admin: &Admin, database: &str) -> Result<()> {
    let statement = format!("alter database {} allow_connections false", quote_ident(database));
    admin.run(&statement, &format!("close `{database}` to new connections")).await
}

/// What the names of replaced databases say.
pub(super) const PREVIOUS: &str = "previous";

/// Lets a database be connected to again.
pub(super) async fn reopen(admin: &Admin, database: &str) -> Result<()> {
    let statement = format!("alter database {} allow_connections true", quote_ident(database));
    admin.run(&statement, &format!("let `{database}` accept connections")).await
}

/// Creates the database to build in, tagged, with the old one's locale and properties; returns the tag.
pub(super) async fn create(
    admin: &Admin,
    name: &str,
    target: &str,
    old: Option<&Properties>,
    tell: &mut Teller<'_>,
) -> Result<Tag> {
    let tag = Tag::new(Role::Building, target, now(admin).await);
    create_tagged(admin, name, &tag, old, tell).await?;
    Ok(tag)
}

/// Creates an empty database with a tag, and with the locale and properties of another where there is one.
pub(super) async fn create_tagged(
    admin: &Admin,
    name: &str,
    tag: &Tag,
    old: Option<&Properties>,
    tell: &mut Teller<'_>,
) -> Result<()> {
    make(admin, name, old).await?;
    admin.comment(name, Some(&tag.comment())).await?;
    give(admin, name, old, tell).await
}

/// Creates an empty database as [`create_tagged`] does, without a tag.
pub(super) async fn create_untagged(
    admin: &Admin,
    name: &str,
    old: Option<&Properties>,
    tell: &mut Teller<'_>,
) -> Result<()> {
    make(admin, name, old).await?;
    give(admin, name, old, tell).await
}

async fn make(admin: &Admin, name: &str, old: Option<&Properties>) -> Result<()> {
    let quoted = quote_ident(name);
    let what = format!("create the database `{name}`");
    match old {
        None => admin.run(&format!("create database {quoted}"), &what).await,
        Some(old) => create_like(admin, &quoted, old, &what).await,
    }
}

async fn give(admin: &Admin, name: &str, old: Option<&Properties>, tell: &mut Teller<'_>) -> Result<()> {
    match old {
        Some(old) => old.give(admin, name, admin.target.user(), tell).await,
        None => Ok(()),
    }
}

/// From `template1`, as `createdb` does, where the locale is the same; else, or where it is busy, from `template0`.
async fn create_like(admin: &Admin, quoted: &str, old: &Properties, what: &str) -> Result<()> {
    let site = Properties::read(admin, "template1").await?;
    if site.is_some_and(|site| site.same_locale(old)) {
        if admin.attempt(&format!("create database {quoted}")).await.is_ok() {
            return Ok(());
        }
        admin.bare.store(true, Ordering::Relaxed);
    }
    admin.run(&format!("create database {quoted} template template0{}", old.create_options()), what).await
}

/// Returns a name for a database beside `target` that no other has.
pub(super) async fn free_name(admin: &Admin, target: &str, kind: &str) -> Result<String> {
    const RANDOM: &str = "select (random() * 4294967295)::bigint";
    let (taken, rows) = tokio::join!(admin.databases(), admin.rows(RANDOM, &[], "ask for a random number"));
    let taken: Vec<String> = taken?.into_iter().map(|database| database.name).collect();
    let mut unique: i64 = rows?.first().and_then(|row| row.try_get(0).ok()).unwrap_or(1);
    loop {
        let name = name_beside(target, kind, unique.unsigned_abs());
        if !taken.contains(&name) {
            return Ok(name);
        }
        unique += 1;
    }
}

/// Returns the server's clock in microseconds since 1970.
pub(super) async fn now(admin: &Admin) -> i64 {
    let rows =
        admin.rows("select (extract(epoch from clock_timestamp()) * 1000000)::bigint", &[], "ask for the time").await;
    rows.ok().and_then(|rows| rows.first()?.try_get(0).ok()).unwrap_or_default()
}
