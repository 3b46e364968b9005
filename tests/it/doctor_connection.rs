//! The way to the server, and into it: every fault on a real port.

use crate::doctor_report::{Report, Shop, line_of, local_project};
use crate::support::cluster::{Cluster, Options, Role};
use crate::support::ports::{BlackholePort, OtherPort, free_port};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, new_password};
use std::time::Duration;

/// A project whose `.env` dials `address` in its second line.
fn dialling(address: &str) -> Project {
    let project = Project::new();
    project.write(".env", &format!("APP_NAME=shop\nDATABASE_URL=postgresql://app:{}@{address}/app\n", new_password()));
    project
}

#[test]
fn conn_refused() {
    let port = free_port();
    let report = Report::of(&Sandbox::new(&dialling(&format!("localhost:{port}"))));
    report
        .only_error("conn-refused")
        .says(&format!("nobody listens on localhost:{port}"))
        .at(".env", 2, &format!("leads to postgresql://app:***@localhost:{port}/app"))
        .seen(&format!("127.0.0.1:{port}: connection refused"))
        .fix("manual", &["devdb up"]);
}

/// devdb in a network of its own, where nobody else listens on the usual ports, and the server does on 5433.
fn alone(cluster: &Cluster, project: &Project) -> Sandbox {
    let line = format!(
        "(busybox ip link set lo up || ip link set lo up) && ({}) && cd {} && {{ {} \"$@\"; code=$?; ({}); exit $code; }}",
        cluster.shell_line("start", 5433),
        project.path().display(),
        env!("CARGO_BIN_EXE_devdb"),
        cluster.shell_line("stop", 5433),
    );
    apart(project, "--net", &line)
}

/// A shell's line in a namespace of its own.
fn apart(project: &Project, namespace: &str, line: &str) -> Sandbox {
    let root = nix::unistd::geteuid().is_root();
    let map: &[&str] = if root { &[] } else { &["--map-root-user"] };
    let sandbox = Sandbox::new(project).program("unshare").args([namespace]).args(map.iter().copied());
    sandbox.args(["sh", "-c", line, "devdb"])
}

/// The port is wrong, and no Compose file says which is right: the server on another port of the machine does.
#[test]
fn conn_refused_beside_a_server_on_another_port() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let url = |port: u16| database.url().replace(&format!(":{}/", cluster.port()), &format!(":{port}/"));
    let project = Project::new();
    project.write(".env", &format!("APP_NAME=shop\nDATABASE_URL={}\n", url(5432)));
    cluster.stop();
    let sandbox = alone(&cluster, &project);
    let (role, name) = (&database.owner.name, &database.name);
    Report::of(&sandbox)
        .only_error("conn-refused")
        .says("nobody listens on 127.0.0.1:5432")
        .seen("PostgreSQL answers there: 127.0.0.1:5433 is held by `postgres`")
        .fix(
            "confirm",
            &[&format!("set `DATABASE_URL` in `.env:2` to `postgresql://{role}:***@127.0.0.1:5433/{name}`")],
        );
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert_eq!(project.read(".env"), format!("APP_NAME=shop\nDATABASE_URL={}\n", url(5433)));
    Report::of(&sandbox).is_healthy();
    cluster.resume();
}

#[test]
fn conn_refused_by_a_service_that_was_stopped() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let start = "start the Compose service `db`";
    let service = line_of(&shop.project, "docker-compose.yml", "  db:");
    shop.doctor()
        .only_error("conn-refused")
        .at("docker-compose.yml", service, "it has no container yet")
        .fix("confirm", &[start]);
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    container.stop();
    shop.doctor()
        .only_error("conn-refused")
        .at("docker-compose.yml", service, "its container is exited")
        .fix("confirm", &[start]);
}

#[test]
fn conn_refused_by_a_missing_socket() {
    let project = Project::new();
    let directory = project.path().display().to_string();
    project.write(".env", &format!("DATABASE_URL=postgresql://app@/app?host={directory}\n"));
    Report::of(&Sandbox::new(&project)).only_error("conn-refused").seen("/.s.PGSQL.5432: ");
}

#[test]
fn conn_refused_by_a_host_that_is_unknown() {
    let report = Report::of(&Sandbox::new(&dialling("database.invalid:5432")));
    report
        .only_error("conn-refused")
        .says("the host `database.invalid` is unknown")
        .at(".env", 2, "database.invalid")
        .fix("manual", &[]);
}

#[test]
fn conn_timeout() {
    let hole = BlackholePort::open();
    let port = hole.port();
    let report = Report::of(&Sandbox::new(&dialling(&format!("localhost:{port}"))));
    report
        .only_error("conn-timeout")
        .says(&format!("localhost:{port} does not answer"))
        .at(".env", 2, "leads to")
        .seen(&format!("127.0.0.1:{port}: no answer within"))
        .fix("manual", &[]);
    assert!(report.text.took < Duration::from_secs(3), "{}", report.text);
}

#[test]
fn conn_timeout_of_a_paused_container() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    container.pause();
    let report = shop.doctor();
    container.unpause();
    report
        .only_error("conn-timeout")
        .seen(&format!("container `{}` (service `db`) is paused", container.name))
        .fix("manual", &[&format!("docker unpause {}", container.name)]);
    assert!(report.text.took < Duration::from_secs(4), "{}", report.text);
}

#[test]
fn ipv6_localhost() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::new();
    project.write("package.json", "{\"name\": \"shop\"}\n");
    project.write(".env", &format!("DATABASE_URL={}\n", database.url().replace("127.0.0.1", "localhost")));
    // A machine of its own, whose `localhost` is both addresses, as most are.
    let hosts = project.write("hosts", "::1 localhost\n127.0.0.1 localhost\n");
    let devdb = env!("CARGO_BIN_EXE_devdb");
    let line = format!("mount --bind {} /etc/hosts && exec {devdb} \"$@\"", hosts.display());
    let sandbox = Sandbox::new(&project).program("unshare");
    let map: &[&str] = if nix::unistd::geteuid().is_root() { &["--mount"] } else { &["--mount", "--map-root-user"] };
    let sandbox = sandbox.args(map.iter().copied()).args(["sh", "-c", &line, "devdb"]);
    let report = Report::of(&sandbox);
    report
        .only_warning("ipv6-localhost")
        .says(&format!("[::1]:{0} refuses, 127.0.0.1:{0} answers", cluster.port()))
        .at(".env", 1, "names `localhost`")
        .fix(
            "auto",
            &[&format!(
                "set `DATABASE_URL` in `.env:1` to `postgresql://{}:***@127.0.0.1:{}/{}`",
                database.owner.name,
                cluster.port(),
                database.name
            )],
        );
    // Python's drivers try both addresses.
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    Report::of(&sandbox).is_healthy();
}

#[test]
fn not_postgres_but_a_web_server() {
    let web = OtherPort::http();
    let port = web.port();
    let report = Report::of(&Sandbox::new(&dialling(&format!("localhost:{port}"))));
    report
        .only_error("not-postgres")
        .says(&format!("127.0.0.1:{port} is no PostgreSQL server"))
        .at(".env", 2, &format!("port {port}"))
        .seen("it answers `HTTP/1.1 400")
        .seen(&format!("127.0.0.1:{port} is held by `"))
        .fix("manual", &[]);
}

#[test]
fn not_postgres_but_a_forwarder_with_nobody_behind_it() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let mut wanted = shop.wanted(Some(("0.0.0.0", port)));
    wanted.command = Some(vec!["sleep", "infinity"]);
    let container = shop.engine.postgres(&wanted);
    let report = shop.doctor();
    report
        .only_error("not-postgres")
        .at(".env", 2, &format!("port {port}"))
        .seen("without a byte")
        .seen("nobody listens inside yet")
        .fix("manual", &[&format!("docker logs {}", container.name)]);
}

#[test]
fn server_starting() {
    // A standby that lets nobody in says 57P03 for as long as it lives.
    let options = Options { conf: "hot_standby = off".to_owned(), ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    cluster.stop();
    std::fs::write(cluster.data().join("standby.signal"), "").unwrap();
    cluster.resume();
    let project = dialling(&format!("127.0.0.1:{}", cluster.port()));
    let report = Report::of(&Sandbox::new(&project));
    report
        .only_error("server-starting")
        .says("not accepting connections")
        .at(".env", 2, "leads to")
        .seen("57P03")
        .fix("auto", &["wait until the server accepts logins"]);
}

#[test]
fn auth_password() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let wrong = Role { password: new_password(), ..database.owner.clone() };
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", cluster.url(&wrong, &database.name)));
    let report = Report::of(&Sandbox::new(&project));
    report
        .only_error("auth-password")
        .says(&format!("refuses role `{}`", wrong.name))
        .at(".env", 1, "the password that is sent")
        .seen("password authentication failed for user")
        .seen("(28P01)")
        .seen(&format!("127.0.0.1:{} is held by `postgres`", cluster.port()))
        .fix(
            "manual",
            &[
                &format!(
                    "{}   # is it there, may it log in, until when?",
                    cluster.superuser_command("postgres", &format!("'\\du+ {}'", wrong.name))
                ),
                &cluster.superuser_command("postgres", &format!("'\\password {}'", wrong.name)),
            ],
        );
}

#[test]
fn auth_password_without_any() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL=postgresql://app@127.0.0.1:{}/app\n", cluster.port()));
    Report::of(&Sandbox::new(&project)).only_error("auth-password").at(".env", 1, "has no password");
}

#[test]
fn auth_password_that_the_container_knows() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]"));
    let wrong = new_password();
    shop.project.write(".env", &format!("DATABASE_URL=postgresql://app:{wrong}@localhost:{port}/app\n"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    let password = line_of(&shop.project, "docker-compose.yml", "POSTGRES_PASSWORD");
    shop.doctor()
        .only_error("auth-password")
        .at(".env", 1, "the password that is sent")
        .at("docker-compose.yml", password, "made with another password")
        .fix("confirm", &["set `DATABASE_URL` in `.env:1` to the same URL with the container's password"]);
}

#[test]
fn role_missing_by_a_name_that_only_the_url_has() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]"));
    let line = format!("DATABASE_URL=postgresql://nobody:{}@localhost:{port}/app\n", shop.password);
    shop.project.write(".env", &line);
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    let make = format!("docker exec -it {} createuser -U app --createdb --pwprompt nobody", container.name);
    shop.doctor()
        .only_error("role-missing")
        .seen(&format!("container `{}` (service `db`) has: app", container.name))
        .fix("manual", &[&make]);
}

#[test]
fn auth_password_by_a_privilege_that_was_revoked() {
    let Some((project, database)) = local_project() else { return };
    let Some(cluster) = Cluster::shared() else { return };
    let other = cluster.create_role("CREATEDB");
    database.sql(&format!("REVOKE CONNECT ON DATABASE {} FROM public", database.name));
    project.write(".env", &format!("DATABASE_URL={}\n", cluster.url(&other, &database.name)));
    Report::of(&Sandbox::new(&project))
        .only_error("auth-password")
        .seen("permission denied for database")
        .seen("42501");
}

#[test]
fn too_many_clients() {
    let options = Options {
        conf: "max_connections = 6\nsuperuser_reserved_connections = 3\nmax_wal_senders = 0".to_owned(),
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else { return };
    let role = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&role);
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    let held: Vec<Held> = (0..3).map(|_| Held::open(&database.url())).collect();
    let report = Report::of(&Sandbox::new(&project));
    drop(held);
    report
        .only_error("too-many-clients")
        .at(".env", 1, "leads to")
        .seen("remaining connection slots are reserved")
        .seen("(53300)")
        .fix("manual", &[]);
}

#[test]
fn too_many_clients_before_the_last_one() {
    let options = Options {
        conf: "max_connections = 8\nsuperuser_reserved_connections = 0\nmax_wal_senders = 0".to_owned(),
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    let held: Vec<Held> = (0..7).map(|_| Held::open(&database.url())).collect();
    let report = Report::of(&Sandbox::new(&project));
    drop(held);
    report
        .only_error("too-many-clients")
        .says("8 of 8 connections are in use")
        .seen("7 sessions: held-by-test")
        .fix("confirm", &[&format!("end the other sessions on `{}`", database.name)]);
}

/// A session of another program; ends when dropped.
struct Held {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Held {
    fn open(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = format!("{url}?application_name=held-by-test");
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            drop(tokio::spawn(connection));
            client
        });
        Self { runtime, client }
    }

    fn run(&self, statement: &str) {
        self.runtime.block_on(self.client.batch_execute(statement)).unwrap();
    }
}

#[test]
fn db_missing() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role("CREATEDB");
    let project = Project::new();
    let name = format!("{}_gone", role.name);
    project.write(".env", &format!("APP_NAME=shop\nDATABASE_URL={}\n", cluster.url(&role, &name)));
    let report = Report::of(&Sandbox::new(&project));
    report
        .only_error("db-missing")
        .says(&format!("the server has no database `{name}`"))
        .at(".env", 2, "leads to")
        .seen(&format!("role `{}` logs in", role.name))
        .fix("auto", &[&format!("create the database `{name}`")]);
    let poor = cluster.create_role("");
    project.write(".env", &format!("DATABASE_URL={}\n", cluster.url(&poor, &name)));
    Report::of(&Sandbox::new(&project)).only_error_beside("db-missing", &["no-createdb"]).fix(
        "manual",
        &[&cluster.superuser_command("postgres", &format!("'CREATE DATABASE {name} OWNER {}'", poor.name))],
    );
}

#[test]
fn db_missing_because_it_lets_nobody_in() {
    let Some((project, database)) = local_project() else { return };
    let Some(cluster) = Cluster::shared() else { return };
    cluster.sql("postgres", &format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    let report = Report::of(&Sandbox::new(&project));
    cluster.sql("postgres", &format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name));
    let statement = format!("'ALTER DATABASE {} ALLOW_CONNECTIONS true'", database.name);
    let sql = cluster.superuser_command("postgres", &statement);
    report.only_error("db-missing").says("lets nobody in").seen("datallowconn").fix("manual", &[&sql]);
}

#[test]
fn no_createdb() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role("");
    let database = cluster.fresh_database(&role);
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    Report::of(&Sandbox::new(&project))
        .only_warning("no-createdb")
        .says(&format!("role `{}` may not create databases", role.name))
        .fix("manual", &[&cluster.superuser_command("postgres", &format!("'ALTER ROLE {} CREATEDB'", role.name))]);
}

#[test]
fn no_createdb_in_a_container() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]"));
    let container = shop.engine.postgres(&shop.wanted(Some(("127.0.0.1", port))));
    container.wait_ready();
    let password = new_password();
    Held::open(&container.url())
        .run(&format!("CREATE ROLE limited LOGIN PASSWORD '{password}'; GRANT CREATE ON SCHEMA public TO limited"));
    shop.project.write(".env", &format!("DATABASE_URL=postgresql://limited:{password}@localhost:{port}/app\n"));
    shop.doctor()
        .only_warning("no-createdb")
        .fix("confirm", &[&format!("give role `limited` CREATEDB inside the container `{}`", container.name)]);
}

#[test]
fn db_in_use_by_a_transaction_left_open() {
    let Some((project, database)) = local_project() else { return };
    let held = Held::open(&database.url());
    held.run("BEGIN; SELECT 1");
    let sandbox = Sandbox::new(&project);
    // A transaction of this moment is work, not a fault.
    Report::of(&sandbox).is_healthy();
    std::thread::sleep(Duration::from_secs(61));
    let report = Report::of(&sandbox);
    report
        .only_warning("db-in-use")
        .says("1 session left a transaction open")
        .seen(&format!("held-by-test as `{}`, idle in transaction, for 6", database.owner.name))
        .fix("confirm", &[&format!("end the other sessions on `{}`", database.name)]);
}

#[test]
fn db_in_use_by_somebody_whom_the_role_may_not_end() {
    let Some((project, database)) = local_project() else { return };
    let Some(cluster) = Cluster::shared() else { return };
    let held = Held::open(&cluster.superuser_url(&database.name));
    Report::of(&Sandbox::new(&project))
        .only_warning("db-in-use")
        .says(&format!("1 session of other roles cannot be ended by `{}`", database.owner.name))
        .seen("held-by-test as `postgres`")
        .fix("manual", &[]);
    // The app's own sessions are no fault.
    drop(held);
    let _own = Held::open(&database.url());
    Report::of(&Sandbox::new(&project)).is_healthy();
}

#[test]
fn lock_wait() {
    let Some((project, database)) = local_project() else { return };
    database.sql("CREATE TABLE users (id int)");
    let url = database.url();
    let holder = Held::open(&url);
    holder.run("BEGIN; LOCK TABLE users");
    let waiter = std::thread::spawn(move || Held::open(&url).run("SELECT * FROM users"));
    std::thread::sleep(Duration::from_secs(4));
    let sandbox = Sandbox::new(&project);
    let pid = database.value(
        "SELECT pid::text FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()",
    );
    let pid = pid.unwrap();
    Report::of(&sandbox)
        .only_warning("lock-wait")
        .says(&format!("1 session waits for what pid {pid} holds"))
        .seen("`held-by-test` has waited for ")
        .seen(&format!("pid {pid}: `held-by-test` as `{}`, idle in transaction", database.owner.name))
        .fix("confirm", &[&format!("end the session {pid}, which rolls its open transaction back")]);
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    waiter.join().unwrap();
    Report::of(&sandbox).is_healthy();
}

#[test]
fn lock_wait_for_one_that_works() {
    let Some((project, database)) = local_project() else { return };
    database.sql("CREATE TABLE users (id int)");
    let (url, other) = (database.url(), database.url());
    let holder = std::thread::spawn(move || Held::open(&url).run("BEGIN; LOCK TABLE users; SELECT pg_sleep(8)"));
    std::thread::sleep(Duration::from_millis(500));
    let waiter = std::thread::spawn(move || Held::open(&other).run("SELECT * FROM users"));
    std::thread::sleep(Duration::from_secs(4));
    let report = Report::of(&Sandbox::new(&project));
    let query =
        "SELECT pid::text FROM pg_stat_activity WHERE query LIKE '%pg_sleep(8)' AND datname = current_database()";
    let cancel = format!("devdb psql -c 'SELECT pg_cancel_backend({})'", database.value(query).unwrap());
    report.only_warning("lock-wait").seen(", active").fix("manual", &[&cancel]);
    holder.join().unwrap();
    waiter.join().unwrap();
    Report::of(&Sandbox::new(&project)).is_healthy();
}

#[test]
fn socket_missing() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let (role, port) = (&database.owner, cluster.port());
    let project = Project::new();
    let url = |folder: &str| {
        format!(
            "DATABASE_URL=postgresql://{}:{}@/{}?host={folder}&port={port}\n",
            role.name, role.password, database.name
        )
    };
    project.write(".env", &url("/var/pgsql_socket"));
    let shown = format!("postgresql://{}:***@/run/postgresql:{port}/{}", role.name, database.name);
    // As Debian has it, for this process alone, while the project says where macOS had it.
    let line = format!(
        "mkdir -p /run/postgresql && mount -t tmpfs none /run/postgresql && ln -s {0}/.s.PGSQL.{port} /run/postgresql/ && {1} \"$@\"",
        cluster.socket_directory().display(),
        env!("CARGO_BIN_EXE_devdb"),
    );
    let sandbox = apart(&project, "--mount", &line);
    Report::of(&sandbox)
        .only_error("socket-missing")
        .says(&format!("there is no socket `/var/pgsql_socket/.s.PGSQL.{port}`"))
        .seen(&format!("PostgreSQL answers on /run/postgresql/.s.PGSQL.{port}"))
        .fix("confirm", &[&format!("set `DATABASE_URL` in `.env:1` to `{shown}`")]);
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    // In quotes, for `&` is the shell's.
    let quoted = url("/run/postgresql").replace("=postgresql", "='postgresql").replace('\n', "'\n");
    assert_eq!(project.read(".env"), quoted, "only the folder was changed");
    Report::of(&sandbox).is_healthy();
}

#[test]
fn a_socket_is_missing_while_the_server_listens_on_a_port() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let role = cluster.create_role("CREATEDB");
    cluster.stop();
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL=postgresql://{}@/app?host=/var/pgsql_socket\n", role.name));
    Report::of(&alone(&cluster, &project))
        .only_error("socket-missing")
        .seen("PostgreSQL answers on 127.0.0.1:5433")
        .fix("manual", &["PGHOST=127.0.0.1 PGPORT=5433   # or as host and port of the URL"]);
    cluster.resume();
}

#[test]
fn client_older() {
    let Some(cluster) = Cluster::of_major(18) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    project.write("scripts/dump.sh", "#!/bin/sh\n# keeps a copy\npg_dump --dbname \"$1\" --file /dev/null\n");
    let sandbox = Sandbox::new(&project).env("PATH", &std::env::var("PATH").unwrap());
    let url = database.url();
    let dump = sandbox.clone().program("sh").args(["scripts/dump.sh", &url]);
    dump.may_show_secrets().run().assert_stderr_has("aborting because of server version mismatch");
    Report::of(&sandbox)
        .only_warning("client-older")
        .says("and refuses a server of 18")
        .at("scripts/dump.sh", 3, "calls pg_dump")
        .fix("manual", &["apt install postgresql-client-18"]);
    // One that runs where the server is has the server's version.
    project.write("scripts/dump.sh", "#!/bin/sh\ndocker compose exec -T db pg_dump -U app app\n");
    Report::of(&sandbox).is_healthy();
}

#[test]
fn stale_pidfile() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    cluster.stop();
    let data = cluster.data();
    let file = data.join("postmaster.pid");
    // Another program of the same user has the number now.
    let mut other = cluster.as_owner("sleep").arg("60").spawn().unwrap();
    let text = format!("{}\n{}\n", other.id(), data.display());
    std::fs::write(&file, text).unwrap();
    std::os::unix::fs::chown(
        &file,
        std::fs::metadata(&data).map(|it| std::os::unix::fs::MetadataExt::uid(&it)).ok(),
        None,
    )
    .unwrap();
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    let sandbox = Sandbox::new(&project).env("PGDATA", data.to_str().unwrap());
    let refused = cluster.try_start();
    assert!(refused.contains("lock file \"postmaster.pid\" already exists"), "{refused}");
    let path = data.display();
    Report::of(&sandbox)
        .only_error("stale-pidfile")
        .says(&format!("`{}` names a process that is no server", file.display()))
        .seen(&format!("pid {} is `sleep`", other.id()))
        .fix("manual", &[&format!("rm {path}/postmaster.pid"), &format!("pg_ctl -D {path} start")]);
    std::fs::remove_file(&file).unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
    cluster.resume();
    Report::of(&sandbox).is_healthy();
}

#[test]
fn data_folder_major() {
    let (Some(old), Some(_)) = (Cluster::of_major(14), Cluster::shared()) else { return };
    let database = old.fresh_database(&old.create_role("CREATEDB"));
    old.stop();
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    let path = format!("{}:{}", bench::server().unwrap().bin.display(), bench::path().to_string_lossy());
    let data = old.data().display().to_string();
    let sandbox = Sandbox::new(&project).env("PGDATA", &data).env("PATH", &path);
    let major = Cluster::shared().unwrap().major();
    Report::of(&sandbox)
        .only_error("data-folder-major")
        .says(&format!("the data in `{data}` are of PostgreSQL 14, the installed server is {major}"))
        .seen("PG_VERSION says 14")
        .fix("manual", &["apt install postgresql-14", &format!("/usr/lib/postgresql/14/bin/pg_ctl -D {data} start")]);
    // With its own programs it starts.
    old.resume();
    Report::of(&sandbox).is_healthy();
}
