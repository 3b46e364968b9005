//! Drift for people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::style;
use super::table::{Column, lines};
use super::ui::{Ui, took};
use crate::model::drift::{AdoptPlan, Drift, DriftPlan, Drifted, Maker, Position, Sources, Standing, Tried};
use crate::model::observed::Observed;
use crate::model::schema::{ObjectKind, Property, Schema};
use crate::model::text::{counted, shortened, visible};

/// Differences that are shown without `-v`.
const SHOWN: usize = 60;
/// Below so many columns the verdicts stand under the names.
const NARROW: usize = 80;
/// How much of a value is shown.
const VALUE: usize = 60;

/// What `devdb drift --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftReport {
    pub version: u32,
    /// The sources that could be read agree.
    pub in_sync: bool,
    /// How many objects were compared.
    pub compared: usize,
    pub differences: Vec<DifferenceReport>,
    /// Sources that could not be read.
    pub unread: Vec<UnreadReport>,
    /// The command that brings the sources together; null when there is nothing to do.
    pub command: Option<String>,
}

/// One object of which the sources say different things.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DifferenceReport {
    /// `table`, `column`, `constraint`, `index`, …
    pub object: &'static str,
    /// With its schema: `public.users`; null for what belongs to no table.
    pub table: Option<String>,
    /// With its schema where it belongs to no table.
    pub name: String,
    /// What is said of it: null where it is absent, `"unsaid"` where the source does not speak of such objects.
    pub models: StandingReport,
    pub migrations: StandingReport,
    pub database: StandingReport,
    pub verdict: &'static str,
    /// The command for this difference.
    pub command: &'static str,
    /// The properties in which they differ.
    pub differing: Vec<&'static str>,
    /// The column's probable name before.
    pub renamed_from: Option<String>,
    pub revision: Option<RevisionReport>,
}

/// What one source says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum StandingReport {
    Unsaid(&'static str),
    Absent(Option<()>),
    Present(BTreeMap<&'static str, String>),
}

/// The revision that makes the object.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RevisionReport {
    pub id: String,
    pub file: String,
    pub line: usize,
    /// The commit that changed the file after it was added.
    pub edited_in: Option<String>,
    /// The file differs from what is committed.
    pub uncommitted: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct UnreadReport {
    pub source: &'static str,
    pub why: String,
}

/// Tells of a migration that took over what was made by hand.
pub fn adopted(ui: &Ui, plan: &AdoptPlan, files: &[std::path::PathBuf], back: &Tried) {
    let files: Vec<String> = files.iter().map(|file| visible(&file.display().to_string())).collect();
    let what = counted(plan.adopted, "difference");
    ui.say(&format!("{} {what} adopted by {}", style::good("✓"), files.join(", ")));
    ui.say("  run on a scratch database, the chain now makes what the database is");
    match back {
        Tried::ComesBack => ui.say("  taken back and applied again there, it does so, too"),
        Tried::HasNone => {}
        Tried::Refused(why) => {
            let text = format!("it has no way back that works, and says so when it is taken back: {}", visible(why));
            ui.warning(&ui.wrapped(&text, 9));
        }
        Tried::Untried(why) => ui.warning(&ui.wrapped(&format!("its way back was not tried: {}", visible(why)), 9)),
    }
    for what in &plan.takes {
        ui.warning(&ui.wrapped(&visible(what), 9));
    }
}

/// Returns the report of a comparison.
pub fn report(drift: &Drift) -> DriftReport {
    DriftReport {
        version: 1,
        in_sync: drift.in_sync(),
        compared: drift.compared,
        differences: drift.differences.iter().map(one).collect(),
        unread: drift.unread.iter().map(|(source, why)| UnreadReport { source, why: why.clone() }).collect(),
        command: drift.remedy.first().map(|it| it.command.clone()),
    }
}

fn one(difference: &Drifted) -> DifferenceReport {
    let id = &difference.object;
    let qualified = |name: &str| if id.schema.is_empty() { name.to_owned() } else { format!("{}.{name}", id.schema) };
    let standing = |it: &Standing| match it {
        Standing::Unsaid => StandingReport::Unsaid("unsaid"),
        Standing::Absent => StandingReport::Absent(None),
        Standing::Present(said) => {
            StandingReport::Present(said.iter().map(|(property, value)| (property.name(), value.clone())).collect())
        }
    };
    let revision = |maker: &Maker| RevisionReport {
        id: maker.revision.clone(),
        file: maker.at.file.display().to_string(),
        line: maker.at.line,
        edited_in: maker.edited.as_ref().map(|commit| commit.id.clone()),
        uncommitted: maker.uncommitted,
    };
    DifferenceReport {
        object: id.kind.name(),
        table: id.parent.as_deref().map(qualified),
        name: if id.parent.is_some() { id.name.clone() } else { qualified(&id.name) },
        models: standing(&difference.models),
        migrations: standing(&difference.migrations),
        database: standing(&difference.database),
        verdict: difference.verdict.name(),
        command: difference.verdict.command(),
        differing: difference.differing.iter().map(|property| property.name()).collect(),
        renamed_from: difference.renamed_from.clone(),
        revision: difference.maker.as_ref().map(revision),
    }
}

/// Writes the comparison.
pub fn show(ui: &Ui, plan: &DriftPlan, sources: &Sources, drift: &Drift, elapsed: Duration) {
    let compared = format!("{} compared, {}", counted(drift.compared, "object"), took(elapsed));
    for (source, why) in &drift.unread {
        ui.warning(&ui.wrapped(&format!("the {source} could not be read: {}", visible(why)), 9));
    }
    if let Observed::Known(models) = &sources.models
        && ui.verbose
    {
        for note in &models.notes {
            ui.warning(&ui.wrapped(&visible(note), 9));
        }
    }
    if drift.in_sync() {
        let agree = if known(sources).len() > 1 { "agree" } else { "is there; there is nothing to compare it with" };
        let subject = if known(sources).len() > 1 { known(sources).join(", ") } else { "the database".to_owned() };
        let mark = if drift.unread.is_empty() { style::good("✓") } else { style::warn("?") };
        ui.answer(&format!("{mark} {subject} {agree} {}", style::faint(format!("({compared})"))));
        // What stamps the end of the chain is only said where the database was held against that.
        if drift.position == Position::Unstamped && sources.migrations.known().is_some() {
            let next = style::command("devdb migrate stamp heads");
            ui.answer(&format!("next:  {next}   records that: without a version, migrations begin at the first"));
        }
        return;
    }
    ui.answer(&format!("{}  {}", style::strong("drift"), visible(&plan.target.to_string())));
    ui.answer(&format!("       {}", style::faint(stand(sources, drift))));
    ui.answer("");
    matrix(ui, drift);
    ui.answer("");
    let counts = drift.counts();
    let told: Vec<String> = counts.iter().map(|(verdict, count)| format!("{count} {}", verdict.name())).collect();
    let line = format!("{}: {}", counted(drift.differences.len(), "difference"), told.join(", "));
    ui.answer(&ui.wrapped(&format!("{line} {}", style::faint(format!("· {compared}"))), 2));
    remedies(ui, drift);
}

fn known(sources: &Sources) -> Vec<String> {
    let models = sources.models.known().map(|_| "models");
    let migrations = sources.migrations.known().map(|_| "migrations");
    models.into_iter().chain(migrations).chain(["database"]).map(str::to_owned).collect()
}

fn stand(sources: &Sources, drift: &Drift) -> String {
    let tables =
        |schema: &Schema| counted(schema.objects.keys().filter(|id| id.kind == ObjectKind::Table).count(), "table");
    let models = sources.models.known().map(|it| format!("models {}", tables(&it.schema)));
    let migrations = sources.migrations.known().map(|it| format!("migrations {}", tables(&it.head)));
    let at = match &drift.position {
        Position::NoChain => String::new(),
        Position::AtHead => ", at the head".to_owned(),
        Position::Behind(pending) => format!(", {pending} behind"),
        Position::Unstamped => ", without a version".to_owned(),
        Position::Unknown { rows, found, .. } => {
            let found = found.as_ref().map(|found| format!(" (it is in {found})")).unwrap_or_default();
            format!(", at `{}`, which no file has{found}", rows.join("`, `"))
        }
    };
    let database = format!("database {}{at}", tables(&sources.database));
    visible(&models.into_iter().chain(migrations).chain([database]).collect::<Vec<_>>().join(" · "))
}

/// One line an object, grouped by table, with the values below where they differ.
fn matrix(ui: &Ui, drift: &Drift) {
    let mut groups: BTreeMap<(&str, &str), Vec<&Drifted>> = BTreeMap::new();
    for difference in &drift.differences {
        let id = &difference.object;
        let is_table = id.kind == ObjectKind::Table;
        let group = id.parent.as_deref().or(is_table.then_some(id.name.as_str())).unwrap_or_default();
        groups.entry((id.schema.as_str(), group)).or_default().push(difference);
    }
    // A narrow terminal keeps the names, and has the verdicts below them.
    let narrow = ui.width < NARROW;
    let heads = if narrow { ["MOD", "MIG", "DB"] } else { ["MODELS", "MIGRATIONS", "DATABASE"] };
    let mut rows = vec![std::iter::once(String::new()).chain(heads.map(style::faint)).collect::<Vec<String>>()];
    // What is said below a row, by the row.
    let mut below: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut shown = 0;
    let limit = if ui.verbose { usize::MAX } else { SHOWN };
    for ((schema, group), differences) in groups {
        if shown >= limit {
            break;
        }
        let whole =
            differences.first().is_some_and(|it| it.object.kind == ObjectKind::Table && it.differing.is_empty());
        if !group.is_empty() && !whole {
            let name = if schema == "public" { group.to_owned() } else { format!("{schema}.{group}") };
            rows.push(vec![style::strong(visible(&name)), String::new(), String::new(), String::new(), String::new()]);
        }
        for difference in differences {
            shown += 1;
            let mut cells = row(difference, !group.is_empty() && !whole);
            let mut told = details(difference);
            if narrow {
                cells.truncate(4);
                told.insert(0, difference.verdict.name().to_owned());
            }
            rows.push(cells);
            below.insert(rows.len() - 1, told);
        }
    }
    let columns = [Column::Elastic, Column::Left, Column::Left, Column::Left, Column::Left];
    for (index, line) in lines(ui, &columns, &rows).iter().enumerate() {
        ui.answer(line);
        for detail in below.get(&index).into_iter().flatten() {
            ui.answer(&format!("      {}", ui.wrapped(&style::faint(detail), 8)));
        }
    }
    if drift.differences.len() > shown {
        ui.answer(&format!("… and {} more (-v shows all)", drift.differences.len() - shown));
    }
}

fn row(difference: &Drifted, inside: bool) -> Vec<String> {
    let id = &difference.object;
    let name = if id.parent.is_none() { id.path() } else { id.name.clone() };
    let renamed = difference.renamed_from.as_ref().map(|old| format!(" (renamed from {old}?)")).unwrap_or_default();
    let indent = if inside { "  " } else { "" };
    let label = format!("{indent}{} {}{}", id.kind.name(), visible(&name), visible(&renamed));
    let label = if inside { label } else { style::strong(label) };
    // What the others are held against: the migrations, where they have it.
    let sides = [&difference.migrations, &difference.database, &difference.models];
    let reference = sides.into_iter().find_map(Standing::properties);
    let same = |standing: &Standing| {
        let ours = standing.properties();
        difference
            .differing
            .iter()
            .all(|it| ours.map(|properties| properties.get(it)) == reference.map(|properties| properties.get(it)))
    };
    let cell = |standing: &Standing| match standing {
        Standing::Unsaid => style::faint("·"),
        Standing::Absent => style::bad("✗"),
        Standing::Present(_) if same(standing) => style::good("✓"),
        Standing::Present(_) => style::warn("≠"),
    };
    vec![
        label,
        cell(&difference.models),
        cell(&difference.migrations),
        cell(&difference.database),
        style::warn(difference.verdict.name()),
    ]
}

/// The values that differ, and where the object comes from.
fn details(difference: &Drifted) -> Vec<String> {
    let mut told = Vec::new();
    for property in &difference.differing {
        let said = [
            ("models", &difference.models),
            ("migrations", &difference.migrations),
            ("database", &difference.database),
        ];
        let start = common(said.iter().filter_map(|(_, standing)| standing.properties()?.get(property)));
        // Each value once, with those that say it.
        let mut values: Vec<(String, Vec<&str>)> = Vec::new();
        for (source, standing) in said {
            let Some(properties) = standing.properties() else { continue };
            let value = shown_value(*property, properties.get(property), start);
            match values.iter_mut().find(|(known, _)| *known == value) {
                Some((_, sources)) => sources.push(source),
                None => values.push((value, vec![source])),
            }
        }
        let values: Vec<String> =
            values.into_iter().map(|(value, sources)| format!("{value} ({})", sources.join(", "))).collect();
        told.push(format!("{}: {}", property.name(), values.join(" · ")));
    }
    if let Some(maker) = &difference.maker {
        let edited = match (&maker.edited, maker.uncommitted) {
            (_, true) => ", edited and not committed".to_owned(),
            (Some(commit), false) => {
                format!(", edited by {} on {} ({} {})", commit.author, commit.date, commit.id, commit.subject)
            }
            (None, false) => String::new(),
        };
        told.push(visible(&format!("{}: revision {}{edited}", maker.at, maker.revision)));
    }
    told
}

/// Returns how much of long values is the same in all, and need not be shown.
fn common<'v>(values: impl Iterator<Item = &'v String>) -> usize {
    let values: Vec<&String> = values.collect();
    let Some((first, others)) = values.split_first() else { return 0 };
    if values.iter().all(|value| value.chars().count() <= VALUE) {
        return 0;
    }
    let same = |other: &&String| first.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let same = others.iter().map(same).min().unwrap_or(0);
    first.get(..same).and_then(|start| start.rfind(' ')).map_or(0, |at| at + 1)
}

fn shown_value(property: Property, value: Option<&String>, start: usize) -> String {
    let Some(value) = value else { return "none".to_owned() };
    if matches!(property, Property::NotNull | Property::Unlogged | Property::Invalid) {
        return "yes".to_owned();
    }
    let rest = value.get(start..).unwrap_or(value).split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = shortened(&visible(&rest), VALUE);
    if start > 0 { format!("… {rest}") } else { rest }
}

fn remedies(ui: &Ui, drift: &Drift) {
    let Some((first, others)) = drift.remedy.split_first() else { return };
    for other in others {
        ui.answer(
            &ui.wrapped(&format!("or     {}   {}", style::command(&other.command), style::faint(other.effect)), 7),
        );
    }
    ui.answer(&ui.wrapped(&format!("next:  {}   {}", style::command(&first.command), style::faint(first.effect)), 7));
}
