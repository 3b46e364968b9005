//! The tokens of one statement.

use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key word or a name without quotes, in lower case.
    Word(String),
    /// A name in quotes, without them.
    Quoted(String),
    /// A string constant, a number, an operator: kept by its place only.
    Other,
    /// `(`, `)`, `,`, `.` or another single character.
    Symbol(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

impl Token {
    pub(super) fn is_word(&self, wanted: &str) -> bool {
        matches!(&self.kind, Kind::Word(word) if word == wanted)
    }

    pub(super) fn is_symbol(&self, wanted: u8) -> bool {
        self.kind == Kind::Symbol(wanted)
    }

    /// Returns the name that the token is.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(name) | Kind::Quoted(name) => Some(name),
            Kind::Other | Kind::Symbol(_) => None,
        }
    }
}

/// Returns the tokens of a statement without its comments.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        let (length, kind) = next(rest);
        let span = position..position + length;
        position = span.end;
        if let Some(kind) = kind {
            found.push(Token { kind, span });
        }
    }
    found
}

/// Returns the length of what a text starts with, and what it is; nothing for blanks and comments.
fn next(rest: &str) -> (usize, Option<Kind>) {
    let bytes = rest.as_bytes();
    let first = bytes.first().copied().unwrap_or_default();
    let second = bytes.get(1).copied().unwrap_or_default();
    match (first, second) {
        (b'-', b'-') => (rest.find('\n').unwrap_or(rest.len()), None),
        (b'/', b'*') => (comment(bytes), None),
        (b'"', _) => {
            let length = quoted(bytes, 0, b'"', false);
            let inner = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
            (length, Some(Kind::Quoted(inner.replace("\"\"", "\""))))
        }
        (b'\'', _) => (quoted(bytes, 0, b'\'', false), Some(Kind::Other)),
        (b'e' | b'E', b'\'') => (quoted(bytes, 1, b'\'', true), Some(Kind::Other)),
        (b'b' | b'B' | b'x' | b'X' | b'n' | b'N', b'\'') => (quoted(bytes, 1, b'\'', false), Some(Kind::Other)),
        (b'$', _) => (dollar(rest), Some(Kind::Other)),
        _ if first.is_ascii_whitespace() => (1, None),
        _ if first.is_ascii_digit() => {
            (run(bytes, |byte| byte.is_ascii_alphanumeric() || byte == b'.'), Some(Kind::Other))
        }
        _ if first.is_ascii_alphabetic() || first == b'_' || !first.is_ascii() => {
            let part = |byte: u8| byte.is_ascii_alphanumeric() || b"_$".contains(&byte) || !byte.is_ascii();
            let length = run(bytes, part);
            (length, Some(Kind::Word(rest.get(..length).unwrap_or_default().to_ascii_lowercase())))
        }
        _ => (1, Some(Kind::Symbol(first))),
    }
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| belongs(**byte)).count()
}

/// Returns the length up to the closing quote; a doubled quote is none.
fn quoted(bytes: &[u8], from: usize, quote: u8, backslashes: bool) -> usize {
    let mut position = from + 1;
    while let Some(&byte) = bytes.get(position) {
        position += 1;
        if byte == b'\\' && backslashes {
            position += 1;
        } else if byte == quote {
            if bytes.get(position) != Some(&quote) {
                return position;
            }
            position += 1;
        }
    }
    bytes.len()
}

fn comment(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        match (byte, bytes.get(position + 1)) {
            (b'/', Some(b'*')) => depth += 1,
            (b'*', Some(b'/')) => depth = depth.saturating_sub(1),
            _ => {
                position += 1;
                continue;
            }
        }
        position += 2;
        if depth == 0 {
            return position;
        }
    }
    bytes.len()
}

/// Returns the length of `$tag$ … $tag$`, or of the dollar alone.
fn dollar(rest: &str) -> usize {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    let length = rest.bytes().skip(1).take_while(|&byte| inside(byte)).count();
    let Some(tag) = rest.get(..length + 2).filter(|tag| tag.ends_with('$')) else { return 1 };
    let body = rest.get(tag.len()..).unwrap_or_default();
    body.find(tag).map_or(rest.len(), |found| found + 2 * tag.len())
}
