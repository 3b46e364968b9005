//! What `devdb migrate rebase` has to say.

use super::style;
use super::ui::Ui;
use crate::model::rebase::RebasePlan;
use crate::model::text::{counted, visible};

/// Says what moves and which lines change.
pub fn plan(ui: &Ui, plan: &RebasePlan, dry_run: bool) {
    if let Some(because) = &plan.because {
        ui.say(&style::faint(format!("`{}` is yours: {}", visible(&plan.head), visible(because))));
    }
    for warning in &plan.warnings {
        ui.warning(&visible(warning));
    }
    let would = if dry_run { "would change" } else { "changes" };
    ui.say(&format!("{would} {}:", counted(plan.edits.len(), "file")));
    for edit in &plan.edits {
        let parents = |ids: &[String]| if ids.is_empty() { "None".to_owned() } else { ids.join(", ") };
        let change = format!("down_revision {} → {}", parents(&edit.from), parents(&edit.to));
        ui.say(&format!("  {}  {}", visible(&edit.at.to_string()), visible(&change)));
    }
}

/// Says where the revisions are now, and what is left to do.
pub fn done(ui: &Ui, plan: &RebasePlan) {
    let moved = counted(plan.moved.len(), "revision");
    let verb = if plan.moved.len() == 1 { "follows" } else { "follow" };
    ui.answer(&format!(
        "{} {moved} now {verb} {}; the head is {}",
        style::good("✓"),
        visible(&plan.onto),
        visible(&plan.head)
    ));
    if let Some(next) = &plan.next {
        ui.answer(&format!("  next: {}", style::command(visible(next))));
    }
}
