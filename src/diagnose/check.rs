//! What a check is.

use crate::model::engine::EngineOutcome;
use crate::model::finding::{Finding, Severity, Verdict};
use crate::model::observed::{Observed, Unknown};
use crate::model::picture::Picture;
use crate::model::server::{Endpoint, Reply};

/// One fault that devdb knows: how it is told, and how it is proven.
#[derive(Debug)]
pub struct Check {
    /// Kebab-case, equal to the file's name; names the fault, not the remedy.
    pub id: &'static str,
    pub title: &'static str,
    /// The folder that the check's file stands in.
    pub area: &'static str,
    pub severity: Severity,
    pub needs: &'static [Need],
    /// The checks of which this one would only repeat the consequence.
    pub follows: &'static [&'static str],
    /// The manual page: each of [`PARTS`] at the begin of a line.
    pub explain: &'static str,
    /// Empty is a pass.
    pub detect: fn(&Picture) -> Result<Vec<Finding>, Unknown>,
    /// Makes a healthy picture fail this check.
    #[cfg(test)]
    pub breaks: fn(&mut Picture),
}

/// The parts of a check's manual page, in their order; the last says what the fix keeps and what it loses.
pub const PARTS: [&str; 5] = ["Seen as:", "Cause:", "Proof:", "Fix:", "Keeps:"];

/// What a check cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Something names a database.
    Target,
    /// The project has a Compose file.
    Compose,
    /// The engine answered.
    Engine,
    /// The socket table was read.
    Listeners,
    /// A server speaks on the target's address, whether it lets the role in or not.
    Answer,
    /// A login succeeded.
    Server,
    /// The project has an Alembic chain that could be read.
    Chain,
    /// The project has a chain of SQL files that could be read.
    SqlChain,
    /// The project has migrations in SQL, understood or not.
    SqlFiles,
    /// The project has a chain of either sort that could be read.
    Migrations,
    /// The project has migrations of Django's.
    Django,
    /// The project has seeds in files.
    Seeds,
    /// The project's own code was run, as `--deep` asks.
    Deep,
}

impl Need {
    /// Returns the verdict when the need is not met.
    pub(super) fn unmet(self, picture: &Picture) -> Option<Verdict> {
        match self {
            Self::Target => picture.target().is_none().then(|| Verdict::Skipped("nothing names a database".to_owned())),
            Self::Compose => unmet(&picture.compose, "there is no Compose file"),
            Self::Engine => engine(picture),
            Self::Listeners => unmet(&picture.listeners, "there is no socket table"),
            Self::Answer => (!picture.reach.endpoints.iter().any(speaks) && picture.server.known().is_none())
                .then(|| Verdict::Skipped("no server answers".to_owned())),
            Self::Server => server(picture),
            Self::Chain => unmet(&picture.chain, "there is no Alembic chain"),
            Self::SqlChain => unmet(&picture.recipe.sql_chain, "there is no chain of SQL files"),
            Self::Migrations => (picture.chain.known().is_none() && picture.recipe.sql_chain.known().is_none())
                .then(|| Verdict::Skipped("there is no chain of migrations".to_owned())),
            Self::Django => {
                picture.habits.django.is_empty().then(|| Verdict::Skipped("there is no chain of Django's".to_owned()))
            }
            Self::Seeds => unmet(&picture.habits.seeds, "there are no seeds in files"),
            Self::Deep => unmet(&picture.deep, "only `--deep` runs the project's own code"),
            Self::SqlFiles => (picture.recipe.sql_chain == Observed::Absent)
                .then(|| Verdict::Skipped("there is no chain of SQL files".to_owned())),
        }
    }

    /// Returns the errors of which this need's "could not be read" is the consequence.
    pub(super) fn hidden_by(self) -> &'static [&'static str] {
        match self {
            Self::Engine => &["localhost-in-container", "docker-permission", "docker-down"],
            Self::Server | Self::Deep => &[
                "compose-invalid",
                "env-missing",
                "url-unescaped",
                "docker-permission",
                "docker-down",
                "port-allocated",
                "port-in-use",
                "localhost-in-container",
                "password-empty",
                "container-created",
                "port-reserved",
                "bind-mount-permissions",
                "pgdata-major-mismatch",
                "pg18-mount",
                "locale-missing",
                "container-oom",
                "disk-full",
                "container-restarting",
                "port-unpublished",
                "port-ephemeral",
                "volume-password-stale",
                "port-mismatch",
                "host-is-service-name",
                "socket-missing",
                "stale-pidfile",
                "data-folder-major",
                "conn-refused",
                "conn-timeout",
                "not-postgres",
                "server-starting",
                "tls-unsupported",
                "hba-no-entry",
                "role-missing",
                "role-nologin",
                "password-expired",
                "connection-limit",
                "auth-password",
                "too-many-clients",
            ],
            Self::Compose => &["compose-invalid"],
            Self::SqlChain => &["sql-chain-fault"],
            Self::Target
            | Self::Answer
            | Self::Listeners
            | Self::Chain
            | Self::SqlFiles
            | Self::Migrations
            | Self::Django
            | Self::Seeds => &[],
        }
    }
}

/// A project without a Compose file has nothing in the engine to ask about, where its database answers or no engine runs.
fn engine(picture: &Picture) -> Option<Verdict> {
    let unknown = picture.engine().err()?;
    if matches!(picture.compose, Observed::Absent) {
        if picture.server.known().is_some() {
            return Some(Verdict::Skipped("the database answers, and no Compose file asks for an engine".to_owned()));
        }
        if matches!(picture.engine.outcome, EngineOutcome::NotRunning { .. }) {
            return Some(Verdict::Skipped("no Compose file asks for an engine, and none runs".to_owned()));
        }
    }
    Some(Verdict::Unknown(unknown.0))
}

fn server(picture: &Picture) -> Option<Verdict> {
    if picture.server.known().is_some() {
        return None;
    }
    if picture.target().is_none() {
        return Some(Verdict::Skipped("nothing names a database".to_owned()));
    }
    if picture.login_failure.is_some() && !picture.reach.endpoints.iter().any(speaks) {
        return Some(Verdict::Skipped("no server answers".to_owned()));
    }
    unmet(&picture.server, "there is no server")
}

fn speaks(endpoint: &Endpoint) -> bool {
    matches!(endpoint.reply, Reply::Postgres { .. })
}

fn unmet<T>(fact: &Observed<T>, absent: &str) -> Option<Verdict> {
    match fact {
        Observed::Known(_) => None,
        Observed::Absent => Some(Verdict::Skipped(absent.to_owned())),
        Observed::Unknown(reason) => Some(Verdict::Unknown(reason.clone())),
    }
}
