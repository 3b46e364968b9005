//! `devdb.toml`: what a project says of itself. Everything has a default; the file is optional.

use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::sql_chain::SqlTool;

/// The whole file. Unknown keys are errors, so that a typing mistake is not silence.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub database: DatabaseConfig,
    pub compose: ComposeConfig,
    pub migrations: MigrationsConfig,
    /// In order; when empty, `seeds/*.sql` and `seeds/<profile>/*.sql`.
    pub seeds: Vec<SeedConfig>,
    pub reset: ResetConfig,
    pub cache: CacheConfig,
    pub branches: BranchesConfig,
    pub models: ModelsConfig,
    pub doctor: DoctorConfig,
}

/// `[database]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// The key that holds the URL, when it is not one of the usual ones.
    pub url_key: Option<String>,
    /// The `.env` file that the app reads, relative to the project's root.
    pub env_file: Option<PathBuf>,
    /// Patterns (`*` allowed) of names that are never touched.
    pub protected: Vec<String>,
    /// Remote hosts that may be reset after their database's name was typed: `host` or `host/database`.
    pub remote: Vec<String>,
    /// SQL files run in a new database before the chain (schemas, extensions), in order; globs allowed.
    pub init: Vec<String>,
}

/// `[compose]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComposeConfig {
    /// The Compose file, when it is not found by name.
    pub file: Option<PathBuf>,
    /// The service that runs PostgreSQL, when there are several.
    pub service: Option<String>,
}

/// `[migrations]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MigrationsConfig {
    /// The command that brings an empty database to the head; `alembic upgrade heads` by default.
    pub upgrade: Option<String>,
    /// `alembic.ini` or `pyproject.toml`, when there are several.
    pub config: Option<PathBuf>,
    /// The section of the ini file, as `alembic -n` takes it, when it is not `alembic`.
    pub section: Option<String>,
    /// The folder of SQL migrations that devdb runs itself, when there are several.
    pub directory: Option<PathBuf>,
    /// The tool whose layout that folder has, when it does not tell.
    pub tool: Option<SqlTool>,
    /// The tool's own table, when it is not the usual one: `name` or `schema.name`.
    pub table: Option<String>,
    /// Run before the chain, for chains that need tables first.
    pub bootstrap: Option<String>,
    /// A revision to stamp after `bootstrap`; `upgrade` then continues from it.
    pub stamp: Option<String>,
    /// The Compose service inside which commands run.
    pub service: Option<String>,
    /// Whether the commands' connections can be redirected; `false` takes the order for those that cannot.
    pub redirect: Option<bool>,
}

/// `[[seeds]]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedConfig {
    /// A command, run with its connections pointed at the database being built.
    pub run: Option<String>,
    /// SQL files, in name order; globs allowed.
    pub files: Option<String>,
    /// Only with `--seed PROFILE`.
    pub profile: Option<String>,
    /// Everything that `run` reads, globs allowed; without it, the command runs at every reset.
    pub inputs: Option<Vec<String>>,
}

/// `[reset]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResetConfig {
    /// How many replaced databases are kept for `devdb undo`.
    pub keep: usize,
    /// The profile loaded when `--seed` is not given.
    pub seed: Option<String>,
    /// Whether a clone is made ahead for the next reset; by default, where the database is smaller than 2 GB.
    pub spare: Option<bool>,
}

/// `[cache]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// What all layers of the server may take together: `5 GB`, `800 MB`; `0` keeps none. By default a fifth of the free
    /// space, and at most 5 GB.
    #[serde(deserialize_with = "bytes", skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// What the migration commands read besides revisions, globs allowed; an empty list says that there is nothing.
    pub inputs: Option<Vec<String>>,
}

/// Reads `5 GB`, `800 MB`, or a number of bytes.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(bytes) => Ok(Some(bytes)),
        Written::Text(text) => match super::text::bytes(&text) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(D::Error::custom(format!("`{text}` is no size; write it as \"5 GB\" or \"800 MB\""))),
        },
    }
}

/// `[models]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// The SQLAlchemy metadata, or the declarative base, of a project without Alembic: `app.models:Base.metadata`.
    pub metadata: Option<String>,
}

/// `[doctor]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DoctorConfig {
    /// Checks that are left out: warnings and notes that the team knows of.
    pub ignore: Vec<String>,
}

/// `[branches]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BranchesConfig {
    /// `database`: every git branch has a database of its own.
    pub mode: Option<BranchMode>,
}

/// What git branches have of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BranchMode {
    Database,
}

impl Default for ResetConfig {
    fn default() -> Self {
        Self { keep: 1, seed: None, spare: None }
    }
}
