//! What only a diagnosis asks of a server and of the database it is on.

/// What the target's role meets inside of its database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Why sessions cannot write.
    pub read_only: Option<ReadOnly>,
    /// The schema that new objects go into and the role may not create in.
    pub closed_schema: Option<String>,
    /// Tables, views and sequences that another role owns, as SQL has them, each with that role; not all of many.
    pub foreign: Vec<(String, String)>,
    /// Indexes whose concurrent build failed, as SQL has them.
    pub invalid_indexes: Vec<String>,
}

/// What keeps a session from writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// The server follows another one (`pg_is_in_recovery()`).
    Standby,
    /// `default_transaction_read_only` of the server, the database or the role.
    Setting,
}
