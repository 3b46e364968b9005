//! The statements of a `.env` file, as generously as the most generous loader reads them.

use crate::model::env::{EnvEntry, EnvProblem, EnvProblemKind, Quote};
use crate::model::secret::Secret;
use crate::parse::cursor::{Cursor, Lines};

use super::BYTE_ORDER_MARK;

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) entries: Vec<EnvEntry>,
    pub(super) problems: Vec<EnvProblem>,
}

/// The value of a statement, before it is cut out of the text.
struct Value {
    quote: Quote,
    start: usize,
    end: usize,
    problem: Option<EnvProblemKind>,
}

/// Returns the entries and problems of `text`.
pub(super) fn scan(text: &str) -> Scan {
    let lines = Lines::new(text);
    let mut found = Scan::default();
    let mut cursor = Cursor::new(text);
    if cursor.peek() == Some(BYTE_ORDER_MARK) {
        cursor.bump();
    }
    while !cursor.is_done() {
        let start = cursor.at();
        cursor.take_while(is_blank);
        match cursor.peek() {
            None | Some('\n' | '#') => end_line(&mut cursor),
            Some(_) => statement(&mut cursor, start, &lines, &mut found),
        }
    }
    found
}

/// Reads one statement; `start` is where its line starts.
fn statement(cursor: &mut Cursor<'_>, start: usize, lines: &Lines, found: &mut Scan) {
    let export = eat_export(cursor);
    let key_at = cursor.at();
    let line = lines.of(key_at);
    let key = cursor.take_while(|next| !matches!(next, '=' | ':' | '\n' | '#'));
    let key = key.trim_end().to_owned();
    let problem = |kind, key: &str| EnvProblem { line, kind, key: (!key.is_empty()).then(|| key.to_owned()) };
    let separator = cursor.peek().filter(|next| matches!(next, '=' | ':'));
    let named = !key.is_empty() && !key.contains(char::is_whitespace);
    let Some(separator) = separator.filter(|_| named) else {
        let key = if named { key.as_str() } else { "" };
        found.problems.push(problem(EnvProblemKind::NotAnAssignment, key));
        end_line(cursor);
        return;
    };
    cursor.bump();
    if separator == ':' {
        found.problems.push(problem(EnvProblemKind::NotAnAssignment, &key));
        if cursor.peek().is_some_and(|next| !next.is_whitespace()) {
            // `http://host` and the like: no loader but Compose sees a key here.
            end_line(cursor);
            return;
        }
    }
    if !is_name(&key) {
        found.problems.push(problem(EnvProblemKind::InvalidKey, &key));
    }
    let value = value(cursor);
    if let Some(kind) = value.problem {
        found.problems.push(problem(kind, &key));
    }
    let raw = cursor.between(value.start, value.end);
    cursor.jump(value.end);
    end_line(cursor);
    found.entries.push(EnvEntry {
        key,
        raw: Secret::new(raw),
        quote: value.quote,
        export,
        line,
        span: value.start..value.end,
        statement: Secret::new(cursor.between(start, cursor.at())),
    });
}

/// Finds the value's bytes; afterwards the cursor stands anywhere on its last line.
fn value(cursor: &mut Cursor<'_>) -> Value {
    let after_separator = cursor.at();
    cursor.take_while(|next| next != '\r' && is_blank(next));
    let start = cursor.at();
    let quote = match cursor.peek() {
        Some('\'') => Quote::Single,
        Some('"') => Quote::Double,
        Some('`') => Quote::Backtick,
        // In `A= # note` the text is a comment; in `A=#b` it may well be the value.
        Some('#') if start > after_separator => {
            return Value { quote: Quote::None, start: after_separator, end: after_separator, problem: None };
        }
        _ => return unquoted(cursor),
    };
    match quoted(cursor, quote) {
        Some(value) => value,
        None if quote == Quote::Backtick => unquoted(cursor),
        None => {
            cursor.bump();
            let value = unquoted(cursor);
            Value { quote, problem: Some(EnvProblemKind::UnterminatedQuote), ..value }
        }
    }
}

/// Finds a quoted value, or nothing when the quote is never closed.
fn quoted(cursor: &Cursor<'_>, quote: Quote) -> Option<Value> {
    let mut ahead = cursor.clone();
    let mark = ahead.bump()?;
    let start = ahead.at();
    let mut lines = 0;
    loop {
        let end = ahead.at();
        match ahead.bump()? {
            '\\' => {
                ahead.bump();
            }
            '\n' => lines += 1,
            next if next == mark => {
                let line = ahead.take_while(|next| next != '\n').trim();
                let clean = line.is_empty() || line.starts_with('#');
                // A quote that "closes" amid a later line was never closed on its own.
                if !clean && lines > 0 {
                    return None;
                }
                let problem = (!clean).then_some(EnvProblemKind::TextAfterQuote);
                return Some(Value { quote, start, end, problem });
            }
            _ => {}
        }
    }
}

/// Finds an unquoted value: up to a comment or the end of the line.
fn unquoted(cursor: &mut Cursor<'_>) -> Value {
    let start = cursor.at();
    let line = cursor.take_while(|next| next != '\n');
    let comment = line
        .match_indices('#')
        .map(|(offset, _)| offset)
        .find(|offset| line.get(..*offset).is_some_and(|before| before.ends_with(char::is_whitespace)));
    let raw = line.get(..comment.unwrap_or(line.len())).unwrap_or(line);
    let raw = raw.trim_end();
    let problem = raw.contains(char::is_whitespace).then_some(EnvProblemKind::UnquotedSpace);
    Value { quote: Quote::None, start, end: start + raw.len(), problem }
}

fn eat_export(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    let found = ahead.eat("export")
        && !ahead.take_while(is_blank).is_empty()
        && ahead.peek().is_some_and(|next| !matches!(next, '=' | ':' | '\n'));
    if found {
        *cursor = ahead;
    }
    found
}

fn end_line(cursor: &mut Cursor<'_>) {
    cursor.take_while(|next| next != '\n');
    cursor.bump();
}

/// White space that does not end the line.
fn is_blank(next: char) -> bool {
    next != '\n' && next.is_whitespace()
}

/// Returns whether every loader takes `key` for a name.
fn is_name(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|next| next.is_ascii_alphanumeric() || next == '_')
}
