//! The test bench itself: if one of these fails, look here before looking at devdb.

use crate::support::cluster::{self, Cluster, Options};
use crate::support::engine::{ComposeProject, Engine, PgContainer};
use crate::support::ports::{BlackholePort, OtherPort, free_port};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, new_password, secrets, venv};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn a_cluster_serves_roles_and_databases() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&role);
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)");
    assert_eq!(database.query("SELECT a FROM t ORDER BY a"), [[Some("1".to_owned())], [None]]);
    assert_eq!(database.value("SELECT current_database()"), Some(database.name.clone()));
    assert!(database.url().contains(&role.password));
    let stranger = cluster::Role { password: "wrong".to_owned(), ..role.clone() };
    assert!(cluster.accepts(&role, &database.name) && !cluster.accepts(&stranger, &database.name));
}

#[test]
fn a_database_goes_with_what_was_made_beside_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role("");
    let database = cluster.fresh_database(&role);
    let name = database.name.clone();
    cluster.sql("postgres", &format!("CREATE DATABASE {name}_template IS_TEMPLATE true ALLOW_CONNECTIONS false"));
    cluster.sql("postgres", &format!("CREATE DATABASE other_{name}"));
    cluster.sql("postgres", &format!("ALTER DATABASE other_{name} SET devdb.target = '{name}'"));
    drop(database);
    let left = format!("SELECT count(*) FROM pg_database WHERE datname ~ '{name}([^0-9]|$)'");
    assert_eq!(cluster.value("postgres", &left).as_deref(), Some("0"));
}

#[test]
fn a_private_cluster_stops_resumes_and_leaves_nothing() {
    let options = Options { conf: "max_connections = 17".to_owned(), ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    assert_eq!(cluster.value("postgres", "SHOW max_connections").as_deref(), Some("17"));
    cluster.stop();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, cluster.port())).is_err());
    cluster.resume();
    let (data, port) = (cluster.data(), cluster.port());
    drop(cluster);
    assert!(!data.exists() && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[test]
fn the_watchdog_cleans_up_after_a_killed_process() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let (directory, port) = (cluster.socket_directory().to_owned(), cluster.port());
    // Nobody drops it, as when the test process is killed.
    std::mem::forget(cluster);
    let mut owner = Command::new("sleep").arg("600").spawn().unwrap();
    cluster::watch(owner.id(), &directory);
    owner.kill().unwrap();
    owner.wait().unwrap();
    let started = Instant::now();
    while directory.exists() || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(10), "{} is still there", directory.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_container_keeps_the_official_images_contract() {
    let Some(engine) = Engine::get() else { return };
    let volume = engine.volume();
    let port = free_port();
    let wanted = || PgContainer {
        env: vec![("POSTGRES_USER", "shop"), ("POSTGRES_PASSWORD", "a-long-password"), ("POSTGRES_DB", "shop-dev")],
        published: Some(("127.0.0.1", port)),
        volume: Some(&volume),
        ..PgContainer::default()
    };
    let first = engine.postgres(&wanted());
    first.wait_ready();
    assert!(first.logs().contains("PostgreSQL init process complete; ready for start up."));
    let started = Instant::now();
    first.stop();
    assert!(started.elapsed() < Duration::from_secs(5), "the server did not get the signal");
    assert_eq!(first.ip(), "");
    drop(first);
    let second = engine.postgres(&wanted());
    second.wait_ready();
    assert!(second.logs().contains("appears to contain a database; Skipping initialization"));
    assert!(!second.ip().is_empty());
}

#[test]
fn a_container_without_a_password_says_so_and_ends() {
    let Some(engine) = Engine::get() else { return };
    let container = engine.postgres(&PgContainer { env: vec![("POSTGRES_USER", "x")], ..PgContainer::default() });
    let started = Instant::now();
    while !container.logs().contains("superuser password is not specified") {
        assert!(started.elapsed() < Duration::from_secs(10), "{}", container.logs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_idle_container_runs_in_its_own_network() {
    let Some(engine) = Engine::get() else { return };
    let network = engine.network();
    let idle = engine.postgres(&PgContainer {
        command: Some(vec!["sleep", "infinity"]),
        network: Some(&network),
        ..PgContainer::default()
    });
    assert!(!idle.ip().is_empty());
}

#[test]
fn a_compose_project_is_removed_with_its_volumes() {
    let (Some(engine), Some(compose)) = (Engine::get(), bench::compose()) else { return };
    let project = Project::new();
    let password = new_password();
    project.write(
        "docker-compose.yml",
        &format!(
            "version: \"3.8\"\nservices:\n  db:\n    image: {}\n    environment:\n      POSTGRES_PASSWORD: {password}\n    \
             volumes: [data:/var/lib/postgresql/data]\nvolumes:\n  data: {{}}\n",
            engine.image
        ),
    );
    let name = ComposeProject::new();
    let (program, rest) = compose.split_first().unwrap();
    let up = Command::new(program)
        .args(rest)
        .args(["-p", &name.name, "up", "-d"])
        .current_dir(project.path())
        .env("DOCKER_HOST", &engine.host)
        .output()
        .unwrap();
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    // A container, a volume, a network.
    assert_eq!(engine.compose_things(&name.name), 3);
    let was = name.name.clone();
    drop(name);
    assert_eq!(engine.compose_things(&was), 0);
}

#[test]
fn a_blackhole_never_answers() {
    let hole = BlackholePort::open();
    let address = (Ipv4Addr::LOCALHOST, hole.port()).into();
    let error = TcpStream::connect_timeout(&address, Duration::from_secs(2)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn other_ports_answer_like_something_else() {
    let ask = |port: u16| {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        // The first bytes of PostgreSQL's request for TLS; the other side may have hung up already.
        drop(stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(ask(OtherPort::http().port()).starts_with("HTTP/1.1 400"));
    assert_eq!(ask(OtherPort::closing().port()), "");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, free_port())).is_err());
}

#[test]
fn a_leaked_password_is_caught() {
    let password = new_password();
    secrets::register_from("DATABASE_URL=postgresql://u:p%40ss%2Fword@localhost/x\nAPI_TOKEN='tok-123456'\n");
    for text in [format!("x{password}y"), "p@ss/word".to_owned(), "p%40ss%2Fword".to_owned(), "tok-123456".to_owned()] {
        assert!(std::panic::catch_unwind(|| secrets::assert_none_in("a test", &text)).is_err(), "{text}");
    }
    secrets::assert_none_in("a test", "postgresql://u:***@localhost/x");
}

#[test]
fn a_sandbox_runs_devdb_alone_and_in_a_terminal() {
    let project = Project::new();
    let sandbox = Sandbox::new(&project).args(["--help"]);
    let alone = sandbox.run();
    let terminal = sandbox.in_terminal(60, 20).run();
    assert_eq!(alone.code, terminal.code, "{alone}{terminal}");
    assert_eq!(terminal.stderr, "");
}

/// A sandbox that runs a shell script in devdb's place.
fn script(text: &str) -> Sandbox {
    Sandbox::new(&Project::new()).current_dir("/").program("sh").args(["-c", text])
}

#[test]
fn a_sandbox_starts_from_a_cleared_environment() {
    let output =
        script("env | sort | cut -d= -f1 | tr '\\n' ' '; cat; exit 7").stdin("typed").env("APP_ENV", "test").run();
    let variables: Vec<&str> =
        output.stdout.split_whitespace().filter(|name| !["PWD", "SHLVL", "_"].contains(name)).collect();
    assert_eq!(variables, ["APP_ENV", "CI", "COLUMNS", "DOCKER_HOST", "HOME", "LANG", "PATH", "TMPDIR", "typed"]);
    output.assert_code(7);
}

#[test]
fn a_sandbox_catches_a_leak_and_a_hang() {
    let password = new_password();
    let leak = script(&format!("echo {password} >&2"));
    assert!(std::panic::catch_unwind(|| leak.run()).is_err());
    leak.may_show_secrets().run().assert_code(0).assert_stderr_has(&password);
    let hang = script("echo before; sleep 100").limit(Duration::from_secs(1));
    let said = std::panic::catch_unwind(|| hang.run()).unwrap_err();
    assert!(said.downcast::<String>().unwrap().contains("before"));
    // What is left running in the background keeps nobody waiting.
    script("sleep 100 & echo done").run().assert_stdout_has("done");
}

#[test]
fn a_running_devdb_can_be_interrupted_killed_and_answered() {
    let waiting = "trap 'echo caught; exit 130' INT; echo ready; while :; do sleep 0.05; done";
    let running = script(waiting).spawn();
    running.wait_for("ready");
    running.interrupt();
    running.wait().assert_code(130).assert_stdout_has("caught");
    let mut running = script(waiting).spawn();
    running.wait_for("ready");
    running.kill();
    running.wait().assert_code(128 + 9);
    let mut asked =
        script("test -t 0 && test -t 1 && stty size && printf 'sure? ' && read answer && echo got $answer && exit 3")
            .in_terminal(77, 20)
            .spawn();
    asked.wait_for("sure? ");
    asked.type_text("yes\r");
    asked.wait().assert_code(3).assert_stdout_has("20 77").assert_stdout_has("got yes");
}

#[test]
fn a_project_is_a_repository_when_asked() {
    let project = Project::from_fixture("alembic-sync");
    project.write("app/new.py", "x = 1\n");
    project.git_init();
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    assert_eq!(project.read("app/new.py"), "x = 1\n");
}

fn fixture_migrates(name: &str, driver: &str) {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    let role = cluster.create_role("");
    let database = cluster.fresh_database(&role);
    let project = Project::from_fixture(name);
    project.write(".env", &format!("DATABASE_URL={}\n", database.url().replacen("postgresql", driver, 1)));
    venv::link_into(&environment, &project, ".venv");
    assert!(project.exists(".venv/bin/python"));
    for arguments in [&["upgrade", "head"][..], &["check"], &["downgrade", "base"], &["upgrade", "head"]] {
        let output = venv::run(&environment, &project, "alembic", arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "alembic {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(database.query("SELECT username FROM users"), Vec::<Vec<Option<String>>>::new());
}

#[test]
fn the_sync_fixture_migrates_both_ways() {
    fixture_migrates("alembic-sync", "postgresql");
}

#[test]
fn the_async_fixture_migrates_both_ways() {
    fixture_migrates("alembic-async", "postgresql+asyncpg");
}

#[test]
fn the_sync_fixtures_seeds_load() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    let role = cluster.create_role("");
    let database = cluster.fresh_database(&role);
    let project = Project::from_fixture("alembic-sync");
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    let migrated = venv::run(&environment, &project, "alembic", &["upgrade", "head"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    for seed in ["seeds/01_users.sql", "seeds/02_projects.sql", "seeds/demo/10_orders.sql"] {
        database.sql(&project.read(seed));
    }
    assert_eq!(database.value("SELECT count(*) FROM orders").as_deref(), Some("60"));
    for _again in 0..2 {
        let demo = venv::run(&environment, &project, "python", &["ensure_demo_data.py"]);
        assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    }
    assert_eq!(database.value("SELECT count(*) FROM projects").as_deref(), Some("3"));
}
