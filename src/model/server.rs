//! What answered on the target's address, and what the server says of itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::health::Health;
use super::observed::Observed;
use super::sql_chain::AppliedMigration;

/// A listening socket of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub address: SocketAddr,
    /// Unknown where the process belongs to another user.
    pub process: Option<Process>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    pub name: String,
}

/// What each of the target's addresses answered to the first bytes of the protocol.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reach {
    /// Why the host's name gave no address.
    pub unresolved: Option<String>,
    /// In the order in which a client would try them.
    pub endpoints: Vec<Endpoint>,
    /// Where servers of this machine have their sockets, where the target's is not there.
    #[serde(default)]
    pub sockets: Vec<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `127.0.0.1:5432`, `[::1]:5432`, or a socket's path.
    pub shown: String,
    pub address: Option<SocketAddr>,
    pub reply: Reply,
}

/// The answer to an `SSLRequest` (PostgreSQL documentation, "Message Formats").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// `S` or `N`: a PostgreSQL server, or a pooler in front of one.
    Postgres {
        tls: bool,
    },
    Refused,
    TimedOut,
    /// Accepted, then closed without a byte: a port forwarder with nobody behind it.
    Closed,
    /// Something else speaks there; its first bytes, escaped.
    Foreign(String),
    /// No route, no socket file, no permission…
    Unreachable(String),
}

/// Why a login failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFailure {
    /// The server's SQLSTATE, when it was the server that refused.
    pub sqlstate: Option<String>,
    /// The server's own words, or the driver's; escaped, without secrets.
    pub message: String,
    pub kind: LoginFailureKind,
    /// The server's function that refused, which says the reason in every language (`routine` of the error message).
    pub routine: Option<String>,
}

impl LoginFailure {
    /// Returns whether no line of `pg_hba.conf` lets the client in (`ClientAuthentication`).
    pub fn is_by_hba(&self) -> bool {
        self.kind == LoginFailureKind::NotPermitted && self.routine.as_deref() == Some("ClientAuthentication")
    }

    /// Returns whether the role's or the database's own limit was reached, and not the server's.
    pub fn is_by_limit(&self) -> bool {
        const OWN: [&str; 2] = ["InitializeSessionUserId", "CheckMyDatabase"];
        self.kind == LoginFailureKind::TooManyClients && self.routine.as_deref().is_some_and(|it| OWN.contains(&it))
    }

    /// Returns whether the role is there or not, and in either case may not log in (`InitializeSessionUserId`): without a
    /// password to ask for, the server says so.
    pub fn is_by_role(&self) -> bool {
        self.kind == LoginFailureKind::NotPermitted && self.routine.as_deref() == Some("InitializeSessionUserId")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginFailureKind {
    /// 28P01, or no password for a server that asks for one.
    Password,
    /// 3D000.
    DatabaseMissing,
    /// 57P03 while starting up, shutting down or recovering.
    Starting,
    /// 53300.
    TooManyClients,
    /// 28000: no `pg_hba.conf` entry, a role that does not exist under trust, NOLOGIN.
    NotPermitted,
    /// 55000 with `datallowconn` off.
    NoConnectionsAllowed,
    Tls,
    TimedOut,
    /// Nobody answered, or the connection broke.
    Network,
    Other,
}

/// A server into which the target's own role logged in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Server {
    /// `15.18`.
    pub version: String,
    /// `150018`.
    pub version_number: u32,
    pub system_identifier: Option<u64>,
    /// `inet_server_addr()`; nothing over a unix socket.
    pub address: Option<String>,
    pub role: Role,
    pub max_connections: u32,
    pub connections: u32,
    /// The maintenance database that was used, when the target's own could not be entered.
    pub entered: String,
    /// The target database; absent when it does not exist.
    pub database: Observed<Database>,
    /// Absent where nobody asked, and where the target database could not be entered.
    pub health: Observed<Health>,
}

/// The role that logged in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub superuser: bool,
    pub create_database: bool,
    /// May end other roles' sessions (`pg_signal_backend`).
    pub signal_backend: bool,
    /// May act as the database's owner (owner, member of it, or superuser).
    pub owns_database: bool,
}

/// The target database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    pub name: String,
    pub oid: u32,
    pub owner: String,
    pub encoding: String,
    pub allows_connections: bool,
    pub size_bytes: u64,
    /// `devdb.environment`, as stored on the database.
    pub marker: Option<String>,
    /// The comment on the database.
    pub comment: Option<String>,
    /// Tables outside the system's schemas; unknown when the database could not be entered.
    pub tables: Observed<u32>,
    /// The planner's estimate over these tables.
    pub estimated_rows: u64,
    /// The rows of the chain's version table; absent when there is no such table.
    pub versions: Observed<Vec<String>>,
    /// The same rows of an SQL chain's table, with what else it says of each.
    pub history: Observed<Vec<AppliedMigration>>,
    pub sessions: Vec<Session>,
    pub attached: Attached,
}

/// What belongs to the database itself and does not follow its name, or stands in the way of a rename.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Logical replication slots.
    pub slots: Vec<String>,
    pub subscriptions: Vec<String>,
    /// Prepared transactions.
    pub prepared: Vec<String>,
    /// Background workers of extensions, as the server names them.
    pub workers: Vec<String>,
}

impl Attached {
    /// Returns why the database cannot give its name to another, as a fragment: ``the logical replication slot `x`
    /// belongs to it``; nothing where it can.
    pub fn keeps_name(&self) -> Option<String> {
        let one = |what: &str, names: &[String], does: &str| {
            let more = match names.len() {
                0 => return None,
                1 => String::new(),
                many => format!(" and {} more", many - 1),
            };
            Some(format!("the {what} `{}`{more} {does}", names.first()?))
        };
        one("logical replication slot", &self.slots, "belongs to it, whatever its name is")
            .or_else(|| one("subscription", &self.subscriptions, "belongs to it, whatever its name is"))
            .or_else(|| one("background worker", &self.workers, "is attached to it"))
    }
}

/// Somebody else's session on the target database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub pid: i32,
    pub user: String,
    pub application: String,
    /// `active`, `idle`, `idle in transaction`; nothing when hidden from this role.
    pub state: Option<String>,
    /// Seconds since its last change of state.
    pub idle_seconds: Option<i64>,
}

impl Session {
    /// Returns the application's name, or a sentence for none.
    pub fn application(&self) -> &str {
        if self.application.is_empty() { "an unnamed client" } else { &self.application }
    }
}
