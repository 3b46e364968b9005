//! What an error means here.

use super::style;
use super::ui::Ui;
use crate::model::picture::Picture;
use crate::model::reported::{Answer, Reported};
use crate::model::text::{shortened, visible};

/// Where the labels' texts begin.
const COLUMN: usize = 14;

/// Writes the error, and of which database it is taken to be.
pub fn head(ui: &Ui, reported: &Reported, picture: &Picture) {
    let state = reported.sqlstate.as_ref().map(|state| format!(" {}", style::faint(state))).unwrap_or_default();
    line(ui, "error", &format!("{}{state}", shortened(&visible(&reported.said), 300)));
    if let Some(candidate) = picture.target() {
        let origin = style::faint(format!("named by {}", visible(&candidate.origin.to_string())));
        line(ui, "here", &format!("{}  {origin}", visible(&candidate.target.to_string())));
    }
    ui.answer("");
}

/// Writes what the sources say, and what to run.
pub fn answer(ui: &Ui, answer: &Answer) {
    let mark = if answer.certain { style::bad("✗") } else { style::warn("?") };
    ui.answer(&ui.wrapped(&format!("{mark} {}", visible(&answer.message)), 2));
    for (source, says) in &answer.sources {
        line(ui, &format!("  {source}"), &visible(says));
    }
    for more in &answer.more {
        ui.answer(&ui.wrapped(&format!("  {}", style::faint(visible(more))), 2));
    }
    let Some((first, others)) = answer.commands.split_first() else { return };
    ui.answer("");
    for (label, (command, effect)) in others.iter().map(|it| ("or", it)).chain([("next:", first)]) {
        line(ui, label, &format!("{}   {}", style::command(visible(command)), style::faint(effect)));
    }
}

fn line(ui: &Ui, label: &str, text: &str) {
    let gap = " ".repeat(COLUMN.saturating_sub(label.len()).max(1));
    ui.answer(ui.wrapped(&format!("{}{gap}{text}", style::strong(label)), COLUMN).trim_end());
}
