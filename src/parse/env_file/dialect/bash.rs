//! `source .env` in bash: assignments, quoting and parameter expansion. Commands are not run; a line that
//! runs one sets nothing that is known here.

use crate::parse::cursor::{Cursor, Lines};

use super::{Assignment, Lookup, Outcome};

/// A syntax error: bash stops here, the statements before it have run.
struct Stopped;

/// How deep `${A:-${B:-…}}` may nest.
const DEPTH: usize = 50;

/// The text of a word; `None` when only running it would tell.
type Word = Option<String>;

pub(super) fn read(text: &str, shell: &Lookup<'_>) -> Outcome {
    let lines = Lines::new(text);
    let mut reader = Reader { shell, known: Outcome::default(), visible: 0 };
    let mut cursor = Cursor::new(text);
    // A line is parsed whole before any of it runs: a syntax error takes its earlier statements along.
    let mut before_line = 0;
    loop {
        cursor.take_while(|next| is_blank(next) || next == ';');
        if cursor.is_done() {
            return reader.known;
        }
        if cursor.eat("\n") {
            before_line = reader.known.assignments.len();
            continue;
        }
        if cursor.peek() == Some('#') {
            cursor.take_while(|next| next != '\n');
            continue;
        }
        let start = cursor.at();
        if let Err(Stopped) = reader.statement(&mut cursor, &lines) {
            reader.known.assignments.truncate(before_line);
            reader.known.stopped_at = Some(lines.of(start));
            return reader.known;
        }
    }
}

struct Reader<'a> {
    shell: &'a Lookup<'a>,
    known: Outcome,
    /// How many of the known assignments an expansion sees.
    visible: usize,
}

impl Reader<'_> {
    /// Reads one simple command. Assignments before a command word live only as long as the command.
    fn statement(&mut self, cursor: &mut Cursor<'_>, lines: &Lines) -> Result<(), Stopped> {
        let before = self.known.assignments.len();
        self.visible = before;
        let mut exports = false;
        let mut runs = false;
        loop {
            cursor.take_while(is_blank);
            match cursor.peek() {
                None | Some('\n' | ';' | '#') => break,
                Some('(' | ')') => return Err(Stopped),
                Some('&' | '|') => {
                    runs = true;
                    skip_list(cursor);
                    break;
                }
                Some(next @ ('<' | '>')) => {
                    // A source that does not open undoes the assignments; a target is made.
                    runs |= next == '<';
                    self.redirection(cursor)?;
                    continue;
                }
                Some(_) => {}
            }
            let start = cursor.at();
            if let Some(key) = assigned_name(cursor).filter(|_| !runs) {
                let value = if cursor.peek() == Some('(') {
                    // An array.
                    substitution(cursor)?;
                    None
                } else {
                    self.word(cursor, true)?
                };
                self.known.assignments.push(Assignment { key, value, line: lines.of(start) });
                if !exports {
                    self.visible = self.known.assignments.len();
                }
                continue;
            }
            let command = self.word(cursor, false)?;
            let quoted = cursor.between(start, cursor.at()).contains(['"', '\'']);
            if command.as_deref() == Some("export") && self.known.assignments.len() == before {
                exports = true;
            } else if !exports && (quoted || command.as_deref() != Some("")) {
                // An unquoted expansion to nothing is no word at all.
                runs = true;
            }
        }
        if runs {
            self.known.assignments.truncate(before);
        }
        self.visible = self.known.assignments.len();
        Ok(())
    }

    /// Moves behind `>target` or `<target`.
    fn redirection(&self, cursor: &mut Cursor<'_>) -> Result<(), Stopped> {
        cursor.take_while(|next| "<>&|".contains(next));
        cursor.take_while(is_blank);
        let start = cursor.at();
        self.word(cursor, false)?;
        if cursor.at() == start { Err(Stopped) } else { Ok(()) }
    }

    fn word(&self, cursor: &mut Cursor<'_>, value: bool) -> Result<Word, Stopped> {
        let mut out = Some(String::new());
        if value && cursor.peek() == Some('~') && home_alone(cursor.peek_second()) {
            cursor.bump();
            add(&mut out, (self.shell)("HOME"));
        }
        while let Some(next) = cursor.peek() {
            match next {
                '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                _ if is_blank(next) => break,
                '\'' => {
                    cursor.bump();
                    let text = cursor.take_while(|next| next != '\'').to_owned();
                    cursor.bump().ok_or(Stopped)?;
                    add(&mut out, Some(text));
                }
                '"' => {
                    cursor.bump();
                    self.double(cursor, &mut out)?;
                }
                '\\' => {
                    cursor.bump();
                    let escaped = cursor.bump().filter(|next| *next != '\n');
                    add(&mut out, Some(escaped.map(String::from).unwrap_or_default()));
                }
                // `$"…"` is a text to translate.
                '$' if cursor.peek_second() == Some('"') => {
                    cursor.bump();
                }
                '$' => self.dollar(cursor, &mut out, 0)?,
                '`' => backticks(cursor, &mut out)?,
                _ => {
                    cursor.bump();
                    add(&mut out, Some(next.to_string()));
                }
            }
        }
        Ok(out)
    }

    /// Reads up to the closing double quote.
    fn double(&self, cursor: &mut Cursor<'_>, out: &mut Word) -> Result<(), Stopped> {
        loop {
            match cursor.peek().ok_or(Stopped)? {
                '"' => {
                    cursor.bump();
                    return Ok(());
                }
                '\\' => {
                    cursor.bump();
                    let escaped = cursor.bump().ok_or(Stopped)?;
                    let text = match escaped {
                        '\n' => String::new(),
                        '$' | '`' | '"' | '\\' => escaped.to_string(),
                        _ => format!("\\{escaped}"),
                    };
                    add(out, Some(text));
                }
                '$' => self.dollar(cursor, out, 0)?,
                '`' => backticks(cursor, out)?,
                next => {
                    cursor.bump();
                    add(out, Some(next.to_string()));
                }
            }
        }
    }

    /// Expands what starts with `$`.
    fn dollar(&self, cursor: &mut Cursor<'_>, out: &mut Word, depth: usize) -> Result<(), Stopped> {
        cursor.bump();
        match cursor.peek() {
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {
                let name = cursor.take_while(is_name);
                add(out, self.lookup(name).unwrap_or(Some(String::new())));
            }
            Some('{') => {
                cursor.bump();
                let inner = braces(cursor)?;
                let text = self.parameter(inner, depth)?;
                add(out, text);
            }
            Some('(') => {
                substitution(cursor)?;
                *out = None;
            }
            // A sourced file has no positional parameters of its own.
            Some('1'..='9') => {
                cursor.bump();
            }
            Some('$' | '!' | '?' | '#' | '@' | '*' | '-' | '0') => {
                cursor.bump();
                *out = None;
            }
            Some('\'') => *out = None,
            _ => add(out, Some("$".to_owned())),
        }
        Ok(())
    }

    /// Expands the inside of `${…}`.
    fn parameter(&self, inner: &str, depth: usize) -> Result<Word, Stopped> {
        let mut cursor = Cursor::new(inner);
        let name = cursor.take_while(is_name);
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Ok(None);
        }
        let Some(found) = self.lookup(name).map_or(Some(None), |found| found.map(Some)) else {
            return Ok(None);
        };
        let colon = cursor.eat(":");
        let present = found.clone().filter(|value| !(colon && value.is_empty()));
        let other = |cursor: &Cursor<'_>| self.operand(cursor.rest(), depth);
        match cursor.bump() {
            None if !colon => Ok(Some(found.unwrap_or_default())),
            Some('-' | '=') => present.map_or_else(|| other(&cursor), |value| Ok(Some(value))),
            Some('+') if present.is_none() => Ok(Some(String::new())),
            Some('+') => other(&cursor),
            Some('?') => present.ok_or(Stopped).map(Some),
            _ => Ok(None),
        }
    }

    fn operand(&self, text: &str, depth: usize) -> Result<Word, Stopped> {
        if depth >= DEPTH {
            return Ok(None);
        }
        let mut out = Some(String::new());
        let mut cursor = Cursor::new(text);
        while let Some(next) = cursor.peek() {
            match next {
                '$' => self.dollar(&mut cursor, &mut out, depth + 1)?,
                '`' => backticks(&mut cursor, &mut out)?,
                '\'' | '"' => {
                    cursor.bump();
                }
                '\\' => {
                    cursor.bump();
                    add(&mut out, cursor.bump().map(String::from));
                }
                _ => {
                    cursor.bump();
                    add(&mut out, Some(next.to_string()));
                }
            }
        }
        Ok(out)
    }

    /// Returns the variable: nothing when it is unset, `Some(None)` when its value is not known here.
    fn lookup(&self, name: &str) -> Option<Word> {
        let visible = self.known.assignments.get(..self.visible).unwrap_or_default();
        let found = visible.iter().rev().find(|earlier| earlier.key == name);
        match found.filter(|earlier| super::may_expand(earlier)) {
            Some(earlier) => Some(earlier.value.clone()),
            None => (self.shell)(name).map(Some),
        }
    }
}

/// Moves behind `&`, or behind the whole line when what follows depends on a command's success.
fn skip_list(cursor: &mut Cursor<'_>) {
    if cursor.peek() == Some('&') && cursor.peek_second() != Some('&') {
        cursor.bump();
    } else {
        cursor.take_while(|next| next != '\n');
    }
}

/// Moves behind `NAME=` and returns the name, when that is next.
fn assigned_name(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut ahead = cursor.clone();
    let name = ahead.take_while(is_name);
    let named = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
    if !named || !ahead.eat("=") {
        return None;
    }
    *cursor = ahead;
    Some(name.to_owned())
}

/// Returns the text up to the brace that closes the one before the cursor.
fn braces<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Stopped> {
    let start = cursor.at();
    let mut open = 1_usize;
    loop {
        let end = cursor.at();
        match cursor.bump().ok_or(Stopped)? {
            '\\' => {
                cursor.bump();
            }
            '$' if cursor.eat("{") => open += 1,
            '}' => {
                open -= 1;
                if open == 0 {
                    return Ok(cursor.between(start, end));
                }
            }
            _ => {}
        }
    }
}

/// Moves behind `(…)`.
fn substitution(cursor: &mut Cursor<'_>) -> Result<(), Stopped> {
    let mut open = 0_usize;
    loop {
        match cursor.bump().ok_or(Stopped)? {
            '(' => open += 1,
            ')' if open <= 1 => return Ok(()),
            ')' => open -= 1,
            _ => {}
        }
    }
}

/// Moves behind `` `…` ``.
fn backticks(cursor: &mut Cursor<'_>, out: &mut Word) -> Result<(), Stopped> {
    cursor.bump();
    cursor.take_while(|next| next != '`');
    cursor.bump().ok_or(Stopped)?;
    *out = None;
    Ok(())
}

fn add(out: &mut Word, text: Word) {
    match (out.as_mut(), text) {
        (Some(out), Some(text)) => out.push_str(&text),
        _ => *out = None,
    }
}

fn home_alone(next: Option<char>) -> bool {
    next.is_none_or(|next| next == '/' || next.is_whitespace())
}

fn is_blank(next: char) -> bool {
    next == ' ' || next == '\t'
}

fn is_name(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_'
}
