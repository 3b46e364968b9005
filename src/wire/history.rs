//! The table of an SQL chain's tool, read.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::postgres::Session;
use crate::model::sql_chain::{AppliedMigration, HistoryTable, SqlTool, State};

/// Returns the rows; nothing when there is no such table.
pub async fn read(
    session: &Session,
    tool: SqlTool,
    table: &HistoryTable,
) -> Result<Option<Vec<AppliedMigration>>, Error> {
    match session.query_typed(&table.query(tool), &[]).await {
        Ok(rows) => Ok(Some(rows.iter().map(row).collect())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn row(row: &tokio_postgres::Row) -> AppliedMigration {
    let text = |index: usize| row.try_get::<_, Option<String>>(index).ok().flatten();
    AppliedMigration {
        version: text(0).unwrap_or_default(),
        checksum: text(1),
        state: match text(2).as_deref() {
            Some("t") => State::Applied,
            Some("b") => State::Baseline,
            _ => State::Unfinished,
        },
    }
}

fn is_missing(error: &Error) -> bool {
    error.code().is_some_and(|code| [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(code))
}
