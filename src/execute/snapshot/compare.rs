//! Two databases compared: what they are made of, and how many rows, or which, their tables hold.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{all, enter};
use crate::error::{Error, Result};
use crate::execute::Teller;
use crate::execute::admin::{Admin, failed};
use crate::execute::build::unhurried;
use crate::execute::create::{close, reopen};
use crate::model::schema::{ObjectId, ObjectKind, Property, Schema};
use crate::model::snapshot::{ComparePlan, Comparison, Side, Snapshot, TableRows};
use crate::wire::catalog::{self, Options};
use crate::wire::postgres::{Session, quote_ident};

const LOGIN: Duration = Duration::from_secs(10);

/// The text of a row must be the same on both sides, whatever the databases set.
pub(in crate::execute) const SAME_TEXT: &str = "set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; set timezone = 'UTC';
    set extra_float_digits = 1; set bytea_output = 'hex'; set default_transaction_read_only = on; set row_security = off";

/// Compares two databases: their schemas, and the number of rows of each table, or a hash of them.
pub async fn compare(
    plan: &ComparePlan,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Comparison> {
    tokio::pin!(cancelled);
    // The lock keeps the snapshots where they are meanwhile.
    let admin = enter(&plan.target, "snapshot diff", &plan.proof, cancelled.as_mut(), tell).await?;
    let done = tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled()),
        done = Box::pin(compared(&admin, plan)) => done,
    };
    admin.close().await;
    done
}

async fn compared(admin: &Admin, plan: &ComparePlan) -> Result<Comparison> {
    let (before, after) = (enter_side(admin, &plan.before).await?, enter_side(admin, &plan.after).await?);
    let found = between(&before, &after, plan.content).await?;
    before.close().await;
    after.close().await;
    Ok(found)
}

async fn between(before: &Session, after: &Session, content: bool) -> Result<Comparison> {
    let (old, new) = tokio::try_join!(schema(before), schema(after))?;
    let mut found = Comparison { schema: old.differences(&new), ..Comparison::default() };
    for (id, columns) in tables(&old, &new) {
        found.compared += 1;
        let columns = columns.filter(|_| content);
        let (one, other) = tokio::try_join!(rows(before, id, columns.as_deref()), rows(after, id, columns.as_deref()))?;
        if one != other || one.is_none() {
            let count = |rows: Option<(u64, String)>| rows.map(|(count, _)| count);
            found.tables.push(TableRows { table: id.path(), before: count(one), after: count(other) });
        }
    }
    Ok(found)
}

/// Opens a session on one side. A snapshot is open for as long as the login takes; a run that is killed then leaves it
/// open until the next.
async fn enter_side(admin: &Admin, side: &Side) -> Result<Session> {
    let target = &admin.target;
    let opened = match side {
        Side::Live => Session::open(target, target.database(), "devdb snapshot", LOGIN).await,
        Side::Snapshot(snapshot) => {
            still_listed(admin, snapshot).await?;
            reopen(admin, &snapshot.database).await?;
            let opened = Session::open(target, &snapshot.database, "devdb snapshot", LOGIN).await;
            close(admin, &snapshot.database).await?;
            opened
        }
    };
    let session = opened.map_err(|failure| {
        Error::environment(format!("cannot enter `{}`", side.name())).detail("server says", failure.message)
    })?;
    unhurried(&session).await?;
    session.batch_execute(SAME_TEXT).await.map_err(|error| failed("prepare the session", &error))?;
    Ok(session)
}

async fn still_listed(admin: &Admin, snapshot: &Snapshot) -> Result<()> {
    if all(admin).await?.iter().any(|it| it.database == snapshot.database && it.note == snapshot.note) {
        return Ok(());
    }
    Err(Error::environment(format!("the snapshot `{}` was removed meanwhile", snapshot.note.name))
        .hint("devdb snapshot list"))
}

/// Returns what a database is made of.
pub(in crate::execute) async fn schema(session: &Session) -> Result<Schema> {
    catalog::read(session, Options::default()).await.map_err(|error| failed("read the catalog", &error))
}

/// The tables that both have, each with its columns where these are the same, whatever their order.
pub(in crate::execute) fn tables<'s>(old: &'s Schema, new: &Schema) -> BTreeMap<&'s ObjectId, Option<Vec<String>>> {
    let columns = |schema: &Schema, id: &ObjectId| {
        let mut columns = schema.column_order.get(&(id.schema.clone(), id.name.clone())).cloned().unwrap_or_default();
        columns.sort();
        columns
    };
    let is_ours = |(id, properties): &(&ObjectId, &crate::model::schema::Properties)| {
        let kind = properties.get(&Property::Kind);
        id.kind == ObjectKind::Table && kind.is_some_and(|kind| kind != "foreign table")
    };
    let both = old.objects.iter().filter(is_ours).filter(|(id, _)| new.objects.contains_key(*id));
    let with_columns = |(id, _)| {
        let ours = columns(old, id);
        (id, Some(ours).filter(|ours| *ours == columns(new, id)))
    };
    both.map(with_columns).collect()
}

/// How many rows a table has, and the sum of their hashes where columns are given: the same in whatever order the rows
/// lie. Nothing where the role may not read it.
pub(in crate::execute) async fn rows(
    session: &Session,
    id: &ObjectId,
    columns: Option<&[String]>,
) -> Result<Option<(u64, String)>> {
    let hash = columns.map_or_else(
        || "''".to_owned(),
        |columns| {
            let columns: Vec<String> = columns.iter().map(|column| quote_ident(column)).collect();
            let row = columns.join(", ");
            format!("coalesce(sum(hashtextextended((row({row})::text) collate \"C\", 0)::numeric), 0)::text")
        },
    );
    let table = format!("{}.{}", quote_ident(&id.schema), quote_ident(&id.name));
    let asked = session.query_typed(&format!("select count(*)::int8, {hash} from only {table}"), &[]).await;
    match asked {
        Ok(rows) => {
            let row = rows.first();
            let count = row.and_then(|row| row.try_get::<_, i64>(0).ok()).unwrap_or_default();
            let hash = row.and_then(|row| row.try_get(1).ok()).unwrap_or_default();
            Ok(Some((u64::try_from(count).unwrap_or_default(), hash)))
        }
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(None),
        Err(error) => Err(failed(&format!("count the rows of `{}`", id.path()), &error)),
    }
}
