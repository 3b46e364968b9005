//! `devdb up`, `down` and `logs` on real engines and real servers.

use crate::support::cluster::{self, Cluster, Options};
use crate::support::engine::{ComposeProject, Engine, MadeForRoot, PgContainer};
use crate::support::ports::{OtherPort, free_port};
use crate::support::project::Project;
use crate::support::sandbox::{Output, Sandbox};
use crate::support::{bench, block_on, new_password};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// A project of which devdb may make a private cluster; the server is ended and its data removed when dropped.
struct ClusterProject {
    project: Project,
    root: PathBuf,
    port: u16,
    url: String,
    /// Holds a link to the data for the watchdog, which ends the server when the tests are killed.
    watched: TempDir,
}

impl ClusterProject {
    /// A project in a folder of this name below the temporary one.
    fn new(folder: &str) -> Option<Self> {
        bench::pg()?;
        let project = Project::new();
        let root = if folder.is_empty() { project.path().to_owned() } else { project.file(folder) };
        std::fs::create_dir_all(&root).unwrap();
        let watched = tempfile::Builder::new().prefix("devdb-it-").tempdir_in("/tmp").unwrap();
        cluster::watch(std::process::id(), watched.path());
        let (port, password) = (free_port(), new_password());
        let url = format!("postgresql://app:{password}@localhost:{port}/shop");
        let made = Self { project, root, port, url, watched };
        made.write_env(&made.url);
        Some(made)
    }

    fn write_env(&self, url: &str) {
        std::fs::write(self.root.join(".env"), format!("DATABASE_URL={url}\n")).unwrap();
    }

    fn devdb(&self, arguments: &[&str]) -> Output {
        let output = Sandbox::at(&self.root).args(arguments.iter().copied()).run();
        if let Some(data) = self.data() {
            drop(symlink(data, self.watched.path().join("data")));
        }
        output
    }

    fn record(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&std::fs::read_to_string(self.root.join(".devdb/cluster.json")).ok()?).ok()
    }

    fn data(&self) -> Option<PathBuf> {
        Some(PathBuf::from(self.record()?.get("data")?.as_str()?))
    }

    fn postmaster(&self) -> nix::unistd::Pid {
        let text = std::fs::read_to_string(self.data().unwrap().join("postmaster.pid")).unwrap();
        nix::unistd::Pid::from_raw(text.lines().next().unwrap().parse().unwrap())
    }
}

impl Drop for ClusterProject {
    fn drop(&mut self) {
        let Some(record) = self.record() else { return };
        let path = |key: &str| PathBuf::from(record.get(key).and_then(|value| value.as_str()).unwrap_or("/nowhere"));
        let data = path("data");
        if data.join("postmaster.pid").exists() {
            let pid_file = data.join("postmaster.pid");
            let asked = nix::sys::signal::kill(self.postmaster(), nix::sys::signal::Signal::SIGQUIT).is_ok();
            for _ in 0..500 {
                if !asked || !pid_file.exists() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        drop(std::fs::remove_dir_all(path("socket")));
        if !data.starts_with(self.project.path()) {
            drop(std::fs::remove_dir_all(data.parent().unwrap()));
        }
    }
}

/// A Compose project with one database service.
struct ComposeCase {
    project: Project,
    name: ComposeProject,
    url: String,
}

impl ComposeCase {
    fn new(more: &str) -> Option<Self> {
        let (engine, _compose) = (Engine::get()?, bench::compose()?);
        let project = Project::new();
        let (port, password) = (free_port(), new_password());
        project.write(
            "docker-compose.yml",
            &format!(
                "version: \"3.8\"\nservices:\n  db:\n    image: {}\n    ports: [\"127.0.0.1:{port}:5432\"]\n    \
                 environment:\n      POSTGRES_USER: app\n      POSTGRES_DB: shop\n{more}\n    \
                 volumes: [\"data:/var/lib/postgresql/data\"]\n  web:\n    image: no-such-image-anywhere\n\
                 volumes:\n  data: {{}}\n",
                engine.image
            )
            .replace("@@", &password),
        );
        let url = format!("postgresql://app:{password}@localhost:{port}/shop");
        project.write(".env", &format!("DATABASE_URL={url}\n"));
        Some(Self { project, name: ComposeProject::new(), url })
    }

    fn sandbox(&self, arguments: &[&str]) -> Sandbox {
        let sandbox = Sandbox::new(&self.project).with_docker().env("COMPOSE_PROJECT_NAME", &self.name.name);
        sandbox.args(arguments.iter().copied())
    }

    fn devdb(&self, arguments: &[&str]) -> Output {
        self.sandbox(arguments).run()
    }
}

const PASSWORD: &str = "      POSTGRES_PASSWORD: \"@@\"";

fn port_of(url: &str) -> u16 {
    url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap()
}

/// Runs a query with the URL of `.env`, as the app would.
fn query(url: &str, query: &str) -> Result<String, tokio_postgres::Error> {
    block_on(async {
        let (client, connection) = url.parse::<tokio_postgres::Config>()?.connect(NoTls).await?;
        let driver = tokio::spawn(connection);
        let messages = client.simple_query(query).await;
        drop(client);
        drop(driver.await);
        let value = messages?.into_iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(value.unwrap_or_default())
    })
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[test]
fn a_compose_service_comes_up_and_goes_down_and_keeps_its_data() {
    let Some(case) = ComposeCase::new(PASSWORD) else { return };
    let up = case.devdb(&["up"]);
    up.assert_code(0).assert_stdout_has("Compose service `db`").assert_stdout_has("logged in to PostgreSQL 15");
    up.assert_stderr_has("docker-compose.yml:3 has the service `db`")
        .assert_stdout_has("postgresql://app:***@localhost");
    query(&case.url, "create table kept (a int)").unwrap();
    case.devdb(&["up"]).assert_code(0).assert_stdout_has("up already").assert_stdout_has("container `");
    case.devdb(&["logs"]).assert_code(0).assert_stdout_has("database system is ready to accept connections");
    case.devdb(&["down"]).assert_code(0).assert_stdout_has("stopped the Compose service `db`");
    assert!(!listens(port_of(&case.url)));
    case.devdb(&["down"]).assert_code(0).assert_stdout_has("nothing to stop");
    let again = case.devdb(&["up", "--json"]);
    again.assert_code(0);
    assert_eq!(again.json()["way"], "compose", "{again}");
    assert_eq!(query(&case.url, "select count(*) from kept").unwrap(), "0");
}

#[test]
fn a_wrong_password_is_told_at_once() {
    let Some(case) = ComposeCase::new(PASSWORD) else { return };
    case.devdb(&["up"]).assert_code(0);
    let other = new_password();
    case.project
        .write(".env", &format!("DATABASE_URL=postgresql://app:{other}@localhost:{}/shop\n", port_of(&case.url)));
    let refused = case.devdb(&["up"]);
    refused.assert_code(4).assert_stderr_has("refuses the password of `app`").assert_stderr_has("28P01");
    refused.assert_stderr_has("password authentication failed for user \"app\"");
    assert!(refused.took < Duration::from_secs(10), "{refused}");
}

#[test]
fn a_container_that_ends_at_once_is_told_with_its_own_words() {
    let Some(case) = ComposeCase::new("      NOTHING: x") else { return };
    let ended = case.devdb(&["up"]);
    ended.assert_code(4).assert_stderr_has("ended right after its start");
    ended.assert_stderr_has("superuser password is not specified");
    assert!(ended.took < Duration::from_secs(15), "{ended}");
}

#[test]
fn a_service_that_would_not_be_reached_is_told_before_it_starts() {
    let Some(case) = ComposeCase::new(PASSWORD) else { return };
    let (published, dialled) = (port_of(&case.url), free_port());
    let env = case.project.read(".env");
    case.project.write(".env", &env.replace(&format!(":{published}/"), &format!(":{dialled}/")));
    let refused = case.devdb(&["up"]);
    refused.assert_code(4).assert_stderr_has(&format!("publishes port {published}, but the app dials port {dialled}"));
    // A URL for use inside the Compose network leads to the port that the service publishes.
    case.project.write(".env", &env.replace(&format!("localhost:{published}"), "db:5432"));
    case.devdb(&["up"]).assert_code(0).assert_stdout_has(&format!("@127.0.0.1:{published}/shop"));
}

#[test]
fn a_port_that_compose_cannot_have_names_its_holder() {
    let Some(case) = ComposeCase::new(PASSWORD) else { return };
    let other = OtherPort::http();
    let file = case.project.read("docker-compose.yml");
    let more = format!("ports: [\"127.0.0.1:{}:5433\", ", other.port());
    case.project.write("docker-compose.yml", &file.replace("ports: [", &more));
    let taken = case.devdb(&["up"]);
    taken.assert_code(4).assert_stderr_has("the Compose service `db`").assert_stderr_has("failed with");
    taken.assert_stderr_has(&format!("{} is held by", other.port())).assert_stderr_has(&std::process::id().to_string());
}

#[test]
fn a_wait_ends_at_its_time_and_at_ctrl_c() {
    let Some(case) =
        ComposeCase::new(&format!("{PASSWORD}\n    command: [\"sh\", \"-c\", \"sleep 1000; exec postgres\"]"))
    else {
        return;
    };
    case.devdb(&["up", "--timeout", "2"]).assert_code(4).assert_stderr_has("no login at").assert_stderr_has("2 s");
    let waiting = case.sandbox(&["up"]).spawn();
    waiting.wait_for("starting");
    std::thread::sleep(Duration::from_secs(2));
    waiting.interrupt();
    waiting.wait().assert_code(130).assert_stderr_has("devdb down");
}

#[test]
fn a_compose_service_without_an_engine_is_not_replaced_unasked() {
    let Some(case) = ClusterProject::new("shop") else { return };
    let compose = format!("services:\n  db:\n    image: postgres:15\n    ports: [\"{}:5432\"]\n", case.port);
    std::fs::write(case.root.join("compose.yaml"), compose).unwrap();
    let refused = case.devdb(&["up"]);
    refused
        .assert_code(4)
        .assert_stderr_has("the Docker engine is not running")
        .assert_stderr_has("devdb up --with cluster");
    assert!(!case.root.join(".devdb").exists());
    case.devdb(&["up", "--with", "cluster"]).assert_code(0).assert_stdout_has("private cluster");
}

#[test]
fn a_container_comes_up_and_goes_down_and_keeps_its_data() {
    let Some(engine) = Engine::get() else { return };
    let project = Project::new();
    let root = project.file("Mein Projekt ü");
    let (port, password) = (free_port(), new_password());
    let url = |port: u16| format!("postgresql://app:{password}@localhost:{port}/shop");
    project.write("Mein Projekt ü/.env", &format!("DATABASE_URL={}\n", url(port)));
    let _made = MadeForRoot::new(&root.canonicalize().unwrap());
    let devdb = |arguments: &[&str]| Sandbox::at(&root).with_docker().args(arguments.iter().copied()).run();
    let up = devdb(&["up", "--image", &engine.image]);
    up.assert_code(0).assert_stdout_has("container `devdb-meinprojekt-").assert_stdout_has(&engine.image);
    query(&url(port), "create table kept (a int)").unwrap();
    devdb(&["up"]).assert_code(0).assert_stdout_has("up already");
    devdb(&["logs", "-n", "5"]).assert_code(0).assert_stdout_has("ready to accept connections");
    let down = devdb(&["down"]);
    down.assert_code(0).assert_stdout_has("its data stay in the volume `devdb-meinprojekt-");
    down.assert_stderr_has("docker volume rm");
    assert!(!listens(port));
    devdb(&["up"]).assert_code(0).assert_stdout_has("container `devdb-meinprojekt-");
    assert_eq!(query(&url(port), "select count(*) from kept").unwrap(), "0");
    devdb(&["down"]).assert_code(0);
    let moved = free_port();
    project.write("Mein Projekt ü/.env", &format!("DATABASE_URL={}\n", url(moved)));
    devdb(&["up"]).assert_code(0).assert_stderr_has("is made anew for port");
    assert_eq!(query(&url(moved), "select count(*) from kept").unwrap(), "0");
}

#[test]
fn an_image_that_is_not_there_is_not_pulled() {
    if Engine::get().is_none() {
        return;
    }
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL=postgresql://app:app@localhost:{}/shop\n", free_port()));
    let refused = Sandbox::new(&project).with_docker().args(["up", "--image", "postgres:6"]).run();
    refused.assert_code(4).assert_stderr_has("pulls none unasked").assert_stderr_has("docker pull postgres:6");
}

#[test]
fn a_stopped_container_made_by_hand_is_started() {
    let Some(engine) = Engine::get() else { return };
    let port = free_port();
    let container = engine.postgres(&PgContainer { published: Some(("127.0.0.1", port)), ..PgContainer::default() });
    container.wait_ready();
    container.stop();
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", container.url()));
    let up = Sandbox::new(&project).with_docker().args(["up"]).run();
    up.assert_code(0).assert_stdout_has(&format!("container `{}`", container.name));
    // It is not this project's own, so it is not stopped either.
    let down = Sandbox::new(&project).with_docker().args(["down"]).run();
    down.assert_code(0).assert_stdout_has("nothing to stop").assert_stderr_has("left alone");
}

#[test]
fn a_private_cluster_comes_up_and_goes_down_and_keeps_its_data() {
    let Some(case) = ClusterProject::new("Mein Projekt ü's") else { return };
    let up = case.devdb(&["up"]);
    up.assert_code(0).assert_stdout_has("private cluster, PostgreSQL").assert_stderr_has("made the database `shop`");
    query(&case.url, "create table kept (a int)").unwrap();
    let rights = "select rolcreatedb and not rolsuper from pg_roles where rolname = current_user";
    assert_eq!(query(&case.url, rights).unwrap(), "t");
    let owner = "select pg_get_userbyid(datdba) || ' ' || pg_encoding_to_char(encoding) from pg_database where datname = 'shop'";
    assert_eq!(query(&case.url, owner).unwrap(), "app UTF8");
    let wrong = case.url.replace("app:", "app:not-");
    assert!(query(&wrong, "select 1").is_err());
    case.devdb(&["up"]).assert_code(0).assert_stdout_has("up already");
    case.devdb(&["logs"]).assert_code(0).assert_stdout_has("ready to accept connections");
    case.devdb(&["down"]).assert_code(0).assert_stdout_has("stopped the private cluster");
    assert!(!listens(case.port));
    case.devdb(&["down"]).assert_code(0).assert_stdout_has("nothing to stop");
    case.devdb(&["up"]).assert_code(0);
    assert_eq!(query(&case.url, "select count(*) from kept").unwrap(), "0");
    let record = case.root.join(".devdb/cluster.json");
    assert_eq!(std::fs::metadata(record).unwrap().permissions().mode() & 0o777, 0o600);
    let log = std::fs::read_to_string(case.record().unwrap()["log"].as_str().unwrap()).unwrap();
    crate::support::secrets::assert_none_in("the server's log", &log);
}

#[test]
fn a_private_cluster_lies_in_the_project_and_git_ignores_it() {
    let Some(case) = ClusterProject::new("") else { return };
    // Temporary folders are closed to others, and root's servers run as another user.
    std::fs::set_permissions(case.project.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    case.project.git_init();
    case.devdb(&["up"]).assert_code(0);
    let data = case.data().unwrap();
    assert!(data.starts_with(case.root.join(".devdb")), "{}", data.display());
    assert_eq!(case.project.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_private_cluster_comes_up_after_kill_9() {
    let Some(case) = ClusterProject::new("shop") else { return };
    case.devdb(&["up"]).assert_code(0);
    query(&case.url, "create table kept (a int)").unwrap();
    nix::sys::signal::kill(case.postmaster(), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert!(case.data().unwrap().join("postmaster.pid").exists());
    case.devdb(&["up"]).assert_code(0).assert_stderr_has("`postmaster.pid` of a server that was killed");
    assert_eq!(query(&case.url, "select count(*) from kept").unwrap(), "0");
    // A pid that was given to another program since.
    case.devdb(&["down"]).assert_code(0);
    let pid_file = case.data().unwrap().join("postmaster.pid");
    std::fs::write(&pid_file, format!("{}\n/x\n1\n{}\n", std::process::id(), case.port)).unwrap();
    case.devdb(&["up"]).assert_code(0).assert_stderr_has("cleaned up");
}

#[test]
fn a_private_cluster_follows_the_url() {
    let Some(mut case) = ClusterProject::new("shop") else { return };
    case.devdb(&["up"]).assert_code(0);
    // Another port, another password, another database: the cluster is the project's own.
    case.port = free_port();
    case.url = format!("postgresql://app:{}@127.0.0.1:{}/other", new_password(), case.port);
    case.write_env(&case.url);
    let up = case.devdb(&["up"]);
    up.assert_code(0)
        .assert_stderr_has("moves from port")
        .assert_stderr_has("the password of role `app` is now the URL's");
    assert_eq!(query(&case.url, "select current_database()").unwrap(), "other");
    // Without a password the role is trusted, and only that role.
    let trusted = format!("postgresql://guest@localhost:{}/shop", case.port);
    case.write_env(&trusted);
    case.devdb(&["up"]).assert_code(0);
    assert_eq!(query(&trusted, "select current_user").unwrap(), "guest");
    assert!(query(&case.url.replace("app:", "app:not-"), "select 1").is_err());
}

#[test]
fn a_private_cluster_serves_the_socket_that_the_url_names() {
    let Some(case) = ClusterProject::new("shop") else { return };
    let folder = tempfile::Builder::new().prefix("devdb-it-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let password = new_password();
    let url = format!("postgresql://app:{password}@/shop?host={}&port={}", folder.path().display(), case.port);
    case.write_env(&url);
    case.devdb(&["up"]).assert_code(0).assert_stdout_has("logged in");
    let config =
        format!("host={} port={} user=app password={password} dbname=shop", folder.path().display(), case.port);
    assert_eq!(query(&config, "select 1").unwrap(), "1");
}

#[test]
fn a_port_that_is_taken_names_its_holder() {
    let Some(case) = ClusterProject::new("shop") else { return };
    let other = OtherPort::http();
    case.write_env(&format!("postgresql://app:a-password@localhost:{}/shop", other.port()));
    let pid = format!("(pid {})", std::process::id());
    let taken = case.devdb(&["up"]);
    taken.assert_code(4).assert_stderr_has(&format!("port {} (.env:1 DATABASE_URL) is taken by", other.port()));
    taken.assert_stderr_has(&pid).assert_stderr_has("devdb up");
    assert!(!case.root.join(".devdb").exists());
    if bench::engine().is_some() {
        let sandbox = Sandbox::at(&case.root).with_docker().args(["up", "--with", "container"]);
        sandbox.run().assert_code(4).assert_stderr_has(&pid);
    }
}

#[test]
fn a_server_of_somebody_else_is_used_and_left_alone() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let role = cluster.create_role("CREATEDB");
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", cluster.url(&role, "not_there")));
    let devdb = |arguments: &[&str]| Sandbox::new(&project).args(arguments.iter().copied()).run();
    let up = devdb(&["up"]);
    up.assert_code(0).assert_stdout_has("it has no database `not_there` yet").assert_stderr_has("devdb reset");
    devdb(&["down"]).assert_code(0).assert_stdout_has("nothing to stop").assert_stderr_has("left alone");
    assert!(cluster.accepts(&role, "postgres"));
    let stranger = format!("postgresql://{}:{}@localhost:{}/x", role.name, new_password(), cluster.port());
    project.write(".env", &format!("DATABASE_URL={stranger}\n"));
    let taken = devdb(&["up"]);
    taken.assert_code(4).assert_stderr_has("is taken by `postgres`").assert_stderr_has("correct user and password");
    assert!(!Path::new(&project.file(".devdb")).exists());
}

#[test]
fn only_local_servers_are_started() {
    let project = Project::new();
    let up = || Sandbox::new(&project).args(["up"]).run();
    up().assert_code(2).assert_stderr_has("no file and no variable names a database");
    project.write(".env", "DATABASE_URL=postgresql://app:a-password@db.example.invalid:5432/shop\n");
    up().assert_code(3).assert_stderr_has("`db.example.invalid` is not this machine (.env:1 DATABASE_URL)");
    Sandbox::new(&project).args(["logs"]).run().assert_code(4).assert_stderr_has("devdb up");
}
