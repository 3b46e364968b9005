//! The container engine and what it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::observed::Observed;
use super::secret::Secret;

/// The label of containers that `devdb up` makes: the project's root.
pub const ROOT_LABEL: &str = "devdb.root";

/// How the engine was sought and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineProbe {
    /// `unix:///var/run/docker.sock`, `tcp://…`.
    pub address: String,
    /// Who named the address: `DOCKER_HOST`, ``context `colima` ``, `the default socket`.
    pub named_by: String,
    pub outcome: EngineOutcome,
}

/// What came of asking the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum EngineOutcome {
    Answered(Engine),
    /// No socket, or nobody listens on it.
    NotRunning {
        why: String,
    },
    /// The socket is there and this user may not use it.
    PermissionDenied,
    /// The context that the user chose does not exist, or cannot be used.
    Misconfigured {
        why: String,
    },
    /// It did not answer in time, or answered with an error.
    NoAnswer {
        why: String,
    },
}

/// An engine that answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Engine {
    pub version: String,
    pub api_version: String,
    /// What the engine calls itself: `Docker Desktop 4.35.0`, `Podman Engine`.
    #[serde(default)]
    pub product: String,
    /// Every container that may concern a database, stopped ones included, in name order.
    pub containers: Vec<Container>,
    /// The named volumes, and those without a name that nobody removed.
    #[serde(default)]
    pub volumes: Vec<EngineVolume>,
}

/// A volume as the engine lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineVolume {
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// The Compose project that made it, and its key in that project's file.
    pub project: Option<String>,
    pub key: Option<String>,
}

impl EngineVolume {
    /// Returns whether it is what a Compose service mounts for its data, by its key.
    pub fn is_data_of(&self, service: &super::compose::Service) -> bool {
        service.mounts.iter().any(|mount| {
            let named =
                matches!(&mount.source, super::compose::MountSource::Named(key) if Some(key) == self.key.as_ref());
            named && mount.target.starts_with("/var/lib/postgresql")
        })
    }
}

/// A container as `inspect` tells it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub image: String,
    pub state: ContainerState,
    pub environment: BTreeMap<String, Secret>,
    /// What it runs, the entrypoint aside.
    pub command: Vec<String>,
    /// What was asked for (`HostConfig.PortBindings`): container port → host address and port (0: any).
    pub wanted_ports: Vec<PortBinding>,
    /// What is in force (`NetworkSettings.Ports`).
    pub published_ports: Vec<PortBinding>,
    /// Addresses inside the container's networks.
    pub addresses: Vec<String>,
    pub mounts: Vec<ContainerMount>,
    pub compose_project: Option<String>,
    pub compose_service: Option<String>,
    /// The directory of the Compose project that made it.
    pub compose_directory: Option<String>,
    /// The system identifier in `global/pg_control` of its data directory.
    pub system_identifier: Observed<u64>,
    /// `PG_VERSION` of its data directory; absent where it has none, and where the server runs.
    pub data_major: Observed<u32>,
    /// What its data directory's file system has left, in bytes; asked only where the log says that it was full.
    pub data_free: Observed<u64>,
    /// The size of `/dev/shm`, in bytes.
    pub shm_bytes: u64,
    /// Its password is one of those that are tried first, or the role's name.
    #[serde(default)]
    pub guessable: bool,
    /// The image that it was made from.
    #[serde(default)]
    pub image_id: String,
    /// The image that its tag names today, as the engine has it.
    #[serde(default)]
    pub tagged: Observed<TaggedImage>,
    /// The end of its log, read only where a check may need it.
    pub log_tail: Observed<Vec<String>>,
    /// Whether `psql` inside, over the local socket, accepts the superuser; asked only after a failed login.
    pub inside: Observed<InsideLook>,
}

/// An image that a tag names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedImage {
    pub id: String,
    /// The major of the server in it, as its environment says.
    pub major: Option<u32>,
}

/// What `psql` inside a container says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsideLook {
    /// The superuser who looked: the container's own, or `postgres` where the volume has another than that.
    pub superuser: String,
    pub roles: Vec<InsideRole>,
    pub databases: Vec<String>,
    /// `pg_hba.conf`, as the server was started with it.
    pub hba_file: String,
}

/// A role, as `psql` inside a container sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsideRole {
    pub name: String,
    pub can_login: bool,
    /// Since when its password is refused (`rolvaliduntil`), where that is past.
    pub expired: Option<String>,
}

impl InsideLook {
    /// Returns the role of this name.
    pub fn role(&self, name: &str) -> Option<&InsideRole> {
        self.roles.iter().find(|role| role.name == name)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerState {
    /// `created`, `running`, `restarting`, `exited`, `paused`, `dead`.
    pub status: String,
    pub exit_code: i64,
    pub error: String,
    pub oom_killed: bool,
    pub restart_count: i64,
    /// `healthy`, `unhealthy`, `starting`, or nothing.
    pub health: Option<String>,
}

/// A container port and the host address in front of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBinding {
    pub container_port: u16,
    /// Empty: all addresses.
    pub host_ip: String,
    /// 0: chosen by the engine.
    pub host_port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerMount {
    /// `volume` or `bind`.
    pub kind: String,
    /// The volume's name or the host's path.
    pub source: String,
    pub destination: String,
    pub writable: bool,
}

impl Container {
    /// Returns whether the container runs.
    pub fn is_running(&self) -> bool {
        self.state.status == "running"
    }

    /// Returns the port that the server inside listens on: as its command says, else `PGPORT`, else 5432.
    pub fn inner_port(&self) -> u16 {
        if let Some(port) = port_of_command(&self.command) {
            return port;
        }
        self.environment
            .get("PGPORT")
            .and_then(|port| port.reveal().parse().ok())
            .unwrap_or(super::target::DEFAULT_PORT)
    }

    /// Returns the host ports in force for the database's port, each once.
    pub fn database_ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self
            .published_ports
            .iter()
            .filter(|binding| binding.container_port == self.inner_port())
            .map(|binding| binding.host_port)
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Returns whether the container looks like a PostgreSQL server.
    pub fn is_postgres(&self) -> bool {
        const IMAGES: [&str; 5] = ["postgres", "postgis", "timescale", "pgvector", "supabase/postgres"];
        const NOT: [&str; 6] = ["pgcat", "pgbouncer", "pgpool", "odyssey", "exporter", "pgadmin"];
        if NOT.iter().any(|name| self.image.contains(name)) {
            return false;
        }
        self.environment.contains_key("PGDATA") || IMAGES.iter().any(|name| self.image.contains(name))
    }

    /// Returns the superuser that the image made: `POSTGRES_USER`, else `postgres`.
    pub fn superuser(&self) -> &str {
        self.environment.get("POSTGRES_USER").map(Secret::reveal).filter(|user| !user.is_empty()).unwrap_or("postgres")
    }

    /// Returns the major of the server in the image: `PG_MAJOR`.
    pub fn image_major(&self) -> Option<u32> {
        self.environment.get("PG_MAJOR").and_then(|major| major.reveal().parse().ok())
    }

    /// Returns what is mounted where the data are: the mount whose path is the longest above the data directory.
    pub fn data_mount(&self) -> Option<&ContainerMount> {
        let data = std::path::Path::new(self.data_directory());
        let above = self.mounts.iter().filter(|mount| data.starts_with(&mount.destination));
        above.max_by_key(|mount| mount.destination.len())
    }

    /// Returns the data directory inside the container.
    pub fn data_directory(&self) -> &str {
        self.environment.get("PGDATA").map_or("/var/lib/postgresql/data", Secret::reveal)
    }
}

/// Returns the port that a server's command names: `-p 5433`, `-c port=5433`, `--port=5433` (PostgreSQL documentation,
/// "postgres").
pub fn port_of_command(words: &[String]) -> Option<u16> {
    let mut port = None;
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).map(String::as_str).unwrap_or_default();
        let value = match word.as_str() {
            "-p" => Some(next),
            "-c" => next.strip_prefix("port="),
            word => word.strip_prefix("--port=").or_else(|| word.strip_prefix("-cport=")),
        };
        port = value.and_then(|value| value.trim().parse().ok()).or(port);
    }
    port
}
