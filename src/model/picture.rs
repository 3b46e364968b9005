//! Everything that was read, once. Checks, plans and renderings are functions of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::compose::{Compose, Service};
use super::config::Config;
use super::deep::Deep;
use super::engine::{Container, Engine, EngineOutcome, EngineProbe, EngineVolume};
use super::env::{Dialect, EnvFile, InGit};
use super::git::Origins;
use super::habits::Habits;
use super::local_server::{DataFolder, ExistingCluster};
use super::observed::{Observed, Unknown};
use super::operation::MigrationOperations;
use super::plan::SeedPlan;
use super::secret::Secret;
use super::server::{Listener, LoginFailure, Reach, Server};
use super::sql_chain::SqlChain;
use super::target::{Candidate, Host};

/// The project and its surroundings, as they were at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Picture {
    /// Absolute; every shown path is relative to it.
    pub root: PathBuf,
    /// The variables of devdb's own environment.
    pub shell: BTreeMap<String, Secret>,
    pub config: Config,
    /// Files that the app may read, the one that it reads first.
    pub env_files: Vec<EnvFile>,
    /// What git does with those that lie inside of the project; empty without a repository.
    #[serde(default)]
    pub env_in_git: Vec<(PathBuf, InGit)>,
    /// `.env.example` and its kin.
    pub env_examples: Vec<EnvFile>,
    /// The loader that the project's own code uses.
    pub dialect: Dialect,
    pub compose: Observed<Compose>,
    /// `COMPOSE_PROFILES`, split.
    pub profiles: Vec<String>,
    /// What the project's scripts and code expect.
    #[serde(default)]
    pub habits: Habits,
    /// The data folders of servers that were installed here; asked where nobody answers.
    #[serde(default)]
    pub data_folders: Vec<DataFolder>,
    /// What the database's services run in an empty volume.
    #[serde(default)]
    pub init_scripts: Vec<InitScript>,
    /// Every answer to "which database?", the winning one first.
    pub candidates: Vec<Candidate>,
    pub engine: EngineProbe,
    pub listeners: Observed<Vec<Listener>>,
    pub reach: Reach,
    /// Where PostgreSQL answers on other ports of this machine, while it refuses on the target's.
    pub nearby: Vec<SocketAddr>,
    /// The Compose services under whose names PostgreSQL answers; asked from inside of a container alone, where the target
    /// refuses.
    #[serde(default)]
    pub neighbours: Vec<String>,
    /// Known: logged in. Unknown: not tried; see [`Picture::login_failure`].
    pub server: Observed<Server>,
    pub login_failure: Option<LoginFailure>,
    pub chain: Observed<Chain>,
    /// What the chain's revisions do, in file order.
    pub operations: Observed<Vec<MigrationOperations>>,
    /// What git knows of the chain's files; absent without a repository.
    pub origins: Observed<Origins>,
    /// What running the project's own code told; absent unless it was asked for.
    #[serde(default)]
    pub deep: Observed<Deep>,
    /// Whether devdb itself runs inside a container.
    pub inside_container: bool,
    /// Files that could not be read, and why; never fatal.
    pub unread: Vec<(PathBuf, String)>,
    /// What a new database is made from.
    pub recipe: Recipe,
    /// How long each look took, in the order in which they ended; those of the engine, the sockets and the server ran side
    /// by side.
    #[serde(skip)]
    pub took: Vec<(&'static str, Duration)>,
    /// The project's own cluster (`.devdb/`), when `devdb up` made one.
    pub cluster: Option<ExistingCluster>,
}

/// A file that a Compose service mounts into `/docker-entrypoint-initdb.d`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitScript {
    pub service: String,
    /// Relative to the root where it lies inside.
    pub file: PathBuf,
    /// Its path in the container.
    pub inside: String,
    /// When it changed last, in seconds since 1970: its last commit, or what the file system says.
    pub changed: i64,
    /// A script beside it names it, as one that restores a dump does.
    #[serde(default)]
    pub named: bool,
}

/// The files and tools that a new database is made with; paths are relative to the root.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Recipe {
    /// The project's virtual environment, when it lies in a usual place.
    pub python_environment: Option<PathBuf>,
    /// What can be imported in it, by its folder of packages; unknown where it sees the system's packages, too.
    pub python_packages: Observed<BTreeSet<String>>,
    /// `[database] init`, globs expanded.
    pub init: Vec<PathBuf>,
    /// A chain of SQL files; not looked for beside an Alembic chain.
    pub sql_chain: Observed<SqlChain>,
    #[serde(skip)]
    /// Seeds of every profile, in order: the profile (nothing: always) and the seed.
    pub seeds: Vec<(Option<String>, SeedPlan)>,
}

impl Picture {
    /// Returns the database that the app uses.
    pub fn target(&self) -> Option<&Candidate> {
        self.candidates.first()
    }

    /// Returns the engine when it answered, or why not.
    pub fn engine(&self) -> Result<&Engine, Unknown> {
        match &self.engine.outcome {
            EngineOutcome::Answered(engine) => Ok(engine),
            EngineOutcome::NotRunning { .. } => Err(Unknown("the Docker engine is not running".to_owned())),
            EngineOutcome::PermissionDenied => Err(Unknown("this user may not ask the Docker engine".to_owned())),
            EngineOutcome::Misconfigured { why } | EngineOutcome::NoAnswer { why } => {
                Err(Unknown(format!("the Docker engine did not answer: {why}")))
            }
        }
    }

    /// Returns the PostgreSQL services of the Compose project, the configured or likeliest one first.
    pub fn database_services(&self) -> Vec<&Service> {
        let Some(compose) = self.compose.known() else { return Vec::new() };
        let mut services: Vec<&Service> = compose.services.iter().filter(|service| is_postgres(service)).collect();
        let wanted = self.config.compose.service.as_deref();
        let target = self.target().map(|candidate| candidate.target.database().to_owned());
        services.sort_by_key(|service| {
            let named = wanted.is_some_and(|name| name == service.name);
            let active = service.is_active(&self.profiles);
            let database = service.variable("POSTGRES_DB").map(Secret::reveal);
            let same_database = database.is_some() && database == target.as_deref();
            (!named, !active, !same_database, service.ports.is_empty())
        });
        services
    }

    /// Returns the service that should run the target's database.
    pub fn database_service(&self) -> Option<&Service> {
        self.database_services().into_iter().next()
    }

    /// Returns the container of a Compose service of this project.
    pub fn container_of(&self, service: &str) -> Option<&Container> {
        let compose = self.compose.known()?;
        let engine = self.engine().ok()?;
        let directory = self.root.join(&compose.directory);
        let of_service = |container: &&Container| container.compose_service.as_deref() == Some(service);
        let by_directory = |container: &&Container| {
            container.compose_directory.as_deref().is_some_and(|path| Path::new(path) == directory)
        };
        let by_name = |container: &&Container| container.compose_project.as_deref() == Some(compose.name.as_str());
        let all = || engine.containers.iter().filter(of_service);
        // Of several projects in one folder, the one that runs; else the one that Compose would take.
        all()
            .filter(by_directory)
            .min_by_key(|container| (!container.is_running(), !by_name(container)))
            .or_else(|| all().find(|container| by_name(container) && container.compose_directory.is_none()))
    }

    /// Returns the container that should serve the target: the Compose service's, else the one that publishes its port.
    pub fn database_container(&self) -> Option<&Container> {
        if let Some(service) = self.database_service() {
            return self.container_of(&service.name);
        }
        let candidate = self.target()?;
        let local = candidate.target.host().is_loopback();
        let port = candidate.target.port();
        let engine = self.engine().ok()?;
        let postgres = || engine.containers.iter().filter(|container| local && container.is_postgres());
        postgres()
            .find(|container| container.is_running() && container.database_ports().contains(&port))
            .or_else(|| self.labelled_container())
    }

    /// Returns the container that `devdb up` made for this project.
    fn labelled_container(&self) -> Option<&Container> {
        let root = self.root.display().to_string();
        self.engine().ok()?.containers.iter().find(|container| {
            container.compose_project.is_none() && container.compose_directory.as_deref() == Some(root.as_str())
        })
    }

    /// Returns the engine's volume that a container keeps its data in.
    pub fn data_volume(&self, container: &Container) -> Option<&EngineVolume> {
        let mount = container.data_mount().filter(|mount| mount.kind == "volume")?;
        self.engine().ok()?.volumes.iter().find(|volume| volume.name == mount.source)
    }

    /// Returns the listeners that a dial of `port` on loopback could reach.
    pub fn listeners_on(&self, port: u16) -> Vec<&Listener> {
        let all = self.listeners.known().map_or(&[][..], Vec::as_slice);
        all.iter().filter(|listener| listener.address.port() == port).collect()
    }

    /// Returns the `.env` file that holds the target, else the first.
    pub fn main_env_file(&self) -> Option<&EnvFile> {
        let named = self.target().and_then(|candidate| candidate.origin.place());
        let by_origin = named.and_then(|place| self.env_files.iter().find(|file| file.path == place.file));
        by_origin.or_else(|| self.env_files.first())
    }

    /// Returns whether the target's host is the name of a Compose service.
    pub fn target_is_service(&self) -> Option<&Service> {
        let Host::Tcp(name) = self.target()?.target.host() else { return None };
        self.compose.known()?.services.iter().find(|service| service.name == name)
    }
}

fn is_postgres(service: &Service) -> bool {
    const IMAGES: [&str; 6] = ["postgres", "postgis", "timescale", "pgvector", "supabase/postgres", "paradedb"];
    const NOT: [&str; 9] =
        ["exporter", "postgrest", "pgadmin", "backup", "postgres-meta", "pgcat", "pgbouncer", "pgpool", "odyssey"];
    let image = service.image.as_ref().map_or("", |image| image.value.as_str());
    if !service.runs_server() {
        return false;
    }
    let named = IMAGES.iter().any(|name| image.contains(name)) && !NOT.iter().any(|name| image.contains(name));
    let built = service.build
        && (service.environment.contains_key("POSTGRES_PASSWORD") || service.environment.contains_key("POSTGRES_DB"))
        && service.mounts.iter().any(|mount| mount.target.contains("/postgresql"));
    named || built
}
