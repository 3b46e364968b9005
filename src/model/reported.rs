//! An error as a driver, a tool or the server printed it.

use super::drift::Maker;
use super::schema::TableName;

/// What an error text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The line that says it, without what stands around it.
    pub said: String,
    /// From the text, or from the driver's name for it (PostgreSQL documentation, Appendix A).
    pub sqlstate: Option<String>,
    pub trouble: Trouble,
    /// The statement, where it was printed too.
    pub statement: Option<String>,
    /// The number of the one column whose key is broken, where it was printed too.
    pub key: Option<i64>,
}

/// What went wrong. Names are as the server has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    UndefinedColumn {
        /// A table, or an alias of one; nothing where the text names the column alone.
        table: Option<String>,
        column: String,
    },
    UndefinedTable(String),
    UndefinedFunction(String),
    UndefinedType(String),
    UndefinedSchema(String),
    /// A table, view, index or sequence that is there already.
    DuplicateRelation(String),
    DuplicateColumn {
        table: Option<String>,
        column: String,
    },
    DuplicateType(String),
    DuplicateDatabase(String),
    /// A constraint that rows break: unique, foreign key, check, exclusion.
    Violated {
        constraint: String,
        how: Violation,
    },
    NotNull {
        table: Option<String>,
        column: String,
    },
    /// A value that its column's type does not hold.
    BadValue,
    Refused {
        port: Option<u16>,
    },
    TimedOut,
    Reset,
    UnknownHost(String),
    Authentication,
    NoPassword,
    MissingDatabase(String),
    MissingRole(String),
    NotPermitted,
    TooManyClients,
    InUse,
    ReadOnly,
    LockTimeout,
    /// The transaction failed before.
    Aborted,
    Starting,
    DiskFull,
    Collation,
    MissingExtension(String),
    Permission(String),
    UrlScheme,
    AsyncDriver,
    UnknownRevision(String),
    MissingParent(String),
    MultipleHeads,
    NotUpToDate,
    /// Of PostgreSQL, by its code, and nothing that is known here.
    Other,
}

/// What is told of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// One sentence without a full stop.
    pub message: String,
    /// What each source says: its name and a fragment.
    pub sources: Vec<(&'static str, String)>,
    /// What follows, in sentences.
    pub more: Vec<String>,
    /// What to run, the first first.
    pub commands: Vec<(String, &'static str)>,
    /// The revision that makes what the error names.
    pub maker: Option<Maker>,
    /// Whether the cause was found here.
    pub certain: bool,
    /// The key of one column that was given twice: whether its sequence is behind the rows, the database can tell.
    pub numbered: Option<Numbered>,
}

/// A column that takes its numbers from a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    pub table: TableName,
    pub column: String,
    /// Of its default, as SQL has it; nothing for an identity, whose sequence is its own.
    pub sequence: Option<String>,
}

/// Where the numbers of a column stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    /// As SQL has it, with its schema.
    pub sequence: String,
    /// What it gives next.
    pub next: i64,
    /// What it adds for the one after that; more than zero.
    pub by: i64,
    /// What the rows have; nothing where there is none.
    pub highest: Option<i64>,
}

/// How a constraint is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    Unique,
    ForeignKey,
    Check,
    Exclusion,
}

/// The checks of doctor that tell why nobody answers.
const DIAL: &[&str] = &[
    "compose-invalid",
    "password-empty",
    "localhost-in-container",
    "port-reserved",
    "bind-mount-permissions",
    "docker-down",
    "docker-permission",
    "container-created",
    "pgdata-major-mismatch",
    "pg18-mount",
    "locale-missing",
    "container-oom",
    "disk-full",
    "container-restarting",
    "port-allocated",
    "port-in-use",
    "port-mismatch",
    "port-unpublished",
    "port-ephemeral",
    "host-is-service-name",
    "host-localhost-inside",
    "port-in-container",
    "ipv6-localhost",
    "not-postgres",
    "socket-missing",
    "stale-pidfile",
    "data-folder-major",
    "conn-refused",
    "conn-timeout",
    "server-starting",
    "env-missing",
    "env-key-missing",
    "env-shell-override",
    "env-duplicate-key",
    "env-syntax",
];

/// Those that tell why nobody is let in.
const LOGIN: &[&str] = &[
    "wrong-server",
    "volume-password-stale",
    "tls-unsupported",
    "hba-no-entry",
    "role-missing",
    "role-nologin",
    "password-expired",
    "connection-limit",
    "auth-password",
    "url-unescaped",
    "env-crlf",
    "env-value-cut",
    "env-blank-in-value",
    "compose-quotes-literal",
    "env-shell-override",
    "env-duplicate-key",
    "env-missing",
    "env-key-missing",
    "env-syntax",
    "db-missing",
];

impl Trouble {
    /// Returns whether models, migrations and database tell the cause.
    pub fn is_of_schema(&self) -> bool {
        matches!(
            self,
            Self::UndefinedColumn { .. }
                | Self::UndefinedTable(_)
                | Self::UndefinedFunction(_)
                | Self::UndefinedType(_)
                | Self::UndefinedSchema(_)
                | Self::DuplicateRelation(_)
                | Self::DuplicateColumn { .. }
                | Self::DuplicateType(_)
                | Self::Violated { .. }
                | Self::NotNull { .. }
        )
    }

    /// Returns the checks of doctor that tell the cause, the likeliest first.
    pub fn checks(&self) -> &'static [&'static str] {
        match self {
            Self::Refused { .. } | Self::TimedOut | Self::Reset | Self::UnknownHost(_) | Self::Starting => DIAL,
            Self::Authentication
            | Self::NoPassword
            | Self::MissingDatabase(_)
            | Self::MissingRole(_)
            | Self::NotPermitted => LOGIN,
            Self::TooManyClients => &["too-many-clients", "connection-limit"],
            Self::ReadOnly => &["server-read-only"],
            Self::DiskFull => &["disk-full", "shm-small"],
            Self::Collation => &["collation-version"],
            Self::MissingExtension(_) => &["extension-unavailable"],
            Self::InUse => &["db-in-use"],
            Self::LockTimeout => &["lock-wait", "db-in-use"],
            Self::UrlScheme => &["url-scheme-postgres"],
            Self::AsyncDriver => &["url-driver-sync", "alembic-sync-url", "url-scheme-postgres"],
            Self::UnknownRevision(_) => {
                &["alembic-unknown-revision", "alembic-missing-parent", "alembic-unreadable-revision"]
            }
            Self::MissingParent(_) => &["alembic-missing-parent", "alembic-unreadable-revision"],
            Self::MultipleHeads => &["alembic-multiple-heads", "alembic-duplicate-id"],
            Self::NotUpToDate => &["alembic-behind", "alembic-unstamped", "sql-behind"],
            Self::Permission(_) => &[
                "table-denied",
                "no-createdb",
                "schema-no-create",
                "not-owner",
                "extension-unavailable",
                "wrong-server",
            ],
            _ => &[],
        }
    }

    /// Returns whether its checks concern this error alone, so that a warning of theirs tells the cause as well.
    pub fn is_told_by_warnings(&self) -> bool {
        let checks = self.checks();
        checks != DIAL && checks != LOGIN
    }

    /// Returns what the error means where nothing here explains it: a fragment, and what to run or to look at.
    pub fn in_general(&self) -> (&'static str, &'static str) {
        match self {
            Self::Refused { .. } => ("nobody listens where the app dials", "devdb up"),
            Self::TimedOut => {
                ("the server's address does not answer: a VPN, a firewall, or a host that is asleep", "devdb doctor")
            }
            Self::Reset => (
                "the connection was closed from the other side: the server restarted, or nobody stands behind the port",
                "devdb logs",
            ),
            Self::UnknownHost(_) => ("the host's name has no address from where the app runs", "devdb doctor"),
            Self::Authentication | Self::NoPassword => {
                ("the server refuses this role with this password", "devdb doctor")
            }
            Self::MissingDatabase(_) => {
                ("the server has no such database", "devdb env   # says which file names which")
            }
            Self::MissingRole(_) => {
                ("the server has no such role: often another server than the one meant", "devdb doctor")
            }
            Self::NotPermitted => ("pg_hba.conf has no line that lets this role in from here", "devdb doctor"),
            Self::TooManyClients => {
                ("every connection slot is taken: pools that are not closed, or servers that reload", "devdb doctor")
            }
            Self::InUse => ("somebody is connected; `devdb reset` ends such sessions at the swap", "devdb reset"),
            Self::ReadOnly => (
                "the session or the server takes no writes: default_transaction_read_only, or a standby",
                "devdb psql -c 'show default_transaction_read_only'",
            ),
            Self::LockTimeout => {
                ("another session holds the lock: an open transaction, a migration that waits", "devdb doctor")
            }
            Self::Aborted => (
                "an earlier statement of the same transaction failed: its error, above this one, is the cause",
                "devdb explain -   # with the log, from its first error on",
            ),
            Self::Starting => ("the server is starting or stopping; it takes logins in a moment", "devdb up"),
            Self::DiskFull => ("the server's disk is full", "devdb cache clear"),
            Self::Collation => ("the operating system's locale data are newer than the indexes", "devdb doctor"),
            Self::MissingExtension(_) => {
                ("the server's image does not ship that extension", "use an image that has it, or CREATE EXTENSION")
            }
            Self::Permission(_) => ("the role may not do that; another one owns the object", "devdb doctor"),
            Self::UrlScheme => {
                ("SQLAlchemy 1.4 and later want `postgresql://`, not `postgres://`", "devdb doctor --fix")
            }
            Self::AsyncDriver => {
                ("the URL names a driver that is not async", "write `postgresql+asyncpg://` where the app is async")
            }
            Self::BadValue => {
                ("a value does not fit its column's type", "devdb verify   # says the types of the columns")
            }
            Self::UnknownRevision(_) => ("the database was migrated with a revision that is not here", "devdb doctor"),
            Self::MissingParent(_) => ("a revision follows one that no file has", "devdb migrate check --chain-only"),
            Self::MultipleHeads => ("two revisions follow the same one", "devdb migrate merge"),
            Self::NotUpToDate => ("revisions are pending", "devdb migrate up"),
            Self::DuplicateDatabase(_) => ("a database of that name is there", "devdb reset"),
            _ => ("", "devdb doctor"),
        }
    }
}
