//! `.env` files: what stands in them, and what each loader makes of it.

use std::ops::Range;
use std::path::PathBuf;

use super::secret::Secret;

/// A `.env` file as it was read. Its values are secrets: any of them may hold a password.
#[derive(Debug, Clone)]
pub struct EnvFile {
    /// Relative to the project's root when it lies inside.
    pub path: PathBuf,
    /// The whole text, for edits that change only the bytes concerned.
    pub text: Secret,
    /// Every assignment, in file order, duplicates included.
    pub entries: Vec<EnvEntry>,
    /// What some loader stumbles over.
    pub problems: Vec<EnvProblem>,
    /// Starts with the UTF-8 byte order mark.
    pub bom: bool,
    /// The 1-based lines that end in `\r\n`.
    pub crlf_lines: Vec<usize>,
}

/// One assignment.
#[derive(Debug, Clone)]
pub struct EnvEntry {
    pub key: String,
    /// The value as it is written, quotes removed, nothing expanded or unescaped.
    pub raw: Secret,
    pub quote: Quote,
    /// Written `export KEY=…`.
    pub export: bool,
    /// 1-based line of the key.
    pub line: usize,
    /// Bytes of the value inside the text, quotes excluded: what an edit replaces.
    pub span: Range<usize>,
}

/// How a value is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    None,
    Single,
    Double,
    Backtick,
}

/// A line that some loader does not read as it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvProblem {
    /// 1-based.
    pub line: usize,
    pub kind: EnvProblemKind,
    /// The key concerned, when the line has one.
    pub key: Option<String>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvProblemKind {
    /// A quote that is never closed.
    UnterminatedQuote,
    /// Not `KEY=value`, not a comment, not blank.
    NotAnAssignment,
    /// A key with characters that a loader rejects.
    InvalidKey,
    /// Text after the closing quote.
    TextAfterQuote,
    /// An unquoted value with white space inside: dotenvy and `source` fail.
    UnquotedSpace,
}

/// The loaders whose readings differ (each row of the table in `docs/env-dialects.md` was executed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// Docker Compose (compose-go's dotenv).
    Compose,
    /// Rust's dotenvy: the first duplicate wins.
    Dotenvy,
    /// python-dotenv, pydantic-settings.
    PythonDotenv,
    /// The npm package dotenv.
    NodeDotenv,
    /// `node --env-file`.
    NodeEnvFile,
    /// `source .env` in bash.
    Bash,
}
