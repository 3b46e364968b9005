//! An error for a terminal: what happened, to what, why, and the next command.

use super::style;
use super::ui::Ui;
use crate::error::{Error, Kind};
use crate::model::text::visible;

/// Writes the error to stderr.
pub fn show(ui: &Ui, error: &Error) {
    let heading = match error.kind {
        Kind::Cancelled => style::warn("cancelled"),
        Kind::Refused => style::bad("refused"),
        Kind::Bug => style::bad("bug in devdb"),
        Kind::Usage | Kind::Environment | Kind::Failed => style::bad("error"),
    };
    ui.say(&ui.wrapped(&format!("{heading}: {}", visible(&error.message)), 2));
    for cause in error.causes() {
        ui.say(&ui.wrapped(&format!("  because: {}", visible(&cause)), 4));
    }
    let column = error.details.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, text) in &error.details {
        let mut lines = text.lines().map(visible);
        let first = lines.next().unwrap_or_default();
        ui.say(&ui.wrapped(&format!("  {}  {first}", style::faint(format!("{label:<column$}"))), column + 4));
        for line in lines {
            ui.say(&format!("  {:<column$}  {line}", ""));
        }
    }
    for hint in &error.hints {
        let line = format!("  {} {}", style::good("try:"), visible(hint));
        ui.say(&ui.wrapped(&line, 7));
    }
}
