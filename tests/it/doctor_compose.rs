//! Faults, and what is worth knowing, of Compose files and of the volumes that they name, on the real engine.

use crate::doctor_report::{Shop, line_of};
use crate::support::bench;
use crate::support::engine::{Container, PgContainer};
use crate::support::ports::free_port;
use std::time::Duration;

const FILE: &str = "docker-compose.yml";
/// A mount of the data, and what else is needed for it.
const VOLUME: &str = "volumes: [\"data:/var/lib/postgresql/data\"]";
const VOLUMES: &str = "\nvolumes: {data: {}}";

/// A project whose database is up by Compose, published on the port.
fn up(rest: &str) -> Option<(Shop, u16)> {
    let (shop, _) = (Shop::new()?, bench::compose()?);
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {rest}")).env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d", "db"]));
    shop.wait_ready(port);
    Some((shop, port))
}

#[track_caller]
fn line(shop: &Shop, text: &str) -> usize {
    line_of(&shop.project, FILE, text)
}

#[test]
fn volume_anonymous() {
    // A path that is nearly right, as it is met in real projects.
    let Some((shop, port)) = up("volumes: [\"data:/var/lib/postgres\"]\nvolumes: {data: {}}") else { return };
    shop.doctor()
        .only_note("volume-anonymous")
        .says("the data of service `db` go with its container")
        .at(FILE, line(&shop, "  db:"), "mounts nothing at `/var/lib/postgresql/data`")
        .at(FILE, line(&shop, "data:/var/lib/postgres"), "is another place");
    let table = |shop: &Shop, statement: &str| shop.sandbox().args(["psql", "-c", statement]).run();
    table(&shop, "create table kept (id int)").assert_code(0);
    assert!(shop.run_compose(&["down"]) && shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    assert_ne!(table(&shop, "select * from kept").code, 0, "they went with it");
    // With a volume that has a name they stay.
    let text = shop.project.read(FILE).replace("data:/var/lib/postgres\"", "data:/var/lib/postgresql/data\"");
    std::fs::write(shop.project.file(FILE), text).unwrap();
    assert!(shop.run_compose(&["down"]) && shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    table(&shop, "create table if not exists kept (id int)").assert_code(0);
    assert!(shop.run_compose(&["down"]) && shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    table(&shop, "select * from kept").assert_code(0);
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
}

#[test]
fn no_healthcheck() {
    let web = format!("{VOLUME}\n  web:\n    image: shop/web\n    depends_on: [db]{VOLUMES}");
    let Some((shop, _)) = up(&web) else { return };
    shop.doctor().only_note("no-healthcheck").says("service `web` starts before `db` answers").at(
        FILE,
        line(&shop, "depends_on"),
        "waits for the container alone",
    );
    let waits = shop.project.read(FILE).replace("[db]", "{db: {condition: service_healthy}}");
    let checked =
        waits.replace("  web:", "    healthcheck: {test: [CMD-SHELL, pg_isready -U app -h 127.0.0.1]}\n  web:");
    std::fs::write(shop.project.file(FILE), checked).unwrap();
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
}

#[test]
fn image_unpinned() {
    let Some((shop, _)) = up(&format!("{VOLUME}{VOLUMES}")) else { return };
    let pinned = shop.project.read(FILE);
    for image in ["postgres", "postgres:latest", "pgvector/pgvector:latest"] {
        std::fs::write(shop.project.file(FILE), pinned.replace(&shop.engine.image, image)).unwrap();
        let pinned = if image.starts_with("pgvector") { "pgvector/pgvector:pg15" } else { "postgres:15" };
        shop.doctor()
            .only_note("image-unpinned")
            .says(&format!("takes whatever `{image}` is today"))
            .at(FILE, line(&shop, "image:"), "names no major")
            .fix("manual", &[&format!("image: {pinned}   # under the service `db`")]);
    }
    std::fs::write(shop.project.file(FILE), pinned.replace(&shop.engine.image, "postgres:15")).unwrap();
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
}

#[test]
fn auth_trust() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {VOLUME}{VOLUMES}")).env(&format!("localhost:{port}"));
    let text = shop
        .project
        .read(FILE)
        .replace("      POSTGRES_DB", "      POSTGRES_HOST_AUTH_METHOD: trust\n      POSTGRES_DB");
    std::fs::write(shop.project.file(FILE), text).unwrap();
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    let report = shop.doctor();
    report.only_note("auth-trust").says("lets everybody in").at(
        FILE,
        line(&shop, "HOST_AUTH"),
        "POSTGRES_HOST_AUTH_METHOD: trust",
    );
    report.text.assert_stdout_has("1 note (-v says more)");
    // Indeed it does.
    let any = format!("postgresql://app:whatever-else@localhost:{port}/app");
    shop.sandbox().env("DATABASE_URL", &any).args(["psql", "-c", "select 1"]).run().assert_code(0);
    shop.sandbox().args(["doctor", "-v"]).run().assert_code(0).assert_stdout_has("fix: take the line away");
}

#[test]
fn override_ports_appended() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let (first, second) = (free_port(), free_port());
    shop.compose(&format!("ports: [\"{first}:5432\"]\n    {VOLUME}{VOLUMES}")).env(&format!("localhost:{second}"));
    let more = "docker-compose.override.yml";
    shop.project.write(more, &format!("services:\n  db:\n    ports:\n      - \"{second}:5432\"\n"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(second);
    // Both are taken, as the note says.
    shop.wait_ready(first);
    shop.doctor()
        .only_note("override-ports-appended")
        .says("service `db` is published on 2 ports")
        .at(FILE, line(&shop, "ports:"), &format!("\"{first}:5432\""))
        .at(more, 4, &format!("\"{second}:5432\""));
    shop.project.remove(more);
    shop.env(&format!("localhost:{first}"));
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
}

#[test]
fn project_name_changed() {
    let Some((shop, port)) = up(&format!("{VOLUME}{VOLUMES}")) else { return };
    shop.sandbox().args(["psql", "-c", "create table orders (id int)"]).run().assert_code(0);
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
    assert!(shop.run_compose(&["stop"]));
    let second = Shop { name: crate::support::engine::ComposeProject::new(), ..shop };
    assert!(second.run_compose(&["up", "-d"]));
    second.wait_ready(port);
    let gone = second.sandbox().args(["psql", "-c", "select * from orders"]).run();
    assert_ne!(gone.code, 0, "the data are lost, as it seems");
    let report = second.doctor();
    let finding = report.only_warning("project-name-changed");
    finding.says("this folder was the Compose project `devdb-it-").seen("_data`");
}

/// Who the server is in the image.
const POSTGRES: u32 = 999;

/// A container of the project whose data directory is this folder of the machine, in which it may not write.
fn on_folder(shop: &Shop, folder: &str, port: u16) -> Container {
    let binds = vec![format!("{folder}:/var/lib/postgresql/data:ro")];
    shop.engine.postgres(&PgContainer { binds, ..shop.wanted(Some(("127.0.0.1", port))) })
}

#[test]
fn bind_mount_permissions() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    // A folder on which the server may change nothing, as on a drive of Windows in WSL.
    let folder = shop.project.file("data");
    std::fs::create_dir(&folder).unwrap();
    if let Err(why) = std::os::unix::fs::chown(&folder, Some(POSTGRES), Some(POSTGRES)) {
        return bench::skip("folder of another user", &why.to_string());
    }
    let shown = folder.display().to_string();
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    volumes: [\"./data:/var/lib/postgresql/data\"]"));
    shop.env(&format!("localhost:{port}"));
    let container = on_folder(&shop, &shown, port);
    let started = std::time::Instant::now();
    while !container.has_ended() {
        assert!(started.elapsed() < Duration::from_mins(1), "{}", container.logs());
        std::thread::sleep(Duration::from_millis(100));
    }
    let report = shop.doctor();
    report
        .only_error("bind-mount-permissions")
        .says("may not use the folder that its data are to be in")
        .seen("could not change permissions of directory")
        .seen(&format!("`{shown}` is mounted as `/var/lib/postgresql/data`"));
    assert!(report.reason("container-restarting").contains("bind-mount-permissions"), "{report}");
}

#[test]
fn initdb_not_rerun() {
    let Some(shop) = Shop::new() else { return };
    let first = shop.project.write("initdb/01_tables.sql", "create table if not exists first (id int);\n");
    let mounts =
        format!("volumes: [\"data:/var/lib/postgresql/data\", \"./initdb:/docker-entrypoint-initdb.d:ro\"]{VOLUMES}");
    let (Some(_), port) = (bench::compose(), free_port()) else { return };
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {mounts}")).env(&format!("localhost:{port}"));
    shop.project.git_init();
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    assert_eq!(shop.doctor().is_healthy().ids("warn"), [""; 0]);
    let later = std::time::SystemTime::now() + Duration::from_mins(10);
    let touch = |file: &std::path::Path| std::fs::File::open(file).unwrap().set_modified(later).unwrap();
    // A checkout writes the file anew and changes nothing.
    touch(&first);
    shop.doctor().is_healthy();
    let second = shop.project.write("initdb/02_more.sql", "create table second (id int);\n");
    touch(&second);
    let container = format!("{}_db_1", shop.name.name);
    let report = shop.doctor();
    let run = format!("docker exec {container} psql -U app -d app -f /docker-entrypoint-initdb.d/02_more.sql");
    report.is_healthy();
    report
        .the_finding("initdb-not-rerun")
        .says("`initdb/02_more.sql` changed after the database's volume was made")
        .at("initdb/02_more.sql", 0, "mounted for the first start")
        .fix("manual", &[&run]);
    assert_ne!(shop.sandbox().args(["psql", "-c", "select * from second"]).run().code, 0);
    let ran =
        std::process::Command::new("sh").args(["-c", &run]).env("DOCKER_HOST", &shop.engine.host).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    shop.sandbox().args(["psql", "-c", "select * from second"]).run().assert_code(0);
    // A volume that is made now runs all of them.
    std::fs::File::open(&second).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    assert!(shop.run_compose(&["down", "-v"]) && shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    shop.doctor().is_healthy();
}

#[test]
fn initdb_ignored() {
    let Some(shop) = Shop::new() else { return };
    shop.project.write("initdb/schema.psql", "create table first (id int);\n");
    shop.project.write("initdb/README.md", "# what stands here\n");
    let mounts =
        format!("volumes: [\"data:/var/lib/postgresql/data\", \"./initdb:/docker-entrypoint-initdb.d:ro\"]{VOLUMES}");
    let (Some(_), port) = (bench::compose(), free_port()) else { return };
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {mounts}")).env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    shop.doctor().only_warning("initdb-ignored").says("the image of service `db` ignores `initdb/schema.psql`").at(
        "initdb/schema.psql",
        0,
        "/docker-entrypoint-initdb.d/schema.psql",
    );
    assert_ne!(shop.sandbox().args(["psql", "-c", "select * from first"]).run().code, 0);
    std::fs::rename(shop.project.file("initdb/schema.psql"), shop.project.file("initdb/schema.sql")).unwrap();
    assert!(shop.run_compose(&["down", "-v"]) && shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    shop.doctor().is_healthy();
    shop.sandbox().args(["psql", "-c", "select * from first"]).run().assert_code(0);
}

#[test]
fn password_empty() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {VOLUME}{VOLUMES}")).env(&format!("localhost:{port}"));
    let text = shop.project.read(FILE);
    let unset = text.replace(&format!("POSTGRES_PASSWORD: {}", shop.password), "POSTGRES_PASSWORD: ${DB_SECRET}");
    std::fs::write(shop.project.file(FILE), &unset).unwrap();
    assert!(shop.run_compose(&["up", "-d"]));
    let started = std::time::Instant::now();
    while shop.sandbox().args(["doctor", "--only", "password-empty"]).run().code == 0 {
        assert!(started.elapsed() < Duration::from_mins(1), "it does not end");
    }
    let report = shop.doctor();
    report
        .only_error_beside("password-empty", &["env-key-missing"])
        .says("service `db` is to make a database without a password")
        .at(FILE, line(&shop, "DB_SECRET"), "POSTGRES_PASSWORD is empty")
        .seen("`DB_SECRET` is set nowhere")
        .seen("superuser password is not specified");
    assert_eq!(report.reason("container-restarting"), "follows from password-empty");
    std::fs::write(shop.project.file(FILE), &text).unwrap();
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    shop.doctor().is_healthy();
}

#[test]
fn volume_foreign() {
    let Some(engine) = crate::support::engine::Engine::get() else { return };
    let made = engine.volume();
    let volumes = format!("\nvolumes: {{data: {{name: {}}}}}", made.name);
    let Some((shop, _)) = up(&format!("{VOLUME}{volumes}")) else { return };
    shop.doctor()
        .only_note("volume-foreign")
        .says(&format!("the volume `{}` was not made by this project", made.name))
        .at(FILE, line(&shop, "name: "), "`data` of service `db`")
        .seen("it was made without Compose")
        .fix(
            "manual",
            &[
                &format!("data: {{name: {}, external: true}}   # keeps its data", made.name),
                "data: {}   # a new, empty volume; the old one stays as it is",
            ],
        );
    let text = shop.project.read(FILE);
    std::fs::write(shop.project.file(FILE), text.replace("}}", ", external: true}}")).unwrap();
    assert!(shop.run_compose(&["up", "-d", "db"]));
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
    // Else it would be held while it is taken away.
    assert!(shop.run_compose(&["down"]));
}

#[test]
fn image_stale() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let image = shop.engine.tag();
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {VOLUME}{VOLUMES}")).env(&format!("localhost:{port}"));
    shop.project.edit(FILE, &shop.engine.image, &image.name);
    assert!(shop.run_compose(&["up", "-d", "db"]));
    shop.wait_ready(port);
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
    // As a pull does: the tag names another image.
    image.rebuild();
    shop.doctor()
        .only_note("image-stale")
        .says(&format!("was made from an older `{}`", image.name))
        .seen("the tag names")
        .fix("manual", &["docker compose up -d db"]);
    assert!(shop.run_compose(&["up", "-d", "db"]));
    shop.wait_ready(port);
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
    assert!(shop.run_compose(&["down"]));
}

#[test]
fn healthcheck_initdb_window() {
    let rest = "healthcheck: {test: [CMD-SHELL, pg_isready -U app], interval: 1s}\n    \
                volumes: [\"data:/var/lib/postgresql/data\", \"./init.sql:/docker-entrypoint-initdb.d/init.sql\"]\n  \
                web:\n    image: shop/web\n    depends_on: {db: {condition: service_healthy}}\nvolumes: {data: {}}";
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let port = free_port();
    shop.project.write("init.sql", "SELECT pg_sleep(1);\n");
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {rest}")).env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d", "db"]));
    shop.wait_ready(port);
    shop.doctor()
        .only_note("healthcheck-initdb-window")
        .says("the health check of `db` passes while its init scripts still run")
        .at(FILE, line(&shop, "pg_isready"), "asks the socket")
        .at(FILE, line(&shop, "depends_on"), "service `web` starts then")
        .fix("manual", &["pg_isready -h 127.0.0.1   # instead of pg_isready"]);
    shop.project.edit(FILE, "pg_isready", "pg_isready -h 127.0.0.1");
    assert!(shop.run_compose(&["up", "-d", "db"]));
    shop.wait_ready(port);
    assert_eq!(shop.doctor().is_healthy().ids("info"), [""; 0]);
}
