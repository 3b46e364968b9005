//! A server that devdb starts on this machine: what it may be made of, and the decision.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::target::Target;

/// The three ways in which devdb runs a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A service of the project's Compose file.
    Compose,
    /// A container made through the engine's API.
    Container,
    /// A private cluster of the project, run by PostgreSQL's own programs.
    Cluster,
}

impl Way {
    /// Returns the way's name, as the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Container => "container",
            Self::Cluster => "cluster",
        }
    }
}

/// One folder with PostgreSQL's server programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub bin: PathBuf,
    pub major: u32,
    /// `15.18`.
    pub version: String,
}

/// What this machine has to run a server with.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// The words that run Docker Compose: `docker compose` or `docker-compose`.
    pub compose: Option<Vec<String>>,
    /// PostgreSQL images that are in the engine already, the best first.
    pub images: Vec<String>,
    /// Newest first.
    pub installations: Vec<Installation>,
    /// The one command that installs a server here.
    pub install_hint: String,
    /// The project's own cluster, when it was made before.
    pub cluster: Option<ExistingCluster>,
}

/// A data folder of a server that was installed on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFolder {
    pub path: PathBuf,
    /// `PG_VERSION`.
    pub major: u32,
    /// The process that `postmaster.pid` names and that lives, by number and name.
    pub postmaster: Option<(u32, String)>,
    /// The major of the `postgres` along `PATH`.
    pub installed: Option<u32>,
}

/// A private cluster that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExistingCluster {
    pub data: PathBuf,
    pub major: u32,
    /// The port that it was started with last.
    pub port: u16,
    pub running: bool,
}

/// How the server is brought up, decided.
#[derive(Debug, Clone)]
pub struct UpPlan {
    pub server: ServerPlan,
    /// Why this way, as a fragment: "compose.yaml:3 has the service `db`".
    pub why: String,
    /// What is dialled until a login succeeds.
    pub target: Target,
}

#[derive(Debug, Clone)]
pub enum ServerPlan {
    /// A login works already.
    AlreadyUp {
        /// Who serves: ``container `shop-db-1` ``.
        who: String,
        /// Whether the target database is there.
        database_exists: bool,
    },
    Compose(ComposePlan),
    /// Starts a container that is there, whoever made it.
    Start {
        engine: String,
        id: String,
        name: String,
    },
    Container(ContainerPlan),
    Cluster(ClusterPlan),
}

/// A service of a Compose project.
#[derive(Debug, Clone)]
pub struct ComposePlan {
    /// The words that run Docker Compose.
    pub words: Vec<String>,
    pub service: String,
    /// The project's name; empty leaves it to Compose.
    pub project: String,
    /// Absolute.
    pub directory: PathBuf,
    /// Named on the command line; empty where Compose finds the same files itself.
    pub files: Vec<PathBuf>,
    /// The engine's address, where Compose would not find it by itself.
    pub environment: Vec<(String, String)>,
    /// The engine's address, to look at the container.
    pub engine: String,
}

/// A container of devdb's own.
#[derive(Debug, Clone)]
pub struct ContainerPlan {
    /// The engine's address.
    pub engine: String,
    pub name: String,
    pub volume: String,
    pub image: String,
    /// The project's root, which becomes the label.
    pub root: String,
    /// The host's address in front of the container.
    pub host_ip: String,
    pub port: u16,
    pub user: String,
    /// Nothing: the server trusts every login, as the URL has no password.
    pub password: Option<Secret>,
    pub database: String,
}

/// A cluster of the project's own.
#[derive(Debug, Clone)]
pub struct ClusterPlan {
    /// `<root>/.devdb`.
    pub folder: PathBuf,
    pub installation: Installation,
}

/// What `devdb down` stops.
#[derive(Debug, Clone)]
pub enum DownPlan {
    Compose(ComposePlan),
    Container {
        engine: String,
        id: String,
        name: String,
        /// Where its data stays.
        volume: Option<String>,
    },
    Cluster {
        folder: PathBuf,
        data: PathBuf,
    },
}

/// Where a server's log is.
#[derive(Debug, Clone)]
pub enum LogSource {
    Container { engine: String, id: String, name: String },
    File(PathBuf),
}
