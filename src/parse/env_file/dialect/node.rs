//! Node: the npm package dotenv (one regular expression) and `node --env-file` (`node_dotenv.cc` of
//! Node 20). Neither expands variables.

use crate::parse::cursor::{Cursor, Lines};

use super::{Assignment, Outcome};

/// Reads as npm's dotenv does.
pub(super) fn read_dotenv(text: &str) -> Outcome {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = Lines::new(&text);
    let mut outcome = Outcome::default();
    let mut cursor = Cursor::new(&text);
    while !cursor.is_done() {
        let mut ahead = cursor.clone();
        if let Some((key, value, key_at)) = dotenv_line(&mut ahead) {
            outcome.assignments.push(Assignment {
                key: key.to_owned(),
                value: Some(dotenv_value(value)),
                line: lines.of(key_at),
            });
            cursor = ahead;
        }
        cursor.take_while(|next| next != '\n');
        cursor.bump();
    }
    outcome
}

/// `^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(quoted|[^#\r\n]+)?\s*(?:#.*)?$`
fn dotenv_line<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a str, &'a str, usize)> {
    cursor.take_while(is_space);
    let mut ahead = cursor.clone();
    if ahead.eat("export")
        && !ahead.take_while(is_space).is_empty()
        && let Some(found) = dotenv_pair(&mut ahead)
    {
        *cursor = ahead;
        return Some(found);
    }
    dotenv_pair(cursor)
}

fn dotenv_pair<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a str, &'a str, usize)> {
    let key_at = cursor.at();
    let key = cursor.take_while(|next| next.is_ascii_alphanumeric() || "_.-".contains(next));
    if key.is_empty() {
        return None;
    }
    let mut ahead = cursor.clone();
    ahead.take_while(is_space);
    if ahead.eat("=") {
        *cursor = ahead;
    } else if !(cursor.eat(":") && cursor.bump().is_some_and(is_space)) {
        return None;
    }
    let quoted = dotenv_quoted(cursor);
    let value = quoted.unwrap_or_else(|| cursor.take_while(|next| next != '#' && next != '\n'));
    Some((key, value, key_at))
}

/// Returns a quoted value when nothing but a comment follows its closing quote.
fn dotenv_quoted<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = cursor.clone();
    let start = ahead.at();
    ahead.take_while(is_space);
    let quote = ahead.bump().filter(|next| "'\"`".contains(*next))?;
    // The expression backtracks: an escaped quote closes the value when no other one does.
    let mut candidates = Vec::new();
    loop {
        match ahead.bump() {
            None => break,
            Some('\\') if ahead.peek() == Some(quote) => {
                ahead.bump();
                candidates.push(ahead.at());
            }
            Some(next) if next == quote => {
                candidates.push(ahead.at());
                break;
            }
            Some(_) => {}
        }
    }
    let end = candidates.into_iter().rev().find(|end| {
        ahead.jump(*end);
        ahead.take_while(|next| next != '\n' && is_space(next));
        matches!(ahead.peek(), None | Some('\n' | '#'))
    })?;
    cursor.jump(end);
    Some(cursor.between(start, end))
}

fn dotenv_value(written: &str) -> String {
    let value = written.trim_matches(is_space);
    let quote = value.chars().next().filter(|next| "'\"`".contains(*next));
    let inner = quote.and_then(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    let value = inner.unwrap_or(value);
    if quote == Some('"') { value.replace("\\n", "\n").replace("\\r", "\r") } else { value.to_owned() }
}

/// Reads as `node --env-file` does.
pub(super) fn read_env_file(text: &str) -> Outcome {
    let text = text.replace('\r', "");
    let lines = Lines::new(&text);
    let mut outcome = Outcome::default();
    let mut cursor = Cursor::new(&text);
    cursor.take_while(|next| next == ' ');
    while let Some(next) = cursor.peek() {
        if next == '\n' {
            cursor.bump();
            continue;
        }
        // A comment on a last line without a line break is read like any other line.
        if next == '#' && cursor.rest().contains('\n') {
            cursor.take_while(|next| next != '\n');
            continue;
        }
        let start = cursor.at();
        // A line without `=` becomes part of the next line's key.
        let key = cursor.take_while(|next| next != '=');
        let trimmed = key.trim_matches(' ');
        if !cursor.eat("=") || trimmed.is_empty() {
            break;
        }
        let indent = key.len() - key.trim_start_matches(' ').len();
        let Some(value) = env_file_value(&mut cursor) else {
            continue;
        };
        outcome.assignments.push(Assignment {
            key: trimmed.strip_prefix("export ").unwrap_or(trimmed).to_owned(),
            value: Some(value),
            line: lines.of(start + indent),
        });
    }
    outcome
}

/// Reads a value. An open quote on a last line without a line break loses the key, and the text is read
/// again as another one.
fn env_file_value(cursor: &mut Cursor<'_>) -> Option<String> {
    cursor.take_while(|next| next == ' ');
    let Some(quote) = cursor.peek().filter(|next| "'\"`".contains(*next)) else {
        let line = cursor.take_while(|next| next != '\n');
        let value = line.split('#').next().unwrap_or_default();
        return Some(value.trim_matches(' ').to_owned());
    };
    let mut ahead = cursor.clone();
    ahead.bump();
    let inner = ahead.take_while(|next| next != quote);
    if ahead.bump().is_some() {
        *cursor = ahead;
        cursor.take_while(|next| next != '\n');
        return Some(if quote == '"' { inner.replace("\\n", "\n") } else { inner.to_owned() });
    }
    if !cursor.rest().contains('\n') {
        return None;
    }
    Some(cursor.take_while(|next| next != '\n').to_owned())
}

/// White space as JavaScript's `\s` has it.
fn is_space(next: char) -> bool {
    next.is_whitespace() && next != '\u{85}' || next == '\u{feff}'
}
