//! Seeds: SQL files in one transaction each, and commands of the project.

use std::collections::BTreeSet;
use std::path::Path;

use super::Teller;
use super::admin::failed;
use super::build::unhurried;
use super::chain::run_command;
use super::commands::Runner;
use super::script::Script;
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::plan::SeedPlan;
use crate::model::text::counted;
use crate::wire::files::read_text;
use crate::wire::postgres::{Session, quote_ident};

/// A table, quoted for SQL.
pub(super) type Table = String;

/// Loads the seeds in order and returns the tables that they filled.
pub(super) async fn run(
    runner: &Runner<'_>,
    seeds: &[SeedPlan],
    session: &Session,
    tell: &mut Teller<'_>,
) -> Result<BTreeSet<Table>> {
    let mut filled = filled_tables(session).await?;
    let before = filled.clone();
    for seed in seeds {
        match seed {
            SeedPlan::File(path) => file(runner, session, path).await?,
            SeedPlan::Command { run, .. } => {
                run_command(runner, run, Path::new(""), "seed", tell).await?;
            }
        }
        let now = filled_tables(session).await?;
        if matches!(seed, SeedPlan::Command { .. }) && now == filled {
            tell(Event::Warning { text: format!("the seed `{}` put rows into no table that was empty", seed.name()) });
        }
        filled = now;
    }
    Ok(filled.difference(&before).cloned().collect())
}

async fn file(runner: &Runner<'_>, session: &Session, path: &Path) -> Result<()> {
    let text = read_text(&runner.surroundings.root.join(path))
        .map_err(|why| Error::failed(format!("cannot read the seed `{}`", path.display())).detail("why", why))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Script { path, text, offset: 0 }.run(session, "", "seed").await?;
    // A seed made by pg_dump empties the search path for its session.
    session.batch_execute("reset all").await.map_err(|error| failed("reset the session", &error))?;
    unhurried(session).await
}

/// Returns the tables that hold a row, the version tables aside.
async fn filled_tables(session: &Session) -> Result<BTreeSet<Table>> {
    const TABLES: &str =
        "select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
          and has_table_privilege(c.oid, 'select') and not exists
            (select from pg_depend e where e.objid = c.oid and e.deptype = 'e')
          and c.relname not in ('alembic_version', 'schema_migrations') order by 1, 2";
    let what = "list the tables";
    let rows = session.query_typed(TABLES, &[]).await.map_err(|error| failed(what, &error))?;
    let names: Vec<Table> = rows
        .iter()
        .filter_map(|row| Some(format!("{}.{}", quote_ident(row.try_get(0).ok()?), quote_ident(row.try_get(1).ok()?))))
        .collect();
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    let columns: Vec<String> = names.iter().map(|table| format!("exists(select from {table})")).collect();
    let mut filled = BTreeSet::new();
    // A row has at most 1,664 columns.
    for (tables, columns) in names.chunks(1_000).zip(columns.chunks(1_000)) {
        let query = format!("select {}", columns.join(", "));
        let rows = session.query_typed(&query, &[]).await.map_err(|error| failed("look into the tables", &error))?;
        let Some(row) = rows.first() else { continue };
        let held = tables.iter().enumerate().filter(|(index, _)| row.try_get(*index).unwrap_or(false));
        filled.extend(held.map(|(_, table)| table.clone()));
    }
    Ok(filled)
}

/// Returns how many rows tables have, as a sentence.
pub(super) async fn describe(session: &Session, tables: &BTreeSet<Table>) -> Result<String> {
    let mut rows_in_all = 0_i64;
    for table in tables {
        let query = format!("select count(*) from {table}");
        let rows = session.query_typed(&query, &[]).await.map_err(|error| failed("count the rows", &error))?;
        rows_in_all += rows.first().and_then(|row| row.try_get::<_, i64>(0).ok()).unwrap_or_default();
    }
    let rows = usize::try_from(rows_in_all).unwrap_or_default();
    Ok(format!("{} in {}", counted(rows, "row"), counted(tables.len(), "table")))
}
