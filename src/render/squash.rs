//! What `devdb migrate squash` has to say.

use super::style;
use super::ui::Ui;
use crate::model::squash::{Proven, SquashPlan};
use crate::model::text::{counted, visible};

/// Says what was proven and what would be done on disk.
pub fn proven(ui: &Ui, plan: &SquashPlan, proven: &Proven) {
    let objects = counted(proven.objects, "object");
    ui.say(&format!(
        "{} {} make {objects}; one revision of {} makes the same",
        style::good("✓"),
        counted(plan.squashed.len(), "revision"),
        counted(proven.statements, "statement")
    ));
    let rows: Vec<String> = proven.rows.iter().map(|(table, count)| format!("{} ({count})", visible(table))).collect();
    if !rows.is_empty() {
        let list = rows.join(", ");
        let text = if plan.with_data {
            format!("rows that the chain puts in are in the new file too: {list}")
        } else {
            format!("rows that the chain puts in are lost to new databases: {list}")
        };
        if plan.with_data { ui.say(&ui.wrapped(&format!("  {text}"), 4)) } else { ui.warning(&text) }
    }
    if let Some(why) = &proven.no_way_back {
        ui.warning(&format!(
            "its downgrade raises, since dropping what it made does not leave nothing: {}",
            visible(why)
        ));
    }
    ui.say(&format!("  new   {}  {}", visible(&plan.file.display().to_string()), style::faint(visible(plan.id()))));
    ui.say(&format!("  aside {}/  {}", visible(&plan.aside.display().to_string()), counted(plan.moves.len(), "file")));
    if !plan.kept.is_empty() {
        ui.say(&format!("  kept  {}", counted(plan.kept.len(), "revision")));
    }
}

/// Says that the chain is the new one.
pub fn done(ui: &Ui, plan: &SquashPlan) {
    ui.answer(&format!(
        "{} {} are one: {}",
        style::good("✓"),
        counted(plan.squashed.len(), "revision"),
        visible(&plan.file.display().to_string())
    ));
    ui.answer(&format!("  a database at {} needs nothing; one that is behind has to be upgraded with the", plan.id()));
    ui.answer(&format!("  originals first, which lie in {}", visible(&plan.aside.display().to_string())));
}
