//! The session through which databases are made, renamed and dropped: on a maintenance database, with one lock a target.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Teller;
use super::bridge::Witness;
use super::tag::Tag;
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::server::LoginFailureKind;
use crate::model::target::Target;
use crate::model::text::visible;
use crate::wire::postgres::{Session, message, quote_ident, quote_literal};

/// How long a statement of the maintenance session may wait to get through.
const CONNECT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// The maintenance session.
pub(super) struct Admin {
    session: Session,
    pub target: Target,
    /// The database that it is on.
    pub entered: String,
    /// A database was made without what is in `template1`, as that was in use.
    pub bare: AtomicBool,
}

/// A database of the server.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub name: String,
    pub allows_connections: bool,
    /// This role may rename and drop it.
    pub owned: bool,
    pub tag: Option<Tag>,
    /// It has a comment, be it a tag or not.
    pub commented: bool,
}

impl Listed {
    /// True for a database that a run killed at its creation may have left: nothing but the name says what it is. One with a
    /// comment that is no tag has been written on since, by its owner or by another version of devdb, and is kept.
    pub(super) fn is_blank(&self) -> bool {
        self.tag.is_none() && !self.commented
    }
}

impl Admin {
    /// Returns a session on `postgres`, or on `template1` where that was dropped. `what` names the command to others.
    pub(super) async fn open(target: &Target, what: &str) -> Result<Self> {
        Self::open_one(target, what, &["postgres", "template1"]).await
    }

    /// Returns a session as [`Admin::open`] does, or on the target itself where the role may enter nothing else. All
    /// who use that role come to the same database, and so to the same lock.
    pub(super) async fn open_anywhere(target: &Target, what: &str) -> Result<Self> {
        Self::open_one(target, what, &["postgres", "template1", target.database()]).await
    }

    /// Returns a session for a short look, which spares a second one on `template1`: nobody can create databases from that
    /// while somebody is on it.
    pub(super) async fn glance(target: &Target, what: &str) -> Result<Self> {
        Self::open_one(target, what, &["template1", "postgres"]).await
    }

    async fn open_one(target: &Target, what: &str, databases: &[&str]) -> Result<Self> {
        let application = format!("devdb {what} {}", target.database());
        let mut failure = None;
        for maintenance in databases {
            match Session::open(target, maintenance, &application, CONNECT).await {
                Ok(session) => return Self::ready(session, target, maintenance).await,
                Err(error) => {
                    let closed = matches!(
                        error.kind,
                        LoginFailureKind::DatabaseMissing
                            | LoginFailureKind::NotPermitted
                            | LoginFailureKind::NoConnectionsAllowed
                    );
                    failure = failure.or(Some(error));
                    // Whoever uses this role must come to the same database, as locks are by database: a server that is
                    // silent, full or starting is not entered by another door.
                    if !closed {
                        break;
                    }
                }
            }
        }
        let silent = failure
            .as_ref()
            .is_some_and(|failure| matches!(failure.kind, LoginFailureKind::Network | LoginFailureKind::TimedOut));
        let why = failure.map(|failure| failure.message).unwrap_or_default();
        if silent {
            return Err(Error::environment(format!("no server answers at {}", target.address()))
                .detail("why", why)
                .hint("devdb up   (starts the project's server)")
                .hint("devdb doctor   (says what stands in the way)"));
        }
        Err(Error::environment(format!("cannot enter a maintenance database of {}", target.address()))
            .detail("server says", why)
            .hint("devdb doctor"))
    }

    async fn ready(session: Session, target: &Target, entered: &str) -> Result<Self> {
        let quiet = session.batch_execute("set client_min_messages = warning");
        let (quiet, unhurried) = tokio::join!(quiet, session.unhurried());
        quiet.and(unhurried).map_err(|error| failed("prepare the session", &error))?;
        let entered = entered.to_owned();
        Ok(Self { session, target: target.clone(), entered, bare: AtomicBool::new(false) })
    }

    /// Returns the server's major version.
    pub(super) fn major(&self) -> i32 {
        self.session.major()
    }

    /// Runs statements; `what` says what they were for.
    pub(super) async fn run(&self, statements: &str, what: &str) -> Result<()> {
        self.session.batch_execute(statements).await.map_err(|error| failed(what, &error))
    }

    /// Runs statements and gives the driver's own error.
    pub(super) async fn attempt(&self, statements: &str) -> Result<(), tokio_postgres::Error> {
        self.session.batch_execute(statements).await
    }

    /// Returns the rows of a query with text parameters.
    pub(super) async fn rows(&self, query: &str, parameters: &[&str], what: &str) -> Result<Vec<Row>> {
        let typed: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = parameters
            .iter()
            .map(|parameter| (parameter as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT))
            .collect();
        self.session.query_typed(query, &typed).await.map_err(|error| failed(what, &error))
    }

    /// Takes the lock of this target, waiting for another devdb when there is one; returns whether there was.
    pub(super) async fn lock(&self, tell: &mut Teller<'_>) -> Result<bool> {
        const LOCK: &str = "select pg_try_advisory_lock(hashtextextended('devdb ' || $1, 0))";
        let name = self.target.database();
        let mut told = false;
        loop {
            let rows = self.rows(LOCK, &[name], "take the lock").await?;
            if rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
                return Ok(told);
            }
            if !told {
                told = true;
                tell(Event::Waiting { holder: self.lock_holder(name).await? });
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    async fn lock_holder(&self, name: &str) -> Result<String> {
        const HOLDER: &str = "
            select a.application_name, a.pid, extract(epoch from now() - a.backend_start)::bigint
            from pg_locks l join pg_stat_activity a using (pid), hashtextextended('devdb ' || $1, 0) key
            where l.locktype = 'advisory' and l.granted and l.objsubid = 1
              and l.classid = ((key >> 32) & 4294967295)::oid and l.objid = (key & 4294967295)::oid";
        let rows = self.rows(HOLDER, &[name], "ask who holds the lock").await?;
        let Some(row) = rows.first() else { return Ok("another devdb".to_owned()) };
        let application: String = row.try_get(0).unwrap_or_default();
        let pid: i32 = row.try_get(1).unwrap_or_default();
        let seconds: i64 = row.try_get(2).unwrap_or_default();
        Ok(format!("`{}` (session {pid}, running for {seconds} s)", visible(&application)))
    }

    /// Returns by what others on this server know this session.
    pub(super) async fn witness(&self) -> Result<Witness> {
        const SELF: &str = "select pg_backend_pid(), current_setting('application_name')";
        let rows = self.rows(SELF, &[], "ask for the session's own name").await?;
        let row = rows.first();
        let pid = row.and_then(|row| row.try_get(0).ok()).unwrap_or_default();
        let application = row.and_then(|row| row.try_get(1).ok()).unwrap_or_default();
        Ok(Witness { pid, application })
    }

    /// Returns every database, with devdb's tags.
    pub(super) async fn databases(&self) -> Result<Vec<Listed>> {
        const LIST: &str = "select datname::text, datallowconn, shobj_description(oid, 'pg_database'),
                pg_has_role(current_user, datdba, 'usage'), datconnlimit <> -2
            from pg_database order by datname";
        let rows = self.rows(LIST, &[], "list the databases").await?;
        let listed = |row: &Row| {
            let comment: Option<String> = row.try_get(2).ok()?;
            let name: String = row.try_get(0).ok()?;
            Some(Listed {
                allows_connections: row.try_get(1).ok()?,
                owned: row.try_get(3).ok()?,
                commented: comment.is_some(),
                tag: Tag::read(comment.as_deref())
                    .filter(|tag| tag.belongs_on(&name))
                    .map(|tag| if row.try_get(4).unwrap_or(true) || tag.of == name { tag } else { tag.broken() }),
                name,
            })
        };
        Ok(rows.iter().filter_map(listed).collect())
    }

    /// Returns the server's identifier, where the role may read it.
    pub(super) async fn system_identifier(&self) -> Option<u64> {
        let query = "select system_identifier::text from pg_control_system()";
        let rows = self.session.query_typed(query, &[]).await.ok()?;
        rows.first()?.try_get::<_, String>(0).ok()?.parse().ok()
    }

    /// Writes a tag, or a comment, onto a database.
    pub(super) async fn comment(&self, database: &str, comment: Option<&str>) -> Result<()> {
        self.run(&comment_statement(database, comment), "write the comment on a database").await
    }

    /// Drops one of devdb's own databases, with the sessions on it; a client that reconnects in a loop is shut out.
    pub(super) async fn drop_own(&self, database: &str) -> Result<()> {
        let name = quote_ident(database);
        let force = if self.major() >= 13 { " with (force)" } else { "" };
        let drop = format!("drop database if exists {name}{force}");
        if !force.is_empty() && self.attempt(&drop).await.is_ok() {
            return Ok(());
        }
        // Where the role may not even close it, the DROP says so in better words.
        if let Err(error) = self.attempt(&format!("alter database {name} allow_connections false")).await {
            tracing::debug!(%error, "the database cannot be closed");
        }
        // FORCE is refused where a session is not this role's, be it autovacuum's, which a plain DROP sends away itself.
        let plain = format!("drop database if exists {name}");
        for _attempt in 0..50 {
            self.terminate_own(database).await?;
            if self.attempt(&plain).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.run(&drop, &format!("drop `{database}`")).await
    }

    /// Ends every other session on a database, without waiting for them to be gone.
    pub(super) async fn terminate(&self, database: &str) -> Result<()> {
        const TERMINATE: &str = "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = $1 and pid <> pg_backend_pid() and usesysid is not null";
        self.rows(TERMINATE, &[database], "end the sessions").await?;
        Ok(())
    }

    /// Ends the other sessions on a database that this role may end; the rest will block, and be named by the server.
    pub(super) async fn terminate_own(&self, database: &str) -> Result<()> {
        const TERMINATE: &str = "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = $1 and pid <> pg_backend_pid() and usesysid is not null
              and (usename = current_user or pg_has_role(current_user, 'pg_signal_backend', 'usage'))";
        self.rows(TERMINATE, &[database], "end the sessions").await?;
        Ok(())
    }

    /// Stops the statement that another session of the same role is running.
    pub(super) async fn cancel(&self, pid: i32) -> Result<()> {
        let pid = pid.to_string();
        self.rows("select pg_cancel_backend($1::int4)", &[&pid], "stop a statement").await?;
        Ok(())
    }

    /// True when the connection has ended.
    pub(super) fn is_lost(&self) -> bool {
        self.session.is_closed()
    }

    /// Gives the locks back and ends the session, without waiting for the server to be done with it.
    pub(super) async fn leave(self) {
        if let Err(error) = self.attempt("select pg_advisory_unlock_all()").await {
            tracing::debug!(%error, "the lock ends with the session");
        }
    }

    /// Ends the session, so that its lock is free when this returns.
    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

/// Returns the statement that sets or removes a database's comment.
pub(super) fn comment_statement(database: &str, comment: Option<&str>) -> String {
    let text = comment.map_or_else(|| "null".to_owned(), quote_literal);
    format!("comment on database {} is {text}", quote_ident(database))
}

/// Returns the error of a statement that the server refused.
pub(super) fn failed(what: &str, error: &tokio_postgres::Error) -> Error {
    let mut told = Error::environment(format!("cannot {what}")).detail("server says", message(error));
    if let Some(server) = error.as_db_error() {
        told = told
            .detail("SQLSTATE", server.code().code())
            .detail("detail", visible(server.detail().unwrap_or_default()))
            .detail("hint", visible(server.hint().unwrap_or_default()));
    }
    told
}
