//! What the rows that are there mean for one operation.

use super::Met;
use super::look::{Look, Refused, There, Untold};
use super::state::{Now, State, Table};
use crate::model::operation::{Action, Column, Constraint, Index, Key, Name, Reference, Rule};
use crate::model::text::counted;
use crate::wire::postgres::{quote_ident, quote_literal};

mod types;

type Answer = Result<Vec<Met>, Untold>;

/// Returns what an operation meets among the rows.
pub(super) async fn ask(look: &Look<'_>, state: &State, action: &Action) -> Answer {
    match action {
        Action::CreateTable { table, unless_there: false, .. } => exists(look, state, table).await,
        Action::AddColumn { table, column, unless_there } => {
            add_column(look, state, table, column, *unless_there).await
        }
        Action::SetNullable { table, column, nullable: false } => nulls(look, state, table, column).await,
        Action::SetType { table, column, to: Some(to), using } => {
            let Some((at, there)) = rows_of(look, state, table).await? else { return Ok(Vec::new()) };
            let Now::There(now) = at.column(column) else { return Ok(Vec::new()) };
            if using.as_ref().is_some_and(|using| !at.means_the_same(using)) {
                return Ok(Vec::new());
            }
            types::ask(look, &there, &types::Wanted { table, column, now: &now, to, using: using.as_deref() }).await
        }
        Action::AddConstraint { table, constraint } if constraint.validated => {
            add_constraint(look, state, table, constraint).await
        }
        Action::CreateIndex(index) if index.unique => unique_index(look, state, index).await,
        _ => Ok(Vec::new()),
    }
}

/// Returns the table with its present rows, when the next operation meets those.
async fn rows_of(look: &Look<'_>, state: &State, name: &Name) -> Result<Option<(Table, There)>, Untold> {
    let table = state.table(name);
    if !table.has_its_rows() {
        return Ok(None);
    }
    let there = look.table(&table.now).await?;
    Ok(Some((table, there)))
}

async fn exists(look: &Look<'_>, state: &State, name: &Name) -> Answer {
    let table = state.table(name);
    if table.gone || table.uncertain || table.made || table.now != *name {
        return Ok(Vec::new());
    }
    look.table(name).await?;
    Ok(vec![Met::fails(format!("the table `{name}` is there already"), None)])
}

async fn add_column(look: &Look<'_>, state: &State, name: &Name, column: &Column, unless_there: bool) -> Answer {
    let table = state.table(name);
    if table.made || table.gone || table.uncertain {
        return Ok(Vec::new());
    }
    let there = look.table(&table.now).await?;
    let is_there = look.column_type(&there, &column.name).await?.is_some();
    if is_there && !table.freed(&column.name) {
        let why = format!("the column `{name}.{}` is there already", column.name);
        return Ok(if unless_there { Vec::new() } else { vec![Met::fails(why, None)] });
    }
    // A primary key that a sequence fills counts as a default by then; what else it is cannot be told.
    if column.nullable || column.has_default || column.primary_key {
        return Ok(Vec::new());
    }
    let what = format!("the new column `{name}.{}` is NOT NULL without a default", column.name);
    any_row(look, &there, &what).await
}

/// Returns that a table has rows, which `what` does not allow.
async fn any_row(look: &Look<'_>, there: &There, what: &str) -> Answer {
    let sql = &there.sql;
    match look.numbers(&format!("select count(*) from {sql}")).await {
        Ok(numbers) => match numbers.first() {
            Some(0) | None => Ok(Vec::new()),
            Some(&rows) => {
                Ok(vec![Met::fails(format!("{what}, and the table has {}", counted_rows(rows)), Some(rows))])
            }
        },
        Err(refused) => match refused.untold() {
            Untold::TooLong => {
                let some = look.rows(&format!("select 1 from {sql} limit 1")).await.map_err(Refused::untold)?;
                let met = Met::fails(format!("{what}, and the table has rows"), None);
                Ok(if some.is_empty() { Vec::new() } else { vec![met] })
            }
            untold => Err(untold),
        },
    }
}

async fn nulls(look: &Look<'_>, state: &State, name: &Name, column: &str) -> Answer {
    let Some((table, there)) = rows_of(look, state, name).await? else { return Ok(Vec::new()) };
    let shown = format!("`{name}.{column}`");
    if table.is_not_null_by_then(column) {
        return Ok(Vec::new());
    }
    match table.column(column) {
        Now::Untold => Ok(Vec::new()),
        Now::Empty => any_row(look, &there, &format!("{shown} will be new and NULL in every row")).await,
        Now::There(now) => {
            let null = format!("{} is null", quote_ident(&now));
            rows_with(look, &there, &null, |bad, all| format!("{shown} is NULL in {bad} of {}", counted_rows(all)))
                .await
        }
    }
}

/// Returns how many rows a condition holds for; that there are some, where counting takes too long.
async fn rows_with(look: &Look<'_>, there: &There, condition: &str, say: impl Fn(u64, u64) -> String) -> Answer {
    let sql = &there.sql;
    match look.numbers(&format!("select count(*) filter (where {condition}), count(*) from {sql}")).await {
        Ok(numbers) => match numbers.as_slice() {
            [bad, all] if *bad > 0 => Ok(vec![Met::fails(say(*bad, *all), Some(*bad))]),
            _ => Ok(Vec::new()),
        },
        Err(refused) => Err(refused.untold()),
    }
}

async fn add_constraint(look: &Look<'_>, state: &State, name: &Name, constraint: &Constraint) -> Answer {
    match &constraint.rule {
        Rule::PrimaryKey { columns } => {
            let mut met = Vec::new();
            for column in columns {
                met.extend(nulls(look, state, name, column).await?);
            }
            met.extend(duplicates(look, state, name, columns).await?);
            Ok(met)
        }
        Rule::Unique { columns } => duplicates(look, state, name, columns).await,
        Rule::ForeignKey { columns, to } => orphans(look, state, (name, columns), to).await,
        Rule::Check { text: Some(text) } => {
            let Some((table, there)) = rows_of(look, state, name).await? else { return Ok(Vec::new()) };
            if !table.means_the_same(text) || !is_one_expression(text) {
                return Ok(Vec::new());
            }
            let said = |bad: u64, all: u64| {
                format!(
                    "{bad} of {} of `{name}` {} the condition",
                    counted_rows(all),
                    if bad == 1 { "breaks" } else { "break" }
                )
            };
            rows_with(look, &there, &format!("not ({text})"), said).await
        }
        Rule::Check { text: None } | Rule::Other => Ok(Vec::new()),
    }
}

/// Returns whether a text can stand inside a query without ending it.
pub(super) fn is_one_expression(text: &str) -> bool {
    !text.contains(';') && !text.contains("--") && !text.contains("/*")
}

/// Returns the present names of columns, quoted; nothing when one of them cannot be judged by the present rows.
fn present(table: &Table, columns: &[String]) -> Option<Vec<String>> {
    let one = |column: &String| match table.column(column) {
        Now::There(now) => Some(quote_ident(&now)),
        Now::Empty | Now::Untold => None,
    };
    columns.iter().map(one).collect()
}

async fn duplicates(look: &Look<'_>, state: &State, name: &Name, columns: &[String]) -> Answer {
    let Some((table, there)) = rows_of(look, state, name).await? else { return Ok(Vec::new()) };
    let Some(keys) = present(&table, columns) else { return Ok(Vec::new()) };
    let shown: Vec<&str> = columns.iter().map(String::as_str).collect();
    groups(look, &there, &keys, None, &format!("`{name}` ({})", shown.join(", "))).await
}

async fn unique_index(look: &Look<'_>, state: &State, index: &Index) -> Answer {
    let Some((table, there)) = rows_of(look, state, &index.table).await? else { return Ok(Vec::new()) };
    let Some(keys) = &index.keys else { return Ok(Vec::new()) };
    let texts = keys.iter().filter_map(|key| match key {
        Key::Column(_) => None,
        Key::Expression(text) => Some(text),
    });
    if !texts.chain(&index.predicate).all(|text| is_one_expression(text) && table.means_the_same(text)) {
        return Ok(Vec::new());
    }
    let one = |key: &Key| match key {
        Key::Column(column) => Some(present(&table, std::slice::from_ref(column))?.concat()),
        Key::Expression(text) => Some(format!("({text})")),
    };
    let Some(written) = keys.iter().map(one).collect::<Option<Vec<String>>>() else { return Ok(Vec::new()) };
    let shown: Vec<&str> = keys
        .iter()
        .map(|key| match key {
            Key::Column(text) | Key::Expression(text) => text.as_str(),
        })
        .collect();
    let shown = format!("`{}` ({})", index.table, shown.join(", "));
    groups(look, &there, &written, index.predicate.as_deref(), &shown).await
}

/// Returns how many keys stand in more than one row.
async fn groups(look: &Look<'_>, there: &There, keys: &[String], only: Option<&str>, shown: &str) -> Answer {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    // NULLs differ from each other.
    let known: Vec<String> = keys.iter().map(|key| format!("{key} is not null")).collect();
    let only = only.map(|predicate| format!(" and ({predicate})")).unwrap_or_default();
    let query = format!(
        "select count(*), coalesce(max(n), 0) from (select count(*) as n from {} where {}{only} group by {} \
         having count(*) > 1) d",
        there.sql,
        known.join(" and "),
        keys.iter().map(|key| format!("({key})")).collect::<Vec<_>>().join(", "),
    );
    let numbers = look.numbers(&query).await.map_err(Refused::untold)?;
    let [groups, most] = numbers.as_slice() else { return Ok(Vec::new()) };
    if *groups == 0 {
        return Ok(Vec::new());
    }
    let count = usize::try_from(*groups).unwrap_or(usize::MAX);
    let stand = if *groups == 1 { "stands" } else { "stand" };
    let why = format!("{} of {shown} {stand} in more than one row, one of them in {most}", counted(count, "value"));
    Ok(vec![Met::fails(why, Some(*groups))])
}

async fn orphans(look: &Look<'_>, state: &State, from: (&Name, &[String]), to: &Reference) -> Answer {
    let (name, columns) = from;
    let Some((table, there)) = rows_of(look, state, name).await? else { return Ok(Vec::new()) };
    let Some(keys) = present(&table, columns).filter(|keys| !keys.is_empty()) else { return Ok(Vec::new()) };
    let known = keys.iter().map(|key| format!("a.{key} is not null")).collect::<Vec<_>>().join(" and ");
    let other = state.table(&to.table);
    let missing = if other.made && !other.filled && !other.uncertain {
        // A table that the same run makes and leaves empty has no row to refer to.
        known
    } else {
        if other.filled || !other.has_its_rows() {
            return Ok(Vec::new());
        }
        let referred = look.table(&other.now).await?;
        let Some(theirs) = referred_columns(look, &other, &referred, &to.columns).await? else { return Ok(Vec::new()) };
        if theirs.len() != keys.len() {
            return Ok(Vec::new());
        }
        let pairs: Vec<String> = keys.iter().zip(theirs).map(|(mine, its)| format!("b.{its} = a.{mine}")).collect();
        format!("{known} and not exists (select 1 from {} b where {})", referred.sql, pairs.join(" and "))
    };
    let query = format!("select count(*) from {} a where {missing}", there.sql);
    let numbers = look.numbers(&query).await.map_err(Refused::untold)?;
    let Some(&bad) = numbers.first().filter(|bad| **bad > 0) else { return Ok(Vec::new()) };
    let shown = columns.join(", ");
    let refer = if bad == 1 { "refers" } else { "refer" };
    let why = format!("{} of `{name}` ({shown}) {refer} to no row of `{}`", counted_rows(bad), to.table);
    Ok(vec![Met::fails(why, Some(bad))])
}

/// Returns the columns that a foreign key refers to, quoted: the primary key when it names none.
async fn referred_columns(
    look: &Look<'_>,
    table: &Table,
    there: &There,
    named: &[String],
) -> Result<Option<Vec<String>>, Untold> {
    if !named.is_empty() {
        return Ok(present(table, named));
    }
    let query = format!(
        "select quote_ident(a.attname) from pg_index i, unnest(i.indkey) with ordinality as k (number, place) \
         join pg_attribute a on a.attnum = k.number where a.attrelid = i.indrelid and i.indisprimary \
         and i.indrelid = {} order by k.place",
        quote_literal(&there.oid),
    );
    let rows = look.rows(&query).await.map_err(Refused::untold)?;
    Ok(Some(rows.into_iter().flatten().flatten().collect()))
}

pub(super) fn counted_rows(rows: u64) -> String {
    counted(usize::try_from(rows).unwrap_or(usize::MAX), "row")
}
