//! The ways in which a server is brought up and stopped, each as far as the picture tells: Compose, a container, a cluster.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{UpRequest, engine_needed, labelled};
use crate::error::{Error, Result};
use crate::model::compose::{PublishedPort, Service};
use crate::model::engine::Container;
use crate::model::local_server::{ClusterPlan, ComposePlan, ContainerPlan, DownPlan, Installation, ServerPlan, Tools};
use crate::model::picture::Picture;
use crate::model::target::{Host, Target};
use crate::model::text::hex;

pub(super) fn compose(picture: &Picture, tools: &Tools, target: &Target) -> Result<(ServerPlan, String)> {
    let Some(service) = picture.database_service() else {
        return Err(Error::usage("no Compose file of this project has a PostgreSQL service")
            .hint("devdb up --with container, or --with cluster")
            .hint("name the file and the service in `devdb.toml`: [compose] file, service"));
    };
    if let Err(why) = picture.engine() {
        return Err(engine_needed(picture, tools, &why.0));
    }
    engine_is_here(picture, target)?;
    let why = format!("{} has the service `{}`", service.at, service.name);
    let container = picture.container_of(&service.name);
    let Some(words) = &tools.compose else {
        return match container {
            Some(container) => Ok((start(picture, container), format!("{why}; Docker Compose is not installed"))),
            None => Err(Error::environment(format!("{why}, and neither `docker compose` nor `docker-compose` runs"))
                .hint("install Docker's Compose plugin, then run `devdb up` again")
                .hint("devdb up --with container, or --with cluster")),
        };
    };
    let published: Vec<u16> = service
        .ports
        .iter()
        .filter_map(|port| match port.published {
            Some(PublishedPort::One(published)) => Some(published),
            _ => None,
        })
        .collect();
    let port = target.port();
    let fixed = !published.is_empty() && published.len() == service.ports.len();
    let from_here = target.host().is_loopback();
    if from_here && (service.ports.is_empty() || (fixed && !published.contains(&port))) {
        let ports: Vec<String> = published.iter().map(ToString::to_string).collect();
        let says = if ports.is_empty() { "no port".to_owned() } else { format!("port {}", ports.join(", ")) };
        return Err(Error::environment(format!(
            "service `{}` ({}) publishes {says}, but the app dials port {port}; started, it would not be reached",
            service.name, service.at
        ))
        .hint("devdb doctor"));
    }
    Ok((ServerPlan::Compose(compose_plan(picture, words, service)?), why))
}

/// The ports that an engine publishes are those of the machine that it runs on.
fn engine_is_here(picture: &Picture, target: &Target) -> Result<()> {
    let address = picture.engine.address.as_str();
    let Some((scheme, rest)) = address.split_once("://") else { return Ok(()) };
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host).trim_matches(['[', ']']);
    let local = matches!(scheme, "unix" | "npipe") || Host::Tcp(host.to_owned()).is_loopback();
    if local || !target.host().is_loopback() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "the Docker engine is on another machine ({address}, named by {}); what it starts is not reached at {}",
        picture.engine.named_by,
        target.address()
    ))
    .hint("unset DOCKER_HOST, or `docker context use default`; then run `devdb up` again")
    .hint("devdb up --with cluster"))
}

pub(super) fn compose_plan(picture: &Picture, words: &[String], service: &Service) -> Result<ComposePlan> {
    let compose = picture.compose.known().ok_or_else(|| Error::usage("this project has no Compose file"))?;
    // The project that made the container wins: Compose v1 and v2 derive names differently.
    let made_by = picture.container_of(&service.name).and_then(|container| container.compose_project.clone());
    let file = picture.config.compose.file.as_ref();
    let named = picture.engine.named_by.as_str();
    let known = named == "DOCKER_HOST" || named.contains("context") || named.contains("CONTEXT");
    let environment = if known || picture.engine.address.is_empty() {
        Vec::new()
    } else {
        vec![("DOCKER_HOST".to_owned(), picture.engine.address.clone())]
    };
    Ok(ComposePlan {
        words: words.to_vec(),
        service: service.name.clone(),
        project: made_by.unwrap_or_else(|| compose.name.clone()),
        directory: picture.root.join(&compose.directory),
        files: file.map(|file| picture.root.join(file)).into_iter().collect(),
        environment,
        engine: picture.engine.address.clone(),
    })
}

/// A container that need only be started: devdb's own, or one that wants to publish the target's port.
pub(super) fn stopped_container(picture: &Picture) -> Option<&Container> {
    if let Some(own) = labelled(picture) {
        return Some(own);
    }
    let port = picture.target()?.target.port();
    picture.engine().ok()?.containers.iter().find(|container| {
        let wants = |it: &Container| it.wanted_ports.iter().any(|port_| port_.host_port == port);
        let elsewhere = container.compose_directory.is_some() || container.compose_project.is_some();
        container.is_postgres() && !container.is_running() && !elsewhere && wants(container)
    })
}

pub(super) fn container(
    picture: &Picture,
    tools: &Tools,
    request: &UpRequest,
    target: &Target,
) -> Result<(ServerPlan, String)> {
    if let Err(why) = picture.engine() {
        return Err(Error::environment(format!("a container needs the engine, but {}", why.0))
            .hint("start Docker, then run `devdb up` again")
            .hint("devdb up --with cluster   (a private server of this project)"));
    }
    let Host::Tcp(host) = target.host() else {
        return Err(Error::usage(format!("a container cannot serve the unix socket `{}`", target.address()))
            .hint("devdb up --with cluster")
            .hint("or write `localhost` and a port in the URL"));
    };
    engine_is_here(picture, target)?;
    let own = labelled(picture);
    if let Some(found) = stopped_container(picture).filter(|_| own.is_none()) {
        let why = format!("container `{}` publishes port {} and is {}", found.name, target.port(), found.state.status);
        return Ok((start(picture, found), why));
    }
    let (image, why) = image(tools, request, own)?;
    let name = own.map_or_else(|| own_name(picture), |own| own.name.clone());
    let host_ip = if host.parse::<std::net::IpAddr>().is_ok() { host } else { "127.0.0.1".to_owned() };
    let plan = ContainerPlan {
        engine: picture.engine.address.clone(),
        volume: format!("{name}-data"),
        name,
        image,
        root: picture.root.display().to_string(),
        host_ip,
        port: target.port(),
        user: target.user().to_owned(),
        password: target.password.clone(),
        database: target.database().to_owned(),
    };
    Ok((ServerPlan::Container(plan), why))
}

/// The image of a container: the one it was made from (its data belong to that version), else the one asked for,
/// else the best that is there.
fn image(tools: &Tools, request: &UpRequest, own: Option<&Container>) -> Result<(String, String)> {
    if let Some(own) = own {
        return Ok((own.image.clone(), format!("`devdb up` made container `{}` for this project", own.name)));
    }
    let here = |wanted: &str| {
        let tagged = format!("{wanted}:latest");
        tools.images.iter().find(|image| **image == wanted || **image == tagged)
    };
    let found = match &request.image {
        Some(wanted) => here(wanted).ok_or_else(|| {
            Error::environment(format!("the engine has no PostgreSQL image `{wanted}`, and devdb pulls none unasked"))
                .hint(format!("docker pull {wanted}, then run `devdb up` again"))
        })?,
        None => tools.images.first().ok_or_else(|| {
            Error::environment("the engine has no PostgreSQL image, and devdb pulls none unasked")
                .hint("docker pull postgres:17, then run `devdb up` again")
        })?,
    };
    Ok((found.clone(), format!("no Compose service; the engine has the image `{found}`")))
}

fn start(picture: &Picture, container: &Container) -> ServerPlan {
    ServerPlan::Start { engine: picture.engine.address.clone(), id: container.id.clone(), name: container.name.clone() }
}

pub(super) fn stop(picture: &Picture, container: &Container) -> DownPlan {
    let data = container.mounts.iter().find(|mount| mount.destination.contains("/postgresql"));
    DownPlan::Container {
        engine: picture.engine.address.clone(),
        id: container.id.clone(),
        name: container.name.clone(),
        volume: data.map(|mount| mount.source.clone()),
    }
}

pub(super) fn alive(container: &Container) -> bool {
    matches!(container.state.status.as_str(), "running" | "restarting" | "paused")
}

/// `devdb-<folder>-<hash of the whole path>`: readable, and different for two checkouts of one project.
fn own_name(picture: &Picture) -> String {
    let folder = picture.root.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let plain: String =
        folder.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-' || *it == '_').take(30).collect();
    let digest = Sha256::digest(picture.root.display().to_string().as_bytes());
    let hash = hex(digest.get(..4).unwrap_or_default());
    if plain.is_empty() { format!("devdb-{hash}") } else { format!("devdb-{plain}-{hash}") }
}

pub(super) fn folder(picture: &Picture) -> PathBuf {
    picture.root.join(".devdb")
}

pub(super) fn cluster(picture: &Picture, tools: &Tools) -> Result<(ServerPlan, String)> {
    let plan = |installation: &Installation| {
        ServerPlan::Cluster(ClusterPlan { folder: folder(picture), installation: installation.clone() })
    };
    if let Some(existing) = &tools.cluster {
        return Ok((plan(same_major(tools, existing.major)?), "this project has a private cluster".to_owned()));
    }
    let newest = tools.installations.first().ok_or_else(|| {
        Error::environment("no PostgreSQL server is installed")
            .hint(format!("{}, then run `devdb up` again", tools.install_hint))
            .hint("or set DEVDB_PG_BIN to the folder that holds `postgres` and `initdb`")
    })?;
    let docker = match picture.engine() {
        Ok(_) => "the Docker engine has no PostgreSQL image".to_owned(),
        Err(why) => why.0,
    };
    let why = format!("no Compose service, {docker}; PostgreSQL {} is in {}", newest.version, newest.bin.display());
    Ok((plan(newest), why))
}

fn same_major(tools: &Tools, major: u32) -> Result<&Installation> {
    tools.installations.iter().find(|it| it.major == major).ok_or_else(|| {
        let others: Vec<&str> = tools.installations.iter().map(|it| it.version.as_str()).collect();
        let found = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        Error::environment(format!("the project's cluster needs PostgreSQL {major}, which is not installed any more"))
            .detail("installed", found)
            .hint(format!("install PostgreSQL {major} again, or move `.devdb` away to begin with an empty cluster"))
    })
}
