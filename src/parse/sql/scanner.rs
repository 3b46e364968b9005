//! The scanner behind [`super::split`]. It stops at ASCII bytes only, so every position is a character boundary.

use std::ops::Range;

use super::{Statement, StatementKind};

pub(super) struct Scanner<'t> {
    text: &'t str,
    position: usize,
    /// The line that `counted_to` is on.
    line: usize,
    counted_to: usize,
    current: Current,
    statements: Vec<Statement>,
    /// What is taken as it stands; kept where it is asked for.
    literals: Option<Vec<Range<usize>>>,
}

/// The statement being read.
#[derive(Default)]
struct Current {
    /// From the first token to the end of the last.
    span: Option<Range<usize>>,
    parentheses: usize,
    /// Open `BEGIN` and `CASE` of an SQL-standard function body.
    blocks: usize,
    words: usize,
    /// The first letters of the first four words, if they are among those that begin `CREATE FUNCTION`.
    opening: [u8; 4],
    is_copy: bool,
    after_from: bool,
    from_stdin: bool,
}

impl Current {
    fn word(&mut self, word: &str) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        if ["create", "function", "procedure", "or", "replace"].iter().any(|known| is(known))
            && let (Some(slot), Some(first)) = (self.opening.get_mut(self.words), word.bytes().next())
        {
            *slot = first.to_ascii_lowercase();
        }
        if self.words == 0 {
            self.is_copy = self.span.is_none() && is("copy");
        }
        self.words += 1;
        if self.parentheses > 0 {
            return;
        }
        self.from_stdin |= self.is_copy && self.after_from && is("stdin");
        self.after_from = is("from");
        if self.defines_function() {
            if is("begin") || (is("case") && self.blocks > 0) {
                self.blocks += 1;
            } else if is("end") {
                self.blocks = self.blocks.saturating_sub(1);
            }
        }
    }

    fn defines_function(&self) -> bool {
        matches!(self.opening, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p'])
    }
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let current = Current::default();
        Self { text, position: mark, line: 1, counted_to: 0, current, statements: Vec::new(), literals: None }
    }

    /// Returns where strings, quoted names, dollar quotes and data for `COPY` are, quotes included.
    pub(super) fn literals(mut self) -> Vec<Range<usize>> {
        self.literals = Some(Vec::new());
        while let Some(byte) = self.peek(0) {
            self.token(byte);
        }
        self.literals.unwrap_or_default()
    }

    pub(super) fn statements(mut self) -> Vec<Statement> {
        while let Some(byte) = self.peek(0) {
            self.token(byte);
        }
        self.finish(StatementKind::Sql);
        self.statements
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.position + ahead).copied()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn token(&mut self, byte: u8) {
        let start = self.position;
        match (byte, self.peek(1)) {
            (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, _) => {
                self.position += 1;
                return;
            }
            (b'-', Some(b'-')) => return self.skip_line(),
            (b'/', Some(b'*')) => return self.block_comment(),
            (b';', _) if self.current.parentheses == 0 && self.current.blocks == 0 => return self.semicolon(),
            (b'\\', Some(b';')) => {
                self.finish(StatementKind::Sql);
                self.position += 2;
                return;
            }
            (b'\\', _) => return self.meta_command(),
            (b'\'', _) => self.quoted(b'\'', false),
            (b'"', _) => self.quoted(b'"', false),
            (b'e' | b'E', Some(b'\'')) => {
                self.position += 1;
                self.escape_string();
            }
            (b'$', _) => self.dollar(),
            (b'(', _) => {
                self.position += 1;
                self.current.parentheses += 1;
            }
            (b')', _) => {
                self.position += 1;
                self.current.parentheses = self.current.parentheses.saturating_sub(1);
            }
            (b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.., _) => self.word(),
            _ => self.position += 1,
        }
        let end = self.position;
        self.current.span.get_or_insert(start..end).end = end;
    }

    /// Ends the current statement, if there is one.
    fn finish(&mut self, kind: StatementKind) {
        if let Some(span) = std::mem::take(&mut self.current).span {
            self.push(span, kind);
        }
    }

    fn push(&mut self, span: Range<usize>, kind: StatementKind) {
        let skipped = self.text.get(self.counted_to..span.start).unwrap_or_default();
        self.line += skipped.matches('\n').count();
        self.counted_to = span.start;
        let line = self.line;
        self.statements.push(Statement { span, line, kind });
    }

    fn semicolon(&mut self) {
        self.position += 1;
        if self.current.from_stdin {
            self.skip_line();
            let data = self.copy_data();
            self.keep(data.start);
            self.finish(StatementKind::CopyIn { data });
        } else {
            self.finish(StatementKind::Sql);
        }
    }

    fn keep(&mut self, start: usize) {
        let end = self.position;
        if let Some(literals) = &mut self.literals {
            literals.push(start..end);
        }
    }

    /// Reads lines until `\.`, or to the end.
    fn copy_data(&mut self) -> Range<usize> {
        let start = self.position;
        loop {
            let line = self.position;
            self.skip_line();
            let text = self.text.get(line..self.position).unwrap_or_default();
            if text.trim_end_matches(['\n', '\r']) == "\\." {
                return start..line;
            }
            if line == self.position {
                return start..line;
            }
        }
    }

    /// Moves behind the next line feed.
    fn skip_line(&mut self) {
        let rest = self.rest();
        self.position += rest.find('\n').map_or(rest.len(), |found| found + 1);
    }

    fn meta_command(&mut self) {
        self.finish(StatementKind::Sql);
        let start = self.position;
        self.skip_line();
        let line = self.text.get(start..self.position).unwrap_or_default();
        let span = start..start + line.trim_end().len();
        self.push(span, StatementKind::MetaCommand);
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    self.position += 2;
                }
                (b'*', Some(b'/')) => {
                    depth = depth.saturating_sub(1);
                    self.position += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.position += 1,
            }
        }
    }

    /// Moves behind the closing quote. A doubled quote needs no care: it closes one string and opens the next.
    fn quoted(&mut self, quote: u8, backslashes: bool) {
        let start = self.position;
        self.position += 1;
        while let Some(byte) = self.peek(0) {
            self.position += 1;
            if byte == quote {
                break;
            }
            if backslashes && byte == b'\\' && self.peek(0).is_some_and(|next| next.is_ascii()) {
                self.position += 1;
            }
        }
        self.keep(start);
    }

    /// Reads `E'…'`. Its rules hold for the strings that directly follow, or follow after a line break, as well.
    fn escape_string(&mut self) {
        loop {
            self.quoted(b'\'', true);
            let rest = self.rest();
            let next = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
            let gap = rest.len() - next.len();
            let broken = rest.get(..gap).is_some_and(|gap| gap.contains(['\n', '\r']));
            if !next.starts_with('\'') || (gap > 0 && !broken) {
                return;
            }
            self.position += gap;
        }
    }

    /// Reads `$tag$ … $tag$`, or else only the dollar.
    fn dollar(&mut self) {
        let start = self.position;
        let rest = self.rest();
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        let length = rest.bytes().skip(1).take_while(|&byte| inside(byte)).count();
        let tag = rest.get(..length + 2).filter(|tag| tag.ends_with('$'));
        let digit = self.peek(1).is_some_and(|byte| byte.is_ascii_digit());
        self.position += match tag.filter(|_| !digit) {
            None => 1,
            Some(tag) => {
                let body = rest.get(tag.len()..).unwrap_or_default();
                body.find(tag).map_or(rest.len(), |found| found + 2 * tag.len())
            }
        };
        self.keep(start);
    }

    /// Reads a name or key word, or a number, which a dollar quote may follow directly.
    fn word(&mut self) {
        let rest = self.rest();
        let is_number = rest.starts_with(|first: char| first.is_ascii_digit());
        let inside = |byte: u8| match byte {
            b'$' => !is_number,
            _ => byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii(),
        };
        let length = rest.bytes().take_while(|&byte| inside(byte)).count();
        let word = rest.get(..length).unwrap_or_default();
        self.position += length;
        if !is_number {
            self.current.word(word);
        }
    }
}
