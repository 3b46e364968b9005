//! The tokens of a Python source, as far as imports and calls need them: names, signs and ends of lines.
//!
//! The parser's own lexer does not say where its tokens are, and its tree takes ten times as long. Sources that are no
//! Python give some tokens or others.

/// A piece of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    /// The byte at which it starts.
    pub(super) start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or a keyword.
    Name,
    /// What stands between the quotes of a string in which nothing is inserted.
    Text,
    Sign,
    /// The end of a line, inside of brackets as well.
    NewLine,
}

/// Returns the tokens; comments are left out, and what f-strings insert is code.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    // Most tokens are longer than their share of this.
    let tokens = Vec::with_capacity(source.len() / 4);
    let mut scanner = Scanner { source, bytes: source.as_bytes(), position: 0, tokens };
    scanner.code(false, 0);
    scanner.tokens
}

/// f-strings within f-strings beyond this are no code that anybody wrote.
const MAX_DEPTH: usize = 50;

struct Scanner<'s> {
    source: &'s str,
    bytes: &'s [u8],
    position: usize,
    tokens: Vec<Token<'s>>,
}

/// How a string ends.
#[derive(Clone, Copy)]
struct Quote {
    byte: u8,
    triple: bool,
    raw: bool,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.position + ahead).copied()
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let text = self.source.get(start..end).unwrap_or_default();
        self.tokens.push(Token { kind, text, start });
    }

    /// Reads code: to the end, or inside of an f-string up to the `}` or `:` that ends what is inserted.
    fn code(&mut self, inserted: bool, depth: usize) {
        let mut brackets = 0_usize;
        while let Some(byte) = self.peek(0) {
            let start = self.position;
            match byte {
                b'}' | b':' if inserted && brackets == 0 => return,
                b' ' | b'\t' | 0x0c => self.position += 1,
                b'\r' | b'\n' => {
                    self.position += 1;
                    self.push(Kind::NewLine, start, start + 1);
                }
                b'#' => self.line(),
                // A line that goes on.
                b'\\' => self.position += if self.bytes.get(start + 1..start + 3) == Some(b"\r\n") { 3 } else { 2 },
                b'\'' | b'"' => self.string(b"", depth),
                b'0'..=b'9' => self.number(),
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(depth),
                _ => {
                    match byte {
                        b'(' | b'[' | b'{' => brackets += 1,
                        b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
                        _ => {}
                    }
                    self.position += 1;
                    self.push(Kind::Sign, start, start + 1);
                }
            }
        }
    }

    fn line(&mut self) {
        while self.peek(0).is_some_and(|byte| byte != b'\n' && byte != b'\r') {
            self.position += 1;
        }
    }

    /// `1_000`, `0xff`, `1.5e3`.
    fn number(&mut self) {
        let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
        while let Some(byte) = self.peek(0) {
            if !byte.is_ascii_alphanumeric() && byte != b'_' && !(byte == b'.' && digit(self.peek(1))) {
                return;
            }
            self.position += 1;
        }
    }

    /// Reads a name, or the string that it is the prefix of.
    fn word(&mut self, depth: usize) {
        let start = self.position;
        while self.peek(0).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80) {
            self.position += 1;
        }
        let bytes = self.bytes;
        let word = bytes.get(start..self.position).unwrap_or_default();
        let prefix = word.len() <= 2 && word.iter().all(|byte| b"rRbBuUfFtT".contains(byte));
        if prefix && matches!(self.peek(0), Some(b'\'' | b'"')) {
            self.string(word, depth);
        } else {
            self.push(Kind::Name, start, self.position);
        }
    }

    fn string(&mut self, prefix: &[u8], depth: usize) {
        let is = |letters: &[u8]| prefix.iter().any(|byte| letters.contains(byte));
        let Some(byte) = self.peek(0) else { return };
        let triple = self.peek(1) == Some(byte) && self.peek(2) == Some(byte);
        self.position += if triple { 3 } else { 1 };
        let start = self.position;
        let quote = Quote { byte, triple, raw: is(b"rR") };
        if is(b"fFtT") && depth < MAX_DEPTH {
            self.template(quote, false, depth + 1);
        } else {
            let end = self.plain(quote);
            self.push(Kind::Text, start, end);
        }
    }

    /// Moves behind the quote that ends a string, and returns where that stands. In raw strings, too, no quote after a
    /// backslash ends it.
    fn plain(&mut self, quote: Quote) -> usize {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.position += 2,
                b'\n' if !quote.triple => return self.position,
                _ if self.ends(quote) => return self.close(quote),
                _ => self.position += 1,
            }
        }
        self.position
    }

    fn ends(&self, quote: Quote) -> bool {
        let is = |ahead| self.peek(ahead) == Some(quote.byte);
        is(0) && (!quote.triple || (is(1) && is(2)))
    }

    fn close(&mut self, quote: Quote) -> usize {
        let end = self.position;
        self.position += if quote.triple { 3 } else { 1 };
        end
    }

    /// Reads the text of an f-string, or the format that follows a `:` in what it inserts, up to its `}`.
    fn template(&mut self, quote: Quote, format: bool, depth: usize) {
        while let Some(byte) = self.peek(0) {
            match byte {
                // A character by its name.
                b'\\' if !quote.raw && self.peek(1) == Some(b'N') && self.peek(2) == Some(b'{') => {
                    let rest = self.bytes.get(self.position..).unwrap_or_default();
                    self.position += rest.iter().position(|byte| *byte == b'}').unwrap_or(rest.len());
                }
                b'\\' if !matches!(self.peek(1), Some(b'{' | b'}')) => self.position += 2,
                b'\n' if !quote.triple => return,
                // An unfinished insertion ends with its string.
                _ if self.ends(quote) && format => return,
                _ if self.ends(quote) => {
                    self.close(quote);
                    return;
                }
                b'{' if !format && self.peek(1) == Some(b'{') => self.position += 2,
                b'{' => self.inserted(quote, depth),
                b'}' if format => return,
                _ => self.position += 1,
            }
        }
    }

    /// Reads `{value:format}`.
    fn inserted(&mut self, quote: Quote, depth: usize) {
        let start = self.position;
        self.position += 1;
        // What is inserted begins like a bracket: names before it are called by nothing.
        self.push(Kind::Sign, start, start + 1);
        if depth >= MAX_DEPTH {
            return;
        }
        self.code(true, depth + 1);
        if self.peek(0) == Some(b':') {
            self.position += 1;
            self.template(quote, true, depth + 1);
        }
        if self.peek(0) == Some(b'}') {
            self.position += 1;
        }
    }
}
