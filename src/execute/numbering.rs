//! Where the numbers of a column stand, and where its rows end.

use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};

use crate::error::{Error, Result};
use crate::execute::admin::failed;
use crate::model::reported::{Numbered, Numbering};
use crate::model::schema::{ident, literal, qualified};
use crate::model::target::Target;
use crate::wire::postgres::Session;

const LOGIN: Duration = Duration::from_secs(5);

/// Returns the sequence of a column with its next number, and the highest that a row has; nothing where there is no
/// sequence, or one that counts down.
pub async fn numbering(target: &Target, numbered: &Numbered) -> Result<Option<Numbering>> {
    let opened = Session::open(target, target.database(), "devdb explain", LOGIN).await;
    let session = opened.map_err(|failure| {
        Error::environment(format!("cannot enter `{}`", target.database())).detail("server says", failure.message)
    })?;
    let found = ask(&session, numbered).await;
    session.close().await;
    found.map_err(|error| failed("ask where the numbers stand", &error))
}

async fn ask(session: &Session, numbered: &Numbered) -> Result<Option<Numbering>, tokio_postgres::Error> {
    const SEQUENCE: &str = "select pg_get_serial_sequence($1, $2)";
    session
        .batch_execute(
            "begin read only; set local search_path = ''; set local statement_timeout = '5s'; set local row_security = off",
        )
        .await?;
    let (table, column) = (qualified(&numbered.table.0, &numbered.table.1), &numbered.column);
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&table, Type::TEXT), (column, Type::TEXT)];
    let sequence = match &numbered.sequence {
        Some(sequence) => Some(sequence.clone()),
        None => session.query_typed(SEQUENCE, &parameters).await?.first().and_then(|row| row.try_get(0).ok().flatten()),
    };
    let Some(sequence) = sequence else { return Ok(None) };
    let stand = format!(
        "select s.last_value + case when s.is_called then i.seqincrement else 0 end,
                (select max({})::int8 from {table}), i.seqincrement
         from {sequence} s, pg_catalog.pg_sequence i where i.seqrelid = {}::regclass",
        ident(column),
        literal(&sequence),
    );
    let rows = session.query_typed(&stand, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (next, highest, by): (i64, Option<i64>, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok((by > 0).then_some(Numbering { sequence, next, by, highest }))
}
