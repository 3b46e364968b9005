//! The engine's answers, made nouns.

use std::collections::BTreeMap;
use std::collections::HashMap;

use bollard::models::{ContainerInspectResponse, ContainerSummary, PortBinding as BoundPort};

use crate::model::engine::{Container, ContainerMount, ContainerState, EngineVolume, PortBinding, TaggedImage};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::secret::Secret;
use crate::model::text::visible;

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const VOLUME: &str = "com.docker.compose.volume";
const DIRECTORY: &str = "com.docker.compose.project.working_dir";

/// Returns whether a container may concern the project's database: a PostgreSQL server, one of the project's own, or
/// the holder of a port that the project wants.
pub(super) fn concerns(summary: &ContainerSummary, picture: &Picture) -> bool {
    const IMAGES: [&str; 5] = ["postgres", "postgis", "timescale", "pgvector", "pgbouncer"];
    let image = summary.image.as_deref().unwrap_or_default();
    let label = |key: &str| summary.labels.as_ref().and_then(|labels| labels.get(key));
    let project = picture.compose.known().map(|compose| compose.name.as_str());
    let own = label(PROJECT).map(String::as_str) == project && project.is_some();
    let made = label(crate::model::engine::ROOT_LABEL).is_some();
    let mut wanted: Vec<u16> = picture.target().map(|candidate| candidate.target.port()).into_iter().collect();
    wanted.push(crate::model::target::DEFAULT_PORT);
    for service in picture.database_services() {
        wanted.extend(service.ports.iter().filter_map(|port| match port.published {
            Some(crate::model::compose::PublishedPort::One(published)) => Some(published),
            _ => None,
        }));
    }
    let ports = summary.ports.iter().flatten();
    let holds = ports.filter_map(|port| port.public_port).any(|port| wanted.contains(&port));
    own || made || holds || IMAGES.iter().any(|name| image.contains(name))
}

/// Returns a volume of the engine's list.
pub(super) fn volume(volume: bollard::models::Volume) -> EngineVolume {
    let created = volume.created_at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
    EngineVolume {
        created: created.map(jiff::Timestamp::as_second),
        project: volume.labels.get(PROJECT).cloned(),
        key: volume.labels.get(VOLUME).cloned(),
        name: volume.name,
    }
}

/// Returns the container that `inspect` describes.
pub(super) fn read(response: ContainerInspectResponse) -> Container {
    let config = response.config.unwrap_or_default();
    let network = response.network_settings.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let host = response.host_config.unwrap_or_default();
    let wanted = host.port_bindings.unwrap_or_default();
    let addresses = network.networks.unwrap_or_default().into_iter();
    let mut addresses: Vec<String> = addresses.filter_map(|(_, endpoint)| endpoint.ip_address).collect();
    addresses.retain(|address| !address.is_empty());
    addresses.sort();
    let environment = environment(config.env.unwrap_or_default());
    Container {
        guessable: is_guessable(&environment),
        id: response.id.unwrap_or_default(),
        name: response.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image: config.image.unwrap_or_default(),
        state: state(response.state.unwrap_or_default(), response.restart_count.unwrap_or_default()),
        environment,
        command: config.cmd.unwrap_or_default(),
        wanted_ports: bindings(wanted),
        published_ports: bindings(network.ports.unwrap_or_default()),
        addresses,
        mounts: mounts(response.mounts.unwrap_or_default()),
        compose_project: labels.get(PROJECT).cloned(),
        compose_service: labels.get(SERVICE).cloned(),
        compose_directory: labels.get(DIRECTORY).or_else(|| labels.get(crate::model::engine::ROOT_LABEL)).cloned(),
        system_identifier: Observed::Absent,
        data_major: Observed::Absent,
        data_free: Observed::Absent,
        shm_bytes: host.shm_size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        image_id: response.image.unwrap_or_default(),
        tagged: Observed::Absent,
        log_tail: Observed::Absent,
        inside: Observed::Absent,
    }
}

/// Returns the image that a tag names, as `inspect` describes it.
pub(super) fn tagged(image: bollard::models::ImageInspect) -> TaggedImage {
    let variables = image.config.and_then(|config| config.env).unwrap_or_default();
    let major = variables.iter().find_map(|variable| variable.strip_prefix("PG_MAJOR="));
    TaggedImage { id: image.id.unwrap_or_default(), major: major.and_then(|major| major.parse().ok()) }
}

fn state(state: bollard::models::ContainerState, restart_count: i64) -> ContainerState {
    ContainerState {
        status: state.status.map(|status| status.to_string()).unwrap_or_default(),
        exit_code: state.exit_code.unwrap_or_default(),
        error: visible(&state.error.unwrap_or_default()),
        oom_killed: state.oom_killed.unwrap_or_default(),
        restart_count,
        health: state.health.and_then(|health| health.status).map(|status| status.to_string()),
    }
}

fn environment(entries: Vec<String>) -> BTreeMap<String, Secret> {
    let pair = |entry: String| entry.split_once('=').map(|(key, value)| (key.to_owned(), Secret::from(value)));
    entries.into_iter().filter_map(pair).collect()
}

/// Whether the password is one of those that scanners try first, or the role's name.
fn is_guessable(environment: &BTreeMap<String, Secret>) -> bool {
    const USUAL: [&str; 13] = [
        "postgres",
        "password",
        "admin",
        "root",
        "secret",
        "changeme",
        "example",
        "test",
        "dev",
        "development",
        "letmein",
        "1234",
        "123456",
    ];
    let value = |key: &str| environment.get(key).map(Secret::reveal).filter(|value| !value.is_empty());
    value("POSTGRES_PASSWORD").is_some_and(|it| USUAL.contains(&it) || value("POSTGRES_USER") == Some(it))
}

fn bindings(ports: HashMap<String, Option<Vec<BoundPort>>>) -> Vec<PortBinding> {
    let mut found = Vec::new();
    // Sorted below.
    for (port, bound) in ports.into_iter().collect::<BTreeMap<_, _>>() {
        let Some(container_port) = port.strip_suffix("/tcp").and_then(|port| port.parse().ok()) else { continue };
        for binding in bound.into_iter().flatten() {
            found.push(PortBinding {
                container_port,
                host_ip: binding.host_ip.unwrap_or_default(),
                host_port: binding.host_port.and_then(|port| port.parse().ok()).unwrap_or_default(),
            });
        }
    }
    found.sort_by_key(|binding| (binding.container_port, binding.host_port));
    found
}

fn mounts(points: Vec<bollard::models::MountPoint>) -> Vec<ContainerMount> {
    let mount = |point: bollard::models::MountPoint| ContainerMount {
        kind: point.typ.unwrap_or_default(),
        source: point.name.or(point.source).unwrap_or_default(),
        destination: point.destination.unwrap_or_default(),
        writable: point.rw.unwrap_or(true),
    };
    points.into_iter().map(mount).collect()
}
