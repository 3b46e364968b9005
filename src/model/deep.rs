//! What running the project's own code told: `devdb doctor --deep`.

use serde::{Deserialize, Serialize};

/// The migrations, run in a scratch database, and the models, imported; both beside the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deep {
    pub faults: Vec<Fault>,
    /// What was not asked, and why.
    pub untold: Vec<String>,
    pub differences: Vec<Difference>,
    /// The command that brings them together.
    pub command: Option<String>,
}

/// Code that ended with an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `models` or `migrations`.
    pub source: String,
    pub why: String,
    /// The folder of the project in which the module that was not found stands.
    pub own: Option<String>,
}

/// An object of which models, migrations and database say different things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `column public.users.username`.
    pub object: String,
    /// As docs/drift.md has them.
    pub verdict: String,
}
