//! `.env` files: what stands in them, and what each loader makes of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// A `.env` file as it was read. Its values are secrets: any of them may hold a password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnvFile {
    /// Relative to the project's root when it lies inside.
    pub path: PathBuf,
    /// The whole text, for edits that change only the bytes concerned.
    pub text: Secret,
    /// Every assignment, in file order, duplicates included.
    #[serde(skip)]
    pub entries: Vec<EnvEntry>,
    /// What some loader stumbles over.
    #[serde(skip)]
    pub problems: Vec<EnvProblem>,
    /// Starts with the UTF-8 byte order mark.
    #[serde(skip)]
    pub bom: bool,
    /// The 1-based lines that end in `\r\n`.
    #[serde(skip)]
    pub crlf_lines: Vec<usize>,
}

/// What git does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InGit {
    Committed,
    Ignored,
    /// Neither: the next `git add .` takes it.
    Open,
}

/// One assignment.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// The whole statement as it is written, from the start of its first line to the end of its last,
    /// line ending included: loaders differ in what they make of the parts around the value.
    pub statement: Secret,
}

/// How a value is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quote {
    None,
    Single,
    Double,
    Backtick,
}

/// A line that some loader does not read as it is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvProblem {
    /// 1-based.
    pub line: usize,
    pub kind: EnvProblemKind,
    /// The key concerned, when the line has one.
    pub key: Option<String>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// What one loader takes from a whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvReading {
    /// By key: the entry that wins. Keys that the loader never sets are not here.
    pub keys: BTreeMap<String, EffectiveEntry>,
    /// The 1-based line at which the loader gives up. dotenvy and bash keep the keys before it, Docker
    /// Compose refuses the whole file.
    pub stopped_at: Option<usize>,
}

/// The entry that a loader takes a key's value from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveEntry {
    /// Index into [`EnvFile::entries`].
    pub entry: usize,
    /// `None` when only running the file would tell (`$(command)` and `$$` in bash).
    pub value: Option<Secret>,
}

/// The loaders whose readings differ (each row of the table in `docs/env-dialects.md` was executed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

impl Dialect {
    /// Every dialect, in the order of the table.
    pub const ALL: [Self; 6] =
        [Self::Compose, Self::Dotenvy, Self::PythonDotenv, Self::NodeDotenv, Self::NodeEnvFile, Self::Bash];

    /// Returns who reads so, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compose => "docker compose",
            Self::Dotenvy => "dotenvy",
            Self::PythonDotenv => "python-dotenv, pydantic-settings",
            Self::NodeDotenv => "dotenv (npm)",
            Self::NodeEnvFile => "node --env-file",
            Self::Bash => "bash source, direnv",
        }
    }

    /// Returns whether a variable that the shell already has beats the file (all but `source`).
    pub fn environment_wins(self) -> bool {
        self != Self::Bash
    }
}

/// What is said of one key that names a database, or a part of how it is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyReadings {
    pub key: String,
    /// The value of devdb's own environment, without its password.
    pub shell: Option<String>,
    /// In the order in which the files are looked at; only those that name the key.
    pub files: Vec<FileReadings>,
    /// Whose value the project's loader takes; nothing where it takes none.
    pub winner: Option<Winner>,
}

/// Where the value stands that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Winner {
    Shell,
    /// Index into [`KeyReadings::files`].
    File(usize),
}

/// What the loaders make of a key in one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileReadings {
    pub path: PathBuf,
    /// Those that read the same value, with the line that they take it from; the project's own loader is in the first.
    pub readings: Vec<(Vec<Dialect>, Reading)>,
}

/// What a loader takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    Value {
        line: usize,
        /// Without its password; no secret of any kind is in it.
        shown: String,
    },
    /// Only running the file would tell.
    Computed { line: usize },
    /// It does not set the key, or gives up before it.
    Unset,
}

impl FileReadings {
    /// Returns whether loaders differ.
    pub fn disagree(&self) -> bool {
        self.readings.len() > 1
    }
}
