//! A chain of migrations: revisions, their graph, and its faults.

use std::path::PathBuf;

use super::place::Place;

/// An Alembic chain as its files say, without running Python.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// The configuration it was found through (`alembic.ini`, `pyproject.toml`).
    pub config: AlembicConfig,
    /// Readable revisions, in file-name order; duplicates of an id included.
    pub revisions: Vec<Revision>,
    /// Files in the version folders that are no readable revision, and why.
    pub unreadable: Vec<UnreadableRevision>,
}

/// What `alembic.ini` or `[tool.alembic]` says. Paths are relative to the devdb project's root when inside.
#[derive(Debug, Clone, Default)]
pub struct AlembicConfig {
    pub file: PathBuf,
    /// The section read, `alembic` by default.
    pub section: String,
    pub script_location: Option<Place>,
    /// The folder with `env.py`.
    pub script_directory: PathBuf,
    pub version_directories: Vec<PathBuf>,
    pub recursive: bool,
    /// `sqlalchemy.url`, interpolated, with its line.
    pub url: Option<super::place::Located<super::secret::Secret>>,
    /// The table that holds the version; `alembic_version` unless `env.py` says otherwise in literals.
    pub version_table: String,
    /// The schema of that table, when `env.py` names one in literals.
    pub version_table_schema: Option<String>,
}

/// One revision file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    pub id: String,
    /// Empty for a base; two or more for a merge.
    pub down_revisions: Vec<String>,
    pub depends_on: Vec<String>,
    pub branch_labels: Vec<String>,
    /// The first line of the docstring, or the `message` variable; may be empty.
    pub message: String,
    /// The file, and the line of `revision = …`.
    pub at: Place,
    /// The line of `down_revision = …`, when there is one.
    pub down_revision_line: usize,
}

/// A file that could not be read as a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRevision {
    pub at: Place,
    /// A fragment: "`down_revision` is computed: `get_parent()`", "invalid Python: …".
    pub reason: String,
}

/// What is wrong with the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFault {
    /// `revision` names a parent (or dependency) that no file has.
    MissingParent { revision: String, parent: String, at: Place },
    /// These revisions are each other's ancestors, in order.
    Cycle { revisions: Vec<String> },
    /// Several files carry the same id.
    DuplicateId { id: String, files: Vec<Place> },
}
