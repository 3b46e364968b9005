//! A session that only asks, in transactions that end with a rollback.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::model::operation::Name;
use crate::wire::postgres::{Session, quote_ident, quote_literal};

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(2);

/// How long a question may wait for a lock.
const LOCK: Duration = Duration::from_millis(300);

pub(super) struct Look<'s> {
    session: &'s Session,
    end: Instant,
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Untold {
    /// It does not fit this database: no such table, no right to read it.
    NotApplicable,
    TooLong,
    /// Somebody holds a lock against readers.
    Locked,
}

/// What the server refused.
#[derive(Debug)]
pub(super) enum Refused {
    Untold(Untold),
    /// The statement failed by itself, with this SQLSTATE.
    Error(String),
}

/// A table of the database, as it is now.
#[derive(Debug, Clone)]
pub(super) struct There {
    /// Quoted, with its schema.
    pub(super) sql: String,
    pub(super) oid: String,
    pub(super) bytes: u64,
}

impl<'s> Look<'s> {
    pub(super) fn new(session: &'s Session, end: Instant) -> Self {
        Self { session, end }
    }

    /// Returns the rows of a query as texts.
    pub(super) async fn rows(&self, query: &str) -> Result<Vec<Vec<Option<String>>>, Refused> {
        let left = self.end.saturating_duration_since(Instant::now()).min(QUESTION);
        if left.is_zero() {
            return Err(Refused::Untold(Untold::TooLong));
        }
        let begin = format!(
            "begin read only; set local statement_timeout = {}; set local lock_timeout = {}; {query}",
            left.as_millis().max(1),
            LOCK.as_millis(),
        );
        let asked = self.session.simple_query(&begin).await;
        if let Err(error) = self.session.batch_execute("rollback").await {
            tracing::debug!(%error, "the question's transaction is over already");
        }
        let messages = asked.map_err(|error| refused(&error))?;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).collect())
    }

    /// Returns the numbers of a query's only row.
    pub(super) async fn numbers(&self, query: &str) -> Result<Vec<u64>, Refused> {
        let rows = self.rows(query).await?;
        let numbers = |row: Vec<Option<String>>| row.into_iter().map(|cell| cell?.parse().ok()).collect::<Option<_>>();
        rows.into_iter().next().and_then(numbers).ok_or(Refused::Untold(Untold::NotApplicable))
    }

    /// Returns the table of this name, as the search path finds it.
    pub(super) async fn table(&self, name: &Name) -> Result<There, Untold> {
        let schema = name.schema.as_deref().map(|schema| format!("{}.", quote_ident(schema)));
        let written = format!("{}{}", schema.unwrap_or_default(), quote_ident(&name.name));
        let query = format!(
            "select format('%I.%I', n.nspname, c.relname), c.oid, pg_table_size(c.oid) from pg_class c \
             join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass({}) and c.relkind in ('r', 'p')",
            quote_literal(&written),
        );
        let rows = self.rows(&query).await.map_err(Refused::untold)?;
        let mut cells = rows.into_iter().next().ok_or(Untold::NotApplicable)?.into_iter().flatten();
        let mut cell = || cells.next().ok_or(Untold::NotApplicable);
        Ok(There { sql: cell()?, oid: cell()?, bytes: cell()?.parse().unwrap_or_default() })
    }

    /// Returns a column's type; nothing when there is no such column.
    pub(super) async fn column_type(&self, table: &There, column: &str) -> Result<Option<String>, Untold> {
        let query = format!(
            "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = {} and attname = {} \
             and attnum > 0 and not attisdropped",
            table.oid,
            quote_literal(column),
        );
        let rows = self.rows(&query).await.map_err(Refused::untold)?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }
}

impl Refused {
    /// Returns why there is no answer, where the statement's own failure says nothing.
    pub(super) fn untold(self) -> Untold {
        match self {
            Self::Untold(untold) => untold,
            Self::Error(_) => Untold::NotApplicable,
        }
    }
}

fn refused(error: &tokio_postgres::Error) -> Refused {
    let Some(server) = error.as_db_error() else { return Refused::Untold(Untold::NotApplicable) };
    match server.code() {
        code if *code == SqlState::QUERY_CANCELED => Refused::Untold(Untold::TooLong),
        code if *code == SqlState::LOCK_NOT_AVAILABLE => Refused::Untold(Untold::Locked),
        code => Refused::Error(code.code().to_owned()),
    }
}
