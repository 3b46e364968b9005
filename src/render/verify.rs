//! Tables held against the chain, for people and for programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::style;
use super::table::{Column, lines};
use super::ui::Ui;
use crate::model::schema::{Change, Difference};
use crate::model::text::{counted, shortened, size, visible};
use crate::model::verify::{Mark, VerifiedColumn, VerifiedTable};

/// What `devdb verify --json` prints, and what `--expect` reads.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct VerifyReport {
    pub version: u32,
    /// Every table shown is as the chain makes it, and as it was expected.
    pub ok: bool,
    /// The rows of the chain's version table; null without a chain.
    pub revision: Option<Vec<String>>,
    pub tables: Vec<TableReport>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TableReport {
    /// With its schema: `public.users`.
    pub table: String,
    /// `ADDED`, `MISSING`, `DIFFERENT`; null where it is as the chain makes it.
    pub mark: Option<String>,
    /// Null where the database lacks it.
    pub rows: Option<u64>,
    /// Counted, not estimated.
    pub rows_exact: bool,
    pub bytes: Option<u64>,
    pub columns: Vec<ColumnReport>,
    /// Constraints, indexes, triggers, … that are not as the chain makes them: `index ix_users_email: MISSING`.
    pub parts: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnReport {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub not_null: bool,
    pub default: Option<String>,
    pub keys: Vec<String>,
    /// `FIXED`, `ADDED`, `MISSING`, `DIFFERENT`, or null.
    pub mark: Option<String>,
    pub revision: Option<String>,
}

/// Returns the report.
pub fn report(tables: &[VerifiedTable], revision: Option<Vec<String>>, unexpected: &[String]) -> VerifyReport {
    let mark = |mark: &Option<Mark>| mark.as_ref().map(|mark| mark.name().to_owned());
    let column = |it: &VerifiedColumn| ColumnReport {
        name: it.name.clone(),
        kind: it.kind.clone(),
        not_null: it.not_null,
        default: it.default.clone(),
        keys: it.keys.clone(),
        mark: mark(&it.mark),
        revision: it.revision.clone(),
    };
    let table = |it: &VerifiedTable| TableReport {
        table: format!("{}.{}", it.table.schema, it.table.name),
        mark: mark(&it.mark),
        rows: it.extent.map(|extent| extent.rows),
        rows_exact: it.extent.is_some_and(|extent| extent.exact),
        bytes: it.extent.map(|extent| extent.bytes),
        columns: it.columns.iter().map(column).collect(),
        parts: it.parts.iter().map(|(id, mark)| format!("{} {}: {}", id.kind.name(), id.name, mark.name())).collect(),
    };
    VerifyReport {
        version: 1,
        ok: unexpected.is_empty() && tables.iter().all(VerifiedTable::is_right),
        revision,
        tables: tables.iter().map(table).collect(),
    }
}

/// Returns how the tables differ from those of an earlier report, in sentences; only the tables named there count.
pub fn unexpected(now: &VerifyReport, expected: &VerifyReport) -> Vec<String> {
    let mut told = Vec::new();
    for wanted in &expected.tables {
        let Some(found) =
            now.tables.iter().find(|it| it.table == wanted.table && it.mark.as_deref() != Some("MISSING"))
        else {
            told.push(format!("there is no table `{}`", wanted.table));
            continue;
        };
        for column in &wanted.columns {
            let at = format!("{}.{}", wanted.table, column.name);
            let here = found.columns.iter().find(|it| it.name == column.name && it.mark.as_deref() != Some("MISSING"));
            let Some(here) = here else {
                told.push(format!("there is no column `{at}`"));
                continue;
            };
            let shape = |it: &ColumnReport| (it.kind.clone(), it.not_null, it.default.clone(), it.keys.clone());
            if shape(here) != shape(column) {
                told.push(format!("`{at}` is {}, expected was {}", words(here), words(column)));
            }
        }
        for column in found.columns.iter().filter(|it| it.mark.as_deref() != Some("MISSING")) {
            if !wanted.columns.iter().any(|it| it.name == column.name) {
                told.push(format!("the column `{}.{}` was not expected", wanted.table, column.name));
            }
        }
    }
    told
}

fn words(column: &ColumnReport) -> String {
    let null = if column.not_null { " not null" } else { "" };
    let default = column.default.as_ref().map(|it| format!(" default {it}")).unwrap_or_default();
    let first = format!("{}{null}{default}", column.kind);
    std::iter::once(first).chain(column.keys.iter().cloned()).collect::<Vec<_>>().join(", ")
}

/// Writes the tables.
pub fn show(ui: &Ui, tables: &[VerifiedTable]) {
    for table in tables {
        let extent = table.extent.map_or_else(String::new, |extent| {
            let about = if extent.exact { "" } else { "about " };
            let rows = counted(usize::try_from(extent.rows).unwrap_or(usize::MAX), "row");
            format!("{about}{rows}, {}", size(extent.bytes))
        });
        let mark = table.mark.as_ref().map(|it| format!("  {}", marked(it))).unwrap_or_default();
        ui.answer(&format!("{}  {}{mark}", style::strong(visible(&table.table.path())), style::faint(extent)));
        let rows: Vec<Vec<String>> = table.columns.iter().map(row).collect();
        let columns = [Column::Elastic, Column::Elastic, Column::Left, Column::Elastic, Column::Elastic, Column::Left];
        for (line, column) in lines(ui, &columns, &rows).iter().zip(&table.columns) {
            ui.answer(line);
            if let Some(Mark::Different(_)) = &column.mark {
                details(ui, &column.name, column.mark.as_ref());
            }
        }
        for (id, mark) in &table.parts {
            ui.answer(&format!("  {} {}  {}", id.kind.name(), visible(&id.name), marked(mark)));
            if let Mark::Different(changes) = mark {
                let difference = Difference { object: id.clone(), change: Change::Differs(changes.clone()) };
                let told = difference.describe("in the chain", "in the database");
                let told = told.split_once(": ").map_or(told.as_str(), |(_, rest)| rest).to_owned();
                ui.answer(&ui.wrapped(&format!("      {}", style::faint(told)), 8));
            }
        }
        ui.answer("");
    }
}

fn row(column: &VerifiedColumn) -> Vec<String> {
    let default = column.default.as_ref().map(|it| format!("default {}", shortened(&visible(&short_default(it)), 32)));
    let revision = column.revision.as_ref().map(|it| format!(" {}", style::faint(visible(it)))).unwrap_or_default();
    vec![
        format!("  {}", visible(&column.name)),
        visible(&short_type(&column.kind)),
        if column.not_null { "NOT NULL".to_owned() } else { style::faint("NULL") },
        default.unwrap_or_default(),
        visible(&column.keys.join(", ")),
        column.mark.as_ref().map(|mark| format!("{}{revision}", marked(mark))).unwrap_or_default(),
    ]
}

/// A type as people write it (PostgreSQL documentation, Table 8.1).
fn short_type(kind: &str) -> String {
    const SHORT: [(&str, &str); 5] = [
        ("character varying", "varchar"),
        ("timestamp without time zone", "timestamp"),
        ("timestamp with time zone", "timestamptz"),
        ("time with time zone", "timetz"),
        ("time without time zone", "time"),
    ];
    let found = SHORT.iter().find(|(long, _)| kind.starts_with(long));
    let short = found.map_or_else(|| kind.to_owned(), |(long, short)| kind.replacen(long, short, 1));
    short.strip_prefix("public.").map_or(short.clone(), str::to_owned)
}

/// A default without the casts that the server adds to constants.
fn short_default(default: &str) -> String {
    let sequence = default.strip_prefix("nextval('").and_then(|rest| rest.strip_suffix("'::regclass)"));
    if let Some(sequence) = sequence {
        return format!("nextval({})", sequence.strip_prefix("public.").unwrap_or(sequence));
    }
    match default.rsplit_once("'::") {
        Some((value, cast)) if !cast.contains(['\'', ')']) && value.starts_with('\'') => format!("{value}'"),
        _ => default.to_owned(),
    }
}

fn marked(mark: &Mark) -> String {
    match mark {
        Mark::Fixed => style::good(mark.name()),
        Mark::Added => style::warn(mark.name()),
        Mark::Missing | Mark::Different(_) => style::bad(mark.name()),
    }
}

fn details(ui: &Ui, name: &str, mark: Option<&Mark>) {
    let Some(Mark::Different(changes)) = mark else { return };
    for change in changes {
        let value = |it: &Option<String>| it.as_ref().map_or("none".to_owned(), |it| shortened(&visible(it), 60));
        let told = format!(
            "{}: {}: {} in the chain, {} in the database",
            visible(name),
            change.property.name(),
            value(&change.before),
            value(&change.after)
        );
        ui.answer(&ui.wrapped(&format!("      {}", style::faint(told)), 8));
    }
}
