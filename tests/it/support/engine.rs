//! Containers, volumes and networks in the real engine; each is removed when dropped.
//!
//! Everything is labelled with the pid of the test process, so that what a killed run left behind is swept by the next.

use super::{bench, block_on, secrets, unique};
use bollard::Docker;
use bollard::exec::StartExecOptions;
use bollard::models::{
    ContainerConfig, ContainerCreateBody, ExecConfig, HostConfig, NetworkCreateRequest, PortBinding, RestartPolicy,
    RestartPolicyNameEnum, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder, RemoveVolumeOptions, StopContainerOptionsBuilder, TagImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const LABEL: &str = "devdb.it";
/// What devdb puts on its own containers and volumes: the project's root.
const ROOT_LABEL: &str = "devdb.root";
const COMPOSE_LABEL: &str = "com.docker.compose.project";

/// The engine of the bench.
pub(crate) struct Engine {
    pub(crate) host: String,
    pub(crate) image: String,
}

/// What a `PostgreSQL` container is started with.
#[derive(Default)]
pub(crate) struct PgContainer<'a> {
    /// `POSTGRES_PASSWORD` and the like; with none given, user `app`, database `app` and a new password.
    pub(crate) env: Vec<(&'a str, &'a str)>,
    /// The host's address and port that lead to 5432 inside.
    pub(crate) published: Option<(&'a str, u16)>,
    /// Mounted as the data directory.
    pub(crate) volume: Option<&'a Volume>,
    pub(crate) network: Option<&'a Network>,
    pub(crate) labels: Vec<(&'a str, &'a str)>,
    /// Other bind mounts, `host:container`.
    pub(crate) binds: Vec<String>,
    /// Replaces `postgres`; `["sleep", "infinity"]` makes an idle container.
    pub(crate) command: Option<Vec<&'a str>>,
    /// The container's name, when the test cares.
    pub(crate) name: Option<String>,
    /// Starts it again whenever it ends.
    pub(crate) restarts: bool,
    /// Bytes of memory, after which the kernel ends it.
    pub(crate) memory: Option<i64>,
    /// Bytes of `/dev/shm`.
    pub(crate) shm: Option<i64>,
}

/// A container, running unless stopped.
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
    published: Option<(String, u16)>,
}

/// A named volume.
pub(crate) struct Volume {
    pub(crate) name: String,
}

/// A tag of the image, which may name another one later.
pub(crate) struct Tag {
    pub(crate) name: String,
    repository: String,
    image: String,
}

/// A network of its own.
pub(crate) struct Network {
    pub(crate) name: String,
}

/// A name for a Compose project; what the project made is removed when this is dropped.
pub(crate) struct ComposeProject {
    pub(crate) name: String,
}

/// A client of its own for each call: a client belongs to the runtime it was made in.
fn docker() -> Docker {
    let host = bench::engine().expect("asked for before").host;
    Docker::connect_with_host(&host).expect("the engine's address")
}

impl Engine {
    /// The engine, swept of what dead runs left.
    pub(crate) fn get() -> Option<&'static Self> {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        let found = bench::engine()?;
        Some(ENGINE.get_or_init(|| {
            block_on(sweep());
            Self { host: found.host, image: found.image }
        }))
    }

    /// Starts a container from the `PostgreSQL` image.
    pub(crate) fn postgres(&self, wanted: &PgContainer<'_>) -> Container {
        let container = self.create(wanted);
        container.start();
        container
    }

    /// Makes a container without starting it.
    pub(crate) fn create(&self, wanted: &PgContainer<'_>) -> Container {
        let given = |key: &str| wanted.env.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
        let (user, password) = if wanted.env.is_empty() {
            ("app".to_owned(), super::new_password())
        } else {
            let user = given("POSTGRES_USER").unwrap_or_else(|| "postgres".to_owned());
            (user, given("POSTGRES_PASSWORD").unwrap_or_default())
        };
        secrets::register(&password);
        let database = given("POSTGRES_DB").unwrap_or_else(|| user.clone());
        let mut env: Vec<String> = wanted.env.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if env.is_empty() {
            env = vec![format!("POSTGRES_USER={user}"), format!("POSTGRES_PASSWORD={password}")];
        }
        let name = wanted.name.clone().unwrap_or_else(|| unique('-'));
        let body = self.container_body(wanted, env);
        let id = block_on(async {
            let docker = docker();
            let options = CreateContainerOptionsBuilder::new().name(&name).build();
            let made = docker.create_container(Some(options), body).await.expect("the container is made");
            made.id
        });
        let published = wanted.published.map(|(ip, port)| (ip.to_owned(), port));
        Container { name, id, user, password, database, published }
    }

    fn container_body(&self, wanted: &PgContainer<'_>, env: Vec<String>) -> ContainerCreateBody {
        let mut labels: HashMap<String, String> =
            wanted.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        labels.extend(own_label());
        let port_bindings = wanted.published.map(|(ip, port)| {
            let binding = PortBinding { host_ip: Some(ip.to_owned()), host_port: Some(port.to_string()) };
            HashMap::from([("5432/tcp".to_owned(), Some(vec![binding]))])
        });
        let mut binds = wanted.binds.clone();
        binds.extend(wanted.volume.map(|volume| format!("{}:/var/lib/postgresql/data", volume.name)));
        ContainerCreateBody {
            image: Some(self.image.clone()),
            env: Some(env),
            cmd: wanted.command.as_ref().map(|words| words.iter().map(|&word| word.to_owned()).collect()),
            labels: Some(labels),
            host_config: Some(HostConfig {
                binds: Some(binds),
                port_bindings,
                memory: wanted.memory,
                // Else it would swap first.
                memory_swap: wanted.memory,
                shm_size: wanted.shm,
                network_mode: wanted.network.map(|network| network.name.clone()),
                restart_policy: wanted
                    .restarts
                    .then_some(RestartPolicy { name: Some(RestartPolicyNameEnum::ALWAYS), maximum_retry_count: None }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// Makes a named volume.
    pub(crate) fn volume(&self) -> Volume {
        let name = unique('-');
        let wanted = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(own_label()),
            ..VolumeCreateRequest::default()
        };
        block_on(async { self.docker().create_volume(wanted).await.expect("the volume is made") });
        Volume { name }
    }

    /// Makes a named volume in memory, which so many megabytes fill.
    pub(crate) fn small_volume(&self, megabytes: u32) -> Volume {
        let name = unique('-');
        let options = [("type", "tmpfs"), ("device", "tmpfs"), ("o", &format!("size={megabytes}m"))];
        let wanted = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(own_label()),
            driver_opts: Some(options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()),
            ..VolumeCreateRequest::default()
        };
        block_on(async { self.docker().create_volume(wanted).await.expect("the volume is made") });
        Volume { name }
    }

    /// Gives the image a further tag, of its own.
    pub(crate) fn tag(&self) -> Tag {
        let repository = format!("devdb-test/postgres-{}", unique('-'));
        let tag = Tag { name: format!("{repository}:15"), repository, image: self.image.clone() };
        tag.set(&self.image);
        tag
    }

    /// Makes a network.
    pub(crate) fn network(&self) -> Network {
        let name = unique('-');
        let wanted =
            NetworkCreateRequest { name: name.clone(), labels: Some(own_label()), ..NetworkCreateRequest::default() };
        block_on(async { self.docker().create_network(wanted).await.expect("the network is made") });
        Network { name }
    }

    /// Counts the containers, volumes and networks of a Compose project.
    pub(crate) fn compose_things(&self, project: &str) -> usize {
        let filters = HashMap::from([("label", vec![format!("{COMPOSE_LABEL}={project}")])]);
        block_on(async {
            let docker = self.docker();
            let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
            let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
            docker.list_containers(Some(containers)).await.unwrap().len()
                + docker.list_volumes(Some(volumes)).await.unwrap().volumes.unwrap_or_default().len()
                + docker.list_networks(Some(networks)).await.unwrap().len()
        })
    }

    fn docker(&self) -> Docker {
        Docker::connect_with_host(&self.host).expect("the engine's address")
    }
}

impl ComposeProject {
    /// A unique name, for `-p` or `COMPOSE_PROJECT_NAME`.
    pub(crate) fn new() -> Self {
        Self { name: unique('-') }
    }
}

/// The containers and volumes that devdb itself makes for a project; removed when this is dropped.
pub(crate) struct MadeForRoot {
    root: String,
}

impl MadeForRoot {
    pub(crate) fn new(root: &std::path::Path) -> Self {
        Self { root: root.display().to_string() }
    }
}

impl Drop for MadeForRoot {
    fn drop(&mut self) {
        block_on(remove_labelled(&format!("{ROOT_LABEL}={}", self.root), |_| true));
    }
}

impl Tag {
    fn set(&self, image: &str) {
        let options = TagImageOptionsBuilder::new().repo(&self.repository).tag("15").build();
        block_on(async { docker().tag_image(image, Some(options)).await.expect("the image gets its tag") });
    }

    /// Makes another image of the same content, and lets the tag name that.
    pub(crate) fn rebuild(&self) {
        block_on(async {
            let docker = docker();
            let body = ContainerCreateBody { image: Some(self.image.clone()), ..ContainerCreateBody::default() };
            let made = docker.create_container(None, body).await.expect("the container is made");
            let options = CommitContainerOptionsBuilder::new().container(&made.id).repo(&self.repository).tag("15");
            docker.commit_container(options.build(), ContainerConfig::default()).await.expect("it is committed");
            remove_container(&docker, &made.id).await;
        });
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        // It may be gone.
        drop(block_on(async { docker().remove_image(&self.name, Some(options), None).await }));
    }
}

fn own_label() -> HashMap<String, String> {
    HashMap::from([(LABEL.to_owned(), std::process::id().to_string())])
}

impl Container {
    pub(crate) fn start(&self) {
        self.try_start().expect("the container starts");
    }

    /// Starts it, or returns why the engine could not.
    pub(crate) fn try_start(&self) -> Result<(), String> {
        block_on(async { docker().start_container(&self.id, None).await.map_err(|error| error.to_string()) })
    }

    pub(crate) fn stop(&self) {
        let options = StopContainerOptionsBuilder::new().t(10).build();
        block_on(async { docker().stop_container(&self.id, Some(options)).await.expect("the container stops") });
    }

    pub(crate) fn pause(&self) {
        block_on(async { docker().pause_container(&self.id).await.expect("the container pauses") });
    }

    pub(crate) fn unpause(&self) {
        block_on(async { docker().unpause_container(&self.id).await.expect("the container goes on") });
    }

    /// Runs a program inside; returns whether it succeeded.
    pub(crate) fn executes(&self, words: &[&str]) -> bool {
        let wanted =
            ExecConfig { cmd: Some(words.iter().map(|&word| word.to_owned()).collect()), ..ExecConfig::default() };
        block_on(async {
            let docker = docker();
            let made = docker.create_exec(&self.id, wanted).await.expect("it is made");
            docker
                .start_exec(&made.id, Some(StartExecOptions { detach: true, ..StartExecOptions::default() }))
                .await
                .expect("it starts");
            loop {
                let state = docker.inspect_exec(&made.id).await.expect("it is there");
                if state.running == Some(false) {
                    return state.exit_code == Some(0);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    }

    /// Whether it was started and runs no more.
    pub(crate) fn has_ended(&self) -> bool {
        let state = block_on(async { docker().inspect_container(&self.id, None).await.expect("it is there") });
        state.state.and_then(|state| state.status).is_some_and(|status| status.to_string() == "exited")
    }

    /// The container's address in its first network; empty when it does not run.
    pub(crate) fn ip(&self) -> String {
        let state =
            block_on(async { docker().inspect_container(&self.id, None).await.expect("the container is there") });
        let networks = state.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        networks.into_values().find_map(|network| network.ip_address).unwrap_or_default()
    }

    /// Everything the container has written.
    pub(crate) fn logs(&self) -> String {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        block_on(async {
            let mut text = String::new();
            let docker = docker();
            let mut pieces = docker.logs(&self.id, Some(options));
            while let Some(Ok(piece)) = pieces.next().await {
                text.push_str(&piece.to_string());
            }
            text
        })
    }

    /// The connection URL: through the published port, else by the container's own address.
    pub(crate) fn url(&self) -> String {
        let (host, port) = self.published.clone().unwrap_or_else(|| (self.ip(), 5432));
        format!("postgresql://{}:{}@{host}:{port}/{}", self.user, self.password, self.database)
    }

    /// Waits until a login over TCP succeeds, which the socket-only server of the first start does not allow.
    #[track_caller]
    pub(crate) fn wait_ready(&self) {
        let started = Instant::now();
        loop {
            let (host, port) = self.published.clone().unwrap_or_else(|| (self.ip(), 5432));
            let Err(error) = block_on(self.login(&host, port)) else { return };
            assert!(started.elapsed() < Duration::from_mins(1), "{}: {error}\n{}", self.name, self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    async fn login(&self, host: &str, port: u16) -> Result<(), tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host(host).port(port).user(&self.user).password(&self.password).dbname(&self.database);
        config.connect_timeout(Duration::from_secs(2));
        config.connect(tokio_postgres::NoTls).await.map(drop)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        block_on(remove_container(&docker(), &self.id));
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        block_on(async { drop(docker().remove_volume(&self.name, None::<RemoveVolumeOptions>).await) });
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        block_on(async { drop(docker().remove_network(&self.name).await) });
    }
}

impl Drop for ComposeProject {
    fn drop(&mut self) {
        block_on(remove_labelled(&format!("{COMPOSE_LABEL}={}", self.name), |_| true));
    }
}

/// Removes what test processes left behind that are gone.
async fn sweep() {
    remove_labelled(LABEL, |labels| labels.get(LABEL).is_some_and(|pid| is_gone(pid))).await;
    remove_labelled(ROOT_LABEL, |labels| {
        let root = labels.get(ROOT_LABEL).map(String::as_str).unwrap_or_default();
        root.contains("/devdb-project-") && !std::path::Path::new(root).exists()
    })
    .await;
    // Compose labels its things itself, but the project's name says whose it was.
    remove_labelled(COMPOSE_LABEL, |labels| {
        let project = labels.get(COMPOSE_LABEL).and_then(|name| name.strip_prefix("devdb-it-"));
        project.and_then(|rest| rest.split('-').next()).is_some_and(is_gone)
    })
    .await;
}

fn is_gone(pid: &str) -> bool {
    pid.parse().is_ok_and(|pid| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_err())
}

/// Containers first: they hold the volumes and networks.
async fn remove_labelled(label: &str, ours: impl Fn(&HashMap<String, String>) -> bool) {
    let docker = docker();
    let filters = HashMap::from([("label", vec![label])]);
    let ours = |labels: Option<&HashMap<String, String>>| labels.is_some_and(&ours);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    for container in docker.list_containers(Some(options)).await.unwrap_or_default() {
        if ours(container.labels.as_ref()) {
            remove_container(&docker, container.id.as_deref().unwrap_or_default()).await;
        }
    }
    let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let volumes = docker.list_volumes(Some(options)).await.ok().and_then(|list| list.volumes).unwrap_or_default();
    for volume in volumes.iter().filter(|volume| ours(Some(&volume.labels))) {
        drop(docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await);
    }
    let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
    for network in docker.list_networks(Some(options)).await.unwrap_or_default() {
        if ours(network.labels.as_ref()) {
            drop(docker.remove_network(network.id.as_deref().unwrap_or_default()).await);
        }
    }
}

async fn remove_container(docker: &Docker, id: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    if let Err(error) = docker.remove_container(id, Some(options)).await {
        // A test may have removed it: that is its good right.
        if !matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) {
            eprintln!("{id} was not removed: {error}");
        }
    }
}
