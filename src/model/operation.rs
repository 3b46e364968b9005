//! What a migration does, as far as its text tells.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::place::Place;

pub mod lineage;

/// What one migration does in both directions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationOperations {
    /// The revision's id, or an SQL migration's version.
    pub revision: String,
    pub file: PathBuf,
    pub up: Vec<Operation>,
    pub down: Vec<Operation>,
    pub way_back: WayBack,
    /// It steps out of Alembic's transaction somewhere (`autocommit_block`).
    #[serde(default)]
    pub autocommits: bool,
    /// What its `upgrade()` uses of extensions.
    #[serde(default)]
    pub extensions: Vec<ExtensionUse>,
    /// It may create extensions in a way that is not understood.
    #[serde(default)]
    pub creates_unknown_extensions: bool,
    /// The values that its `upgrade()` adds to enumerations.
    #[serde(default)]
    pub new_values: Vec<NewValue>,
}

/// A value that a migration adds to an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewValue {
    /// The type's name, without its schema.
    pub of: String,
    pub value: String,
    /// 1-based.
    pub line: usize,
    /// The lines below on which it stands as a literal of a statement.
    pub uses: Vec<(usize, String)>,
}

/// A word of a migration that an extension brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionUse {
    pub extension: String,
    /// In small letters.
    pub word: String,
    /// 1-based.
    pub line: usize,
}

/// Whether a migration can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WayBack {
    Written,
    /// `pass` alone, at this line: the version is taken back and the schema is not.
    Empty {
        line: usize,
    },
    /// Raises an error, at this line.
    Refuses {
        line: usize,
    },
    /// There is no `downgrade`.
    Missing,
}

/// One direction of one migration, as it is about to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOperations {
    pub revision: String,
    pub file: PathBuf,
    pub operations: Vec<Operation>,
}

/// One thing that a migration does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    pub action: Action,
    /// 1-based, in the migration's file.
    pub line: usize,
    /// The beginning of what is written there.
    pub source: String,
    /// Stands behind a condition or in a loop: it may run, several times, or not at all.
    pub conditional: bool,
}

/// What an operation changes. Names are as the server stores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    CreateTable {
        table: Name,
        columns: Vec<Column>,
        constraints: Vec<Constraint>,
        /// `IF NOT EXISTS`.
        unless_there: bool,
    },
    DropTable {
        table: Name,
        if_there: bool,
    },
    RenameTable {
        table: Name,
        to: String,
    },
    AddColumn {
        table: Name,
        column: Column,
        unless_there: bool,
    },
    DropColumn {
        table: Name,
        column: String,
    },
    RenameColumn {
        table: Name,
        column: String,
        to: String,
    },
    SetType {
        table: Name,
        column: String,
        /// In SQL; nothing when it cannot be told.
        to: Option<String>,
        using: Option<String>,
    },
    SetNullable {
        table: Name,
        column: String,
        nullable: bool,
    },
    SetDefault {
        table: Name,
        column: String,
        present: bool,
    },
    AddConstraint {
        table: Name,
        constraint: Constraint,
    },
    DropConstraint {
        table: Name,
        name: String,
    },
    CreateIndex(Index),
    DropIndex {
        index: Name,
        concurrently: bool,
    },
    /// An enumeration.
    CreateEnum {
        name: Name,
        /// Not when it is there already.
        unless_there: bool,
    },
    /// Values added to an enumeration.
    ExtendEnum {
        name: Name,
    },
    DropType {
        name: Name,
    },
    /// A view, sequence or another relation that is no ordinary table.
    CreateRelation {
        relation: Name,
    },
    /// The view or sequence is gone.
    DropRelation {
        relation: Name,
    },
    /// Whatever tables and types it brings.
    CreateExtension {
        name: String,
    },
    /// Another change of a table that has to be there.
    Alter {
        table: Name,
    },
    /// Changes rows.
    Write {
        table: Name,
        how: Write,
    },
    /// Changes neither tables nor rows: a function, a composite type, a privilege.
    Other,
    /// Cannot be told: computed, or a statement that is not understood.
    Opaque {
        /// Whether it could create relations, for all that is known.
        may_create: bool,
    },
}

/// How rows are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Write {
    Insert,
    Update,
    Delete,
}

/// The name of a relation or type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    /// Nothing means the first of the search path.
    pub schema: Option<String>,
    pub name: String,
}

/// A column as a migration declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// In SQL; nothing when it cannot be told.
    pub sql_type: Option<String>,
    pub nullable: bool,
    /// Rows that exist get a value: a default, an identity, a generated column.
    pub has_default: bool,
    pub primary_key: bool,
    pub unique: bool,
    pub references: Option<Reference>,
    /// The enumeration that SQLAlchemy creates with the column's table.
    pub creates_enum: Option<Name>,
}

/// The other side of a foreign key; no columns mean the primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    pub table: Name,
    pub columns: Vec<String>,
}

/// A rule that rows keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    pub name: Option<String>,
    pub rule: Rule,
    /// Rows that exist are checked: not `NOT VALID`.
    pub validated: bool,
}

/// What a constraint demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    PrimaryKey {
        columns: Vec<String>,
    },
    Unique {
        columns: Vec<String>,
    },
    ForeignKey {
        columns: Vec<String>,
        to: Reference,
    },
    /// The condition in SQL; nothing when it cannot be told.
    Check {
        text: Option<String>,
    },
    Other,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    pub name: Option<String>,
    pub table: Name,
    /// Nothing when they cannot be told.
    pub keys: Option<Vec<Key>>,
    pub unique: bool,
    pub concurrently: bool,
    /// The condition of a partial index, in SQL.
    pub predicate: Option<String>,
    pub unless_there: bool,
}

/// What an index orders by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Key {
    Column(String),
    /// In SQL.
    Expression(String),
}

/// A statement that is about to run and that will fail or block on the data that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataWarning {
    pub revision: String,
    pub at: Place,
    /// The beginning of what is written there.
    pub statement: String,
    pub trouble: Trouble,
    /// A fragment without values of the data: "`users.email` is NULL in 3 of 12 rows".
    pub why: String,
    /// The offending rows, groups or sessions, where they were counted.
    pub count: Option<u64>,
}

/// What will come of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trouble {
    /// The server will refuse it.
    Fails,
    /// The server will refuse it, unless code that cannot be read mends the rows before.
    MayFail,
    /// It will wait for somebody, or make others wait for long.
    Blocks,
    /// Could not be told in time.
    Unknown,
}

impl MigrationOperations {
    /// Returns what runs on the way up.
    pub fn going_up(&self) -> PendingOperations {
        PendingOperations { revision: self.revision.clone(), file: self.file.clone(), operations: self.up.clone() }
    }

    /// Returns what runs on the way down.
    pub fn going_down(&self) -> PendingOperations {
        PendingOperations { revision: self.revision.clone(), file: self.file.clone(), operations: self.down.clone() }
    }
}

impl Name {
    /// Returns a name, with a schema when there is one.
    pub fn new(schema: Option<String>, name: impl Into<String>) -> Self {
        Self { schema, name: name.into() }
    }

    /// Returns whether both can mean the same relation: a missing schema fits any.
    pub fn fits(&self, other: &Self) -> bool {
        let same_schema = match (&self.schema, &other.schema) {
            (Some(mine), Some(other)) => mine == other,
            _ => true,
        };
        self.name == other.name && same_schema
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Action {
    /// Returns the table that has to be there for the action, when it is one.
    pub fn table(&self) -> Option<&Name> {
        match self {
            Self::DropTable { table, .. }
            | Self::RenameTable { table, .. }
            | Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::RenameColumn { table, .. }
            | Self::SetType { table, .. }
            | Self::SetNullable { table, .. }
            | Self::SetDefault { table, .. }
            | Self::AddConstraint { table, .. }
            | Self::DropConstraint { table, .. }
            | Self::Alter { table }
            | Self::Write { table, .. } => Some(table),
            Self::CreateIndex(index) => Some(&index.table),
            Self::CreateTable { .. }
            | Self::DropIndex { .. }
            | Self::CreateEnum { .. }
            | Self::ExtendEnum { .. }
            | Self::DropType { .. }
            | Self::CreateRelation { .. }
            | Self::DropRelation { .. }
            | Self::CreateExtension { .. }
            | Self::Other
            | Self::Opaque { .. } => None,
        }
    }
}
