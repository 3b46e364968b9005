//! Edits of a `.env` file that change one value and leave every other byte alone.

use std::ops::Range;

use crate::model::env::{Dialect, EnvEntry, EnvFile, Quote};
use crate::model::secret::Secret;

use super::{scan, value};

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("the file has no entry number {0}")]
    NoSuchEntry(usize),
    #[error("no quoting of the new value of `{key}` is read back by any loader")]
    NotRepresentable { key: String },
}

/// Returns the file's text with the value of one entry changed.
///
/// Quotes stay when they fit the new value; otherwise the quoting that most loaders read back as `new`
/// is taken, single quotes before double ones. Comments, order, line endings and a byte order mark stay.
pub fn replace_value(file: &EnvFile, entry_index: usize, new: &str) -> Result<String, EditError> {
    let Some(entry) = file.entries.get(entry_index) else {
        return Err(EditError::NoSuchEntry(entry_index));
    };
    let text = file.text.reveal();
    let range = written(text, entry);
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let head = head(text, entry, &range);
    let tail = after.split_inclusive('\n').next().unwrap_or_default();
    let best = quotings(entry.quote, new)
        .into_iter()
        .map(|quoted| {
            let statement = format!("{head}{quoted}{tail}");
            (readers(entry, &statement, new), quoted)
        })
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .filter(|(readers, _)| *readers > 0);
    let changed = best.map(|(_, quoted)| format!("{before}{quoted}{after}"));
    changed.filter(|changed| same_keys(text, changed)).ok_or(EditError::NotRepresentable { key: entry.key.clone() })
}

/// Stray quotes elsewhere in a broken file can pair up in another way once a value has changed.
fn same_keys(before: &str, after: &str) -> bool {
    let keys = |text: &str| scan::scan(text).entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>();
    keys(before) == keys(after)
}

/// Returns the text with `key=value` added as its last line, in the file's own line ending and quoted as
/// [`replace_value`] would. A value that no loader can read back is written in double quotes.
pub fn append(text: &str, key: &str, value: &str) -> String {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { ending };
    let line = format!("{key}={ending}");
    let file = super::parse(std::path::Path::new(""), &line);
    let line = replace_value(&file, 0, value).unwrap_or_else(|_| format!("{key}=\"{}\"{ending}", escaped(value)));
    format!("{text}{gap}{line}")
}

/// Returns the bytes of the value, quotes included.
fn written(text: &str, entry: &EnvEntry) -> Range<usize> {
    let Range { start, end } = entry.span.clone();
    let mark = match entry.quote {
        Quote::None => return start..end,
        Quote::Single => '\'',
        Quote::Double => '"',
        Quote::Backtick => '`',
    };
    let closed = text.get(end..).is_some_and(|rest| rest.starts_with(mark));
    start.saturating_sub(1)..if closed { end + 1 } else { end }
}

/// Returns the statement's text before the value.
fn head<'a>(text: &'a str, entry: &EnvEntry, range: &Range<usize>) -> &'a str {
    let line_start = text.get(..range.start).and_then(|before| before.rfind('\n')).map_or(0, |offset| offset + 1);
    let head = text.get(line_start..range.start).unwrap_or_default();
    let mark = super::BYTE_ORDER_MARK;
    if entry.line == 1 { head.trim_start_matches(mark) } else { head }
}

/// Returns the ways to write `new`, the preferred one first.
fn quotings(current: Quote, new: &str) -> Vec<String> {
    let mut ways = Vec::new();
    let plain = !new.starts_with('~') && new.chars().all(is_plain);
    let single = format!("'{new}'");
    let double = format!("\"{new}\"");
    match current {
        Quote::None if plain => ways.push(new.to_owned()),
        Quote::Double if !new.contains(['$', '`', '\\']) => ways.push(double.clone()),
        Quote::Backtick => ways.push(format!("`{new}`")),
        Quote::None | Quote::Single | Quote::Double => {}
    }
    ways.extend([single, double, format!("\"{}\"", escaped(new))]);
    ways
}

/// Returns how many loaders read `statement` as `new`.
fn readers(entry: &EnvEntry, statement: &str, new: &str) -> usize {
    let same = scan::scan(statement).entries.len() == 1;
    let changed = EnvEntry { statement: Secret::new(statement), ..entry.clone() };
    let reads = |dialect: &&Dialect| value(&changed, **dialect, &|_| None).as_deref() == Some(new);
    if same { Dialect::ALL.iter().filter(reads).count() } else { 0 }
}

/// Characters that no loader gives a meaning to outside quotes.
fn is_plain(next: char) -> bool {
    next.is_alphanumeric() || "_-./:@%+,=?*^!~[]{}".contains(next)
}

fn escaped(value: &str) -> String {
    let mut out = String::new();
    for next in value.chars() {
        if matches!(next, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(next);
    }
    out
}
