//! A chain squashed: run on one scratch database, written down, run again on another, and compared. Only what was
//! proven comes onto the disk, and there it is all or nothing.

use super::dump::{Wanted, dump};
use super::scratch::Scratch;
use super::steps::{Answer, Steps, Way};
use super::{Surroundings, Teller, admin};
use crate::error::{Error, Result};
use crate::model::chain::Revision;
use crate::model::event::{Event, Stage};
use crate::model::schema::{ObjectKind, Property, Schema};
use crate::model::squash::{Proven, SquashPlan, drops};
use crate::model::text::{counted, shortened, visible};
use crate::parse::pg_dump::statements;
use crate::wire::catalog::Options;
use crate::wire::postgres::quote_ident;

mod files;

pub use files::{Moved, carry_out, roll_back};

/// A chain that puts more rows into its tables is no schema any more.
const MOST_ROWS: u64 = 10_000;
const WITH_PRIVILEGES: Options = Options { privileges: true };

/// Builds the new revision and proves it. `cancelled` resolves when the user gives up; nothing is on disk yet.
pub async fn prove(
    plan: &SquashPlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Proven> {
    let mut made: Vec<Scratch<'_>> = Vec::new();
    let done = tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled()),
        done = Box::pin(proof(plan, surroundings, &mut made, tell)) => done,
    };
    for scratch in made {
        scratch.remove(tell).await;
    }
    let password = plan.scratch.workplace.target.password.as_ref().map_or("", |password| password.reveal());
    done.map_err(|error| error.hiding(password))
}

/// What a chain makes.
struct Made {
    /// Before the chain.
    base: Schema,
    /// After what is squashed.
    schema: Schema,
    rows: Vec<Rows>,
    /// After the rest.
    end: Schema,
}

/// A table's rows: how many, and a hash of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rows {
    table: String,
    count: u64,
    hash: String,
}

async fn proof<'p>(
    plan: &'p SquashPlan,
    surroundings: &'p Surroundings,
    made: &mut Vec<Scratch<'p>>,
    tell: &mut Teller<'_>,
) -> Result<Proven> {
    tell(Event::Started { stage: Stage::Migrate, detail: "running the chain on a scratch database".to_owned() });
    let first = Scratch::create(&plan.scratch, surroundings, tell).await?;
    made.push(first);
    let Some(first) = made.last() else { return Err(Error::environment("no scratch database")) };
    let (old, written, date) = run_old(plan, first, tell).await?;
    tell(Event::Started { stage: Stage::Verify, detail: "proving the new revision on another".to_owned() });
    let version_schema = plan.scratch.version_table.0.as_str();
    let down = drops(&old.base, &old.schema, version_schema);
    let second = Scratch::create(&plan.scratch, surroundings, tell).await?;
    made.push(second);
    let Some(second) = made.last_mut() else { return Err(Error::environment("no scratch database")) };
    let text = plan.revision_file(&date, &written, Ok(&down));
    let comes_back = run_new(plan, second, &text, &old, tell).await?;
    let (text, no_way_back) = match comes_back {
        None => (text, None),
        Some(why) => {
            let sentence = format!("the revisions that this one replaces are in {}", plan.aside.display());
            (plan.revision_file(&date, &written, Err(&sentence)), Some(why))
        }
    };
    Ok(Proven {
        text,
        statements: written.len(),
        objects: old.schema.objects.len(),
        rows: old.rows.into_iter().map(|rows| (rows.table, rows.count)).collect(),
        no_way_back,
    })
}

/// Runs the chain as it is, and writes down what the squashed part made.
async fn run_old(
    plan: &SquashPlan,
    scratch: &Scratch<'_>,
    tell: &mut Teller<'_>,
) -> Result<(Made, Vec<String>, String)> {
    scratch.prepare(tell).await?;
    let runner = scratch.runner();
    let mut steps = Steps::start(&runner, &plan.scratch.command, &plan.scratch.directory, None, tell).await?;
    // A schema that `env.py` makes is there before the first revision.
    fine(&steps.run(Way::Up, &[], tell).await?, "the chain")?;
    let base = scratch.schema(WITH_PRIVILEGES).await?;
    fine(&steps.run(Way::Up, &ids(&plan.squashed), tell).await?, "the chain")?;
    let schema = scratch.schema(WITH_PRIVILEGES).await?;
    let rows = rows(scratch, &schema).await?;
    let total: u64 = rows.iter().map(|rows| rows.count).sum();
    if plan.with_data && total > MOST_ROWS {
        return Err(Error::refused(format!(
            "the chain puts {total} rows into its tables, too many for a revision file"
        ))
        .detail("rule", "data")
        .detail("rows", listed(&rows))
        .hint("add `--without-data`, and load them as a seed"));
    }
    let (space, table) = &plan.scratch.version_table;
    let wanted = Wanted { with_data: plan.with_data, without: (space, table) };
    let text = dump(&runner, plan.container.as_ref(), plan.major, wanted).await?;
    let mut written = statements(&text);
    if !plan.with_data {
        written.extend(refreshes(scratch).await?);
    }
    if !plan.kept.is_empty() {
        fine(&steps.run(Way::Up, &ids(&plan.kept), tell).await?, "the chain")?;
    }
    let end = scratch.schema(WITH_PRIVILEGES).await?;
    steps.finish().await?;
    let date = value(scratch, "select to_char(now(), 'YYYY-MM-DD HH24:MI:SS')").await?;
    Ok((Made { base, schema, rows, end }, written, date))
}

/// Runs the new revision in place of the old ones and compares. Returns why it cannot be taken back, if so.
async fn run_new(
    plan: &SquashPlan,
    scratch: &mut Scratch<'_>,
    text: &str,
    old: &Made,
    tell: &mut Teller<'_>,
) -> Result<Option<String>> {
    scratch.prepare(tell).await?;
    let folder = files::as_versions(plan, scratch.root(), text)?;
    let name = scratch.name.clone();
    let runner = super::commands::Runner { database: &name, ..scratch.runner() };
    let mut steps =
        Steps::start(&runner, &plan.scratch.command, &plan.scratch.directory, Some(folder.path()), tell).await?;
    let id = [plan.id()];
    fine(&steps.run(Way::Up, &id, tell).await?, "the new revision")?;
    let schema = scratch.schema(WITH_PRIVILEGES).await?;
    same(&old.schema, &schema, "the new revision")?;
    if plan.with_data {
        let now = rows(scratch, &schema).await?;
        if now != old.rows {
            return Err(Error::failed("the new revision does not put the same rows into the tables")
                .detail("by the chain", listed(&old.rows))
                .detail("by the new one", listed(&now)));
        }
    }
    let down = steps.run(Way::Down, &id, tell).await?;
    let back = scratch.schema(WITH_PRIVILEGES).await?;
    let left = old.base.differences(&back);
    let why = match (down.ok, left.first()) {
        (false, _) => Some(shortened(&visible(&down.message), 200)),
        (true, Some(first)) => Some(first.to_string()),
        (true, None) => None,
    };
    if why.is_some() {
        drop(steps);
        return again(plan, scratch, (text, old), tell).await.map(|()| why);
    }
    let mut all = vec![plan.id()];
    all.extend(ids(&plan.kept));
    fine(&steps.run(Way::Up, &all, tell).await?, "the new chain")?;
    same(&old.end, &scratch.schema(WITH_PRIVILEGES).await?, "the new chain")?;
    steps.finish().await?;
    Ok(None)
}

/// The revisions that stay, behind the new one, in a database that is made anew.
async fn again(
    plan: &SquashPlan,
    scratch: &mut Scratch<'_>,
    (text, old): (&str, &Made),
    tell: &mut Teller<'_>,
) -> Result<()> {
    scratch.renew(tell).await?;
    let folder = files::as_versions(plan, scratch.root(), text)?;
    let runner = scratch.runner();
    let mut steps =
        Steps::start(&runner, &plan.scratch.command, &plan.scratch.directory, Some(folder.path()), tell).await?;
    let mut all = vec![plan.id()];
    all.extend(ids(&plan.kept));
    fine(&steps.run(Way::Up, &all, tell).await?, "the new chain")?;
    same(&old.end, &scratch.schema(WITH_PRIVILEGES).await?, "the new chain")?;
    steps.finish().await
}

fn ids(revisions: &[Revision]) -> Vec<&str> {
    revisions.iter().map(|revision| revision.id.as_str()).collect()
}

fn fine(answer: &Answer, what: &str) -> Result<()> {
    if answer.ok {
        return Ok(());
    }
    Err(Error::failed(format!("{what} cannot be applied to an empty database"))
        .detail("revision", answer.revision.clone())
        .detail("where", visible(&answer.place))
        .detail("statement", shortened(&visible(&super::script::without_passwords(&answer.statement)), 400))
        .detail("server says", visible(&answer.message))
        .detail("SQLSTATE", answer.sqlstate.clone())
        .detail("state", "no file was changed"))
}

fn same(old: &Schema, new: &Schema, what: &str) -> Result<()> {
    let differences = old.differences(new);
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        differences.iter().take(20).map(|it| it.describe("by the old chain", "by the new one")).collect();
    let count = counted(differences.len(), "difference");
    Err(Error::failed(format!("{what} does not make what the old chain makes ({count})"))
        .detail("differences", lines.join("\n"))
        .detail("state", "no file was changed"))
}

/// Every table that holds rows, in order.
async fn rows(scratch: &Scratch<'_>, schema: &Schema) -> Result<Vec<Rows>> {
    let tables = schema.objects.iter().filter(|(id, properties)| {
        let kind = properties.get(&Property::Kind);
        id.kind == ObjectKind::Table && kind.is_some_and(|kind| kind != "foreign table")
    });
    let mut found = Vec::new();
    for (id, _) in tables {
        let table = format!("{}.{}", quote_ident(&id.schema), quote_ident(&id.name));
        let query = format!(
            "select count(*)::int8, md5(coalesce(string_agg(t::text, E'\\n' order by t::text), '')) from only {table} t"
        );
        let answer = scratch.session()?.query_typed(&query, &[]).await;
        let answer = answer.map_err(|error| admin::failed("count the rows", &error))?;
        let Some(row) = answer.first() else { continue };
        let count = u64::try_from(row.try_get::<_, i64>(0).unwrap_or_default()).unwrap_or_default();
        if count > 0 {
            found.push(Rows { table: id.path(), count, hash: row.try_get(1).unwrap_or_default() });
        }
    }
    Ok(found)
}

fn listed(rows: &[Rows]) -> String {
    let lines: Vec<String> = rows.iter().map(|rows| format!("{}: {}", rows.table, rows.count)).collect();
    lines.join("\n")
}

/// Without data, `pg_dump` leaves materialized views unfilled, and nobody could read them.
async fn refreshes(scratch: &Scratch<'_>) -> Result<Vec<String>> {
    const FILLED: &str = "select format('REFRESH MATERIALIZED VIEW %I.%I', n.nspname, c.relname)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'm' and c.relispopulated order by c.oid";
    let rows = scratch.session()?.query_typed(FILLED, &[]).await;
    let rows = rows.map_err(|error| admin::failed("list the materialized views", &error))?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

async fn value(scratch: &Scratch<'_>, query: &str) -> Result<String> {
    let rows = scratch.session()?.query_typed(query, &[]).await;
    let rows = rows.map_err(|error| admin::failed("ask for the time", &error))?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default())
}
