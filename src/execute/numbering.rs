//! Where the numbers of a column stand, and where its rows end.

use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};

use crate::error::{Error, Result};
use crate::execute::admin::failed;
use crate::model::reported::Numbering;
use crate::model::schema::{TableName, ident, qualified};
use crate::model::target::Target;
use crate::wire::postgres::Session;

const LOGIN: Duration = Duration::from_secs(5);

/// Returns the sequence of a column with its next number, and the highest that a row has; nothing where the column has no
/// sequence of its own.
pub async fn numbering(target: &Target, table: &TableName, column: &str) -> Result<Option<Numbering>> {
    let opened = Session::open(target, target.database(), "devdb explain", LOGIN).await;
    let session = opened.map_err(|failure| {
        Error::environment(format!("cannot enter `{}`", target.database())).detail("server says", failure.message)
    })?;
    let found = ask(&session, &qualified(&table.0, &table.1), column).await;
    session.close().await;
    found.map_err(|error| failed("ask where the numbers stand", &error))
}

async fn ask(session: &Session, table: &str, column: &str) -> Result<Option<Numbering>, tokio_postgres::Error> {
    const SEQUENCE: &str = "select pg_get_serial_sequence($1, $2)";
    session
        .batch_execute("begin read only; set local search_path = ''; set local statement_timeout = '5s'; set local row_security = off")
        .await?;
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&table, Type::TEXT), (&column, Type::TEXT)];
    let rows = session.query_typed(SEQUENCE, &parameters).await?;
    let Some(sequence) = rows.first().and_then(|row| row.try_get::<_, Option<String>>(0).ok().flatten()) else {
        return Ok(None);
    };
    let stand = format!(
        "select s.last_value + case when s.is_called then i.seqincrement else 0 end,
                (select max({})::int8 from {table}), i.seqincrement
         from {sequence} s, pg_catalog.pg_sequence i where i.seqrelid = '{}'::regclass",
        ident(column),
        sequence.replace('\'', "''"),
    );
    let rows = session.query_typed(&stand, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (next, highest, by): (i64, Option<i64>, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok((by > 0).then_some(Numbering { sequence, next, highest }))
}
