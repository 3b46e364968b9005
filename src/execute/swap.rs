//! The exchange of two databases' names, in one transaction, against clients that reconnect in a tight loop.
//!
//! Measured on the way here: terminating with a timeout argument polls at 100 ms a session, so it is called without;
//! a backend that passed the check just before is not yet visible, and a RENAME would wait five seconds for it, so
//! the renames run under a short `statement_timeout` and start over from the terminate.

use std::time::Duration;

use super::Teller;
use super::admin::{Admin, comment_statement, failed};
use super::create::{PREVIOUS, free_name, now, reopen};
use super::tag::{Role, Tag};
use crate::error::{Error, Result};
use crate::model::disposable::Disposable;
use crate::model::event::Event;
use crate::wire::postgres::quote_ident;

const POLL: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(20);
/// Milliseconds that one statement of the swap may take, at first and at most.
const FIRST_LIMIT: u32 = 60;
const LAST_LIMIT: u32 = 1_500;

/// What takes part in a swap.
pub(super) struct Exchange<'a> {
    pub proof: &'a Disposable,
    /// The database that takes the name.
    pub incoming: &'a str,
    /// What its comment says until it has the name.
    pub tag: Tag,
    /// The comment that it is to have for its owner.
    pub comment: Option<String>,
    /// Whether a database of that name exists now.
    pub exists: bool,
    /// The comment that the outgoing one has for its owner.
    pub outgoing_comment: Option<String>,
}

/// What is written on the outgoing database, and on the one that took its name.
pub(super) struct Marks {
    /// What the outgoing one's name says: `previous`, `branch`.
    pub kind: &'static str,
    pub outgoing: Tag,
    /// The whole comment of the incoming one.
    pub comment: Option<String>,
}

/// Gives `incoming` the target's name and returns the name under which the old database is kept, if there was one. A
/// git branch that the old one belongs to has the new one from then on: the branch follows the name.
pub(super) async fn swap(admin: &Admin, exchange: &Exchange<'_>, tell: &mut Teller<'_>) -> Result<Option<String>> {
    let target = exchange.proof.database();
    let (branch, made, free) = tokio::join!(live_branch(admin, target), now(admin), free(admin, target, PREVIOUS));
    let (branch, free) = (branch?, free?);
    let comment = exchange.outgoing_comment.clone();
    let marks = Marks {
        kind: PREVIOUS,
        comment: Tag::standing(target, exchange.comment.as_deref(), branch.as_deref()),
        outgoing: Tag { comment, branch, ..Tag::new(Role::Previous, target, made) },
    };
    exchange_marked(admin, exchange, &marks, free, tell).await
}

/// Returns what belongs to a database itself, and would stay with it under another name.
pub(super) async fn bound(admin: &Admin, database: &str) -> Result<Option<String>> {
    const BOUND: &str = "select 'logical replication slot `' || slot_name || '`' from pg_replication_slots
          where database = $1 and slot_type = 'logical' and not temporary
        union all select 'subscription `' || subname || '`' from pg_subscription
          where subdbid = (select oid from pg_database where datname = $1) limit 1";
    let rows = admin.rows(BOUND, &[database], "ask what belongs to a database").await?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()))
}

async fn may_lose_name(admin: &Admin, target: &str) -> Result<()> {
    let Some(what) = bound(admin, target).await? else { return Ok(()) };
    Err(Error::environment(format!(
        "the {what} belongs to `{target}` itself, and would stay with it under another name"
    ))
    .detail("state", "nothing was changed")
    .hint("drop it first, when nobody needs it: pg_drop_replication_slot('…'), or DROP SUBSCRIPTION"))
}

/// Returns the git branch that the target itself belongs to.
pub(super) async fn live_branch(admin: &Admin, target: &str) -> Result<Option<String>> {
    let listed = admin.databases().await?.into_iter().find(|database| database.name == target);
    Ok(listed.and_then(|listed| listed.tag).filter(|tag| tag.role == Role::Live).and_then(|tag| tag.branch))
}

/// Swaps as [`swap`] does, with marks of the caller's choice.
pub(super) async fn swap_marked(
    admin: &Admin,
    exchange: &Exchange<'_>,
    marks: &Marks,
    tell: &mut Teller<'_>,
) -> Result<Option<String>> {
    let free = free(admin, exchange.proof.database(), marks.kind).await?;
    exchange_marked(admin, exchange, marks, free, tell).await
}

/// Returns a free name for the outgoing database, which may lose its own.
async fn free(admin: &Admin, target: &str, kind: &str) -> Result<String> {
    let (may, name) = tokio::join!(may_lose_name(admin, target), free_name(admin, target, kind));
    may.and(name)
}

async fn exchange_marked(
    admin: &Admin,
    exchange: &Exchange<'_>,
    marks: &Marks,
    previous: String,
    tell: &mut Teller<'_>,
) -> Result<Option<String>> {
    let target = exchange.proof.database();
    let incoming = quote_ident(exchange.incoming);
    let new_comment = comment_statement(target, marks.comment.as_deref());
    if !exchange.exists {
        admin.terminate(exchange.incoming).await?;
        let name = quote_ident(target);
        let rename = format!(
            "alter database {incoming} rename to {name}; alter database {name} allow_connections true; {new_comment}"
        );
        let renamed = patiently(admin, &[exchange.incoming], &rename, None).await;
        return renamed.map(|()| None);
    }
    let old = quote_ident(&previous);
    let statements = format!(
        "alter database {} rename to {old}; alter database {incoming} rename to {}; \
         alter database {old} allow_connections true; alter database {} allow_connections true; {}; {new_comment}",
        quote_ident(target),
        quote_ident(target),
        quote_ident(target),
        comment_statement(&previous, Some(&marks.outgoing.comment())),
    );
    match exchange_names(admin, exchange, &statements, tell).await {
        Ok(()) => Ok(Some(previous)),
        // The commit may have been the last that the server did.
        Err(error) if admin.is_lost() => Err(error.state(
            "the server went away during the swap: the old database or the new one is in use, wholly; `devdb` says which",
        )),
        Err(error) => Err(error.state("the old database was not touched and is in use")),
    }
}

/// Ends the sessions on both and runs the renames. The target is closed to connections only when clients come back
/// faster than that: a run that is killed meanwhile would leave it closed until the next.
async fn exchange_names(admin: &Admin, exchange: &Exchange<'_>, statements: &str, tell: &mut Teller<'_>) -> Result<()> {
    let target = exchange.proof.database();
    let databases = [target, exchange.incoming];
    let mut nobody = tell_sessions(admin, target, exchange.incoming, tell).await?;
    for _attempt in 0..2 {
        if at_once(admin, &databases, statements, nobody).await? {
            return Ok(());
        }
        nobody = false;
    }
    announce(admin, exchange, true).await?;
    let close = format!("alter database {} allow_connections false", quote_ident(target));
    admin.run(&close, &format!("close `{target}` to new connections")).await?;
    let swapped = patiently(admin, &databases, statements, Some(target)).await;
    if swapped.is_err() {
        reopen(admin, target).await?;
        announce(admin, exchange, false).await?;
    }
    swapped
}

/// Tries the renames without closing anything; returns whether they are done. `nobody` was seen on them just before.
async fn at_once(admin: &Admin, databases: &[&str], statements: &str, nobody: bool) -> Result<bool> {
    if !nobody && !empty(admin, databases).await? {
        for database in databases {
            admin.terminate_own(database).await?;
        }
        let deadline = tokio::time::Instant::now() + Duration::from_millis(50);
        while !empty(admin, databases).await? {
            if tokio::time::Instant::now() > deadline {
                return Ok(false);
            }
            tokio::time::sleep(POLL).await;
        }
    }
    let limited = format!("begin; set local statement_timeout = {FIRST_LIMIT}; {statements}; commit");
    if admin.attempt(&limited).await.is_ok() {
        return Ok(true);
    }
    // What went wrong, if it is not a client's doing, is said by the attempt that follows.
    admin.run("rollback", "roll the swap back").await?;
    Ok(false)
}

/// Renames the target away, tagged, and `incoming` to its name, unfinished as it is; sessions are ended.
pub(super) async fn set_aside(
    admin: &Admin,
    exchange: &Exchange<'_>,
    aside: &str,
    tag: &Tag,
    tell: &mut Teller<'_>,
) -> Result<()> {
    let target = exchange.proof.database();
    let statements = format!(
        "alter database {target} rename to {aside}; alter database {incoming} rename to {target}; \
         alter database {aside} allow_connections true; {}; {}",
        comment_statement(aside, Some(&tag.comment())),
        comment_statement(target, Some(&exchange.tag.comment())),
        target = quote_ident(target),
        aside = quote_ident(aside),
        incoming = quote_ident(exchange.incoming),
    );
    exchange_names(admin, exchange, &statements, tell).await
}

/// Says on the incoming database that the target is about to be closed, so that the next run knows who closed it.
/// Its role stays what it is: a kept database must not look like an unfinished one.
async fn announce(admin: &Admin, exchange: &Exchange<'_>, swapping: bool) -> Result<()> {
    let tag = Tag { swapping, ..exchange.tag.clone() };
    admin.comment(exchange.incoming, Some(&tag.comment())).await
}

/// Names the sessions on the target, which are about to be ended; returns whether nobody is on it nor on the other.
pub(super) async fn tell_sessions(admin: &Admin, target: &str, other: &str, tell: &mut Teller<'_>) -> Result<bool> {
    const SESSIONS: &str = "select pid, coalesce(application_name, ''), coalesce(usename::text, ''), datname = $1
                            from pg_stat_activity
                            where datname in ($1, $2) and pid <> pg_backend_pid() and usesysid is not null
                            order by 2, 1";
    let all = admin.rows(SESSIONS, &[target, other], "list the sessions").await?;
    let rows: Vec<_> = all.iter().filter(|row| row.try_get(3).unwrap_or(true)).collect();
    for row in rows.iter().take(8) {
        let (pid, application, user): (i32, String, String) = (
            row.try_get(0).unwrap_or_default(),
            row.try_get(1).unwrap_or_default(),
            row.try_get(2).unwrap_or_default(),
        );
        let name = if application.is_empty() { "an unnamed client".to_owned() } else { application };
        tell(Event::Note { text: format!("ended the session of {name} as `{user}` (pid {pid})") });
    }
    if rows.len() > 8 {
        tell(Event::Note { text: format!("ended {} more sessions", rows.len() - 8) });
    }
    Ok(all.is_empty())
}

/// Ends sessions, waits until none is left, and runs the transaction; again from the start when a late one slipped in.
async fn patiently(admin: &Admin, databases: &[&str], statements: &str, closed: Option<&str>) -> Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut limit = FIRST_LIMIT;
    loop {
        for database in databases {
            admin.terminate(database).await?;
        }
        while !empty(admin, databases).await? {
            if tokio::time::Instant::now() > deadline {
                return Err(stuck(databases, closed));
            }
            for database in databases {
                admin.terminate(database).await?;
            }
            tokio::time::sleep(POLL).await;
        }
        let limited = format!("begin; set local statement_timeout = {limit}; {statements}; commit");
        let Err(error) = admin.attempt(&limited).await else { return Ok(()) };
        admin.run("rollback", "roll the swap back").await?;
        let code = error.code().map(tokio_postgres::error::SqlState::code);
        // 57014: the statement timeout; 55006: the database is being accessed.
        if !matches!(code, Some("57014" | "55006")) {
            return Err(failed("swap the two databases", &error).hint("the old database is in use as before"));
        }
        if tokio::time::Instant::now() > deadline {
            return Err(stuck(databases, closed));
        }
        // On a slow disk the renames themselves may need longer.
        limit = (limit * 3 / 2).min(LAST_LIMIT);
    }
}

/// Waits until nobody is on a database of our own; after `patience` the sessions are ended that may be. Returns who stays.
pub(super) async fn gone(admin: &Admin, database: &str, patience: Duration) -> Result<Option<String>> {
    const WHO: &str =
        "select coalesce(backend_type, 'a session') || case when coalesce(application_name, '') = '' then ''
            else ' `' || application_name || '`' end
        from pg_stat_activity where datname = $1 and pid <> pg_backend_pid() and usesysid is not null
        order by 1 limit 1";
    for forced in [false, true] {
        if forced {
            admin.terminate_own(database).await?;
        }
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let rows = admin.rows(WHO, &[database], "ask who is on the new database").await?;
            let Some(row) = rows.first() else { return Ok(None) };
            if tokio::time::Instant::now() > deadline {
                if forced {
                    return Ok(Some(row.try_get(0).unwrap_or_default()));
                }
                break;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(None)
}

/// Returns whether nobody is on these databases.
pub(super) async fn empty(admin: &Admin, databases: &[&str]) -> Result<bool> {
    // An autovacuum worker has no user and is the server's own: RENAME itself sends it away.
    const COUNT: &str = "select count(*) from pg_stat_activity
        where datname in ($1, $2) and pid <> pg_backend_pid() and usesysid is not null";
    for pair in databases.chunks(2) {
        let (first, last) = (pair.first().copied().unwrap_or_default(), pair.last().copied().unwrap_or_default());
        let rows = admin.rows(COUNT, &[first, last], "count the sessions").await?;
        if rows.first().is_none_or(|row| row.try_get::<_, i64>(0).unwrap_or(1) > 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn stuck(databases: &[&str], closed: Option<&str>) -> Error {
    let name = closed.or(databases.first().copied()).unwrap_or_default();
    Error::environment(format!("the sessions on `{name}` cannot be ended"))
        .detail(
            "why",
            "they did not go within 20 s; another role's, or a prepared transaction or replication slot holds it",
        )
        .hint("psql -c \"select pid, usename, application_name, state from pg_stat_activity\"   (shows who)")
        .hint("the old database is in use as before")
}
