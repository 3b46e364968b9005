//! Layers for people and for programs.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::style;
use super::table::{Column, lines};
use super::ui::{Ui, age, took};
use crate::model::layer::{Checked, Listed, Listing};
use crate::model::plan::LayerPlan;
use crate::model::schema::Difference;
use crate::model::text::{counted, size, visible};

/// Differences that are shown.
const SHOWN: usize = 40;

/// What `devdb cache list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CacheListReport {
    pub version: u32,
    pub ok: bool,
    /// The one that was used last first.
    pub layers: Vec<LayerReport>,
    pub size_bytes: u64,
    pub max_bytes: u64,
    /// Whether a clone is ready, with which the next reset is two renames.
    pub spare: bool,
    /// The first step that runs at every reset; null where everything is kept.
    pub runs_every_time: Option<OpenReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct LayerReport {
    /// The hash of everything that made it.
    pub key: String,
    /// The name of its database on the server.
    pub database: String,
    /// The last step that made it.
    pub holds: String,
    pub profile: Option<String>,
    /// The folder of the project that made it.
    pub project: String,
    pub size_bytes: u64,
    /// What the steps took that made it.
    pub took_ms: u64,
    pub age_seconds: i64,
    /// Since a reset started from it, or it was made.
    pub idle_seconds: i64,
    /// How many resets started from it.
    pub hits: u64,
    /// Whether this project, as its files are, can start from it.
    pub current: bool,
    /// Whether the next reset starts from it.
    pub next: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct OpenReport {
    pub step: String,
    pub why: String,
}

/// What `devdb reset --check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckedReport {
    pub version: u32,
    /// Nothing differs.
    pub ok: bool,
    /// What the layer held that was started from; null where there was none.
    pub started_from: Option<String>,
    pub tables: usize,
    pub rows: u64,
    /// Differences of the schema, one line an object.
    pub schema: Vec<String>,
    /// Differences of the content, one line a table.
    pub content: Vec<String>,
    /// Columns that differ between two databases made from nothing, too; they are not compared.
    pub volatile: Vec<String>,
    /// Layers that were given up because of differences.
    pub dropped: usize,
}

/// Returns the report of a list.
pub fn list_report(listing: &Listing) -> CacheListReport {
    let layer = |layer: &Listed| LayerReport {
        key: layer.contents.key.to_string(),
        database: layer.contents.key.database(),
        holds: layer.contents.last.clone(),
        profile: layer.contents.profile.clone(),
        project: layer.contents.project.clone(),
        size_bytes: layer.contents.bytes,
        took_ms: layer.contents.took,
        age_seconds: layer.age_seconds,
        idle_seconds: layer.idle_seconds,
        hits: layer.contents.hits,
        current: layer.current,
        next: layer.next.is_some(),
    };
    CacheListReport {
        version: 1,
        ok: true,
        layers: listing.layers.iter().map(layer).collect(),
        size_bytes: total(listing),
        max_bytes: listing.max,
        spare: listing.spare,
        runs_every_time: listing.open.clone().map(|(step, why)| OpenReport { step, why }),
    }
}

/// Returns the report of a check.
pub fn checked_report(checked: &Checked) -> CheckedReport {
    CheckedReport {
        version: 1,
        ok: checked.is_equal(),
        started_from: checked.started_from.clone(),
        tables: checked.tables,
        rows: checked.rows,
        schema: checked.schema.iter().map(words).collect(),
        content: checked.content.clone(),
        volatile: checked.volatile.clone(),
        dropped: checked.dropped,
    }
}

/// Writes the layers as a table, what they take, and what is not kept.
pub fn list(ui: &Ui, listing: &Listing) {
    if listing.layers.is_empty() {
        ui.answer("there is no layer yet");
    } else {
        let head = ["", "HOLDS", "PROJECT", "SIZE", "SAVES", "HITS", "USED"];
        let mut rows = vec![head.map(style::faint).to_vec()];
        rows.extend(listing.layers.iter().map(row));
        let columns = [
            Column::Left,
            Column::Elastic,
            Column::Elastic,
            Column::Right,
            Column::Right,
            Column::Right,
            Column::Right,
        ];
        for line in lines(ui, &columns, &rows) {
            ui.answer(&line);
        }
        let all = counted(listing.layers.len(), "layer");
        let spare = if listing.spare { "; a spare is ready: the next reset is two renames" } else { "" };
        ui.answer(&format!("{all}, {} of at most {}{spare}", size(total(listing)), size(listing.max)));
    }
    if let Some((step, why)) = &listing.open {
        let text = format!("runs at every reset: {}: {}", visible(step), visible(why));
        ui.answer(&ui.wrapped(&text, 2));
    }
    let (next, none) = ("`→` is what the next reset starts from", "makes the layers of this project");
    if listing.layers.iter().any(|layer| layer.next.is_some()) {
        ui.hint(next);
    } else {
        ui.hint(&format!("{} {none}", style::command("devdb cache warm")));
    }
}

/// Says from what a reset would start, and how much it would still run.
pub fn start(ui: &Ui, plan: &LayerPlan, listing: &Listing) {
    let next = listing.layers.iter().filter(|_| plan.start).find_map(|layer| Some((layer, layer.next?)));
    let Some((layer, done)) = next else {
        let why = if plan.start { ": no layer fits yet" } else { "" };
        ui.say(&ui.wrapped(&format!("starts    from an empty database{why}"), 10));
        return;
    };
    let rest = match plan.steps.len() - done {
        0 if listing.spare => "a spare of it is ready: two renames".to_owned(),
        0 => "nothing is left to run".to_owned(),
        rest => format!("{} left to run", counted(rest, "step")),
    };
    let text = format!(
        "starts    from the layer of {}, used {} ago; {rest}",
        visible(&layer.contents.last),
        age(layer.idle_seconds)
    );
    ui.say(&ui.wrapped(&text, 10));
}

fn row(layer: &Listed) -> Vec<String> {
    let contents = &layer.contents;
    let mark = match (layer.next.is_some(), layer.current) {
        (true, _) => style::good("→"),
        (false, true) => "·".to_owned(),
        (false, false) => String::new(),
    };
    let profile = contents.profile.as_deref().map(|name| format!(" [{}]", visible(name))).unwrap_or_default();
    vec![
        mark,
        format!("{}{profile}", visible(&contents.last)),
        visible(&contents.project),
        size(contents.bytes),
        took(Duration::from_millis(contents.took)),
        contents.hits.to_string(),
        age(layer.idle_seconds),
    ]
}

fn total(listing: &Listing) -> u64 {
    listing.layers.iter().map(|layer| layer.contents.bytes).sum()
}

/// Writes whether the layers make what nothing makes.
pub fn checked(ui: &Ui, checked: &Checked) {
    let Some(from) = &checked.started_from else {
        ui.answer("there is no layer that the next reset would start from, so there is nothing to compare");
        ui.hint(&format!("{} leaves layers", style::command("devdb reset")));
        return;
    };
    let rows = counted(usize::try_from(checked.rows).unwrap_or(usize::MAX), "row");
    let seen = format!("{} and {rows}", counted(checked.tables, "table"));
    if checked.is_equal() {
        let text = format!("{} the layer of {} makes what nothing makes: {seen}", style::good("✓"), visible(from));
        ui.answer(&ui.wrapped(&text, 2));
    } else {
        let text = format!("{} the layer of {} makes something else", style::bad("✗"), visible(from));
        ui.answer(&ui.wrapped(&text, 2));
    }
    let schema = checked.schema.iter().map(words);
    let all: Vec<String> = schema.chain(checked.content.iter().cloned()).collect();
    for line in all.iter().take(SHOWN) {
        ui.answer(&ui.wrapped(&format!("  {}", visible(line)), 4));
    }
    if all.len() > SHOWN {
        ui.answer(&format!("  and {} more", all.len() - SHOWN));
    }
    if !checked.volatile.is_empty() {
        let list = checked.volatile.iter().map(|column| visible(column)).collect::<Vec<_>>().join(", ");
        let text = format!("  not compared, as they differ each time: {list}");
        ui.answer(&ui.wrapped(&style::faint(text), 4));
    }
    if checked.is_equal() {
        ui.answer("  the database was not touched");
        return;
    }
    let dropped = counted(checked.dropped, "layer");
    ui.answer(&format!("  {dropped} given up; the next reset starts from nothing; the database was not touched"));
    ui.hint("name what the steps read: [cache] inputs, or `inputs` of a seed, in devdb.toml");
}

fn words(difference: &Difference) -> String {
    difference.describe("from the layer", "from nothing")
}
