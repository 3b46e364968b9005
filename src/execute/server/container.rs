//! Containers, started and stopped through the engine's API. No image is pulled and no volume removed.

use std::collections::HashMap;
use std::future::pending;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, HostConfig, PortBinding, VolumeCreateRequest};
use bollard::models::{RestartPolicy, RestartPolicyNameEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptions, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions, StopContainerOptionsBuilder,
};

use super::ports;
use crate::error::{Error, Result};
use crate::model::engine::ROOT_LABEL;
use crate::model::event::Event;
use crate::model::local_server::ContainerPlan;
use crate::model::secret::Secret;
use crate::model::text::visible;
use crate::wire::engine as wire;

/// Longer than a stop may take.
const ANSWER: Duration = Duration::from_mins(1);
/// What a server gets to write its checkpoint before it is killed.
const STOP_SECONDS: i32 = 20;
const LOOK_EVERY: Duration = Duration::from_millis(300);
const LOG_LINES: usize = 12;
const INSIDE: &str = "5432/tcp";

/// Returns a client of the engine at `address`.
pub(super) async fn client(address: &str) -> Result<Docker> {
    let unreachable = |error: EngineError| {
        Error::environment(format!("the Docker engine at {address} does not answer"))
            .because(error)
            .hint("start Docker, then run the command again")
    };
    let docker = wire::client(address, ANSWER).map_err(unreachable)?;
    docker.negotiate_version().await.map_err(unreachable)
}

/// Returns the PostgreSQL images that the engine has, the official ones first, then the newest.
pub(super) async fn images(address: &str) -> Vec<String> {
    let Ok(docker) = client(address).await else { return Vec::new() };
    let listed = docker.list_images(None::<ListImagesOptions>).await.unwrap_or_default();
    let mut tags: Vec<String> = listed.into_iter().flat_map(|image| image.repo_tags).collect();
    tags.retain(|tag| is_postgres(tag));
    tags.sort_by_key(|tag| {
        let (repository, version) = tag.rsplit_once(':').unwrap_or((tag, ""));
        let official = matches!(repository, "postgres" | "docker.io/library/postgres" | "library/postgres");
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        (!official, std::cmp::Reverse(digits.parse::<u32>().unwrap_or(0)), tag.clone())
    });
    tags.dedup();
    tags
}

/// Whether an image keeps the official image's contract (`POSTGRES_USER` and its kin), as far as its name tells.
fn is_postgres(tag: &str) -> bool {
    const NAMES: [&str; 6] = ["postgres", "postgis", "timescaledb", "timescaledb-ha", "pgvector", "paradedb"];
    let repository = tag.rsplit_once(':').map_or(tag, |(repository, _)| repository);
    let name = repository.rsplit('/').next().unwrap_or(repository);
    NAMES.contains(&name) && !repository.contains("bitnami")
}

/// Starts devdb's container; makes it, and its volume, when they are not there.
pub(super) async fn up(docker: &Docker, plan: &ContainerPlan, tell: &mut dyn FnMut(Event)) -> Result<()> {
    match inspect(docker, &plan.name).await? {
        Some(found) if fits(&found, plan) => {}
        Some(_) => {
            let text = format!("container `{}` is made anew for port {}; its data stay", plan.name, plan.port);
            tell(Event::Note { text });
            stop(docker, &plan.name).await?;
            let options = RemoveContainerOptionsBuilder::new().build();
            let gone = docker.remove_container(&plan.name, Some(options)).await;
            gone.map_err(|error| engine_error(&format!("cannot remove container `{}`", plan.name), error))?;
            create(docker, plan).await?;
        }
        None => create(docker, plan).await?,
    }
    start(docker, &plan.name).await
}

/// Starts a container that is there; one that runs is left alone.
pub(super) async fn start(docker: &Docker, name: &str) -> Result<()> {
    docker.start_container(name, None).await.map_err(|error| {
        let said = error.to_string();
        let error = engine_error(&format!("cannot start container `{name}`"), error);
        let Some(port) = ports::taken(&said) else { return error.hint("devdb doctor") };
        let held = ports::holder(port).unwrap_or_else(|| "somebody".to_owned());
        error
            .detail("port", format!("{port} is held by {held}"))
            .hint("stop it, or write another port to `.env`; then run `devdb up` again")
    })
}

/// Stops a container; its data stay.
pub(super) async fn stop(docker: &Docker, name: &str) -> Result<()> {
    let options = StopContainerOptionsBuilder::new().t(STOP_SECONDS).build();
    match docker.stop_container(name, Some(options)).await {
        // It had stopped already, or it is gone.
        Ok(()) | Err(EngineError::DockerResponseServerError { status_code: 304 | 404, .. }) => Ok(()),
        Err(error) => Err(engine_error(&format!("cannot stop container `{name}`"), error)),
    }
}

/// Returns the id of a Compose service's container.
pub(super) async fn remove(docker: &Docker, name: &str, volume: Option<&str>) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let removed = docker.remove_container(name, Some(options)).await;
    removed.map_err(|error| engine_error(&format!("cannot remove container `{name}`"), error))?;
    let Some(volume) = volume else { return Ok(()) };
    let removed = docker.remove_volume(volume, None::<RemoveVolumeOptions>).await;
    removed.map_err(|error| engine_error(&format!("cannot remove the volume `{volume}`"), error))
}

/// Returns the id of the container that a Compose service has.
pub(super) async fn of_service(docker: &Docker, project: &str, service: &str) -> Option<String> {
    let labels = vec![format!("com.docker.compose.project={project}"), format!("com.docker.compose.service={service}")];
    let options = ListContainersOptionsBuilder::new().all(true).filters(&HashMap::from([("label", labels)])).build();
    docker.list_containers(Some(options)).await.ok()?.into_iter().find_map(|summary| summary.id)
}

/// Returns only when the container has ended, with what it said last.
pub(super) async fn ended(docker: &Docker, name: &str) -> Error {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Ok(found) = docker.inspect_container(name, None).await else { continue };
        let state = found.state.unwrap_or_default();
        let restarts = found.restart_count.unwrap_or_default();
        let status = state.status.map(|status| status.to_string()).unwrap_or_default();
        let over = matches!(status.as_str(), "exited" | "dead") || (status == "restarting" && restarts > 1);
        if !over {
            continue;
        }
        let shown = found.name.unwrap_or_default().trim_start_matches('/').to_owned();
        let log = wire::log_tail(docker, name, LOG_LINES).await.unwrap_or_default();
        let code = state.exit_code.unwrap_or_default();
        return Error::environment(format!("container `{shown}` ended right after its start, with exit code {code}"))
            .detail("it says", log.join("\n"))
            .hint("devdb logs")
            .hint("devdb doctor");
    }
}

/// Never returns, for servers without a container.
pub(super) async fn never() -> Error {
    pending().await
}

async fn inspect(docker: &Docker, name: &str) -> Result<Option<ContainerInspectResponse>> {
    match docker.inspect_container(name, None).await {
        Ok(found) => Ok(Some(found)),
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(engine_error(&format!("cannot look at container `{name}`"), error)),
    }
}

fn fits(found: &ContainerInspectResponse, plan: &ContainerPlan) -> bool {
    let bindings = found.host_config.as_ref().and_then(|host| host.port_bindings.as_ref());
    let bound = bindings.and_then(|ports| ports.get(INSIDE)).and_then(Option::as_ref);
    bound.into_iter().flatten().any(|binding| {
        binding.host_port.as_deref() == Some(plan.port.to_string().as_str())
            && binding.host_ip.as_deref() == Some(plan.host_ip.as_str())
    })
}

async fn create(docker: &Docker, plan: &ContainerPlan) -> Result<()> {
    let labels = HashMap::from([(ROOT_LABEL.to_owned(), plan.root.clone())]);
    let volume =
        VolumeCreateRequest { name: Some(plan.volume.clone()), labels: Some(labels.clone()), ..Default::default() };
    let made = docker.create_volume(volume).await;
    made.map_err(|error| engine_error(&format!("cannot make volume `{}`", plan.volume), error))?;
    let data = data_folder(docker, &plan.image).await?;
    let binding = PortBinding { host_ip: Some(plan.host_ip.clone()), host_port: Some(plan.port.to_string()) };
    let body = ContainerCreateBody {
        image: Some(plan.image.clone()),
        env: Some(environment(plan)),
        labels: Some(labels),
        host_config: Some(HostConfig {
            binds: Some(vec![format!("{}:{data}", plan.volume)]),
            port_bindings: Some(HashMap::from([(INSIDE.to_owned(), Some(vec![binding]))])),
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(&plan.name).build();
    let made = docker.create_container(Some(options), body).await;
    made.map_err(|error| engine_error(&format!("cannot make container `{}`", plan.name), error))?;
    Ok(())
}

/// Where the image keeps its data: since PostgreSQL 18 the official image's volume is the folder above.
async fn data_folder(docker: &Docker, image: &str) -> Result<String> {
    const USUAL: &str = "/var/lib/postgresql/data";
    let found = docker.inspect_image(image).await.map_err(|error| {
        engine_error(&format!("the engine has no image `{image}` any more"), error)
            .hint(format!("docker pull {image}, then run `devdb up` again"))
    })?;
    let volumes = found.config.and_then(|config| config.volumes).unwrap_or_default();
    Ok(volumes.into_iter().find(|path| path.contains("/postgresql")).unwrap_or_else(|| USUAL.to_owned()))
}

fn environment(plan: &ContainerPlan) -> Vec<String> {
    let password = match plan.password.as_ref().map(Secret::reveal).filter(|password| !password.is_empty()) {
        Some(password) => format!("POSTGRES_PASSWORD={password}"),
        None => "POSTGRES_HOST_AUTH_METHOD=trust".to_owned(),
    };
    vec![format!("POSTGRES_USER={}", plan.user), format!("POSTGRES_DB={}", plan.database), password]
}

fn engine_error(message: &str, error: EngineError) -> Error {
    match error {
        EngineError::DockerResponseServerError { message: said, .. } => {
            Error::environment(message).detail("engine says", visible(&said))
        }
        other => Error::environment(message).because(other),
    }
}

#[cfg(test)]
mod tests {
    use super::is_postgres;

    #[test]
    fn images_are_told_from_their_neighbours() {
        for tag in
            ["postgres:17", "docker.io/library/postgres:16-alpine", "pgvector/pgvector:pg17", "postgis/postgis:16-3.4"]
        {
            assert!(is_postgres(tag), "{tag}");
        }
        for tag in
            ["prometheuscommunity/postgres-exporter:v0.15", "postgrest/postgrest:v12", "bitnami/postgres:16", "app:1"]
        {
            assert!(!is_postgres(tag), "{tag}");
        }
    }
}
