//! A place among the tokens of a statement.

use super::tokens::{Kind, Token};
use crate::model::operation::Name;

#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, tokens: &'t [Token]) -> Self {
        Self { text, tokens }
    }

    pub(super) fn peek(&self) -> Option<&'t Token> {
        self.tokens.first()
    }

    pub(super) fn is_over(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn skip(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Passes over these words when all of them come next, in this order.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let here =
            words.len() <= self.tokens.len() && words.iter().zip(self.tokens).all(|(word, token)| token.is_word(word));
        if here {
            self.tokens = self.tokens.get(words.len()..).unwrap_or_default();
        }
        here
    }

    /// Passes over one of these words.
    pub(super) fn eat_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.eat(&[word]))
    }

    pub(super) fn eat_symbol(&mut self, symbol: u8) -> bool {
        let here = self.peek().is_some_and(|token| token.is_symbol(symbol));
        if here {
            self.skip();
        }
        here
    }

    pub(super) fn next_is_symbol(&self, symbol: u8) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(symbol))
    }

    pub(super) fn ident(&mut self) -> Option<String> {
        let name = self.peek()?.name()?.to_owned();
        self.skip();
        Some(name)
    }

    /// Reads `name`, `schema.name` or `database.schema.name`.
    pub(super) fn name(&mut self) -> Option<Name> {
        let mut schema = None;
        let mut name = self.ident()?;
        while self.eat_symbol(b'.') {
            schema = Some(std::mem::replace(&mut name, self.ident()?));
        }
        Some(Name::new(schema, name))
    }

    /// Reads names with commas between them.
    pub(super) fn names(&mut self) -> Vec<Name> {
        let mut names: Vec<Name> = self.name().into_iter().collect();
        while self.eat_symbol(b',') {
            names.extend(self.name());
        }
        names
    }

    /// Reads what stands in parentheses; what is not closed goes on to the end.
    pub(super) fn group(&mut self) -> Option<Self> {
        if !self.next_is_symbol(b'(') {
            return None;
        }
        let mut depth = 0_usize;
        for (position, token) in self.tokens.iter().enumerate() {
            match token.kind {
                Kind::Symbol(b'(') => depth += 1,
                Kind::Symbol(b')') => depth = depth.saturating_sub(1),
                _ => continue,
            }
            if depth == 0 {
                let inside = self.tokens.get(1..position).unwrap_or_default();
                self.tokens = self.tokens.get(position + 1..).unwrap_or_default();
                return Some(Self { text: self.text, tokens: inside });
            }
        }
        let inside = self.tokens.get(1..).unwrap_or_default();
        self.tokens = &[];
        Some(Self { text: self.text, tokens: inside })
    }

    /// Returns the pieces between the commas that stand in no parentheses or brackets.
    pub(super) fn pieces(&self) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut depth = 0_usize;
        let mut start = 0;
        let piece = |range: std::ops::Range<usize>| Self {
            text: self.text,
            tokens: self.tokens.get(range).unwrap_or_default(),
        };
        for (position, token) in self.tokens.iter().enumerate() {
            match token.kind {
                Kind::Symbol(b'(' | b'[') => depth += 1,
                Kind::Symbol(b')' | b']') => depth = depth.saturating_sub(1),
                Kind::Symbol(b',') if depth == 0 => {
                    pieces.push(piece(start..position));
                    start = position + 1;
                }
                _ => {}
            }
        }
        pieces.push(piece(start..self.tokens.len()));
        pieces.retain(|piece| !piece.is_over());
        pieces
    }

    /// Reads up to one of these words that stands in no parentheses, or to the end.
    pub(super) fn until(&mut self, words: &[&str]) -> Self {
        let mut depth = 0_usize;
        let mut end = self.tokens.len();
        for (position, token) in self.tokens.iter().enumerate() {
            match &token.kind {
                Kind::Symbol(b'(' | b'[') => depth += 1,
                Kind::Symbol(b')' | b']') => depth = depth.saturating_sub(1),
                Kind::Word(word) if depth == 0 && words.contains(&word.as_str()) => {
                    end = position;
                    break;
                }
                _ => {}
            }
        }
        let (before, rest) = self.tokens.split_at_checked(end).unwrap_or((self.tokens, &[]));
        self.tokens = rest;
        Self { text: self.text, tokens: before }
    }

    /// Returns the text as it is written.
    pub(super) fn written(&self) -> Option<String> {
        let span = self.tokens.first()?.span.start..self.tokens.last()?.span.end;
        self.text.get(span).map(str::to_owned)
    }

    /// Returns plain names, or nothing when something else stands among them.
    pub(super) fn columns(&self) -> Option<Vec<String>> {
        let one = |mut piece: Self| piece.ident().filter(|_| piece.is_over());
        self.pieces().into_iter().map(one).collect()
    }
}
