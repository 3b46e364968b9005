//! What the project's own scripts and code expect of the database, as far as their text tells.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::observed::Observed;
use super::place::Place;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Habits {
    pub calls: Vec<Call>,
    /// The major of the `pg_dump` along `PATH`; absent where no script of the project calls one.
    pub pg_dump: Observed<u32>,
    /// Classes of settings that refuse what they have no field for.
    pub settings: Vec<StrictSettings>,
    pub django: Vec<DjangoMigration>,
    /// Where the app makes async engines, and rewrites no URL; with the variables that stand there.
    pub async_engines: Vec<(Place, Vec<String>)>,
    /// What a new database would stumble over in seed files; absent where there are none.
    pub seeds: Observed<Vec<SeedFault>>,
}

/// What is wrong with a seed's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedFault {
    pub file: PathBuf,
    pub fault: SeedFaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeedFaultKind {
    /// Written in UTF-16, as PowerShell's `>` does.
    Utf16,
    /// `COPY … FROM 'file'`, which the server reads on its own disk.
    ServerFile { line: usize, path: String },
}

/// A line of a script that calls a client of PostgreSQL's, or Alembic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub at: Place,
    /// `psql`, `pg_dump`, `alembic`.
    pub program: String,
    /// The variables that stand on the line.
    pub variables: Vec<String>,
    /// The revision that Alembic is to go to.
    pub revision: Option<String>,
    /// It runs inside of a container, or on another machine.
    pub elsewhere: bool,
}

/// A class of pydantic-settings' that reads an env file and has `extra="forbid"`, which is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrictSettings {
    pub at: Place,
    pub name: String,
    /// The folder in which the app is run, by the project files beside it.
    pub root: PathBuf,
    /// As its configuration has them.
    pub env_files: Vec<String>,
    /// The keys that its fields take, in small letters.
    pub keys: Vec<String>,
    /// Those of fields that may take further keys behind theirs.
    pub prefixes: Vec<String>,
}

/// A file of a Django app's `migrations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DjangoMigration {
    pub app: String,
    /// `0002_order_total`.
    pub name: String,
    pub at: Place,
    /// App and name.
    pub dependencies: Vec<(String, String)>,
    pub replaces: Vec<(String, String)>,
}
