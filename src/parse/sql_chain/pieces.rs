//! What is sent to the server at once.

use super::goose;
use crate::model::sql_chain::{Section, SqlTool};
use crate::parse::sql::{StatementKind, split};

/// A statement, or a whole section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The 1-based line of the file at which the text starts.
    pub line: usize,
    pub text: String,
    pub kind: PieceKind,
}

/// What sending a piece takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PieceKind {
    Sql,
    /// `COPY … FROM stdin`, and the data after it.
    Copy {
        data: String,
    },
    /// A command of `psql`, which no server understands.
    MetaCommand,
}

impl Piece {
    pub(super) fn sql(line: usize, text: &str) -> Self {
        Self { line, text: text.to_owned(), kind: PieceKind::Sql }
    }
}

/// Returns what the tool sends, in order: the whole section, or its statements.
pub fn pieces(tool: SqlTool, section: &Section) -> Vec<Piece> {
    match tool {
        // Reading the chain has already shown that it can be split.
        SqlTool::Goose => goose::pieces(section).unwrap_or_default(),
        SqlTool::Flyway | SqlTool::Supabase => statements(section),
        SqlTool::Dbmate | SqlTool::Sqlx | SqlTool::GolangMigrate | SqlTool::Diesel | SqlTool::Prisma => {
            vec![Piece::sql(section.line, &section.text)]
        }
    }
}

fn statements(section: &Section) -> Vec<Piece> {
    let text = &section.text;
    let piece = |statement: crate::parse::sql::Statement| Piece {
        line: section.line + statement.line - 1,
        text: statement.text(text).to_owned(),
        kind: match statement.kind {
            StatementKind::Sql => PieceKind::Sql,
            StatementKind::CopyIn { data } => PieceKind::Copy { data: text.get(data).unwrap_or_default().to_owned() },
            StatementKind::MetaCommand => PieceKind::MetaCommand,
        },
    };
    split(text).into_iter().map(piece).collect()
}

/// Returns the statements as Supabase keeps them in its table: everything up to a `;`, comments included, trimmed
/// (supabase/cli, `pkg/parser/token.go`).
pub fn kept_by_supabase(section: &Section) -> Vec<String> {
    let text = &section.text;
    let mut kept = Vec::new();
    let mut start = 0;
    for statement in split(text) {
        let end = statement.span.end + semicolon(text.get(statement.span.end..).unwrap_or_default());
        kept.push(text.get(start..end).unwrap_or_default());
        start = end;
    }
    kept.push(text.get(start..).unwrap_or_default());
    let trimmed = kept.into_iter().map(|text| text.trim_end_matches(';').trim().to_owned());
    trimmed.filter(|text| !text.is_empty()).collect()
}

/// Returns the length of what stands before the `;` after a statement, with it; comments there may hold others.
fn semicolon(text: &str) -> usize {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        let after = if trimmed.starts_with("--") {
            trimmed.split_once('\n').map(|(_, after)| after)
        } else if trimmed.starts_with("/*") {
            trimmed.split_once("*/").map(|(_, after)| after)
        } else {
            let end = usize::from(trimmed.starts_with(';'));
            return text.len() - trimmed.len() + end;
        };
        match after {
            Some(after) => rest = after,
            None => return text.len(),
        }
    }
}
