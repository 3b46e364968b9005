//! A plan for a person: what is lost, what is done, what is kept.

use super::style;
use super::ui::Ui;
use crate::model::plan::{Order, ResetPlan, Step};
use crate::model::text::{counted, size, visible};

/// Sessions named one by one before they are only counted.
const SESSIONS: usize = 6;

/// Writes the blast radius of a reset and its steps to stderr.
pub fn show_reset(ui: &Ui, plan: &ResetPlan) {
    let name = plan.workplace.target.database();
    line(ui, "reset", &visible(&plan.workplace.target.to_string()));
    line(ui, "", &style::faint(format!("named by {}", plan.workplace.origin)));
    line(ui, "where", &format!("{} ({})", visible(&plan.blast.server), visible(&plan.blast.proof)));
    if plan.exists {
        let rows = plan.blast.estimated_rows;
        let tables = plan.blast.tables.map(|count| format!(", {}", counted(count as usize, "table")));
        let about = if rows > 0 { format!(", about {rows} rows") } else { String::new() };
        let verb = if plan.order == Order::InPlace { "drops" } else { "replaces" };
        let tables = tables.unwrap_or_default();
        line(ui, verb, &format!("{}{tables}{about}, {}", visible(name), size(plan.blast.size_bytes)));
    } else {
        line(ui, "makes", &format!("{} (it does not exist yet)", visible(name)));
    }
    for (index, session) in plan.sessions.iter().take(SESSIONS).enumerate() {
        let state = session.state.as_deref().map(|state| format!(", {state}")).unwrap_or_default();
        let who = visible(session.application());
        let text = format!("pid {}: {who} as `{}`{state}", session.pid, visible(&session.user));
        line(ui, if index == 0 { "ends" } else { "" }, &text);
    }
    if plan.sessions.len() > SESSIONS {
        line(ui, "", &format!("and {} more", counted(plan.sessions.len() - SESSIONS, "session")));
    }
    if let Some(why) = &plan.fallback {
        line(ui, "in place", &visible(why));
    }
    let kept = match (plan.order, plan.exists) {
        (Order::InPlace, true) if plan.fallback.is_some() => format!("a copy of `{}`, for `devdb undo`", visible(name)),
        (Order::InPlace, _) => "nothing: in place there is no way back".to_owned(),
        (_, true) if plan.keep == 0 => "nothing: `[reset] keep = 0` in devdb.toml".to_owned(),
        (_, true) if plan.keep == 1 => {
            format!("the old `{}`, for `devdb undo`, in place of any that was kept before", visible(name))
        }
        (_, true) => format!("the old `{}`, for `devdb undo`", visible(name)),
        (_, false) => "nothing to keep".to_owned(),
    };
    line(ui, "keeps", &kept);
    for (index, step) in plan.describe().iter().enumerate() {
        ui.say(&ui.wrapped(&format!("  {}. {}", index + 1, visible(step)), 5));
    }
}

/// Writes a labelled line, wrapped under its text.
fn line(ui: &Ui, label: &str, text: &str) {
    const COLUMN: usize = 10;
    let gap = " ".repeat(COLUMN.saturating_sub(label.len()));
    let label = if label.is_empty() { String::new() } else { style::strong(label) };
    ui.say(&ui.wrapped(&format!("{label}{gap}{text}"), COLUMN));
}

/// Writes the steps of fixes to stderr.
pub fn show_steps(ui: &Ui, steps: &[&Step]) {
    for step in steps {
        ui.say(&ui.wrapped(&format!("  - {}", visible(&step.describe())), 4));
    }
}
