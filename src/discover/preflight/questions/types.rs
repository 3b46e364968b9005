//! Whether the values of a column convert to another type.

use super::{Answer, counted_rows, is_one_expression};
use crate::discover::preflight::Met;
use crate::discover::preflight::look::{Look, Refused, There, Untold};
use crate::model::operation::Name;
use crate::model::text::counted;
use crate::wire::postgres::{quote_ident, quote_literal};

/// A change of a column's type.
pub(super) struct Wanted<'w> {
    pub(super) table: &'w Name,
    pub(super) column: &'w str,
    /// What the column is called now.
    pub(super) now: &'w str,
    pub(super) to: &'w str,
    pub(super) using: Option<&'w str>,
}

pub(super) async fn ask(look: &Look<'_>, there: &There, wanted: &Wanted<'_>) -> Answer {
    let Some(from) = look.column_type(there, wanted.now).await? else { return Ok(Vec::new()) };
    let shown = format!("`{}.{}`", wanted.table, wanted.column);
    if !is_one_expression(wanted.to) || !wanted.using.is_none_or(is_one_expression) {
        return Ok(Vec::new());
    }
    if wanted.using.is_none() && !converts_by_itself(look, &from, wanted.to).await? {
        let why = format!("{shown} is {from}, which does not become {} without `USING`", wanted.to);
        return Ok(vec![Met::fails(why, None)]);
    }
    let value = wanted.using.map_or_else(|| quote_ident(wanted.now), |using| format!("({using})"));
    if let Some(limit) = limit(wanted.to) {
        // A conversion that is written out cuts off what is too long; this one refuses it.
        let long = format!("char_length(rtrim(({value})::text, ' ')) > {limit}");
        let query = format!("select count(*) from {} where {long}", there.sql);
        let numbers = look.numbers(&query).await.map_err(Refused::untold)?;
        return Ok(numbers
            .first()
            .filter(|bad| **bad > 0)
            .map(|&bad| too_long(bad, &shown, wanted.to))
            .into_iter()
            .collect());
    }
    let tried = look.rows(&format!("select count(({value})::{}) from {}", wanted.to, there.sql)).await;
    match tried {
        Ok(_) => Ok(Vec::new()),
        Err(Refused::Untold(untold)) => Err(untold),
        // Data exceptions are about single values.
        Err(Refused::Error(code)) if code.starts_with("22") => failing(look, there, &value, (&shown, wanted.to)).await,
        Err(Refused::Error(code)) if code == "42846" => {
            Ok(vec![Met::fails(format!("{shown} is {from}, which cannot become {}", wanted.to), None)])
        }
        Err(Refused::Error(_)) => Err(Untold::NotApplicable),
    }
}

fn too_long(bad: u64, shown: &str, to: &str) -> Met {
    let values = counted(usize::try_from(bad).unwrap_or(usize::MAX), "value");
    let are = if bad == 1 { "is" } else { "are" };
    Met::fails(format!("{values} of {shown} {are} too long for {to}"), Some(bad))
}

/// Counts the values that do not convert, one by one; every attempt is undone, and nothing is written.
async fn failing(look: &Look<'_>, there: &There, value: &str, (shown, to): (&str, &str)) -> Answer {
    let block = format!(
        "declare place record; bad bigint := 0; total bigint := 0; begin \
         for place in select tableoid as t, ctid as c from {sql} loop total := total + 1; \
         begin perform ({value})::{to} from {sql} where tableoid = place.t and ctid = place.c; \
         exception when data_exception then bad := bad + 1; end; end loop; \
         perform set_config('devdb.failing', bad || ' ' || total, true); end",
        sql = there.sql,
    );
    let query = format!("do {}; select current_setting('devdb.failing')", quote_literal(&block));
    let counts = match look.rows(&query).await {
        Ok(rows) => rows.into_iter().flatten().flatten().next(),
        Err(Refused::Untold(Untold::TooLong) | Refused::Error(_)) => None,
        Err(Refused::Untold(untold)) => return Err(untold),
    };
    let numbers = counts.as_deref().and_then(|text| text.split_once(' '));
    let numbers = numbers.and_then(|(bad, all)| Some((bad.parse::<u64>().ok()?, all.parse::<u64>().ok()?)));
    Ok(vec![match numbers {
        Some((bad, all)) => {
            Met::fails(format!("{shown} does not convert to {to} in {bad} of {}", counted_rows(all)), Some(bad))
        }
        None => Met::fails(format!("{shown} holds values that do not convert to {to}"), None),
    }])
}

/// Returns the length that a character type allows.
fn limit(to: &str) -> Option<u32> {
    let lower = to.to_ascii_lowercase();
    let (name, rest) = lower.split_once('(')?;
    let known = ["varchar", "character varying", "char", "character", "bpchar"].contains(&name.trim());
    let (number, after) = rest.split_once(')')?;
    number.trim().parse().ok().filter(|_| known && after.trim().is_empty())
}

/// Returns whether the server converts a type on assignment, as `ALTER COLUMN … TYPE` without `USING` asks for.
async fn converts_by_itself(look: &Look<'_>, from: &str, to: &str) -> Result<bool, Untold> {
    // Every type becomes text on assignment; domains do what their base types do; a cast that is no function is free.
    let query = format!(
        "with kinds as (select coalesce(nullif(f.typbasetype, 0), f.oid) as f, coalesce(nullif(t.typbasetype, 0), t.oid) as t, \
         t.typcategory as category, f.typelem as f_element, t.typelem as t_element from pg_type f, pg_type t \
         where f.oid = {}::regtype and t.oid = {}::regtype) \
         select f = t or category = 'S' or (f_element <> 0 and t_element <> 0) or exists (select 1 from pg_cast c \
         where c.castsource = f and c.casttarget = t and (c.castcontext in ('i', 'a'))) from kinds",
        quote_literal(from),
        quote_literal(to),
    );
    let rows = look.rows(&query).await.map_err(Refused::untold)?;
    let answer = rows.into_iter().flatten().flatten().next().ok_or(Untold::NotApplicable)?;
    Ok(answer == "t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(limit("varchar(5)"), Some(5));
        assert_eq!(limit("CHARACTER VARYING ( 40 )"), Some(40));
        assert_eq!(limit("varchar(5)[]"), None);
        assert_eq!(limit("numeric(10,2)"), None);
    }
}
