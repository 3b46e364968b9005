//! The target's role and database in a cluster of devdb's own.

use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};

use super::cluster::Cluster;
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::secret::Secret;
use crate::model::server::LoginFailureKind;
use crate::model::target::Target;
use crate::wire::postgres::{Session, message, quote_ident, quote_literal};

const LOGIN: Duration = Duration::from_secs(10);
/// A password in a statement must not come to stand in the server's log.
const DISCREET: &str = "set log_statement = 'none'; set log_min_error_statement = 'panic'; \
                        set log_min_duration_statement = -1";
const ROLE: &str = "select 1 from pg_roles where rolname = $1";
const DATABASE: &str = "select 1 from pg_database where datname = $1";

/// Makes the target's role and its database where they are missing; in a cluster that is the project's own, the
/// URL says what the role's password is.
pub async fn ensure(cluster: &Cluster, target: &Target, tell: &mut dyn FnMut(Event)) -> Result<()> {
    let admin = cluster.superuser_target();
    let session = Box::pin(Session::open(&admin, admin.database(), "devdb", LOGIN)).await.map_err(|failure| {
        Error::environment("devdb's own role cannot log in to the project's cluster")
            .detail("server says", failure.message)
            .hint("devdb logs")
            .hint("if you changed its password, move `.devdb` away to begin with an empty cluster")
    })?;
    let done = Box::pin(ensure_with(&session, target, tell)).await;
    session.close().await;
    done
}

async fn ensure_with(session: &Session, target: &Target, tell: &mut dyn FnMut(Event)) -> Result<()> {
    let (role, database) = (target.user(), target.database());
    run(session, DISCREET).await?;
    let password = target.password.as_ref().map(Secret::reveal).filter(|password| !password.is_empty());
    let with_password = password.map(|text| format!(" PASSWORD {}", quote_literal(text))).unwrap_or_default();
    if !holds(session, ROLE, role).await? {
        // Everywhere else `postgres` is the superuser, and scripts count on it.
        let rights = if role == "postgres" { "SUPERUSER" } else { "CREATEDB" };
        run(session, &format!("CREATE ROLE {} LOGIN {rights}{with_password}", quote_ident(role))).await?;
        tell(Event::Note { text: format!("made the role `{role}`") });
    } else if !with_password.is_empty() && is_refused(target).await {
        run(session, &format!("ALTER ROLE {} LOGIN{with_password}", quote_ident(role))).await?;
        tell(Event::Note { text: format!("the password of role `{role}` is now the URL's") });
    }
    if !holds(session, DATABASE, database).await? {
        run(session, &format!("CREATE DATABASE {} OWNER {}", quote_ident(database), quote_ident(role))).await?;
        tell(Event::Note { text: format!("made the database `{database}`") });
    }
    Ok(())
}

async fn is_refused(target: &Target) -> bool {
    match Box::pin(Session::open(target, target.database(), "devdb", LOGIN)).await {
        Ok(session) => {
            session.close().await;
            false
        }
        Err(failure) => matches!(failure.kind, LoginFailureKind::Password | LoginFailureKind::NotPermitted),
    }
}

async fn holds(session: &Session, query: &str, name: &str) -> Result<bool> {
    let about: [(&(dyn ToSql + Sync), Type); 1] = [(&name, Type::NAME)];
    let rows = session.query_typed(query, &about).await.map_err(|error| refused(&error))?;
    Ok(!rows.is_empty())
}

async fn run(session: &Session, statement: &str) -> Result<()> {
    session.batch_execute(statement).await.map_err(|error| refused(&error))
}

fn refused(error: &tokio_postgres::Error) -> Error {
    Error::environment("the project's cluster did not take the role or the database")
        .detail("server says", message(error))
        .hint("devdb logs")
}
