//! Waiting until a real login succeeds: an open port proves nothing, neither does a container that runs.
#![expect(clippy::disallowed_methods, reason = "the time that passes is what this is about")]

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::server::{LoginFailure, LoginFailureKind};
use crate::model::target::Target;
use crate::wire::postgres::Session;

/// How long a login is tried unless the user says otherwise.
pub const DEADLINE: Duration = Duration::from_mins(1);

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// One attempt; a forwarder without a server behind it may hold the connection open in silence.
const ATTEMPT: Duration = Duration::from_secs(3);
/// After this long, what the wait is for is told.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often the same refusal is heard before it is believed: a server that just starts may still change its mind.
const BELIEVED: u32 = 2;

/// A server that let the target's role in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    pub took: Duration,
    pub database: DatabaseState,
    /// `15.18`; unknown when the target database was not entered.
    pub version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseState {
    Entered,
    /// The server is up and has no such database.
    Missing,
    /// The server is up, and the database is closed to new connections.
    Closed,
}

/// Returns once the target's role logged in, or as soon as it is certain that waiting will not help.
pub async fn until_login(target: &Target, deadline: Duration, tell: &mut dyn FnMut(Event)) -> Result<Entered> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut same = 0;
    let mut told = false;
    let mut last: Option<LoginFailure> = None;
    loop {
        let left = deadline.saturating_sub(started.elapsed());
        let attempt = ATTEMPT.min(left).max(FIRST_PAUSE);
        let failure = match Box::pin(Session::open(target, target.database(), "devdb", attempt)).await {
            Ok(session) => {
                let version = version(&session).await;
                session.close().await;
                return Ok(Entered { took: started.elapsed(), database: DatabaseState::Entered, version });
            }
            Err(failure) => failure,
        };
        let entered = |database| Ok(Entered { took: started.elapsed(), database, version: None });
        match failure.kind {
            LoginFailureKind::DatabaseMissing => return entered(DatabaseState::Missing),
            LoginFailureKind::NoConnectionsAllowed => return entered(DatabaseState::Closed),
            _ => {}
        }
        same = if last.as_ref() == Some(&failure) { same + 1 } else { 1 };
        if same >= BELIEVED && is_final(&failure) {
            return Err(refused(target, &failure));
        }
        if started.elapsed() + pause >= deadline {
            return Err(too_late(target, deadline, &failure));
        }
        if !told && started.elapsed() >= PATIENCE {
            told = true;
            tell(Event::Note { text: format!("no login yet: {}", failure.message) });
        }
        last = Some(failure);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn version(session: &Session) -> Option<String> {
    let rows = session.simple_query("show server_version").await.ok()?;
    let text = rows.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    })?;
    // `15.18 (Debian 15.18-0+deb12u1)`
    text.split_whitespace().next().map(str::to_owned)
}

/// Whether waiting cannot mend it.
fn is_final(failure: &LoginFailure) -> bool {
    match failure.kind {
        LoginFailureKind::Password | LoginFailureKind::NotPermitted | LoginFailureKind::Tls => true,
        // The server spoke, and not of its own state (classes 53, 57, 58).
        LoginFailureKind::Other => failure
            .sqlstate
            .as_ref()
            .is_some_and(|code| !["53", "57", "58", "XX"].iter().any(|class| code.starts_with(class))),
        _ => false,
    }
}

/// The server is up and refuses this role.
fn refused(target: &Target, failure: &LoginFailure) -> Error {
    let error = match (failure.kind, target.password.is_some()) {
        (LoginFailureKind::Password, true) => {
            Error::environment(format!("the server is up and refuses the password of `{}`", target.user()))
        }
        (LoginFailureKind::Password, false) => Error::environment(format!(
            "the server is up and wants a password of `{}`, but the URL has none",
            target.user()
        )),
        _ => Error::environment(format!("the server is up and refuses `{}`", target.user())),
    };
    let says = match &failure.sqlstate {
        Some(code) => format!("{} (SQLSTATE {code})", failure.message),
        None => failure.message.clone(),
    };
    error.detail("target", target.to_string()).detail("server says", says).hint("devdb doctor")
}

fn too_late(target: &Target, deadline: Duration, failure: &LoginFailure) -> Error {
    Error::environment(format!("no login at {} within {} s", target.address(), deadline.as_secs()))
        .detail("last answer", failure.message.clone())
        .hint("devdb logs")
        .hint("devdb doctor")
}
