//! Snapshots: copies of the development database that a person keeps under names.

use serde::{Deserialize, Serialize};

/// What a snapshot says of itself, in its database's comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// As the person named it.
    pub name: String,
    /// The rows of the chain's version table, when it was taken.
    pub revision: String,
    /// The git branch that was checked out; nothing without git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Bytes, when it was taken.
    pub bytes: u64,
}
