//! A copy of a database that clients are on, without closing it.
//!
//! `CREATE DATABASE … TEMPLATE` takes a lock for which every new connection waits until the copy is made, then gives
//! those that are on the source five seconds to go. So nobody has to be shut out: while one session copies, another
//! ends whoever slipped in before the lock, and clients that reconnect in a loop are let in when the copy is there. A
//! run that is killed at any moment leaves the source open.

use std::time::Duration;

use super::Teller;
use super::admin::Admin;
use super::clone::clone;
use super::properties::Properties;
use super::swap::{empty, tell_sessions};
use super::tag::Tag;
use crate::error::{Error, Result};
use crate::model::event::Event;

const POLL: Duration = Duration::from_millis(10);
/// The server asks every 100 ms whether a source is free: it is worth a moment to ask later, and once.
const MOMENT: Duration = Duration::from_millis(50);

/// A copy that is to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub source: &'a str,
    /// The source's size.
    pub bytes: u64,
    pub name: &'a str,
    pub tag: &'a Tag,
    pub properties: &'a Properties,
}

/// Makes a tagged copy of a database, whose sessions are named and ended; removes it again when `cancelled`
/// resolves, or when it cannot be finished.
pub(super) async fn clone_live(
    admin: &Admin,
    wanted: &Wanted<'_>,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<()> {
    let Wanted { source, bytes, name, tag, properties } = *wanted;
    tell_sessions(admin, source, source, tell).await?;
    let copier = admin.witness().await?.pid;
    admin.terminate_own(source).await?;
    let moment = tokio::time::Instant::now() + MOMENT;
    while !empty(admin, &[source]).await? && tokio::time::Instant::now() < moment {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let helper = Admin::open(&admin.target, "copy").await?;
    let done = {
        let copying = clone(admin, (source, bytes), (name, tag), properties, tell);
        tokio::pin!(copying);
        tokio::select! {
            biased;
            () = cancelled => {
                helper.cancel(copier).await?;
                // The server undoes what it had copied; what it had finished is dropped below.
                if let Err(stopped) = copying.await {
                    tracing::debug!(%stopped, "the copy was stopped");
                }
                Err(Error::cancelled())
            }
            done = &mut copying => done,
            error = end_sessions(&helper, source) => Err(error),
        }
    };
    helper.close().await;
    if done.is_err()
        && let Err(error) = admin.drop_own(name).await
    {
        tell(Event::Warning { text: format!("{}; the next run removes it", error.message) });
    }
    done.map_err(|error| in_use(error, source))
}

/// Ends sessions for as long as nobody stops it; returns what kept it from that.
async fn end_sessions(helper: &Admin, database: &str) -> Error {
    loop {
        if let Err(error) = helper.terminate_own(database).await {
            return error;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// 55006: somebody stayed for five seconds.
fn in_use(error: Error, source: &str) -> Error {
    let busy = error.details.iter().any(|(label, text)| label == "SQLSTATE" && text == "55006");
    if !busy {
        return error;
    }
    error
        .detail("why", format!("another role's session, a prepared transaction or a replication slot holds `{source}`"))
        .hint("psql -c \"select pid, usename, application_name, state from pg_stat_activity\"   (shows who)")
}
