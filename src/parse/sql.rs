//! Postgres scripts, split into statements as `psql` splits them.
//!
//! Source: `src/fe_utils/psqlscan.l` of Postgres 17 (`standard_conforming_strings` on).

use std::ops::Range;

mod reading;
mod scanner;
#[cfg(test)]
mod tests;

pub use reading::{reads, reads_server_file, with_line_feeds};

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The bytes from the first token to the last, without comments around it and without its `;`.
    pub span: Range<usize>,
    /// The 1-based line of the first token.
    pub line: usize,
    pub kind: StatementKind,
}

/// Who understands a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKind {
    /// The server.
    Sql,
    /// Only `psql`: a backslash command such as `\restrict` or `\connect`, up to the end of its line.
    MetaCommand,
    /// The server, but it expects `data` after it: `COPY … FROM stdin`. Without the closing `\.`.
    /// What follows its `;` on the same line is passed over.
    CopyIn { data: Range<usize> },
}

impl Statement {
    /// Returns the statement's text within the script that it was split from.
    pub fn text<'t>(&self, script: &'t str) -> &'t str {
        script.get(self.span.clone()).unwrap_or_default()
    }
}

/// Returns the statements of a script in order.
///
/// What lies between them is white space, comments, `;`, and the `\.` lines that end data. Quotes, dollar quotes,
/// nested comments, parentheses and `BEGIN … END` of SQL-standard function bodies keep their semicolons. Never fails:
/// what is not closed goes on to the end of the script.
pub fn split(text: &str) -> Vec<Statement> {
    scanner::Scanner::new(text).statements()
}

/// Returns the 1-based line of a byte; of the last line when it lies beyond the text.
pub fn line_of(text: &str, byte_offset: usize) -> usize {
    let before = text.bytes().take(byte_offset);
    before.filter(|&byte| byte == b'\n').count() + 1
}
