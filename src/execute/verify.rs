//! The last look before the swap: what was built is what was asked for, seen through the app's own role.

use std::collections::BTreeSet;

use super::Teller;
use super::admin::failed;
use super::sql_chain::SqlRunner;
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::plan::{ChainPlan, ResetPlan, SeedPlan};
use crate::model::sql_chain::SqlChain;
use crate::model::text::counted;
use crate::parse::sql::{StatementKind, split};
use crate::wire::files::read_text;
use crate::wire::postgres::{Session, quote_ident};

/// Checks the version, the tables and what the role may do; with `root`, where seed files are, also that they filled their
/// tables. Returns a sentence.
pub(super) async fn run(
    plan: &ResetPlan,
    session: &Session,
    root: Option<&std::path::Path>,
    tell: &mut Teller<'_>,
) -> Result<String> {
    let version = version(plan, session).await?;
    let tables = tables(plan, session, tell).await?;
    if let Some(root) = root {
        seeded(plan, session, root).await?;
    }
    Ok(match version {
        Some(version) => format!("at {version}, {tables}"),
        None => tables,
    })
}

/// Returns the version that the chain's table names; fails when it is not the head.
pub(super) async fn version(plan: &ResetPlan, session: &Session) -> Result<Option<String>> {
    if let ChainPlan::Sql { chain } = &plan.schema.chain {
        return sql_version(chain, session).await;
    }
    let ChainPlan::Command { heads, version_table: Some(table), command, .. } = &plan.schema.chain else {
        return Ok(None);
    };
    let query = format!("select version_num::text from {table} order by 1");
    let rows = session.query_typed(&query, &[]).await.map_err(|error| {
        failed("read the version table of the new database", &error)
            .hint(format!("`{command}` ran, and stamped no version"))
    })?;
    let reached: BTreeSet<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    let expected: BTreeSet<String> = heads.iter().cloned().collect();
    if !expected.is_empty() && reached != expected {
        let list = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
        return Err(Error::failed(format!("`{command}` ended at `{}`, not at the head", list(&reached)))
            .detail("head", list(&expected))
            .hint("devdb doctor   (checks the chain)"));
    }
    Ok(Some(reached.into_iter().collect::<Vec<_>>().join(", ")))
}

/// The tool's own table names every migration: a later one may have emptied or dropped it.
async fn sql_version(chain: &SqlChain, session: &Session) -> Result<Option<String>> {
    let rows = SqlRunner { session, chain, live: false }.rows().await?;
    let pending = chain.pending(&rows);
    if let Some(migration) = pending.first() {
        return Err(Error::failed(format!("the migrations ran, and {} lacks some of them", chain.table.quoted()))
            .detail("lacks", format!("{}, `{}` first", counted(pending.len(), "row"), migration.version))
            .hint(format!("a migration changes the table that {} keeps", chain.tool)));
    }
    Ok(chain.current(&rows).map(|migration| migration.version.clone()))
}

async fn tables(plan: &ResetPlan, session: &Session, tell: &mut Teller<'_>) -> Result<String> {
    const QUERY: &str = "select count(*)::int4,
            (count(*) filter (where not has_table_privilege(c.oid, 'select')))::int4,
            coalesce(min(c.oid::regclass::text) filter (where not has_table_privilege(c.oid, 'select')), '')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'";
    let rows = session.query_typed(QUERY, &[]).await.map_err(|error| failed("query as the app's own role", &error))?;
    let Some(row) = rows.first() else { return Ok(String::new()) };
    let (count, hidden, example): (i32, i32, String) =
        (row.try_get(0).unwrap_or_default(), row.try_get(1).unwrap_or_default(), row.try_get(2).unwrap_or_default());
    if count == 0 && !matches!(plan.schema.chain, ChainPlan::None) {
        return Err(Error::failed("the migrations ran, and the new database has no table")
            .detail("why", "they wrote somewhere else, or there is nothing in them")
            .hint("devdb reset -v   (shows what the command prints)")
            .hint("[migrations] redirect = false in devdb.toml, when the command cannot be pointed elsewhere"));
    }
    if hidden > 0 {
        let role = plan.workplace.target.user();
        tell(Event::Warning {
            text: format!("role `{role}` may not read {hidden} of the tables, {example} among them"),
        });
    }
    Ok(counted(usize::try_from(count).unwrap_or_default(), "table"))
}

/// Every table that a seed file names as the target of INSERT or COPY holds a row.
async fn seeded(plan: &ResetPlan, session: &Session, root: &std::path::Path) -> Result<()> {
    for seed in &plan.seeds {
        let SeedPlan::File(path) = seed else { continue };
        let Ok(text) = read_text(&root.join(path)) else { continue };
        for table in targets(&text) {
            let query = format!("select exists(select from {table})");
            // A table that a later statement dropped, or whose name depends on the search path, proves nothing.
            let Ok(rows) = session.query_typed(&query, &[]).await else { continue };
            if rows.first().is_some_and(|row| !row.try_get(0).unwrap_or(true)) {
                return Err(Error::failed(format!("the seed `{}` ran, and {table} is empty", path.display()))
                    .hint("a later seed or a trigger removes its rows, or its INSERT … SELECT finds none"));
            }
        }
    }
    Ok(())
}

/// Returns the tables that a script inserts into, quoted for SQL, each once.
fn targets(script: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for statement in split(script) {
        if statement.kind == StatementKind::MetaCommand {
            continue;
        }
        let text = statement.text(script);
        let lower = text.to_ascii_lowercase();
        let rest = if lower.starts_with("insert") {
            lower.find("into").and_then(|at| text.get(at + 4..))
        } else if lower.starts_with("copy") {
            text.get(4..)
        } else {
            None
        };
        found.extend(rest.and_then(table_name));
    }
    found
}

/// Reads `schema.table` or `"Table"` at the start of a text.
fn table_name(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (part, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            (quoted.get(..end)?.to_owned(), quoted.get(end + 1..)?)
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
            (rest.get(..end)?.to_lowercase(), rest.get(end..)?)
        };
        if part.is_empty() {
            return None;
        }
        parts.push(quote_ident(&part));
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return Some(parts.join(".")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::targets;

    #[test]
    fn inserted_tables_are_named() {
        let script = "insert into users (a) values (1); INSERT INTO app.\"Order Items\" select 1;\n\
                      COPY public.t (a) FROM stdin;\n1\n\\.\nselect 'insert into x'; update y set a = 1;";
        let found: Vec<String> = targets(script).into_iter().collect();
        assert_eq!(found, ["\"app\".\"Order Items\"", "\"public\".\"t\"", "\"users\""]);
    }
}
