//! A plan for a person: what is lost, what is done, what is kept.

use super::style;
use super::ui::Ui;
use crate::model::plan::{Order, ResetPlan, Step};
use crate::model::text::{counted, size, visible};

/// Sessions named one by one before they are only counted.
const SESSIONS: usize = 6;

/// Writes the blast radius of a reset and its steps to stderr.
pub fn show_reset(ui: &Ui, plan: &ResetPlan) {
    let name = plan.target.database();
    ui.say(&format!("{}  {}", style::strong("reset"), visible(&plan.target.to_string())));
    ui.say(&format!("       {}", style::faint(format!("named by {}", plan.origin))));
    ui.say(&format!("{}  {} ({})", style::strong("where"), visible(&plan.blast.server), visible(&plan.blast.proof)));
    if plan.exists {
        let rows = plan.blast.estimated_rows;
        let tables =
            plan.blast.tables.map(|count| format!(", {}", counted(count as usize, "table"))).unwrap_or_default();
        let about = if rows > 0 { format!(", about {rows} rows") } else { String::new() };
        let verb = if plan.order == Order::InPlace { style::bad("drops") } else { style::strong("replaces") };
        ui.say(&format!("{verb}  {}{tables}{about}, {}", visible(name), size(plan.blast.size_bytes)));
    } else {
        ui.say(&format!("{}  {} (it does not exist yet)", style::strong("makes"), visible(name)));
    }
    for session in plan.sessions.iter().take(SESSIONS) {
        let state = session.state.as_deref().map(|state| format!(", {state}")).unwrap_or_default();
        ui.say(&format!(
            "       ends pid {}: {} as `{}`{state}",
            session.pid,
            visible(session.application()),
            visible(&session.user)
        ));
    }
    if plan.sessions.len() > SESSIONS {
        ui.say(&format!("       and {} more", counted(plan.sessions.len() - SESSIONS, "session")));
    }
    let kept = match (plan.order, plan.exists) {
        (Order::InPlace, _) => "nothing: in place there is no way back".to_owned(),
        (_, true) => format!("the old `{}`, for `devdb undo`", visible(name)),
        (_, false) => "nothing to keep".to_owned(),
    };
    ui.say(&format!("{}   {kept}", style::strong("keeps")));
    for (index, step) in plan.describe().iter().enumerate() {
        ui.say(&ui.wrapped(&format!("  {}. {}", index + 1, visible(step)), 5));
    }
}

/// Writes the steps of fixes to stderr.
pub fn show_steps(ui: &Ui, steps: &[&Step]) {
    for step in steps {
        ui.say(&ui.wrapped(&format!("  - {}", visible(&step.describe())), 4));
    }
}
