//! What only a diagnosis asks of a server and of the database it is on.

use serde::{Deserialize, Serialize};

use super::observed::Observed;

/// What the target's role meets inside of its database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Why sessions cannot write.
    pub read_only: Option<ReadOnly>,
    /// The schema that new objects go into and the role may not create in.
    pub closed_schema: Option<String>,
    /// Tables, views and sequences that another role owns, as SQL has them, each with that role; not all of many.
    pub foreign: Vec<(String, String)>,
    /// Indexes whose concurrent build failed, as SQL has them.
    pub invalid_indexes: Vec<String>,
    /// Sequences that will soon give a number which a row has already; unknown where the rows could not be asked for.
    pub behind: Observed<Vec<Behind>>,
    /// What was sorted by another version of the operating system's collation library; not what no column uses.
    pub outdated: Vec<Outdated>,
    /// The extensions whose files the server has.
    pub extensions: Vec<Extension>,
    /// Tables and views on the search path with which the role may do nothing: the schema and the whole name, as SQL has them; not all of
    /// many.
    pub denied: Vec<(String, String)>,
    /// Sessions of this database that wait for a lock.
    pub waiting: Vec<Waiting>,
    /// The rows of `django_migrations`: app and name; absent without that table.
    pub django: Observed<Vec<(String, String)>>,
    /// What only a superuser may read; absent for others.
    pub settings: Observed<Settings>,
}

/// A session that waits for what another one holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    pub pid: i32,
    pub application: String,
    pub seconds: i64,
    /// Zero: a prepared transaction.
    pub blocker: i32,
    pub blocker_application: String,
    pub blocker_role: String,
    /// `idle in transaction`, `active`; nothing when hidden from this role.
    pub blocker_state: Option<String>,
}

/// Settings of the server that are hidden from ordinary roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `shared_preload_libraries`, split.
    pub preloaded: Vec<String>,
    /// The lines of `pg_hba.conf` that are not understood: the file as the server names it, the line, and why.
    pub hba_errors: Vec<(String, u32, String)>,
}

/// A sequence that is behind the rows of its column; names as SQL has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    pub sequence: String,
    pub table: String,
    pub column: String,
    /// The number that it gives next.
    pub next: i64,
    /// The highest number that a row has.
    pub highest: i64,
    /// It can give no number after that.
    pub at_end: bool,
}

/// A collation version that was recorded and is no longer what the operating system has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outdated {
    pub of: Collated,
    pub recorded: String,
    /// Nothing where the library tells none.
    pub actual: Option<String>,
}

/// What sorts by a collation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Collated {
    Database(String),
    /// A collation of columns, as SQL has it.
    Collation(String),
}

/// An extension whose files the server has (`pg_available_extensions`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    pub name: String,
    /// `CREATE EXTENSION` was run in this database.
    pub installed: bool,
    /// The role may run it.
    pub permitted: bool,
}

/// What keeps a session from writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadOnly {
    /// The server follows another one (`pg_is_in_recovery()`).
    Standby,
    /// `default_transaction_read_only` of the server.
    Server,
    /// The same of the database.
    Database,
    /// The same of the role.
    Role,
}
