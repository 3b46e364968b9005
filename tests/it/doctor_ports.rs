//! The port story, on the real engine: who listens where, and who dials what.

use crate::doctor_report::{Report, Shop, line_of};
use crate::support::bench;
use crate::support::cluster::{Cluster, Options};
use crate::support::engine::PgContainer;
use crate::support::ports::free_port;

/// `.env` names one port, the container publishes another: both lines are named, and the fix writes one number.
#[track_caller]
fn check_mismatch(published: u16, dialled: u16) {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    shop.compose(&format!("ports: [\"{published}:5432\"]")).env(&format!("localhost:{dialled}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(published);
    let report = shop.doctor();
    let mapping = line_of(&shop.project, "docker-compose.yml", "ports:");
    report
        .only_error("port-mismatch")
        .says(&format!("your app dials port {dialled}, container `"))
        .says(&format!("(service `db`) publishes {published}"))
        .at(".env", 2, &format!("DATABASE_URL says port {dialled}"))
        .at("docker-compose.yml", mapping, &format!("publishes \"{published}:5432\""))
        .seen(&format!("the engine says: {published} -> 5432/tcp"))
        .fix("auto", &[&format!("set `DATABASE_URL` in `.env:2` to `postgresql://app:***@localhost:{published}/app`")]);
    assert_eq!(report.reason("conn-refused"), "follows from port-mismatch");
    // The fix's own words, carried out by hand: the same project is healthy.
    shop.env(&format!("localhost:{published}"));
    shop.doctor().is_healthy();
}

#[test]
fn port_mismatch_when_the_container_is_above() {
    let (low, high) = two_ports();
    check_mismatch(high, low);
}

#[test]
fn port_mismatch_when_the_container_is_below() {
    let (low, high) = two_ports();
    check_mismatch(low, high);
}

/// Two free ports, the lower one first.
fn two_ports() -> (u16, u16) {
    let (one, other) = (free_port(), free_port());
    (one.min(other), one.max(other))
}

#[test]
fn port_mismatch_with_a_key_of_its_own() {
    let Some(shop) = Shop::new() else { return };
    let (dialled, published) = two_ports();
    shop.compose(&format!("ports: [\"127.0.0.1:{published}:5432\"]"));
    let env = format!(
        "POSTGRES_HOST=localhost\nPOSTGRES_PORT={dialled}\nPOSTGRES_USER=app\nPOSTGRES_PASSWORD={}\nPOSTGRES_DB=app\n",
        shop.password
    );
    shop.project.write(".env", &env);
    let container = shop.engine.postgres(&shop.wanted(Some(("127.0.0.1", published))));
    container.wait_ready();
    shop.doctor()
        .only_error("port-mismatch")
        .at(".env", 2, &format!("POSTGRES_PORT={dialled}"))
        .fix("auto", &[&format!("set `POSTGRES_PORT` in `.env:2` to `{published}`")]);
}

#[test]
fn port_mismatch_without_an_engine_to_ask() {
    let Some(shop) = Shop::new() else { return };
    let (dialled, published) = two_ports();
    shop.compose(&format!("ports: [\"{published}:5432\"]")).env(&format!("localhost:{dialled}"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", published))));
    container.wait_ready();
    let report = Report::of(&crate::support::sandbox::Sandbox::new(&shop.project));
    assert_eq!(report.ids("fail"), ["docker-down", "port-mismatch"], "two lines disagree all the same{report}");
}

#[test]
fn port_mismatch_of_a_container_without_compose() {
    let Some(shop) = Shop::new() else { return };
    let (dialled, published) = two_ports();
    let database = format!("only_{published}");
    let line = format!("DATABASE_URL=postgresql://app:{}@localhost:{dialled}/{database}\n", shop.password);
    shop.project.write(".env", &line);
    let mut wanted = shop.wanted(Some(("127.0.0.1", published)));
    wanted.labels.clear();
    wanted.env = vec![("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", &shop.password), ("POSTGRES_DB", &database)];
    let container = shop.engine.postgres(&wanted);
    container.wait_ready();
    shop.doctor()
        .only_error("port-mismatch")
        .says(&format!("container `{}` publishes {published}", container.name))
        .at(".env", 1, &format!("port {dialled}"))
        .fix(
            "auto",
            &[&format!("set `DATABASE_URL` in `.env:1` to `postgresql://app:***@localhost:{published}/{database}`")],
        );
}

#[test]
fn another_projects_container_of_the_same_name_is_not_taken_for_ours() {
    let (Some(other), Some(shop)) = (Shop::new(), Shop::new()) else { return };
    let container = other.engine.postgres(&other.wanted(Some(("127.0.0.1", free_port()))));
    container.wait_ready();
    // The same role and database, as every project of one template has.
    shop.env(&format!("localhost:{}", free_port()));
    shop.doctor().only_error("conn-refused");
    shop.compose(&format!("ports: [\"{}:5432\"]", free_port()));
    let report = shop.doctor();
    assert!(!report.text.stdout.contains(&container.name), "{report}");
}

#[test]
fn port_unpublished() {
    let Some(shop) = Shop::new() else { return };
    let dialled = free_port();
    shop.compose("expose: [\"5432\"]").env(&format!("localhost:{dialled}"));
    let container = shop.engine.postgres(&shop.wanted(None));
    container.wait_ready();
    shop.doctor()
        .only_error("port-unpublished")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "  db:"), "has no `ports:` entry")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "expose:"), "opens nothing")
        .at(".env", 2, &format!("port {dialled}"))
        .fix("manual", &[&format!("ports: [\"{dialled}:5432\"]   # under the service `db`"), "devdb up"]);
}

#[test]
fn port_unpublished_when_the_container_is_older_than_the_file() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let container = shop.engine.postgres(&shop.wanted(None));
    container.wait_ready();
    shop.doctor()
        .only_error("port-unpublished")
        .says("was made before its port was published")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "ports:"), "publishes")
        .fix("confirm", &["recreate the Compose service `db`"]);
}

#[test]
fn port_ephemeral() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let dialled = free_port();
    shop.compose("ports: [\"5432\"]").env(&format!("localhost:{dialled}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.doctor()
        .only_error("port-ephemeral")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "ports:"), "\"5432\" names no host port")
        .at(".env", 2, &format!("port {dialled}"))
        .seen("right now it is ")
        .fix("manual", &[&format!("\"{dialled}:5432\"   # instead of \"5432\""), "devdb up"]);
}

#[test]
fn port_ephemeral_by_a_variable_that_is_not_set() {
    let Some(shop) = Shop::new() else { return };
    let dialled = free_port();
    shop.compose("ports: [\"${DB_PORT}:5432\"]").env(&format!("localhost:{dialled}"));
    let report = shop.doctor();
    report
        .only_error("port-ephemeral")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "ports:"), "names no host port")
        .fix("confirm", &[&format!("add `DB_PORT={dialled}` to `.env`"), "start the Compose service `db`"]);
}

#[test]
fn port_allocated() {
    let (Some(other), Some(shop)) = (Shop::new(), Shop::new()) else { return };
    let port = free_port();
    let theirs = other.engine.postgres(&other.wanted(Some(("0.0.0.0", port))));
    theirs.wait_ready();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let ours = shop.engine.create(&shop.wanted(Some(("0.0.0.0", port))));
    let refused = ours.try_start().unwrap_err();
    assert!(refused.contains("port is already allocated"), "{refused}");
    shop.doctor()
        .only_error("port-allocated")
        .says(&format!("host port {port} is taken by container `{}`", theirs.name))
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "ports:"), &format!("host port {port}"))
        .seen(&format!("Compose project `{}`", other.name.name))
        .seen("port is already allocated")
        .fix("manual", &[&format!("docker stop {}", theirs.name), "devdb up"]);
}

#[test]
fn port_in_use() {
    let (Some(cluster), Some(shop)) = (Cluster::start(&Options::default()), Shop::new()) else { return };
    let port = cluster.port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let ours = shop.engine.create(&shop.wanted(Some(("0.0.0.0", port))));
    let refused = ours.try_start().unwrap_err();
    assert!(refused.contains("address already in use"), "{refused}");
    let report = shop.doctor();
    report
        .only_error("port-in-use")
        .says(&format!("host port {port}, which service `db` publishes, is taken"))
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "ports:"), &format!("host port {port}"))
        .seen(&format!("127.0.0.1:{port} is held by `postgres` (pid "))
        .seen("address already in use")
        .fix("manual", &[&format!("\"{}:5432\"   # in the Compose file, and the same port in .env", port + 1)]);
}

#[test]
fn wrong_server() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    // The same role, password and database on both: only the identifiers tell them apart.
    cluster.sql("postgres", &format!("CREATE ROLE app LOGIN SUPERUSER PASSWORD '{}'", shop.password));
    cluster.sql("postgres", "CREATE DATABASE app OWNER app");
    let published = free_port();
    let local = cluster.port();
    shop.compose(&format!("ports: [\"{published}:5432\"]")).env(&format!("localhost:{local}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(published);
    let theirs = cluster.value("postgres", "SELECT system_identifier FROM pg_control_system()").unwrap();
    let ours = {
        let url = format!("host=127.0.0.1 port={published} user=app dbname=app password={}", shop.password);
        crate::support::block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            let driver = tokio::spawn(connection);
            let row = client.query_one("SELECT system_identifier::text FROM pg_control_system()", &[]).await.unwrap();
            driver.abort();
            row.get::<_, String>(0)
        })
    };
    assert_ne!(theirs, ours);
    let report = shop.doctor();
    report
        .only_error("wrong-server")
        .says(&format!("on port {local} is not container `"))
        .at(".env", 2, &format!("port {local}"))
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "ports:"), "publishes")
        .seen(&format!("system identifier over TCP: {theirs}; in the container: {ours}"))
        .seen(&format!("127.0.0.1:{local} is held by `postgres`"))
        .fix("auto", &[&format!("set `DATABASE_URL` in `.env:2` to `postgresql://app:***@localhost:{published}/app`")]);
    assert_eq!(report.reason("db-missing"), "follows from wrong-server");
}

#[test]
fn wrong_server_that_refuses_the_login() {
    let Some(shop) = Shop::new() else { return };
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let (published, local) = (free_port(), cluster.port());
    shop.compose(&format!("ports: [\"{published}:5432\"]")).env(&format!("localhost:{local}"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", published))));
    container.wait_ready();
    // Nobody can log in, so no identifier is read; but the app dials a port that its container does not publish.
    shop.doctor()
        .only_error("port-mismatch")
        .at(".env", 2, &format!("port {local}"))
        .seen(&format!("127.0.0.1:{local} is held by `postgres`"));
}

#[test]
fn host_is_service_name() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env("db:5432");
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    let step = format!("set `DATABASE_URL` in `.env:2` to `postgresql://app:***@localhost:{port}/app`");
    let report = shop.doctor();
    report
        .only_error("host-is-service-name")
        .at(".env", 2, "names the host `db`")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "  db:"), "the service")
        .seen("the resolver says")
        .fix("auto", &[&step]);
    // A file that containers read too is not changed without a question.
    shop.compose(&format!("ports: [\"{port}:5432\"]\n  web:\n    image: shop/web\n    env_file: .env"));
    shop.doctor().only_error("host-is-service-name").seen("service `web` reads the same file").fix("confirm", &[&step]);
}

#[test]
fn host_localhost_inside() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    let inside = format!("postgresql://app:{}@localhost:{port}/app", shop.password);
    shop.compose(&format!(
        "ports: [\"{port}:5432\"]\n  web:\n    image: shop/web\n    environment:\n      DATABASE_URL: {inside}"
    ))
    .env(&format!("localhost:{port}"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    let report = shop.doctor();
    report
        .only_error("host-localhost-inside")
        .says("service `web` dials `localhost`, which is its own container")
        .at(
            "docker-compose.yml",
            line_of(&shop.project, "docker-compose.yml", "DATABASE_URL:"),
            "DATABASE_URL leads to",
        )
        .fix("manual", &["DATABASE_URL: postgresql://…@db:5432/app   # under `environment:` of `web`"]);
}

#[test]
fn port_in_container() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let port = free_port();
    let web = |port: u16| {
        format!(
            "ports: [\"{port_outside}:5432\"]\n  web:\n    image: {image}\n    entrypoint: [sleep, infinity]\n    environment:\n      \
             DATABASE_URL: postgresql://app:{password}@db:{port}/app",
            port_outside = shop_port(&shop),
            image = shop.engine.image,
            password = shop.password,
        )
    };
    shop.project.write("port", &port.to_string());
    shop.compose(&web(port)).env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    // As the app in the container meets it.
    let dial = |port: u16| {
        let port = port.to_string();
        shop.run_compose(&["exec", "-T", "web", "pg_isready", "-h", "db", "-p", &port])
    };
    assert!(!dial(port) && dial(5432));
    let text = "docker-compose.yml";
    shop.doctor()
        .only_error("port-in-container")
        .says(&format!("service `web` dials `db:{port}`, and `db` listens on 5432"))
        .at(text, line_of(&shop.project, text, "DATABASE_URL"), "DATABASE_URL leads to postgresql://app:***@db:")
        .at(text, line_of(&shop.project, text, "ports:"), &format!("\"{port}:5432\" is for the host"))
        .fix("manual", &["DATABASE_URL: postgresql://…@db:5432/app"]);
    shop.compose(&web(5432));
    shop.doctor().is_healthy();
}

fn shop_port(shop: &Shop) -> String {
    shop.project.read("port")
}

/// Three projects that all want one port, as those that were made of one template do.
#[test]
fn port_allocated_by_another_project_of_several() {
    let (Some(first), Some(second), Some(third)) = (Shop::new(), Shop::new(), Shop::new()) else { return };
    let Some(_) = bench::compose() else { return };
    let port = free_port();
    for shop in [&first, &second, &third] {
        shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    }
    assert!(first.run_compose(&["up", "-d"]));
    first.wait_ready(port);
    for shop in [&second, &third] {
        assert!(!shop.run_compose(&["up", "-d"]), "the port is taken");
        let holder = format!("{}_db_1", first.name.name);
        shop.doctor()
            .only_error("port-allocated")
            .says(&format!("host port {port} is taken by container `{holder}` (service `db`)"))
            .seen(&format!("it belongs to the Compose project `{}` in ", first.name.name))
            .seen("the engine says: ")
            .fix("manual", &[&format!("docker stop {holder}"), "devdb up"]);
    }
    first.doctor().is_healthy();
}

#[test]
fn a_name_that_only_containers_have_for_the_machine() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("host.docker.internal:{port}"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    let step = format!("set `DATABASE_URL` in `.env:2` to `postgresql://app:***@localhost:{port}/app`");
    shop.doctor()
        .only_error("host-is-service-name")
        .says("`host.docker.internal` is this machine's name inside of containers alone")
        .at(".env", 2, "names the host `host.docker.internal`")
        .fix("confirm", &[&step]);
    shop.sandbox().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    shop.doctor().is_healthy();
}

#[test]
fn localhost_in_container() {
    let Some(shop) = Shop::new() else { return };
    let network = shop.engine.network();
    let database = shop.engine.postgres(&PgContainer { network: Some(&network), ..shop.wanted(None) });
    let image = &shop.engine.image;
    let compose = format!(
        "services:\n  {}:\n    image: {image}\n    environment: {{POSTGRES_USER: app, POSTGRES_PASSWORD: {}, POSTGRES_DB: app}}\n    \
         volumes: [\"data:/var/lib/postgresql/data\"]\nvolumes: {{data: {{}}}}\n",
        database.name, shop.password
    );
    shop.project.write("compose.yaml", &compose);
    shop.env("localhost:5432");
    database.wait_ready();
    // A dev container: devdb beside the database, in a container of its own, with the project mounted.
    let inside = |arguments: &[&str]| {
        let binds = vec![
            format!("{}:/work", shop.project.path().display()),
            format!("{}:/usr/local/bin/devdb:ro", env!("CARGO_BIN_EXE_devdb")),
        ];
        let command: Vec<&str> = ["devdb", "-C", "/work"].into_iter().chain(arguments.iter().copied()).collect();
        let env = vec![("HOME", "/tmp")];
        let wanted =
            PgContainer { network: Some(&network), binds, command: Some(command), env, ..PgContainer::default() };
        let container = shop.engine.postgres(&wanted);
        let started = std::time::Instant::now();
        while !container.has_ended() {
            assert!(started.elapsed() < std::time::Duration::from_mins(1), "{}", container.logs());
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        container.logs()
    };
    let said = inside(&["doctor"]);
    assert!(said.contains("`localhost` is the container itself  [localhost-in-container]"), "{said}");
    assert!(said.contains(&format!("PostgreSQL answers as `{}:5432`", database.name)), "{said}");
    assert!(said.contains("1 error · no warnings"), "{said}");
    inside(&["doctor", "--fix", "--yes"]);
    assert!(shop.project.read(".env").contains(&format!("@{}:5432/app", database.name)));
    let said = inside(&["doctor"]);
    assert!(said.contains("no errors · no warnings"), "{said}");
}

#[test]
fn published_everywhere() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    let volume = "volumes: [\"data:/var/lib/postgresql/data\"]\nvolumes: {data: {}}";
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {volume}"));
    let url =
        |password: &str| format!("APP_NAME=shop\nDATABASE_URL=postgresql://app:{password}@localhost:{port}/app\n");
    let publish = |address: &str, password: &str| {
        let env = vec![("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", password), ("POSTGRES_DB", "app")];
        let wanted =
            PgContainer { env, published: Some((address, port)), labels: shop.labels(), ..PgContainer::default() };
        shop.engine.postgres(&wanted)
    };
    shop.project.write(".env", &url("letmein"));
    shop.project.edit("docker-compose.yml", &shop.password, "letmein");
    let container = publish("0.0.0.0", "letmein");
    container.wait_ready();
    let doctor = || shop.doctor();
    doctor()
        .only_note("published-everywhere")
        .says("has a password that anybody guesses")
        .seen(&format!("port {port} is bound to all addresses"))
        .fix("manual", &[&format!("ports: [\"127.0.0.1:{port}:5432\"]"), "docker compose up -d db"]);
    drop(container);
    let container = publish("127.0.0.1", "letmein");
    container.wait_ready();
    assert_eq!(doctor().is_healthy().ids("info"), [""; 0]);
}

#[test]
fn port_unpublished_as_it_leads_to_another_one_inside() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let port = free_port();
    let volume = "volumes: [\"data:/var/lib/postgresql/data\"]\nvolumes: {data: {}}";
    shop.compose(&format!("ports: [\"{port}:{port}\"]\n    {volume}")).env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d", "db"]));
    let file = "docker-compose.yml";
    shop.doctor()
        .only_error("port-unpublished")
        .says("service `db` publishes no port for PostgreSQL")
        .at(
            file,
            line_of(&shop.project, file, "ports:"),
            &format!("leads to {port} inside; the server listens on 5432"),
        )
        .fix("manual", &[&format!("ports: [\"{port}:5432\"]   # under the service `db`"), "devdb up"]);
    shop.project.edit(file, &format!("{port}:{port}"), &format!("{port}:5432"));
    assert!(shop.run_compose(&["up", "-d", "db"]));
    shop.wait_ready(port);
    shop.doctor().is_healthy();
}

#[test]
fn host_gateway_missing() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    let web = |more: &str| {
        let url = format!("postgresql://app:{}@host.docker.internal:{port}/app", shop.password);
        let rest = format!("\n  web:\n    image: shop/web\n    {more}environment: {{DATABASE_URL: \"{url}\"}}");
        let volume = "volumes: [\"data:/var/lib/postgresql/data\"]";
        shop.compose(&format!("ports: [\"{port}:5432\"]\n    {volume}{rest}\nvolumes: {{data: {{}}}}"));
    };
    web("");
    shop.env(&format!("localhost:{port}"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    let file = "docker-compose.yml";
    // As any container of this engine sees it.
    let known = |program: &str| container.executes(&["sh", "-c", program]);
    assert!(!known("grep -q host.docker.internal /etc/hosts"), "this engine gives the name");
    let line = "extra_hosts: [\"host.docker.internal:host-gateway\"]";
    shop.doctor()
        .only_warning("host-gateway-missing")
        .says("service `web` dials `host.docker.internal`, a name that this engine does not give it")
        .at(file, line_of(&shop.project, file, "host.docker.internal"), "DATABASE_URL names it")
        .fix("manual", &[&format!("{line}   # under the service `web`"), "docker compose up -d web"]);
    web(&format!("{line}\n    "));
    shop.doctor().is_healthy();
}

#[test]
fn a_pooler_before_the_database_is_no_mismatch() {
    let Some(shop) = Shop::new() else { return };
    let (direct, pooled) = (free_port(), free_port());
    let pooler = format!("  pooler:\n    image: bitnami/pgbouncer\n    ports: [\"{pooled}:5432\"]");
    shop.compose(&format!("ports: [\"{direct}:5432\"]\n{pooler}")).env(&format!("localhost:{pooled}"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", direct))));
    container.wait_ready();
    let report = shop.doctor();
    assert_eq!(report.ids("fail"), ["conn-refused"], "the pooler is down, and no port is wrong{report}");
    // Without it the port is wrong.
    shop.compose(&format!("ports: [\"{direct}:5432\"]"));
    shop.doctor().only_error("port-mismatch");
}

#[test]
fn a_variable_of_the_mapping_itself_is_not_changed() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:${{DB_PORT}}\"]"));
    let password = &shop.password;
    let env = format!("DB_HOST=localhost\nDB_PORT=5432\nDB_USER=app\nDB_PASSWORD={password}\nDB_NAME=app\n");
    shop.project.write(".env", &env);
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    shop.doctor().only_error("port-mismatch").fix("manual", &[]);
}
