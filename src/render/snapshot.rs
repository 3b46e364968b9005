//! Snapshots for people and for programs.

use schemars::JsonSchema;
use serde::Serialize;

use super::style;
use super::table::{Column, lines};
use super::ui::{Ui, age};
use crate::model::schema::Difference;
use crate::model::snapshot::{ComparePlan, Comparison, RestorePlan, Side, Snapshot, TableRows};
use crate::model::text::{counted, shortened, size, visible};

/// Differences of the schema that are shown.
const SHOWN: usize = 40;

/// What `devdb snapshot list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SnapshotListReport {
    pub version: u32,
    pub ok: bool,
    /// The database that they were taken from.
    pub database: String,
    /// Newest first.
    pub snapshots: Vec<SnapshotReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct SnapshotReport {
    pub name: String,
    /// The name of its database on the server.
    pub database: String,
    pub age_seconds: i64,
    /// The rows of the chain's version table, joined by `, `; empty where there was none.
    pub revision: String,
    /// The git branch that was checked out; null without git.
    pub branch: Option<String>,
    pub size_bytes: u64,
}

/// What `devdb snapshot diff --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SnapshotDiffReport {
    pub version: u32,
    /// Nothing differs.
    pub ok: bool,
    pub before: String,
    pub after: String,
    /// One line an object.
    pub schema: Vec<String>,
    /// Tables that both have and whose rows differ.
    pub tables: Vec<TableReport>,
    /// How many tables both have.
    pub compared: usize,
    /// Whether the content was compared, not only the number of rows.
    pub content: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct TableReport {
    pub table: String,
    /// Null where the role may not read the table.
    pub rows_before: Option<u64>,
    pub rows_after: Option<u64>,
}

/// Returns the report of a list.
pub fn report(database: &str, snapshots: &[Snapshot]) -> SnapshotListReport {
    let one = |snapshot: &Snapshot| SnapshotReport {
        name: snapshot.note.name.clone(),
        database: snapshot.database.clone(),
        age_seconds: snapshot.age_seconds,
        revision: snapshot.note.revision.clone(),
        branch: snapshot.note.branch.clone(),
        size_bytes: snapshot.note.bytes,
    };
    SnapshotListReport {
        version: 1,
        ok: true,
        database: database.to_owned(),
        snapshots: snapshots.iter().map(one).collect(),
    }
}

/// Returns the report of a comparison.
pub fn diff_report(plan: &ComparePlan, found: &Comparison) -> SnapshotDiffReport {
    let (before, after) = (plan.before.name(), plan.after.name());
    let table =
        |rows: &TableRows| TableReport { table: rows.table.clone(), rows_before: rows.before, rows_after: rows.after };
    let words = |difference: &Difference| difference.describe(&format!("in {before}"), &format!("in {after}"));
    SnapshotDiffReport {
        version: 1,
        ok: found.is_same(),
        before: before.to_owned(),
        after: after.to_owned(),
        schema: found.schema.iter().map(words).collect(),
        tables: found.tables.iter().map(table).collect(),
        compared: found.compared,
        content: plan.content,
    }
}

/// Writes the snapshots as a table, and what brings one back.
pub fn list(ui: &Ui, database: &str, snapshots: &[Snapshot]) {
    if snapshots.is_empty() {
        ui.answer(&format!("there is no snapshot of `{}` yet", visible(database)));
        ui.hint(&format!("{} takes one", style::command("devdb snapshot save")));
        return;
    }
    let mut rows = vec![["NAME", "AGE", "REVISION", "BRANCH", "SIZE"].map(style::faint).to_vec()];
    for snapshot in snapshots {
        rows.push(vec![
            style::strong(visible(&snapshot.note.name)),
            age(snapshot.age_seconds),
            revision(&snapshot.note.revision),
            snapshot.note.branch.as_deref().map_or_else(|| "-".to_owned(), visible),
            size(snapshot.note.bytes),
        ]);
    }
    let columns = [Column::Elastic, Column::Right, Column::Left, Column::Elastic, Column::Right];
    for line in lines(ui, &columns, &rows) {
        ui.answer(&line);
    }
    ui.hint(&format!("{} brings the newest back", style::command("devdb snapshot restore")));
}

/// A revision as it fits into a table.
fn revision(rows: &str) -> String {
    if rows.is_empty() { "-".to_owned() } else { shortened(&visible(rows), 26) }
}

/// Writes what a restore replaces, and its steps, to stderr.
pub fn restore(ui: &Ui, plan: &RestorePlan) {
    let note = &plan.snapshot.note;
    let branch = note.branch.as_deref().map(|branch| format!(", on branch {}", visible(branch))).unwrap_or_default();
    let at = if note.revision.is_empty() { String::new() } else { format!(", at {}", revision(&note.revision)) };
    line(ui, "restore", &format!("{}{at}", visible(&note.name)));
    line(ui, "", &style::faint(format!("taken {} ago{branch}, {}", age(plan.snapshot.age_seconds), size(note.bytes))));
    line(ui, "where", &format!("{} ({})", visible(&plan.blast.server), visible(&plan.blast.proof)));
    let name = visible(plan.target.database());
    if plan.exists {
        line(ui, "replaces", &format!("{name}, {}", size(plan.blast.size_bytes)));
        let kept = if plan.keep == 0 { "nothing (`[reset] keep = 0`)" } else { "the old one, for `devdb undo`" };
        line(ui, "keeps", kept);
    } else {
        line(ui, "makes", &format!("{name} (it does not exist)"));
    }
    for (index, step) in plan.describe().iter().enumerate() {
        ui.say(&ui.wrapped(&format!("  {}. {}", index + 1, visible(step)), 5));
    }
}

/// Warns where the chain has moved on since a snapshot was taken.
pub fn moved_on(ui: &Ui, plan: &RestorePlan) {
    let Some((head, known)) = &plan.moved else { return };
    let at = if plan.snapshot.note.revision.is_empty() { "no revision" } else { &plan.snapshot.note.revision };
    if *known {
        ui.warning(&ui.wrapped(&format!("it is at {}, the chain ends at {}", revision(at), revision(head)), 9));
        ui.hint(&style::command("devdb migrate up"));
    } else {
        let branch = plan.snapshot.note.branch.as_deref();
        let branch = branch.map(|branch| format!(" (taken on {})", visible(branch))).unwrap_or_default();
        ui.warning(&ui.wrapped(&format!("it is at {}, which is no revision of this chain{branch}", revision(at)), 9));
        ui.hint(&style::command("devdb migrate status"));
    }
}

/// Writes a labelled line, wrapped under its text.
fn line(ui: &Ui, label: &str, text: &str) {
    const COLUMN: usize = 10;
    let gap = " ".repeat(COLUMN.saturating_sub(label.len()));
    let label = if label.is_empty() { String::new() } else { style::strong(label) };
    ui.say(&ui.wrapped(&format!("{label}{gap}{text}"), COLUMN));
}

/// Writes how two databases differ.
pub fn diff(ui: &Ui, plan: &ComparePlan, found: &Comparison) {
    let (before, after, content) = (label(&plan.before), label(&plan.after), plan.content);
    if found.is_same() {
        let what = if content { "same schema, same content" } else { "same schema, same number of rows" };
        ui.answer(&format!(
            "{} {before} and {after}: {what} {}",
            style::good("✓"),
            style::faint(format!("({})", counted(found.compared, "table")))
        ));
        if !content {
            ui.hint(&format!("{} compares the rows themselves", style::command("--data")));
        }
        return;
    }
    if !found.schema.is_empty() {
        ui.answer(&format!("{}  {before} → {after}", style::strong("schema")));
    }
    for difference in found.schema.iter().take(SHOWN) {
        let words = difference.describe(&format!("in {before}"), &format!("in {after}"));
        ui.answer(&ui.wrapped(&format!("  {words}"), 4));
    }
    if found.schema.len() > SHOWN {
        ui.answer(&format!("  … and {} more", found.schema.len() - SHOWN));
    }
    if found.tables.is_empty() {
        return;
    }
    ui.answer(&format!("{}    {before} → {after}", style::strong("rows")));
    let rows: Vec<Vec<String>> = found.tables.iter().map(table).collect();
    let columns = [Column::Elastic, Column::Right, Column::Left, Column::Right, Column::Left];
    for line in lines(ui, &columns, &rows) {
        ui.answer(&line);
    }
}

fn label(side: &Side) -> String {
    match side {
        Side::Live => "the database".to_owned(),
        Side::Snapshot(snapshot) => format!("`{}`", visible(&snapshot.note.name)),
    }
}

fn table(rows: &TableRows) -> Vec<String> {
    let count = |rows: Option<u64>| rows.map_or_else(|| "?".to_owned(), |rows| rows.to_string());
    let change = match (rows.before, rows.after) {
        (Some(before), Some(after)) if before == after => "other content".to_owned(),
        (Some(before), Some(after)) if before < after => format!("+{}", after - before),
        (Some(before), Some(after)) => format!("-{}", before - after),
        _ => "may not be read".to_owned(),
    };
    vec![
        format!("  {}", visible(&rows.table)),
        count(rows.before),
        "→".to_owned(),
        count(rows.after),
        style::faint(change),
    ]
}
