//! Which server `devdb up` starts, and what `devdb down` stops.

mod ways;

use std::path::PathBuf;

use ways::{alive, cluster, compose, compose_plan, container, folder, stop, stopped_container};

use crate::error::{Error, Result};
use crate::model::compose::{PublishedPort, Service};
use crate::model::engine::Container;
use crate::model::local_server::{DownPlan, LogSource, ServerPlan, Tools, UpPlan, Way};
use crate::model::picture::Picture;
use crate::model::server::{LoginFailureKind, Reply};
use crate::model::target::{Candidate, Host, Target};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct UpRequest {
    /// The way, when it was named.
    pub with: Option<Way>,
    /// The image of a new container, when it was named.
    pub image: Option<String>,
}

/// Returns how the target's server is brought up: the Compose service when the project has one, else a container,
/// else a private cluster; what was made before goes first.
pub fn up(picture: &Picture, tools: &Tools, request: &UpRequest) -> Result<UpPlan> {
    let candidate = picture.target().ok_or_else(no_target)?;
    let target = dialled(picture, candidate)?;
    let serving = serving(picture, tools, &target);
    if let Some(plan) = already_up(picture, request, serving, &target) {
        return Ok(plan);
    }
    if serving.is_none() || request.with.is_some_and(|way| serving != Some(way)) {
        port_is_free(picture, candidate, &target)?;
    }
    let way = match request.with {
        Some(way) => way,
        None => choose(picture, tools)?,
    };
    let (server, why) = match way {
        Way::Compose => compose(picture, tools, &target)?,
        Way::Container => container(picture, tools, request, &target)?,
        Way::Cluster => cluster(picture, tools)?,
    };
    let why = if request.with.is_some() { format!("--with {}", way.name()) } else { why };
    Ok(UpPlan { server, why, target })
}

/// Returns everything of the project that runs and that devdb may stop; no data is deleted by it.
pub fn down(picture: &Picture, tools: &Tools, with: Option<Way>) -> Result<Vec<DownPlan>> {
    let wanted = |way: Way| with.is_none_or(|only| only == way);
    let mut plans = Vec::new();
    let service = picture.database_service().filter(|_| wanted(Way::Compose));
    let container = |service: &Service| picture.container_of(&service.name).filter(|container| alive(container));
    if let Some((service, container)) = service.and_then(|service| Some((service, container(service)?))) {
        plans.push(match &tools.compose {
            Some(words) => DownPlan::Compose(compose_plan(picture, words, service)?),
            None => stop(picture, container),
        });
    }
    if let Some(container) = labelled(picture).filter(|container| wanted(Way::Container) && alive(container)) {
        plans.push(stop(picture, container));
    }
    if let Some(cluster) = tools.cluster.as_ref().filter(|cluster| wanted(Way::Cluster) && cluster.running) {
        plans.push(DownPlan::Cluster { folder: folder(picture), data: cluster.data.clone() });
    }
    Ok(plans)
}

/// Returns the container that `devdb up` made for this project, running or not.
pub fn labelled(picture: &Picture) -> Option<&Container> {
    let root = picture.root.display().to_string();
    let mut containers = picture.engine().ok()?.containers.iter();
    containers.find(|it| it.compose_project.is_none() && it.compose_directory.as_deref() == Some(root.as_str()))
}

/// Returns where the log of the project's server is: of the one that runs, else of any that is there.
pub fn log_source(picture: &Picture, cluster_log: Option<PathBuf>, cluster_runs: bool) -> Result<LogSource> {
    let container = picture.database_container().or_else(|| labelled(picture));
    let of_container = |container: &Container| LogSource::Container {
        engine: picture.engine.address.clone(),
        id: container.id.clone(),
        name: container.name.clone(),
    };
    let running = container.filter(|container| alive(container)).map(of_container);
    let file = cluster_log.map(LogSource::File);
    let found =
        running.or_else(|| file.clone().filter(|_| cluster_runs)).or_else(|| container.map(of_container)).or(file);
    found.ok_or_else(|| {
        Error::environment("this project has neither a database container nor a private cluster, so there is no log")
            .hint("devdb up")
    })
}

fn no_target() -> Error {
    Error::usage("no file and no variable names a database, so there is nothing to start")
        .hint("write DATABASE_URL=postgresql://app:app@localhost:5432/app to `.env`, then run `devdb up` again")
}

/// The target as it is dialled from this machine: a Compose service's name becomes the port that it publishes.
fn dialled(picture: &Picture, candidate: &Candidate) -> Result<Target> {
    let target = &candidate.target;
    if target.host().is_loopback() {
        return Ok(Target { hosts: target.hosts.iter().take(1).cloned().collect(), ..target.clone() });
    }
    if let Some(service) = picture.target_is_service() {
        // Beside the service in its network, the name itself leads there.
        if picture.inside_container && picture.reach.unresolved.is_none() {
            return Ok(target.clone());
        }
        let port = fixed_port(service, target.port()).ok_or_else(|| {
            Error::refused(format!(
                "`{}` ({}) is a name inside the Compose network, and service `{}` publishes no fixed port to this machine",
                target.host(),
                candidate.origin,
                service.name
            ))
            .hint("devdb doctor")
        })?;
        return Ok(Target { hosts: vec![(Host::Tcp("127.0.0.1".to_owned()), port)], ..target.clone() });
    }
    Err(Error::refused(format!(
        "`{}` is not this machine ({}); devdb starts local servers only",
        target.host(),
        candidate.origin
    ))
    .hint("if the server should be local, write `localhost` there, then run `devdb up` again"))
}

fn fixed_port(service: &Service, inner: u16) -> Option<u16> {
    service.ports.iter().find(|port| port.target == inner).and_then(|port| match port.published {
        Some(PublishedPort::One(published)) => Some(published),
        _ => None,
    })
}

/// Which of the project's own servers runs on the target's port.
fn serving(picture: &Picture, tools: &Tools, target: &Target) -> Option<Way> {
    let port = target.port();
    let publishes = |container: &&Container| container.is_running() && container.database_ports().contains(&port);
    let service = picture.database_service().and_then(|service| picture.container_of(&service.name));
    if service.as_ref().is_some_and(publishes) {
        return Some(Way::Compose);
    }
    if labelled(picture).as_ref().is_some_and(publishes) {
        return Some(Way::Container);
    }
    tools.cluster.as_ref().filter(|cluster| cluster.running && cluster.port == port).map(|_| Way::Cluster)
}

fn already_up(picture: &Picture, request: &UpRequest, serving: Option<Way>, target: &Target) -> Option<UpPlan> {
    if request.with.is_some_and(|way| serving != Some(way)) {
        return None;
    }
    let starting = picture.login_failure.as_ref().is_some_and(|failure| failure.kind == LoginFailureKind::Starting);
    if starting && serving.is_none() {
        let who = holder(picture, target.port()).unwrap_or_else(|| "a server that is starting".to_owned());
        let server = ServerPlan::AlreadyUp { who, database_exists: true };
        return Some(UpPlan { server, why: "it is starting already".to_owned(), target: target.clone() });
    }
    let server = picture.server.known()?;
    let database_exists = server.database.known().is_some();
    // devdb's own cluster has the database made by the same command.
    if !database_exists && serving == Some(Way::Cluster) {
        return None;
    }
    let who = match holder(picture, target.port()) {
        Some(holder) => format!("PostgreSQL {}, {holder}", server.version),
        None => format!("PostgreSQL {}", server.version),
    };
    let server = ServerPlan::AlreadyUp { who, database_exists };
    Some(UpPlan { server, why: "a login works already".to_owned(), target: target.clone() })
}

/// Names who holds a port of this machine: a container when the engine knows of one, else a process.
fn holder(picture: &Picture, port: u16) -> Option<String> {
    let containers = picture.engine().map(|engine| engine.containers.as_slice()).unwrap_or_default();
    let publishes = |it: &&Container| it.is_running() && it.published_ports.iter().any(|bound| bound.host_port == port);
    if let Some(container) = containers.iter().find(publishes) {
        return Some(format!("container `{}`", container.name));
    }
    let listeners = picture.listeners_on(port);
    let process = listeners.iter().find_map(|listener| listener.process.as_ref());
    match (process, listeners.first()) {
        (Some(process), _) => Some(format!("`{}` (pid {})", process.name, process.pid)),
        (None, Some(_)) => Some("a process of another user".to_owned()),
        (None, None) => None,
    }
}

fn port_is_free(picture: &Picture, candidate: &Candidate, target: &Target) -> Result<()> {
    let Some(holder) = holder(picture, target.port()).filter(|_| matches!(target.host(), Host::Tcp(_))) else {
        return Ok(());
    };
    let at = candidate.port_origin.as_ref().unwrap_or(&candidate.origin);
    let mut error = Error::environment(format!("port {} ({at}) is taken by {holder}", target.port()));
    let postgres = picture.reach.endpoints.iter().any(|endpoint| matches!(endpoint.reply, Reply::Postgres { .. }));
    if let Some(failure) = picture.login_failure.as_ref().filter(|_| postgres) {
        error = error.detail("it is PostgreSQL", format!("and says: {}", failure.message));
        let mendable = matches!(failure.kind, LoginFailureKind::Password | LoginFailureKind::NotPermitted);
        if mendable {
            error = error
                .hint(format!("if that is the server you mean, correct user and password at {}", candidate.origin));
        }
    }
    Err(error.hint(format!("stop it, or write another port at {at}; then run `devdb up` again")))
}

fn choose(picture: &Picture, tools: &Tools) -> Result<Way> {
    if picture.database_service().is_some() {
        return match picture.engine() {
            Ok(_) => Ok(Way::Compose),
            Err(why) => Err(engine_needed(picture, tools, &why.0)),
        };
    }
    let refused = picture.compose.known().and_then(|compose| compose.problems.iter().find(|problem| problem.fatal));
    if let Some(problem) = refused {
        return Err(Error::usage(format!("Compose would refuse {}: {}", problem.at, problem.message))
            .hint("mend the file, or choose another way: devdb up --with cluster"));
    }
    let socket = picture.target().is_some_and(|candidate| matches!(candidate.target.host(), Host::Socket(_)));
    if socket {
        return Ok(Way::Cluster);
    }
    if stopped_container(picture).is_some() {
        return Ok(Way::Container);
    }
    if tools.cluster.is_some() {
        return Ok(Way::Cluster);
    }
    match picture.engine() {
        Ok(_) if !tools.images.is_empty() => Ok(Way::Container),
        _ if !tools.installations.is_empty() => Ok(Way::Cluster),
        Ok(_) => {
            Err(Error::environment("the Docker engine has no PostgreSQL image, and no PostgreSQL server is installed")
                .hint("docker pull postgres:17, then `devdb up`")
                .hint(format!("or, without Docker: {}, then `devdb up`", tools.install_hint)))
        }
        Err(why) => Err(Error::environment(format!("{}, and no PostgreSQL server is installed", why.0))
            .hint(format!("{}, then `devdb up` makes a private server for this project", tools.install_hint))
            .hint("or start Docker, then run `devdb up` again")),
    }
}

fn engine_needed(picture: &Picture, tools: &Tools, why: &str) -> Error {
    let service = picture.database_service().map_or("db", |service| service.name.as_str());
    let error = Error::environment(format!("the Compose service `{service}` cannot be started: {why}"))
        .hint("start Docker, then run `devdb up` again");
    if tools.installations.is_empty() {
        return error;
    }
    error.hint("devdb up --with cluster   (a private server of this project, with its own, empty database)")
}
