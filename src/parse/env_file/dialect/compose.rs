//! Docker Compose: compose-go's `dotenv/parser.go`.

use crate::parse::compose::interpolate::interpolate;
use crate::parse::cursor::{Cursor, Lines};

use super::{Assignment, Lookup, Outcome};

/// The loader fails: the whole file is refused.
struct Refused;

pub(super) fn read(text: &str, shell: &Lookup<'_>) -> Outcome {
    let lines = Lines::new(text);
    let mut cursor = Cursor::new(text);
    let mut outcome = Outcome::default();
    loop {
        cursor.take_while(char::is_whitespace);
        match cursor.peek() {
            None => return outcome,
            Some('#') => {
                cursor.take_while(|next| next != '\n');
            }
            Some(_) => {
                let line = lines.of(cursor.at());
                if statement(&mut cursor, line, shell, &mut outcome).is_err() {
                    outcome.stopped_at = Some(line);
                    return outcome;
                }
            }
        }
    }
}

fn statement(cursor: &mut Cursor<'_>, line: usize, shell: &Lookup<'_>, outcome: &mut Outcome) -> Result<(), Refused> {
    let mut ahead = cursor.clone();
    if ahead.eat("export") && ahead.peek().is_some_and(|next| " \t\n\r\u{c}".contains(next)) {
        ahead.take_while(is_space);
        *cursor = ahead;
    }
    let key = cursor.clone().take_while(|next| is_space(next) || is_key(next));
    let mut ahead = cursor.clone();
    ahead.jump(cursor.at() + key.len());
    let separator = ahead.bump();
    if !matches!(separator, None | Some('=' | ':' | '\n')) {
        return Err(Refused);
    }
    // Without a separator before the end of the file the loader reads the text as a nameless value.
    let key = separator.map_or("", |_| key.trim_end()).to_owned();
    if separator.is_some() {
        *cursor = ahead;
    }
    cursor.take_while(is_space);
    if key.contains(' ') {
        return Err(Refused);
    }
    let value = if separator == Some('\n') { shell(&key) } else { Some(value(cursor, shell, outcome)?) };
    if let Some(value) = value.filter(|_| !key.is_empty()) {
        outcome.assignments.push(Assignment { key, value: Some(value), line });
    }
    Ok(())
}

fn value(cursor: &mut Cursor<'_>, shell: &Lookup<'_>, outcome: &Outcome) -> Result<String, Refused> {
    let Some(quote) = cursor.peek().filter(|next| matches!(next, '"' | '\'')) else {
        let line = cursor.take_while(|next| next != '\n');
        cursor.bump();
        let value = line.split(" #").next().unwrap_or_default();
        return expand(value.trim_end(), shell, outcome);
    };
    cursor.bump();
    let mut text = String::new();
    let mut escaped = false;
    loop {
        let next = cursor.bump().ok_or(Refused)?;
        if next == quote && !escaped {
            break;
        }
        if next == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && next != quote {
            text.push('\\');
        }
        escaped = false;
        text.push(next);
    }
    if quote == '"' { expand(&unescape(&text), shell, outcome) } else { Ok(text) }
}

fn expand(value: &str, shell: &Lookup<'_>, outcome: &Outcome) -> Result<String, Refused> {
    let lookup = |name: &str| shell(name).or_else(|| outcome.value_of(name).and_then(|earlier| earlier.value.clone()));
    match interpolate(value, &lookup) {
        Ok((text, _)) => Ok(text),
        Err(_invalid) => Err(Refused),
    }
}

/// Expands the escapes that compose-go's `expandEscapes` knows; `\$` becomes `$$` for the interpolation.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut cursor = Cursor::new(text);
    while let Some(next) = cursor.bump() {
        if next != '\\' {
            out.push(next);
            continue;
        }
        match cursor.peek() {
            Some('0') => {
                cursor.bump();
                octal(&mut cursor, &mut out);
            }
            Some(escape) => {
                if let Some(text) = escaped(escape) {
                    cursor.bump();
                    out.push_str(text);
                } else {
                    out.push('\\');
                }
            }
            None => out.push('\\'),
        }
    }
    out
}

fn escaped(escape: char) -> Option<&'static str> {
    Some(match escape {
        'a' => "\u{7}",
        'b' => "\u{8}",
        'f' => "\u{c}",
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        'v' => "\u{b}",
        '$' => "$$",
        '"' => "\"",
        '\\' => "\\",
        _ => return None,
    })
}

/// `\0123` is the byte 0o123; anything but three octal digits keeps its backslash and loses its zero.
fn octal(cursor: &mut Cursor<'_>, out: &mut String) {
    let all = cursor.clone().take_while(|next| next.is_ascii_digit());
    let digits: String = all.chars().take(3).collect();
    cursor.jump(cursor.at() + digits.len());
    let code = (digits.len() == 3).then(|| u8::from_str_radix(&digits, 8).ok()).flatten();
    if let Some(code) = code {
        out.push(char::from(code));
    } else {
        out.push('\\');
        out.push_str(&digits);
    }
}

fn is_space(next: char) -> bool {
    matches!(next, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

fn is_key(next: char) -> bool {
    next.is_alphanumeric() || "_.-[]".contains(next)
}
