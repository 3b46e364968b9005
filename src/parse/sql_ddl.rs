//! What the statements of an SQL script do to tables, columns, constraints, indexes and enumerations.
//!
//! Statements are read token by token and never nest, so no text can exhaust the stack. Expressions are kept as they
//! are written. What is not understood is [`Action::Opaque`]; queries and settings do nothing.

use crate::model::operation::{Action, Operation};
use crate::parse::sql::{self, StatementKind};

mod column;
mod cursor;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod tokens;

/// How much of a statement is shown.
const SHOWN: usize = 100;

/// A longer statement is data; only its beginning is read.
const MAX_BYTES: usize = 1 << 20;

/// Returns what a script does, in order. `first_line` is the line of the text's first line within its file.
pub fn of_sql(text: &str, first_line: usize) -> Vec<Operation> {
    let mut operations = Vec::new();
    for statement in sql::split(text) {
        let written = match statement.kind {
            StatementKind::MetaCommand => continue,
            StatementKind::Sql | StatementKind::CopyIn { .. } => statement.text(text),
        };
        let read = head(written);
        let found = statement::actions(read, written.len() > read.len());
        operations.extend(found.actions.into_iter().map(|action| Operation {
            action,
            line: first_line + statement.line - 1,
            source: shown(read),
            conditional: found.conditional,
        }));
    }
    operations
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Returns the beginning of a statement on one line.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for word in text.split_whitespace() {
        if shown.chars().count() > SHOWN {
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(word);
    }
    crate::model::text::shortened(&shown, SHOWN)
}

/// What a statement does.
#[derive(Default)]
struct Found {
    actions: Vec<Action>,
    /// `ALTER TABLE IF EXISTS`.
    conditional: bool,
}
