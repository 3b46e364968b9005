//! Roles of text, not colours: a reader without colour misses nothing.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();
const COMMAND: Style = AnsiColor::Cyan.on_default();

fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

pub fn good(text: impl Display) -> String {
    styled(GOOD, text)
}

pub fn bad(text: impl Display) -> String {
    styled(BAD, text)
}

pub fn warn(text: impl Display) -> String {
    styled(WARN, text)
}

pub fn faint(text: impl Display) -> String {
    styled(FAINT, text)
}

pub fn strong(text: impl Display) -> String {
    styled(STRONG, text)
}

/// Something to type.
pub fn command(text: impl Display) -> String {
    styled(COMMAND, text)
}
