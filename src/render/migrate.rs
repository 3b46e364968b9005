//! What `devdb migrate` has to say.

use std::path::Path;

use textwrap::core::display_width;

use super::style;
use super::ui::{Ui, took};
use crate::model::chain::Revision;
use crate::model::finding::{Diagnosis, Severity};
use crate::model::history::{ChainState, Entry, History};
use crate::model::operation::{DataWarning, Trouble};
use crate::model::picture::Picture;
use crate::model::plan::{Compared, Move, Moved};
use crate::model::text::{counted, shortened, visible};

/// Pending revisions that are listed before they are only counted.
const LISTED: usize = 12;
const ID: usize = 20;
const COLUMN: usize = 10;

/// Writes where the database is, what is pending, and what to do.
pub fn status(ui: &Ui, picture: &Picture, history: &History, state: &ChainState) {
    chain_line(ui, history);
    for (index, other) in history.others.iter().enumerate() {
        line(ui, if index == 0 { "not" } else { "" }, &style::faint(visible(other)));
    }
    if !history.others.is_empty() {
        let text = "other chains; `config` and `section` under [migrations] in devdb.toml choose one";
        line(ui, "", &style::faint(text));
    }
    if let Some(candidate) = picture.target() {
        let origin = style::faint(format!("({})", candidate.origin));
        line(ui, "database", &format!("{}  {origin}", visible(&candidate.target.to_string())));
    }
    if history.rows.is_some() {
        line(ui, "at", &visible(&history.position()));
    }
    let heads = if history.heads.is_empty() { "none".to_owned() } else { history.heads.join(", ") };
    line(ui, if history.heads.len() > 1 { "heads" } else { "head" }, &visible(&heads));
    let (text, next) = verdict(history, state);
    line(ui, "state", &text);
    let pending = history.pending();
    if matches!(state, ChainState::Behind(_) | ChainState::Faulty(_)) {
        let listed: Vec<&Entry> = pending.iter().take(LISTED).copied().collect();
        entries(ui, &listed);
        if pending.len() > LISTED {
            ui.answer(&style::faint(format!("  … and {} more", pending.len() - LISTED)));
        }
    }
    if let ChainState::Faulty(faults) = state {
        list(ui, faults);
    }
    if let Some(next) = next {
        line(ui, "next", &style::command(next));
    }
}

fn verdict(history: &History, state: &ChainState) -> (String, Option<&'static str>) {
    match state {
        ChainState::Current => (style::good("up to date"), None),
        ChainState::Behind(count) => {
            (style::warn(format!("{} pending", counted(*count, history.noun()))), Some("devdb migrate up"))
        }
        ChainState::Unknown(ids) => {
            let text = format!("`{}` is in no file of the chain", visible(&ids.join("`, `")));
            let alembic = history.noun() == "revision";
            let sql = "devdb doctor --only sql-unknown-version";
            (style::bad(text), Some(if alembic { "devdb doctor --only alembic-unknown-revision" } else { sql }))
        }
        ChainState::Faulty(faults) => {
            (style::bad(format!("the chain has {}", counted(faults.len(), "fault"))), Some("devdb doctor"))
        }
        ChainState::Unstamped => (
            style::warn("tables that no migration made, and no version"),
            Some("devdb doctor --only alembic-unstamped"),
        ),
        ChainState::NoDatabase => (style::bad("the database does not exist"), Some("devdb setup")),
        ChainState::Unreachable(why) => (format!("{} {}", style::bad("no login:"), visible(why)), Some("devdb doctor")),
    }
}

/// Writes revisions as aligned lines: id, message, file.
pub fn entries(ui: &Ui, entries: &[&Entry]) {
    let id = |entry: &&Entry| shortened(&visible(&entry.id), ID);
    let message = |entry: &&Entry| visible(&entry.message);
    let file = |entry: &&Entry| visible(&entry.at.file.display().to_string());
    let widest = |text: &dyn Fn(&&Entry) -> String| entries.iter().map(|it| display_width(&text(it))).max();
    let (ids, messages) = (widest(&id).unwrap_or_default(), widest(&message).unwrap_or_default());
    let beside = ids + messages + widest(&file).unwrap_or_default() + 6 <= ui.width;
    for entry in entries {
        let (id, message, file) = (id(entry), message(entry), file(entry));
        let gap = " ".repeat(ids.saturating_sub(display_width(&id)));
        let space = " ".repeat(messages.saturating_sub(display_width(&message)));
        let file = style::faint(file);
        if beside {
            ui.answer(&format!("  {id}{gap}  {message}{space}  {file}"));
        } else {
            ui.answer(&ui.wrapped(&format!("  {id}{gap}  {message}"), ids + 4));
            ui.answer(&format!("  {:ids$}  {file}", ""));
        }
    }
}

/// Writes to stderr what statements will meet in the data.
pub fn warnings(ui: &Ui, warnings: &[DataWarning]) {
    for warning in warnings {
        let said = match warning.trouble {
            Trouble::Fails => style::bad("will fail:"),
            Trouble::MayFail => style::warn("may fail:"),
            Trouble::Blocks => style::warn("will block:"),
            Trouble::Unknown => style::warn("not checked:"),
        };
        ui.say(&ui.wrapped(&format!("{} {said} {}", style::warn("!"), visible(&warning.why)), 2));
        let place = style::faint(visible(&warning.at.to_string()));
        let statement = visible(&warning.statement).split_whitespace().collect::<Vec<_>>().join(" ");
        ui.say(&ui.wrapped(&format!("  {place}  {}", shortened(&statement, 120)), 4));
    }
}

/// Says that there is nothing to do.
pub fn nothing(ui: &Ui, plan: &Move) {
    let name = visible(plan.workplace().target.database());
    ui.answer(&format!("{} nothing to do: `{name}` is at {}", style::good("✓"), visible(&plan.position())));
}

/// Writes what will run, or be taken back, to stderr.
pub fn plan(ui: &Ui, plan: &Move, back: bool, listed: bool) {
    let target = &plan.workplace().target;
    say(ui, if back { "down" } else { "up" }, &visible(&target.to_string()));
    say(ui, "", &style::faint(format!("named by {}", plan.workplace().origin)));
    say(ui, "from", &visible(&plan.position()));
    say(ui, "runs", &visible(&plan.shown()));
    let Some(steps) = plan.steps() else { return };
    let verb = if back { "takes back" } else { "applies" };
    say(ui, "", &format!("{verb} {}", counted(steps.len(), plan.noun())));
    if !listed {
        return;
    }
    for step in steps.iter().take(LISTED) {
        ui.say(&ui.wrapped(&format!("  - {}  {}", visible(&step.id), visible(&step.message)), 4));
    }
    if steps.len() > LISTED {
        ui.say(&style::faint(format!("  … and {} more", steps.len() - LISTED)));
    }
    if back {
        ui.say(&ui.wrapped(&style::warn("what they made is dropped, with the data in it"), 2));
    }
}

/// Writes what a stamp changes to stderr.
pub fn stamp(ui: &Ui, plan: &Move) {
    say(ui, "stamp", &visible(&plan.workplace().target.to_string()));
    say(ui, "from", &visible(&plan.position()));
    say(ui, "runs", &visible(&plan.shown()));
}

/// Says what was done.
pub fn moved(ui: &Ui, plan: &Move, moved: &Moved) {
    let name = visible(plan.workplace().target.database());
    let time = style::faint(format!("({})", took(moved.took)));
    ui.answer(&format!("{} `{name}` is {} {time}", style::good("✓"), visible(&moved.describe(plan.noun()))));
}

/// Writes what is wrong with a chain.
pub fn chain_checked(ui: &Ui, history: &History, diagnosis: &Diagnosis) {
    chain_line(ui, history);
    match diagnosis.count(Severity::Error) {
        0 => ui.answer(&format!("{} no fault in the chain", style::good("✓"))),
        faults => ui.answer(&format!("{} the chain has {}", style::bad("✗"), counted(faults, "fault"))),
    }
    super::diagnosis::show_findings(ui, diagnosis);
}

/// Writes what the models have beside the chain, and the chain beside them.
pub fn models_compared(ui: &Ui, compared: &Compared) {
    if compared.differences.is_empty() {
        ui.answer(&format!("{} the chain makes what the models say", style::good("✓")));
    } else {
        let count = counted(compared.differences.len(), "difference");
        ui.answer(&format!("{} models and chain: {count}", style::bad("✗")));
        list(ui, &compared.differences);
        // What only the chain has would be dropped by a generated revision: that is for a person to decide.
        if compared.differences.iter().any(|it| it.contains("in no migration") || it.contains("in the models")) {
            line(ui, "next", &style::command("devdb migrate new \"…\" --autogenerate"));
        } else {
            line(ui, "next", "add it to the models, or drop it in a revision that you write");
        }
    }
    unseen(ui, compared);
}

/// Says to stderr what a generated revision does, and what it cannot do.
pub fn generated(ui: &Ui, compared: &Compared) {
    if compared.differences.is_empty() {
        ui.say(&format!(
            "{} the models have nothing that the chain does not make: the file is empty",
            style::warn("!")
        ));
    }
    if !compared.differences.is_empty() {
        ui.say("it makes up for these:");
    }
    for difference in &compared.differences {
        ui.say(&ui.wrapped(&format!("  - {}", visible(difference)), 4));
    }
    if compared.unseen.is_empty() {
        let text = "read it before you run it: autogenerate sees no renames, CHECKs, enum values and server defaults";
        ui.say(&ui.wrapped(&style::faint(text), 0));
    } else {
        ui.say(&format!("{} autogenerate does not see these; write them into the file yourself:", style::warn("!")));
        for text in &compared.unseen {
            ui.say(&ui.wrapped(&format!("  - {}", visible(text)), 4));
        }
    }
}

/// Writes what autogenerate does not see, when there is something.
fn unseen(ui: &Ui, compared: &Compared) {
    if !compared.unseen.is_empty() {
        ui.answer(&format!("{} autogenerate does not compare these; look at them yourself:", style::warn("!")));
        list(ui, &compared.unseen);
    }
}

fn list(ui: &Ui, items: &[String]) {
    for item in items {
        ui.answer(&ui.wrapped(&format!("  - {}", visible(item)), 4));
    }
}

fn chain_line(ui: &Ui, history: &History) {
    let files = counted(history.entries.len(), history.noun());
    let from = style::faint(visible(&history.from.display().to_string()));
    line(ui, "chain", &format!("{}, {files}  {from}", history.tool));
}

/// Says which file was written.
pub fn written(ui: &Ui, file: &Path, revision: Option<&Revision>) {
    let shown = visible(&file.display().to_string());
    let Some(revision) = revision else {
        ui.answer(&shown);
        return;
    };
    ui.say(&format!("{} revision {}  {}", style::good("✓"), visible(&revision.id), visible(&revision.message)));
    if !revision.down_revisions.is_empty() {
        ui.say(&style::faint(format!("  follows {}", visible(&revision.down_revisions.join(", ")))));
    }
    ui.answer(&shown);
}

fn labelled(ui: &Ui, label: &str, text: &str) -> String {
    let gap = " ".repeat(COLUMN.saturating_sub(label.len()));
    let label = if label.is_empty() { String::new() } else { style::strong(label) };
    ui.wrapped(&format!("{label}{gap}{text}"), COLUMN)
}

fn line(ui: &Ui, label: &str, text: &str) {
    ui.answer(&labelled(ui, label, text));
}

fn say(ui: &Ui, label: &str, text: &str) {
    ui.say(&labelled(ui, label, text));
}
