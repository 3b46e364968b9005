//! A session on a PostgreSQL server.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use super::tls;
use crate::model::server::{LoginFailure, LoginFailureKind};
use crate::model::target::{Host, Target};
use crate::model::text::{shortened, visible};

/// A client and the task that moves its bytes; both end when it is dropped.
#[derive(Debug)]
pub struct Session {
    client: Client,
    mover: JoinHandle<()>,
    major: i32,
}

impl Session {
    /// Returns a session on `database` of the target's server, as the target's role, named `application` to others.
    pub async fn open(
        target: &Target,
        database: &str,
        application: &str,
        deadline: Duration,
    ) -> Result<Self, LoginFailure> {
        let (mode, verify) = tls::mode(target.parameter("sslmode").or_else(|| target.parameter("ssl")));
        let first = Self::open_by(target, (database, application), deadline, (mode, verify)).await;
        match first {
            // libpq's `prefer`: where the server's rules take no client with TLS, it is tried without.
            Err(failure) if mode == SslMode::Prefer && failure.is_by_hba() => {
                let plain = (SslMode::Disable, verify);
                let again = Self::open_by(target, (database, application), deadline, plain).await;
                again.map_err(|second| if second.is_by_hba() { failure } else { second })
            }
            other => other,
        }
    }

    async fn open_by(
        target: &Target,
        (database, application): (&str, &str),
        deadline: Duration,
        (mode, verify): (SslMode, bool),
    ) -> Result<Self, LoginFailure> {
        let connector = tls::connector(verify, target.parameter("sslrootcert")).map_err(|message| LoginFailure {
            sqlstate: None,
            message,
            kind: LoginFailureKind::Tls,
            routine: None,
        })?;
        let mut config = config(target, database, application);
        config.ssl_mode(mode).connect_timeout(deadline);
        let opening = Box::pin(config.connect(connector));
        let (client, connection) = match tokio::time::timeout(deadline, opening).await {
            Ok(Ok(both)) => both,
            Ok(Err(error)) => return Err(login_failure(&error)),
            Err(_elapsed) => {
                return Err(LoginFailure {
                    sqlstate: None,
                    message: format!("no answer within {:.1} s", deadline.as_secs_f32()),
                    kind: LoginFailureKind::TimedOut,
                    routine: None,
                });
            }
        };
        let major = connection.parameter("server_version").map_or(0, major);
        let mover = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection ended");
            }
        });
        Ok(Self { client, mover, major })
    }

    /// Returns the server's major version, as it said when the session began; 0 where it did not.
    pub fn major(&self) -> i32 {
        self.major
    }

    /// Takes the role's and the database's time limits from the session, which waits while commands run beside it.
    pub async fn unhurried(&self) -> Result<(), tokio_postgres::Error> {
        let limits = [
            (0, "statement_timeout"),
            (0, "lock_timeout"),
            (0, "idle_in_transaction_session_timeout"),
            (14, "idle_session_timeout"),
            (17, "transaction_timeout"),
        ];
        let known = limits.iter().filter(|(since, _)| self.major >= *since);
        let set: Vec<String> = known.map(|(_, name)| format!("set {name} = 0")).collect();
        self.batch_execute(&set.join("; ")).await
    }

    /// Ends the session and waits until its connection is closed, so that the server sees it gone.
    pub async fn close(self) {
        drop(self.client);
        if self.mover.await.is_err() {
            tracing::debug!("the connection's task was cancelled");
        }
    }
}

impl std::ops::Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Returns `name` quoted as an identifier (PostgreSQL documentation, §4.1.1).
pub fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns `text` quoted as a string constant that no setting can reinterpret.
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') { format!(" E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

/// Returns what stands behind a driver's error: the server's words when it spoke, the innermost cause otherwise.
pub fn message(error: &tokio_postgres::Error) -> String {
    if let Some(server) = error.as_db_error() {
        return visible(&shortened(server.message(), LONGEST));
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    visible(&shortened(&text, LONGEST))
}

/// More than this of a server's words says nothing, and could fill a terminal.
const LONGEST: usize = 4_000;

/// Returns the major version of what a server calls its own: `15.18 (Debian 15.18-0+deb12u1)`, `17beta1`.
fn major(version: &str) -> i32 {
    let digits = version.split(|it: char| !it.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn config(target: &Target, database: &str, application: &str) -> Config {
    let mut config = Config::new();
    for (host, port) in &target.hosts {
        match host {
            Host::Tcp(name) => config.host(name),
            #[cfg(unix)]
            Host::Socket(directory) => config.host_path(directory),
            #[cfg(not(unix))]
            Host::Socket(directory) => config.host(directory.display().to_string()),
        };
        config.port(*port);
    }
    config.user(target.user()).dbname(database).application_name(application);
    if let Some(password) = &target.password {
        config.password(password.reveal());
    }
    if let Some(options) = target.parameter("options") {
        config.options(options);
    }
    config
}

fn login_failure(error: &tokio_postgres::Error) -> LoginFailure {
    let message = message(error);
    let Some(server) = error.as_db_error() else {
        let lower = message.to_ascii_lowercase();
        let kind = if lower.contains("password missing") {
            LoginFailureKind::Password
        } else if lower.contains("timed out") {
            LoginFailureKind::TimedOut
        } else if lower.contains("tls") || lower.contains("certificate") {
            LoginFailureKind::Tls
        } else {
            LoginFailureKind::Network
        };
        return LoginFailure { sqlstate: None, message, kind, routine: None };
    };
    let code = server.code();
    let kind = match () {
        () if *code == SqlState::INVALID_PASSWORD => LoginFailureKind::Password,
        () if *code == SqlState::INVALID_CATALOG_NAME => LoginFailureKind::DatabaseMissing,
        () if *code == SqlState::CANNOT_CONNECT_NOW => LoginFailureKind::Starting,
        () if *code == SqlState::TOO_MANY_CONNECTIONS => LoginFailureKind::TooManyClients,
        () if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => LoginFailureKind::NotPermitted,
        () if *code == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => LoginFailureKind::NoConnectionsAllowed,
        () => LoginFailureKind::Other,
    };
    LoginFailure {
        sqlstate: Some(code.code().to_owned()),
        message,
        kind,
        routine: server.routine().map(|name| visible(&shortened(name, 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_major() {
        assert_eq!(major("15.18 (Debian 15.18-0+deb12u1)"), 15);
        assert_eq!(major("17beta1"), 17);
        assert_eq!(major("unknown"), 0);
    }

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(quote_ident("a\"b C"), "\"a\"\"b C\"");
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b'"), " E'a\\\\b'''");
    }
}
