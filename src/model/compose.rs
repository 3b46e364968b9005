//! A Compose project: its files merged and interpolated, as the Compose Specification says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::engine::port_of_command;
use super::place::{Located, Place};
use super::secret::Secret;

/// The merged project of one directory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Compose {
    /// The project's name: `COMPOSE_PROJECT_NAME`, else `name:`, else the directory's, normalised.
    pub name: String,
    /// The directory that relative paths start from, relative to the devdb project's root.
    pub directory: PathBuf,
    /// The files read, in merge order, overrides and includes included.
    pub files: Vec<PathBuf>,
    /// In name order. Services outside the active profiles are here too; see [`Service::profiles`].
    pub services: Vec<Service>,
    /// Top-level volumes by key.
    pub volumes: BTreeMap<String, Volume>,
    /// Each `${NAME…}` that was interpolated, once a place.
    pub variables: Vec<VariableUse>,
    /// What Compose itself would refuse or warn about.
    pub problems: Vec<ComposeProblem>,
}

/// One service, resolved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    /// Where the service's key stands (the first file that has it).
    pub at: Place,
    pub image: Option<Located<String>>,
    pub build: bool,
    pub container_name: Option<Located<String>>,
    /// Published and container ports after merging.
    pub ports: Vec<Port>,
    pub expose: Vec<Located<String>>,
    /// `environment` over `env_file`; `None` is a key without value that Compose's own environment lacks too.
    pub environment: BTreeMap<String, Located<Option<Secret>>>,
    /// Files named by `env_file`, in order, with whether they must exist.
    pub env_files: Vec<Located<EnvFileReference>>,
    pub mounts: Vec<Mount>,
    /// Empty: always active.
    pub profiles: Vec<String>,
    /// `healthcheck.test` as a list (a string becomes `["CMD-SHELL", text]`); empty when disabled.
    pub healthcheck: Option<Located<Vec<String>>>,
    /// Service name → condition (`service_started` unless said otherwise).
    pub depends_on: BTreeMap<String, Located<String>>,
    pub command: Option<Located<Vec<String>>>,
    /// What runs instead of the image's own entrypoint.
    #[serde(default)]
    pub entrypoint: Option<Located<Vec<String>>>,
    pub extra_hosts: Vec<Located<String>>,
    pub network_mode: Option<Located<String>>,
}

/// An entry of `env_file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvFileReference {
    pub path: PathBuf,
    pub required: bool,
}

/// One port mapping, ranges already expanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The host address, when one is named (`127.0.0.1`, `::1`).
    pub host_ip: Option<String>,
    /// The host port; `None` (or 0 in the file) lets the engine choose one at each start.
    pub published: Option<PublishedPort>,
    /// The port inside the container.
    pub target: u16,
    pub protocol: Protocol,
    pub at: Place,
    /// As written in the file, before interpolation.
    pub written: String,
}

/// The host side of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublishedPort {
    One(u16),
    /// `5433-5435:5432`: the engine takes one of them.
    OneOf(u16, u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

/// An entry of `volumes` of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub source: MountSource,
    /// The absolute path inside the container.
    pub target: String,
    pub read_only: bool,
    pub at: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountSource {
    /// A key of the top-level `volumes`.
    Named(String),
    /// A path of the host, as resolved against the project directory.
    Bind(PathBuf),
    /// `- /var/lib/postgresql/data` without a source.
    Anonymous,
    Tmpfs,
}

/// A top-level volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The name that the engine knows it by: `name:`, else `<project>_<key>`.
    pub engine_name: String,
    pub external: bool,
    pub at: Place,
}

/// One use of a variable in a Compose file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableUse {
    pub name: String,
    pub at: Place,
    /// The text after `:-` or `-`, when there is one.
    pub default: Option<String>,
    /// Written with `:?` or `?`.
    pub required: bool,
    /// Whether any source defined it.
    pub defined: bool,
}

/// What Compose would say of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposeProblem {
    pub at: Place,
    /// A fragment that names the subject: "`ports[0]` has an invalid host port `70000`".
    pub message: String,
    /// Compose refuses to start; otherwise it only warns.
    pub fatal: bool,
}

impl Service {
    /// Returns whether the service starts when `active` profiles are chosen (`*` means all).
    pub fn is_active(&self, active: &[String]) -> bool {
        self.profiles.is_empty() || active.iter().any(|profile| profile == "*" || self.profiles.contains(profile))
    }

    /// Returns the port on which its server listens: as its command says, else `PGPORT`, else 5432.
    pub fn inner_port(&self) -> u16 {
        let by_command = self.command.as_ref().and_then(|command| port_of_command(&command.value));
        let by_variable = || self.variable("PGPORT").and_then(|port| port.reveal().parse().ok());
        by_command.or_else(by_variable).unwrap_or(super::target::DEFAULT_PORT)
    }

    /// Returns whether the service runs the image's server: one with a client's command is a job beside it (a dump, a seed).
    pub fn runs_server(&self) -> bool {
        const CLIENTS: [&str; 12] = [
            "psql",
            "pg_dump",
            "pg_dumpall",
            "pg_restore",
            "pg_isready",
            "pg_basebackup",
            "createdb",
            "sleep",
            "tail",
            "cron",
            "crond",
            "true",
        ];
        let given =
            |part: &Option<Located<Vec<String>>>| part.iter().flat_map(|it| it.value.clone()).collect::<Vec<_>>();
        let words: Vec<String> = given(&self.entrypoint).into_iter().chain(given(&self.command)).collect();
        let Some(first) = words.first() else { return true };
        let program = first.split_whitespace().next().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
        if matches!(program, "sh" | "bash" | "ash") {
            // A script may start anything; a line says what it is.
            let text = words.join(" ");
            let has =
                |wanted: &str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == wanted);
            let serves = text.contains("docker-entrypoint") || has("postgres");
            return serves || !CLIENTS.iter().any(|client| has(client));
        }
        !CLIENTS.contains(&program)
    }

    /// Returns the value of an environment variable of the container, when it has one.
    pub fn variable(&self, key: &str) -> Option<&Secret> {
        self.environment.get(key).and_then(|entry| entry.value.as_ref())
    }
}
