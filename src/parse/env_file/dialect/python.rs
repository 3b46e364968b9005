//! python-dotenv: `parser.py` and `variables.py`, as `load_dotenv()` calls them. A line that it cannot
//! read is skipped.

use crate::parse::cursor::{Cursor, Lines};

use super::{Assignment, Lookup, Outcome};

struct Skip;

pub(super) fn read(text: &str, shell: &Lookup<'_>) -> Outcome {
    let lines = Lines::new(text);
    let mut outcome = Outcome::default();
    let mut cursor = Cursor::new(text);
    loop {
        cursor.take_while(char::is_whitespace);
        if cursor.is_done() {
            return outcome;
        }
        let line = lines.of(cursor.at());
        match binding(&mut cursor) {
            Ok(Some((key, Some(value)))) => {
                let value = Some(expand(&value, shell, &outcome));
                outcome.assignments.push(Assignment { key, value, line });
            }
            // A bare key takes an earlier value back.
            Ok(Some((key, None))) => outcome.assignments.retain(|earlier| earlier.key != key),
            Ok(None) => {}
            Err(Skip) => {
                cursor.take_while(|next| next != '\n' && next != '\r');
                cursor.bump();
            }
        }
    }
}

/// Reads `key`, `key=value` or a comment; on failure the cursor stands where it failed.
fn binding(cursor: &mut Cursor<'_>) -> Result<Option<(String, Option<String>)>, Skip> {
    let mut ahead = cursor.clone();
    if ahead.eat("export") && !ahead.take_while(is_blank).is_empty() {
        *cursor = ahead;
    }
    let key = key(cursor)?;
    cursor.take_while(is_blank);
    let mut value = None;
    if cursor.eat("=") {
        let blanks = cursor.take_while(is_blank);
        value =
            Some(if !blanks.is_empty() && cursor.peek() == Some('#') { String::new() } else { parse_value(cursor)? });
    }
    let mut ahead = cursor.clone();
    ahead.take_while(is_blank);
    if ahead.peek() == Some('#') {
        *cursor = ahead;
        cursor.take_while(|next| next != '\n' && next != '\r');
    }
    cursor.take_while(is_blank);
    match cursor.peek() {
        None | Some('\n' | '\r') => Ok(key.map(|key| (key, value))),
        Some(_) => Err(Skip),
    }
}

fn key(cursor: &mut Cursor<'_>) -> Result<Option<String>, Skip> {
    let key = match cursor.peek() {
        Some('#') => return Ok(None),
        Some('\'') => {
            let mut ahead = cursor.clone();
            ahead.bump();
            let key = ahead.take_while(|next| next != '\'');
            if !ahead.eat("'") {
                return Err(Skip);
            }
            *cursor = ahead;
            key
        }
        _ => cursor.take_while(|next| next != '=' && next != '#' && !next.is_whitespace()),
    };
    if key.is_empty() {
        return Err(Skip);
    }
    Ok(Some(key.to_owned()))
}

fn parse_value(cursor: &mut Cursor<'_>) -> Result<String, Skip> {
    match cursor.peek() {
        Some(quote @ ('\'' | '"')) => quoted(cursor, quote),
        None | Some('\n' | '\r') => Ok(String::new()),
        Some(_) => {
            let line = cursor.take_while(|next| next != '\n' && next != '\r');
            let comment = line
                .match_indices('#')
                .map(|(offset, _)| offset)
                .find(|offset| line.get(..*offset).is_some_and(|before| before.ends_with(char::is_whitespace)));
            let part = line.get(..comment.unwrap_or(line.len())).unwrap_or(line);
            Ok(part.trim_end().to_owned())
        }
    }
}

fn quoted(cursor: &mut Cursor<'_>, quote: char) -> Result<String, Skip> {
    let mut ahead = cursor.clone();
    ahead.bump();
    let mut out = String::new();
    loop {
        match ahead.bump().ok_or(Skip)? {
            '\\' => {
                let next = ahead.bump().ok_or(Skip)?;
                match escape(next, quote) {
                    Some(escaped) => out.push(escaped),
                    None => out.extend(['\\', next]),
                }
            }
            next if next == quote => break,
            next => out.push(next),
        }
    }
    *cursor = ahead;
    Ok(out)
}

fn escape(next: char, quote: char) -> Option<char> {
    Some(match next {
        '\\' | '\'' => next,
        _ if quote == '\'' => return None,
        '"' => '"',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        _ => return None,
    })
}

/// Replaces `${NAME}` and `${NAME:-default}`; anything else is literal, whatever the quotes.
fn expand(value: &str, shell: &Lookup<'_>, outcome: &Outcome) -> String {
    let mut out = String::new();
    let mut cursor = Cursor::new(value);
    while !cursor.is_done() {
        out.push_str(cursor.take_while(|next| next != '$'));
        let mut ahead = cursor.clone();
        match variable(&mut ahead) {
            Some((name, default)) => {
                let earlier = || outcome.value_of(name).and_then(|found| found.value.clone());
                let found = shell(name).or_else(earlier);
                out.push_str(&found.unwrap_or_else(|| default.to_owned()));
                cursor = ahead;
            }
            None => out.extend(cursor.bump()),
        }
    }
    out
}

fn variable<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a str, &'a str)> {
    if !cursor.eat("${") {
        return None;
    }
    let name = cursor.take_while(|next| next != '}' && next != ':');
    let default = if cursor.eat(":-") { cursor.take_while(|next| next != '}') } else { "" };
    cursor.eat("}").then_some((name, default))
}

fn is_blank(next: char) -> bool {
    next != '\n' && next != '\r' && next.is_whitespace()
}
