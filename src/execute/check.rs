//! `devdb reset --check`: what a reset would make from layers, beside what it makes from nothing, compared in schema and
//! content. What differs between two that are made from nothing (times, random values) is not held against the layers.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::types::Type;

use super::admin::{Admin, failed};
use super::build::{Build, unhurried};
use super::commands::Runner;
use super::create::{clean_up, prove_again};
use super::layers::Layers;
use super::properties::Properties;
use super::reset::{StageLog, begin};
use super::snapshot::compare::{SAME_TEXT, rows, schema, tables};
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::layer::Checked;
use crate::model::plan::{LayerPlan, Order, ResetPlan};
use crate::model::schema::{ObjectId, Schema};
use crate::wire::postgres::{Session, quote_ident};

const LOGIN: Duration = Duration::from_secs(10);

/// Makes both, compares them, and drops them; layers that make something else are given up. The target is not touched.
pub async fn check(
    plan: &ResetPlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Checked> {
    let admin = Admin::open(&plan.workplace.target, "check").await?;
    let mut made = Vec::new();
    let done = tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled()),
        done = Box::pin(locked(&admin, plan, surroundings, &mut made, tell)) => done,
    };
    for name in made {
        if let Err(error) = admin.drop_own(&name).await {
            tell(Event::Warning { text: format!("{}; the next reset removes it", error.message) });
        }
    }
    admin.close().await;
    done
}

async fn locked(
    admin: &Admin,
    plan: &ResetPlan,
    surroundings: &Surroundings,
    made: &mut Vec<String>,
    tell: &mut Teller<'_>,
) -> Result<Checked> {
    only_aside(plan)?;
    admin.lock(tell).await?;
    prove_again(admin, &plan.proof).await?;
    clean_up(admin, plan.proof.database(), tell).await?;
    let old = Properties::read(admin, plan.proof.database()).await?;
    let layers = Layers::look(admin, &plan.layers, old.as_ref()).await?;
    let start = layers.start_layer(&admin.databases().await?);
    let Some(done) = start else { return Ok(Checked::default()) };
    tell(Event::Note { text: format!("from the layer of {}:", layers.describe(done)) });
    let warm = make(admin, (plan, &plan.layers), surroundings, made, tell).await?;
    tell(Event::Note { text: "from nothing:".to_owned() });
    let nothing = LayerPlan { start: false, ..plan.layers.clone() };
    let cold = make(admin, (plan, &nothing), surroundings, made, tell).await?;
    let mut found = Checked { started_from: Some(layers.describe(done)), ..Checked::default() };
    let (from_layer, from_nothing) = tokio::try_join!(schema(&warm), schema(&cold))?;
    found.schema = from_layer.differences(&from_nothing);
    let suspects = suspects(&warm, &cold, (&from_layer, &from_nothing), &mut found).await?;
    if !suspects.is_empty() {
        tell(Event::Note { text: "from nothing again, as some values differ:".to_owned() });
        let again = make(admin, (plan, &nothing), surroundings, made, tell).await?;
        judge(&warm, &cold, &again, suspects, &mut found).await?;
        again.close().await;
    }
    warm.close().await;
    cold.close().await;
    if !found.is_equal() {
        for key in layers.keys.iter().flatten() {
            admin.drop_layer(key).await?;
            found.dropped += 1;
        }
    }
    Ok(found)
}

/// Commands that cannot be pointed at another database would run on the target.
pub(super) fn only_aside(plan: &ResetPlan) -> Result<()> {
    if plan.order == Order::Aside {
        return Ok(());
    }
    Err(Error::usage("layers are for databases that are built beside the old one").detail(
        "why",
        "`[migrations] redirect = false`, a slot or a subscription, or a role that may create no databases",
    ))
}

/// Builds a database as a reset would with these layers, and enters it.
async fn make(
    admin: &Admin,
    (plan, with): (&ResetPlan, &LayerPlan),
    surroundings: &Surroundings,
    made: &mut Vec<String>,
    tell: &mut Teller<'_>,
) -> Result<Session> {
    let plan = ResetPlan { layers: LayerPlan { spares: false, ..with.clone() }, ..plan.clone() };
    let old = Properties::read(admin, plan.proof.database()).await?;
    let layers = Layers::look(admin, &plan.layers, old.as_ref()).await?;
    let begun = begin(admin, &plan, &layers, old.as_ref(), tell).await?;
    made.push(begun.name.clone());
    let runner = Runner { workplace: &plan.workplace, surroundings, database: &begun.name, witness: None };
    Build::new(&plan, &runner, begun.done).run(&mut StageLog::default(), tell).await?;
    let session =
        Session::open(&plan.workplace.target, &begun.name, "devdb check", LOGIN).await.map_err(|failure| {
            Error::environment(format!("cannot enter `{}`", begun.name)).detail("server says", failure.message)
        })?;
    unhurried(&session).await?;
    session.batch_execute(SAME_TEXT).await.map_err(|error| failed("prepare the session", &error))?;
    Ok(session)
}

/// A table, and those of its columns whose values are not the same on both sides, each with the hash that it has.
type Suspects = BTreeMap<ObjectId, (Vec<String>, Vec<String>)>;

/// Returns the tables with as many rows on both sides and other values; those with more or fewer rows are found at once.
async fn suspects(
    warm: &Session,
    cold: &Session,
    (one, other): (&Schema, &Schema),
    found: &mut Checked,
) -> Result<Suspects> {
    let mut suspects = Suspects::new();
    for (id, columns) in tables(one, other) {
        found.tables += 1;
        let Some(columns) = columns else { continue };
        let (ours, theirs) = tokio::try_join!(rows(warm, id, Some(&columns)), rows(cold, id, Some(&columns)))?;
        found.rows += ours.as_ref().map_or(0, |(count, _)| *count);
        let count = |rows: &Option<(u64, String)>| rows.as_ref().map_or(0, |(count, _)| *count);
        if count(&ours) != count(&theirs) {
            let (ours, theirs) = (count(&ours), count(&theirs));
            found.content.push(format!("{}: {ours} rows from the layer, {theirs} from nothing", id.path()));
        } else if ours != theirs {
            let (a, b) = tokio::try_join!(hashes(warm, id, &columns), hashes(cold, id, &columns))?;
            let differ = columns.iter().zip(a.iter().zip(&b)).filter(|(_, (a, b))| a != b);
            let differ: Vec<String> = differ.map(|(column, _)| column.clone()).collect();
            suspects.insert(id.clone(), (columns, differ));
        }
    }
    Ok(suspects)
}

/// Takes for volatile what differs between the two that were made from nothing; the rest must be the same.
async fn judge(warm: &Session, cold: &Session, again: &Session, suspects: Suspects, found: &mut Checked) -> Result<()> {
    for (id, (columns, differ)) in suspects {
        let (first, second) = tokio::try_join!(hashes(cold, &id, &columns), hashes(again, &id, &columns))?;
        let volatile: Vec<&String> = columns
            .iter()
            .zip(first.iter().zip(&second))
            .filter(|(_, (first, second))| first != second)
            .map(|(column, _)| column)
            .collect();
        found.volatile.extend(volatile.iter().map(|column| format!("{}.{column}", id.path())));
        let real: Vec<&String> = differ.iter().filter(|column| !volatile.contains(column)).collect();
        let stable: Vec<String> = columns.iter().filter(|column| !volatile.contains(column)).cloned().collect();
        let same = stable.is_empty() || {
            let (ours, theirs) = tokio::try_join!(rows(warm, &id, Some(&stable)), rows(cold, &id, Some(&stable)))?;
            ours == theirs
        };
        if let Some(column) = real.first() {
            let more = if real.len() > 1 { format!(" and {} more columns", real.len() - 1) } else { String::new() };
            found.content.push(format!("{}: other values in `{column}`{more}", id.path()));
        } else if !same {
            found.content.push(format!("{}: the same values in other rows", id.path()));
        }
    }
    Ok(())
}

/// Returns a hash of each column, whatever the order of the rows.
async fn hashes(session: &Session, id: &ObjectId, columns: &[String]) -> Result<Vec<String>> {
    let mut hashes = Vec::new();
    // A row has at most 1,664 columns.
    for part in columns.chunks(1_000) {
        let hash = |column: &String| {
            let column = quote_ident(column);
            format!("coalesce(sum(hashtextextended(({column}::text) collate \"C\", 0)::numeric), 0)::text")
        };
        let wanted: Vec<String> = part.iter().map(hash).collect();
        let table = format!("{}.{}", quote_ident(&id.schema), quote_ident(&id.name));
        let none: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 0] = [];
        let asked = session.query_typed(&format!("select {} from only {table}", wanted.join(", ")), &none).await;
        let asked = asked.map_err(|error| failed(&format!("compare the rows of `{}`", id.path()), &error))?;
        let Some(row) = asked.first() else { continue };
        hashes.extend((0..part.len()).map(|index| row.try_get(index).unwrap_or_default()));
    }
    Ok(hashes)
}
