//! How many rows a script's statements would lose, or fail of.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::execute::admin::failed;
use crate::model::ddl::{Loss, Obstacle, Script, Weighed};
use crate::model::observed::Observed;
use crate::model::schema::{TableName, ident, qualified};
use crate::model::target::Target;
use crate::wire::postgres::{Session, message};

const LOGIN: Duration = Duration::from_secs(10);
/// What takes longer is not counted, and what policies hide is not taken for nothing.
const PATIENCE: &str = "set statement_timeout = '5s'; set default_transaction_read_only = on; set row_security = off";
/// After this long no more is counted.
const ALL: Duration = Duration::from_secs(20);

/// Counts; what cannot be counted, or not in time, is unknown, with the reason.
pub async fn weigh(target: &Target, script: Script, cancelled: impl Future<Output = ()>) -> Result<Weighed> {
    tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled()),
        weighed = count_all(target, script) => weighed,
    }
}

async fn count_all(target: &Target, script: Script) -> Result<Weighed> {
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
    // What would be lost comes first: the time is spent on that.
    let started = Instant::now();
    for statement in &weighed.script.statements {
        let asked = statement.loses.as_ref().and_then(lost);
        weighed.lost.push(count_in_time(&session, started, asked).await);
    }
    for statement in &weighed.script.statements {
        let asked = statement.meets.as_ref().map(met);
        weighed.met.push(count_in_time(&session, started, asked).await);
    }
    session.close().await;
    Ok(weighed)
}

async fn count_in_time(session: &Session, started: Instant, question: Option<String>) -> Option<Observed<u64>> {
    let question = question?;
    if started.elapsed() > ALL {
        return Some(Observed::Unknown("there is too much to count".to_owned()));
    }
    let rows = session.query_typed(&question, &[]).await;
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

fn lost(loss: &Loss) -> Option<String> {
    Some(match loss {
        Loss::Rows(table) => from(table),
        Loss::Values { table, column } => format!("{} where {} is not null", from(table), ident(column)),
        Loss::Conversion { table, column, from: was, to } => {
            let column = ident(column);
            format!("{} where ({column}::{to}::{was})::text is distinct from {column}::text", from(table))
        }
        Loss::Extension | Loss::Position(_) => return None,
    })
}

fn met(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Null { table, column } => format!("{} where {} is null", from(table), ident(column)),
        Obstacle::AnyRow(table) => from(table),
        Obstacle::TooLong { table, column, to } => {
            let column = ident(column);
            // Blanks at the end do not count: they are cut off.
            format!("{} where rtrim({column}::{to}::text) is distinct from rtrim({column}::text)", from(table))
        }
        Obstacle::Check { table, condition } => {
            format!("select count(*)::int8 from {table} where not ({condition})")
        }
        Obstacle::Twice { table, columns } => {
            // Nulls are not equal to each other.
            format!(
                "select coalesce(sum(n), 0)::int8 from (select count(*) as n from {table} where ({columns}) is not null
                 group by {columns} having count(*) > 1) twice"
            )
        }
        Obstacle::Orphans { table, columns, to, keys } => {
            let given: Vec<String> = columns.iter().map(|column| format!("it.{column} is not null")).collect();
            let pairs: Vec<String> =
                columns.iter().zip(keys).map(|(column, key)| format!("other.{key} = it.{column}")).collect();
            format!(
                "select count(*)::int8 from {table} it where {} and not exists (select from {to} other where {})",
                given.join(" and "),
                pairs.join(" and ")
            )
        }
        Obstacle::Labels { table, column, labels } => {
            format!("{} where {}::text in ({})", from(table), ident(column), labels.join(", "))
        }
    }
}
