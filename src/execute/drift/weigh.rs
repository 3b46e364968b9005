//! How many rows a script's statements would lose, or fail of.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::execute::admin::failed;
use crate::model::ddl::{Loss, Obstacle, Script, Weighed};
use crate::model::observed::Observed;
use crate::model::schema::{TableName, ident, qualified};
use crate::model::target::Target;
use crate::wire::postgres::{Session, message};

const LOGIN: Duration = Duration::from_secs(10);
/// What takes longer is not counted.
const PATIENCE: &str = "set statement_timeout = '10s'; set default_transaction_read_only = on";

/// Counts; what cannot be counted is unknown, with the reason.
pub async fn weigh(target: &Target, script: Script) -> Result<Weighed> {
    let asks = script.statements.iter().any(|it| it.loses.is_some() || it.meets.is_some());
    let mut weighed = Weighed { script, ..Weighed::default() };
    if !asks {
        return Ok(weighed);
    }
    let opened = Session::open(target, target.database(), "devdb drift", LOGIN).await;
    let session = opened.map_err(|failure| {
        Error::environment(format!("cannot enter `{}`", target.database())).detail("server says", failure.message)
    })?;
    session.batch_execute(PATIENCE).await.map_err(|error| failed("prepare to count", &error))?;
    for statement in &weighed.script.statements {
        let lost = statement.loses.as_ref().map(lost);
        let met = statement.meets.as_ref().map(met);
        weighed.lost.push(count(&session, lost).await);
        weighed.met.push(count(&session, met).await);
    }
    session.close().await;
    Ok(weighed)
}

async fn count(session: &Session, question: Option<String>) -> Option<Observed<u64>> {
    let rows = session.query_typed(&question?, &[]).await;
    Some(match rows {
        Ok(rows) => {
            let count = rows.first().and_then(|row| row.try_get::<_, i64>(0).ok());
            count.and_then(|it| u64::try_from(it).ok()).map_or(Observed::Absent, Observed::Known)
        }
        Err(error) => Observed::Unknown(message(&error)),
    })
}

fn from(table: &TableName) -> String {
    format!("select count(*)::int8 from {}", qualified(&table.0, &table.1))
}

fn lost(loss: &Loss) -> String {
    match loss {
        Loss::Rows(table) => from(table),
        Loss::Values { table, column } => format!("{} where {} is not null", from(table), ident(column)),
        Loss::Conversion { table, column, from: was, to } => {
            let column = ident(column);
            format!("{} where ({column}::{to}::{was})::text is distinct from {column}::text", from(table))
        }
    }
}

fn met(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Null { table, column } => format!("{} where {} is null", from(table), ident(column)),
        Obstacle::AnyRow(table) => from(table),
        Obstacle::Labels { table, column, labels } => {
            format!("{} where {}::text in ({})", from(table), ident(column), labels.join(", "))
        }
    }
}
