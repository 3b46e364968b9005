//! Which database the app uses, and who says so.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::place::Place;
use super::secret::Secret;

/// The port that PostgreSQL listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 5432;

/// Keys that hold a whole URL, the commonest first.
pub const URL_KEYS: [&str; 11] = [
    "DATABASE_URL",
    "SQLALCHEMY_DATABASE_URI",
    "SQLALCHEMY_DATABASE_URL",
    "DB_URL",
    "POSTGRES_URL",
    "POSTGRESQL_URL",
    "PG_URL",
    "DATABASE_URI",
    "DB_URI",
    "ASYNC_DATABASE_URL",
    "POSTGRES_DSN",
];

/// Keys that hold the parts, by convention: host, port, user, password, database.
pub const PARTS: [[&[&str]; 5]; 3] = [
    [
        &["POSTGRES_SERVER", "POSTGRES_HOST", "POSTGRES_HOSTNAME"],
        &["POSTGRES_PORT"],
        &["POSTGRES_USER", "POSTGRES_USERNAME"],
        &["POSTGRES_PASSWORD"],
        &["POSTGRES_DB", "POSTGRES_DATABASE", "POSTGRES_NAME"],
    ],
    [
        &["DB_HOST", "DATABASE_HOST", "DB_HOSTNAME"],
        &["DB_PORT", "DATABASE_PORT"],
        &["DB_USER", "DB_USERNAME", "DATABASE_USER", "DATABASE_USERNAME"],
        &["DB_PASSWORD", "DB_PASS", "DATABASE_PASSWORD"],
        &["DB_NAME", "DB_DATABASE", "DATABASE_NAME"],
    ],
    [&["PGHOST"], &["PGPORT"], &["PGUSER"], &["PGPASSWORD"], &["PGDATABASE"]],
];

/// A host as a connection string names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Host {
    /// A name or an address, dialled over TCP.
    Tcp(String),
    /// The directory of a unix socket.
    Socket(PathBuf),
}

impl Host {
    /// Returns whether the name alone says that the host is this machine.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp(name) => {
                name.eq_ignore_ascii_case("localhost")
                    || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) if name.contains(':') => write!(f, "[{name}]"),
            Self::Tcp(name) => f.write_str(name),
            Self::Socket(directory) => write!(f, "{}", directory.display()),
        }
    }
}

/// A parsed connection string. Rendering it never shows the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// As written: `postgresql`, `postgres`.
    pub scheme: String,
    /// SQLAlchemy's driver suffix: `asyncpg` of `postgresql+asyncpg://`.
    pub driver: Option<String>,
    /// At least one.
    pub hosts: Vec<(Host, u16)>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// `None` when the path is empty: libpq then takes the user's name.
    pub database: Option<String>,
    /// Query parameters, decoded, in order, without those that became fields.
    pub parameters: Vec<(String, String)>,
}

impl Target {
    /// Returns the first host, the one that is dialled first.
    pub fn host(&self) -> Host {
        self.hosts.first().map_or_else(|| Host::Tcp("localhost".to_owned()), |(host, _)| host.clone())
    }

    /// Returns the port of the first host.
    pub fn port(&self) -> u16 {
        self.hosts.first().map_or(DEFAULT_PORT, |(_, port)| *port)
    }

    /// Returns the database's name: the path, else the user's name, as libpq does.
    pub fn database(&self) -> &str {
        self.database.as_deref().or(self.user.as_deref()).unwrap_or("postgres")
    }

    /// Returns the role's name, `postgres` when none is given.
    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("postgres")
    }

    /// Returns the value of a query parameter; the last one wins.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns `host:port`, or the socket's path.
    pub fn address(&self) -> String {
        match self.host() {
            Host::Socket(directory) => format!("{}/.s.PGSQL.{}", directory.display(), self.port()),
            host @ Host::Tcp(_) => format!("{host}:{}", self.port()),
        }
    }

    /// Returns the same target with another database name.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self { database: Some(name.to_owned()), ..self.clone() }
    }

    /// Returns whether two targets mean the same database of the same server, as far as names tell.
    pub fn same_place(&self, other: &Self) -> bool {
        let same_host = self.host() == other.host() || (self.host().is_loopback() && other.host().is_loopback());
        same_host && self.port() == other.port() && self.database() == other.database()
    }
}

impl fmt::Display for Target {
    /// The URL without its password: `postgresql://app@localhost:5433/app`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgresql://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}")?;
            if self.password.is_some() {
                write!(f, ":***")?;
            }
            write!(f, "@")?;
        }
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            if index > 0 {
                write!(f, ",")?;
            }
            write!(f, "{host}:{port}")?;
        }
        write!(f, "/{}", self.database())
    }
}

/// Who named a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A variable of the environment that devdb was started in.
    Shell { key: String },
    /// A line of a `.env` file.
    EnvFile { at: Place, key: String },
    /// `environment` of a Compose service.
    Compose { at: Place, service: String },
    /// `sqlalchemy.url` of an Alembic configuration.
    Alembic { at: Place },
    /// `devdb.toml`.
    Config { at: Place },
}

impl Origin {
    /// Returns the file and line, when there is one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Shell { .. } => None,
            Self::EnvFile { at, .. } | Self::Compose { at, .. } | Self::Alembic { at } | Self::Config { at } => {
                Some(at)
            }
        }
    }

    /// Returns the key that holds the value.
    pub fn key(&self) -> &str {
        match self {
            Self::Shell { key } | Self::EnvFile { key, .. } => key,
            Self::Compose { .. } => "environment",
            Self::Alembic { .. } => "sqlalchemy.url",
            Self::Config { .. } => "database.url",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell { key } => write!(f, "${key} of the shell"),
            Self::EnvFile { at, key } => write!(f, "{at} {key}"),
            Self::Compose { at, service } => write!(f, "{at} service `{service}`"),
            Self::Alembic { at } => write!(f, "{at} sqlalchemy.url"),
            Self::Config { at } => write!(f, "{at}"),
        }
    }
}

/// One answer to "which database?", with what stands behind each part of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Candidate {
    pub target: Target,
    pub origin: Origin,
    /// Where the port alone is written, when it has a key of its own (`POSTGRES_PORT`).
    pub port_origin: Option<Origin>,
    /// Where the host alone is written, when it has a key of its own.
    pub host_origin: Option<Origin>,
    /// Where the password alone is written, when it has a key of its own.
    pub password_origin: Option<Origin>,
    /// Where the database's name alone is written, when it has a key of its own.
    pub database_origin: Option<Origin>,
    /// What the text of the URL does wrong.
    pub problems: Vec<UrlProblem>,
}

/// What a URL does that some client rejects or misreads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlProblem {
    /// A character of user or password that must be percent-encoded.
    Unescaped { character: char },
}
