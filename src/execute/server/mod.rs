//! Brings a project's server up and down: a Compose service, a container, or a private cluster.

pub mod binaries;
pub mod cluster;
mod compose;
mod container;
pub mod logs;
mod owner;
mod ports;
mod postmaster;
pub mod roles;
pub mod wait;

use std::time::Duration;

use bollard::Docker;

use crate::error::{Error, Result};
use crate::model::event::{Event, Stage};
use crate::model::local_server::{ClusterPlan, ComposePlan, DownPlan, Installation, ServerPlan, Tools, UpPlan};
use crate::model::picture::Picture;
use crate::model::target::Target;
use cluster::{Cluster, Listen};
use wait::{DatabaseState, Entered};

/// A server that is up.
#[derive(Debug, Clone)]
pub struct Up {
    /// What serves: ``container `devdb-shop-1f3a9c2e`, image postgres:17``.
    pub described: String,
    pub entered: Entered,
}

/// Returns what this machine has to run a server with.
pub async fn tools(picture: &Picture) -> Tools {
    let compose =
        async { if picture.database_service().is_some() { compose::words(&picture.root).await } else { None } };
    let images =
        async { if picture.engine().is_ok() { container::images(&picture.engine.address).await } else { Vec::new() } };
    let (compose, images) = tokio::join!(Box::pin(compose), Box::pin(images));
    Tools {
        compose,
        images,
        installations: binaries::find(&picture.shell),
        install_hint: binaries::install_hint(),
        cluster: cluster::look(&picture.root.join(".devdb")),
    }
}

/// Carries the plan out, and returns once the target's own role could log in.
pub async fn up(plan: &UpPlan, deadline: Duration, tell: &mut dyn FnMut(Event)) -> Result<Up> {
    let target = &plan.target;
    tell(Event::Started { stage: Stage::Server, detail: format!("until a login at {} works", target.address()) });
    let (described, entered) = match &plan.server {
        ServerPlan::AlreadyUp { who, .. } => (who.clone(), Box::pin(wait::until_login(target, deadline, tell)).await?),
        ServerPlan::Compose(service) => {
            let described = format!("Compose service `{}`", service.service);
            (described, Box::pin(compose_up(service, target, deadline, tell)).await?)
        }
        ServerPlan::Start { engine, id, name } => {
            let docker = container::client(engine).await?;
            container::start(&docker, id).await?;
            (format!("container `{name}`"), Box::pin(login(&docker, Some(id), target, deadline, tell)).await?)
        }
        ServerPlan::Container(wanted) => {
            let docker = container::client(&wanted.engine).await?;
            Box::pin(container::up(&docker, wanted, tell)).await?;
            let entered = Box::pin(login(&docker, Some(&wanted.name), target, deadline, tell)).await?;
            (format!("container `{}`, image {}", wanted.name, wanted.image), entered)
        }
        ServerPlan::Cluster(wanted) => Box::pin(cluster_up(wanted, target, deadline, tell)).await?,
    };
    Ok(Up { described, entered })
}

/// Stops what the plan names and returns what was stopped and where its data stay.
pub async fn down(plan: &DownPlan, installations: &[Installation], tell: &mut dyn FnMut(Event)) -> Result<String> {
    match plan {
        DownPlan::Compose(service) => {
            Box::pin(compose::stop(service, tell)).await?;
            Ok(format!("stopped the Compose service `{}`; its container and volumes stay", service.service))
        }
        DownPlan::Container { engine, id, name, volume } => {
            let docker = container::client(engine).await?;
            container::stop(&docker, id).await?;
            let stays = volume.as_ref().map_or_else(
                || "its data stay inside it".to_owned(),
                |volume| format!("its data stay in the volume `{volume}`"),
            );
            Ok(format!("stopped container `{name}`; {stays}"))
        }
        DownPlan::Cluster { folder, data } => {
            Box::pin(cluster::stop(folder, installations)).await?;
            Ok(format!("stopped the private cluster; its data stay in {}", data.display()))
        }
    }
}

/// Stops what the plan names and deletes its data: for what was made to be thrown away.
pub async fn remove(plan: &DownPlan, installations: &[Installation], tell: &mut dyn FnMut(Event)) -> Result<()> {
    match plan {
        DownPlan::Compose(_) => down(plan, installations, tell).await.map(drop),
        DownPlan::Container { engine, id, volume, .. } => {
            let docker = container::client(engine).await?;
            container::remove(&docker, id, volume.as_deref()).await
        }
        DownPlan::Cluster { folder, .. } => match Cluster::open(folder, installations)? {
            Some(cluster) => Box::pin(cluster.remove()).await,
            None => Ok(()),
        },
    }
}

async fn compose_up(
    plan: &ComposePlan,
    target: &Target,
    deadline: Duration,
    tell: &mut dyn FnMut(Event),
) -> Result<Entered> {
    compose::up(plan, tell).await?;
    let docker = container::client(&plan.engine).await?;
    let id = container::of_service(&docker, &plan.project, &plan.service).await;
    Box::pin(login(&docker, id.as_deref(), target, deadline, tell)).await
}

async fn cluster_up(
    plan: &ClusterPlan,
    target: &Target,
    deadline: Duration,
    tell: &mut dyn FnMut(Event),
) -> Result<(String, Entered)> {
    let mut cluster = Box::pin(Cluster::create(&plan.folder, &plan.installation, tell)).await?;
    Box::pin(cluster.start(&Listen::for_target(target), tell)).await?;
    Box::pin(roles::ensure(&cluster, target, tell)).await?;
    let entered = Box::pin(wait::until_login(target, deadline, tell)).await?;
    Ok((format!("private cluster, PostgreSQL {}", cluster.version()), entered))
}

/// Waits for a login, and no longer than the container lives.
async fn login(
    docker: &Docker,
    container: Option<&str>,
    target: &Target,
    deadline: Duration,
    tell: &mut dyn FnMut(Event),
) -> Result<Entered> {
    let ended = async {
        match container {
            Some(container) => container::ended(docker, container).await,
            None => container::never().await,
        }
    };
    let entered = tokio::select! {
        entered = Box::pin(wait::until_login(target, deadline, tell)) => entered,
        error = Box::pin(ended) => Err(error),
    };
    entered.map_err(add_volume_hint)
}

/// `POSTGRES_PASSWORD` counts only when the volume is empty: the usual cause of a password that is refused.
fn add_volume_hint(error: Error) -> Error {
    if error.message.contains("refuses the password") {
        return error.hint("devdb doctor --fix   (a volume keeps the password that it was first made with)");
    }
    error
}

/// Returns whether the database that the app wants is there.
pub fn has_database(up: &Up) -> bool {
    up.entered.database == DatabaseState::Entered
}
