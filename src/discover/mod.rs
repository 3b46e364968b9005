//! Looks: files, engine, sockets and server become a [`Picture`]. Never writes and never fails: a fact that cannot
//! be had says why. Files come first, because they say whom to ask; the rest is asked side by side.
#![expect(clippy::disallowed_methods, reason = "how long each look takes is measured here")]

mod chain;
mod cluster;
mod compose;
mod data_folders;
mod engine;
mod files;
pub mod git;
mod habits;
mod health;
mod init_scripts;
pub mod inputs;
pub mod operations;
pub mod preflight;
mod project;
mod published;
mod reach;
mod recipe;
mod server;
mod sockets;
mod sql_chain;
mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use project::find_root;
pub use published::published;

use crate::model::config::Config;
use crate::model::engine::{EngineOutcome, EngineProbe};
use crate::model::git::Origins;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::secret::Secret;
use crate::model::server::{Endpoint, Listener, LoginFailure, LoginFailureKind, Reach, Reply, Server};
use crate::model::target::Target;
use crate::wire::sockets::Named;

/// How long a login may take where a server is known to answer.
const BUSY: Duration = Duration::from_secs(10);

/// How long an engine may take that said nothing within the deadline, while the database answers.
const BUSY_ENGINE: Duration = Duration::from_secs(5);

/// Where to look, and how far.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Absolute root of the project.
    pub root: PathBuf,
    /// devdb's own environment.
    pub shell: BTreeMap<String, Secret>,
    pub config: Config,
    pub depth: Depth,
    /// How long each probe may take.
    pub deadline: Duration,
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Files only.
    Files,
    /// Files and the server: for the one-screen status.
    Server,
    /// What the proof of a reset needs: files, engine, sockets, server.
    Proof,
    /// What the comparison with the chain needs: the proof, what the revisions do, and what git knows of them.
    Chain,
    /// Everything: who holds each port, what each address of the server's name answers, and what only a diagnosis asks of
    /// the server, too.
    All,
}

/// Returns the picture of the project and its surroundings. `begin` is shown what the files say as soon as they have named
/// a target: what needs no more can be done while the server is waited for.
pub async fn discover(scope: &Scope, begin: impl FnOnce(&Picture, &Target)) -> Picture {
    let started = Instant::now();
    let mut picture = project::read(scope);
    picture.took.push(("files", started.elapsed()));
    if scope.depth == Depth::Files {
        return picture;
    }
    let with_chain = matches!(scope.depth, Depth::Chain | Depth::All);
    if scope.depth == Depth::All {
        picture.init_scripts = init_scripts::list(scope, &picture);
    }
    if with_chain {
        let started = Instant::now();
        picture.operations = operations::look(&scope.root, &picture.chain);
        picture.took.push(("revisions", started.elapsed()));
    }
    let proves = matches!(scope.depth, Depth::Proof | Depth::Chain | Depth::All);
    let Some(target) = picture.target().map(|candidate| candidate.target.clone()) else {
        Box::pin(without_target(scope, &mut picture, proves, with_chain)).await;
        return picture;
    };
    let version_table = chain::version_table(&picture);
    begin(&picture, &target);
    let asked = server::Asked {
        versions: version_table.as_ref(),
        health: scope.depth == Depth::All,
        django: !picture.habits.django.is_empty(),
    };
    let (probed, pg_dump) =
        tokio::join!(Box::pin(probe(scope, &picture, &target, asked)), Box::pin(habits::pg_dump(scope, &picture)));
    picture.habits.pg_dump = pg_dump;
    let Probed { engine, listeners, reach, login, took } = probed;
    picture.took.extend(took);
    picture.engine = engine;
    picture.listeners = listeners;
    picture.reach = reach;
    match login {
        Ok(server) => picture.server = Observed::Known(server),
        Err(failure) => {
            picture.server = Observed::Unknown(format!("the login failed: {}", failure.message));
            picture.login_failure = Some(failure);
        }
    }
    if scope.depth == Depth::All && target.host().is_loopback() {
        Box::pin(look_around(scope, &mut picture, target.port())).await;
    }
    let password = picture.login_failure.as_ref().is_some_and(|failure| {
        matches!(failure.kind, LoginFailureKind::Password | LoginFailureKind::NotPermitted) || failure.is_by_limit()
    });
    if proves {
        let started = Instant::now();
        Box::pin(engine::look_closer(scope, &mut picture, password, scope.depth == Depth::All)).await;
        picture.took.push(("container's log", started.elapsed()));
    }
    if with_chain {
        Box::pin(look_at_git(scope, &mut picture)).await;
    }
    picture
}

/// Looks at what needs no target.
async fn without_target(scope: &Scope, picture: &mut Picture, proves: bool, with_chain: bool) {
    if proves {
        let both = async { tokio::join!(engine::look(scope, picture), sockets::look(Named::All, scope.deadline)) };
        (picture.engine, picture.listeners) = Box::pin(both).await;
    }
    if with_chain {
        Box::pin(look_at_git(scope, picture)).await;
    }
}

/// Looks for other servers of this machine, where the target's does not answer.
async fn look_around(scope: &Scope, picture: &mut Picture, port: u16) {
    picture.nearby = reach::nearby(picture, port, scope.deadline).await;
    picture.neighbours = reach::neighbours(picture, scope.deadline).await;
    picture.data_folders = data_folders::look(scope, picture).await;
}

/// Returns what a look learned, with how long it took.
async fn timed<T>(name: &'static str, look: impl Future<Output = T>) -> (T, (&'static str, Duration)) {
    let started = Instant::now();
    (look.await, (name, started.elapsed()))
}

/// What came of asking.
struct Probed {
    engine: EngineProbe,
    listeners: Observed<Vec<Listener>>,
    reach: Reach,
    login: Result<Server, LoginFailure>,
    took: Vec<(&'static str, Duration)>,
}

/// Asks engine, sockets and server side by side, as far as the depth goes.
async fn probe(scope: &Scope, picture: &Picture, target: &Target, asked: server::Asked<'_>) -> Probed {
    let all = scope.depth == Depth::All;
    let reaching = async {
        let login = timed("server", Box::pin(server::look(target, asked, scope.deadline)));
        let knock = timed("addresses", reach::look(target, scope.deadline));
        if all {
            let ((reach, one), (login, other)) = tokio::join!(knock, login);
            return (reach, login, vec![one, other]);
        }
        // Knocking is a session more for the server: it is left where the login says all.
        let (login, one) = login.await;
        if login.is_ok() || scope.depth == Depth::Server {
            return (Reach::default(), login, vec![one]);
        }
        let (reach, other) = knock.await;
        (reach, login, vec![one, other])
    };
    let (mut engine, listeners, (reach, mut login, mut took)) = if scope.depth == Depth::Server {
        (not_asked(), Observed::Unknown("not asked".to_owned()), reaching.await)
    } else {
        let named = if all { Named::All } else { Named::Port(target.port()) };
        let engine = timed("engine", Box::pin(engine::look(scope, picture)));
        let sockets = timed("sockets", sockets::look(named, scope.deadline));
        let ((engine, one), (listeners, other), (reach, login, rest)) = tokio::join!(engine, sockets, reaching);
        (engine, listeners, (reach, login, [vec![one, other], rest].concat()))
    };
    if busy(&reach, &login) {
        let (again, one) = timed("server again", Box::pin(server::look(target, asked, BUSY))).await;
        login = again;
        took.push(one);
    }
    // An engine that is busy starting things is not down, and what it knows is worth a second question.
    let answers = login.is_ok() || reach.endpoints.iter().any(|it| matches!(it.reply, Reply::Postgres { .. }));
    if all && answers && matches!(engine.outcome, EngineOutcome::NoAnswer { .. }) {
        let patient = Scope { deadline: BUSY_ENGINE, ..scope.clone() };
        let (again, one) = timed("engine again", Box::pin(engine::look(&patient, picture))).await;
        engine = again;
        took.push(one);
    }
    Probed { engine, listeners, reach, login, took }
}

/// True when a server is there, and only the look at it took too long, as clients that come back in tight loops make it,
/// or was cut off, as the swap of another run does to whoever is on the database.
fn busy(reach: &Reach, login: &Result<Server, LoginFailure>) -> bool {
    use LoginFailureKind as Kind;
    let answers = |endpoint: &Endpoint| matches!(endpoint.reply, Reply::Postgres { .. });
    let cut_off = |failure: &LoginFailure| matches!(failure.kind, Kind::TimedOut | Kind::Network | Kind::Other);
    login.as_ref().is_err_and(cut_off) && reach.endpoints.iter().any(answers)
}

async fn look_at_git(scope: &Scope, picture: &mut Picture) {
    let inside: Vec<PathBuf> = picture
        .env_files
        .iter()
        .filter(|file| git::is_of(&scope.root, &file.path))
        .map(|file| file.path.clone())
        .collect();
    let states = async {
        match scope.depth {
            Depth::All if !inside.is_empty() => git::states(&scope.root, &inside, scope.deadline).await,
            _ => Vec::new(),
        }
    };
    let ((origins, states), took) = timed("git", async { tokio::join!(origins(scope, picture), states) }).await;
    picture.origins = origins;
    picture.env_in_git = states;
    if scope.depth == Depth::All {
        init_scripts::date(scope, picture).await;
    }
    picture.took.push(took);
}

/// Asks git, where the chain has several heads or a revision is missing.
async fn origins(scope: &Scope, picture: &Picture) -> Observed<Origins> {
    let Some(chain) = picture.chain.known() else { return Observed::Absent };
    let database = picture.server.known().and_then(|server| server.database.known());
    let applied = database.and_then(|database| database.versions.known()).map_or(&[][..], Vec::as_slice);
    Box::pin(git::look(&scope.root, chain, applied, scope.deadline)).await
}

fn not_asked() -> EngineProbe {
    EngineProbe {
        address: String::new(),
        named_by: String::new(),
        outcome: EngineOutcome::NoAnswer { why: "not asked".to_owned() },
    }
}
