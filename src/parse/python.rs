//! Python sources: a guarded parser and what can be told of a module's names without running it.

use ruff_python_ast::ModModule;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};
use ruff_text_size::{TextRange, TextSize};

pub(super) mod encoding;
pub(super) mod names;
#[cfg(test)]
mod tests;

/// Sources larger than this are refused unread.
const MAX_BYTES: usize = 64 << 20;

/// Trees of sources up to this size can be parsed and dropped on any stack, however they nest (see the tests).
const SHALLOW_BYTES: usize = 8 << 10;

/// Python's own limits for brackets (`MAXSTACK`) and indentation (`MAXINDENT`), and no more than its compiler can nest.
const MAX_BRACKETS: usize = 200;
const MAX_INDENTATION: usize = 100;
const MAX_DEPTH: usize = 3000;
const MAX_VISITED_DEPTH: usize = 500;

/// Why a text cannot be used, and where: a fragment, and a 1-based line (0: the whole file).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// Returns the module's syntax tree; fails on what Python would not compile either: a syntax error, or an expression
/// or block nested beyond Python's limits.
pub(super) fn parse(source: &str) -> Result<ModModule, Unusable> {
    parse_guarded(source, SHALLOW_BYTES, MAX_DEPTH)
}

/// The same for a tree that is visited down to its leaves, which takes more stack than to parse and drop it.
pub(super) fn parse_for_visits(source: &str) -> Result<ModModule, Unusable> {
    parse_guarded(source, 0, MAX_VISITED_DEPTH)
}

fn parse_guarded(source: &str, unguarded: usize, max_depth: usize) -> Result<ModModule, Unusable> {
    let refuse = |reason: &str| Unusable { line: 0, reason: reason.to_owned() };
    if source.len() > MAX_BYTES {
        return Err(refuse("larger than 64 MiB"));
    }
    if source.len() > unguarded && nests_too_deeply(source, max_depth) {
        return Err(refuse("invalid Python: nested too deeply"));
    }
    match ruff_python_parser::parse_module(source) {
        Ok(parsed) => Ok(parsed.into_syntax()),
        Err(error) => Err(Unusable {
            line: line_of(source, error.location.start()),
            reason: format!("invalid Python: {}", error.error),
        }),
    }
}

/// Returns the 1-based line of a position.
pub(super) fn line_of(source: &str, position: TextSize) -> usize {
    let before = source.bytes().take(position.to_usize());
    before.filter(|&byte| byte == b'\n').count() + 1
}

/// Returns the first line of a piece of the source, shortened for a message.
pub(super) fn excerpt(source: &str, range: TextRange) -> String {
    const LONGEST: usize = 60;
    let piece = source.get(range.to_std_range()).unwrap_or_default();
    let line = piece.lines().next().unwrap_or_default().trim_end();
    let mut shown: String = line.chars().take(LONGEST).collect();
    if shown.len() < piece.trim_end().len() {
        shown.push('…');
    }
    shown
}

/// Returns whether a syntax tree of this source could be so deep that walking or dropping it would exhaust the stack.
///
/// Each level of a tree costs at least one bracket, operator or keyword of its statement; commas separate siblings,
/// except in the parameters of a `lambda`.
fn nests_too_deeply(source: &str, max_depth: usize) -> bool {
    let mut lexer = lexer::lex(source, Mode::Module);
    let mut depth = Depth::default();
    let mut indentation = 0_usize;
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Indent => indentation += 1,
            TokenKind::Dedent => indentation = indentation.saturating_sub(1),
            kind => depth.count(kind),
        }
        if indentation > MAX_INDENTATION || depth.outer.len() > MAX_BRACKETS || depth.total > max_depth {
            return true;
        }
    }
}

/// An upper bound of the depth of the expression that is being read.
#[derive(Default)]
struct Depth {
    total: usize,
    /// The part of `total` that the current list element added.
    element: usize,
    /// The same for the elements around it, one per open bracket.
    outer: Vec<usize>,
}

impl Depth {
    fn count(&mut self, kind: TokenKind) {
        match kind {
            TokenKind::Newline => *self = Self::default(),
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                self.total += 1;
                self.outer.push(self.element + 1);
                self.element = 0;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
                self.total = self.total.saturating_sub(self.element);
                self.element = self.outer.pop().unwrap_or_default();
            }
            TokenKind::Comma => {
                self.total = self.total.saturating_sub(self.element);
                self.element = 0;
            }
            // Counted for the whole statement.
            TokenKind::Lambda => self.total += 1,
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::TStringMiddle
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::And
            | TokenKind::Or
            | TokenKind::Equal
            | TokenKind::Colon => {}
            _ => {
                self.total += 1;
                self.element += 1;
            }
        }
    }
}
