//! Faults of the engine and of the database's container.

use crate::doctor_report::{Report, Shop, line_of};
use crate::support::bench;
use crate::support::engine::Container;
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

/// Runs devdb as the user `nobody` in the project, which that user may then read; only root can.
pub(crate) fn as_nobody(project: &Project, arguments: &str) -> Option<Sandbox> {
    let nobody = nix::unistd::User::from_name("nobody").ok().flatten();
    let (Some(nobody), true) = (nobody, nix::unistd::geteuid().is_root()) else {
        eprintln!("SKIPPED: only root can become another user");
        return None;
    };
    let sandbox = Sandbox::new(project);
    for path in [project.path(), sandbox.home()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (uid, gid) = (nobody.uid.to_string(), nobody.gid.to_string());
    let sandbox = sandbox.program("setpriv").args(["--reuid", &uid, "--regid", &gid, "--clear-groups"]);
    Some(sandbox.args([env!("CARGO_BIN_EXE_devdb")]).args(arguments.split(' ')))
}

const MINE: &str = "3fd30542fe3f61b14bd4a4b2dc0b6fb30fa6f63ebce52dd1778aaa8c4dc02cff";

/// Waits until the container has written this.
#[track_caller]
fn wait_for_log(container: &Container, text: &str) {
    let started = Instant::now();
    while !container.logs().contains(text) {
        assert!(started.elapsed() < Duration::from_mins(1), "no {text:?} in\n{}", container.logs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn docker_down() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let report = Report::of(&Sandbox::new(&shop.project));
    report
        .only_error("docker-down")
        .says("there is no socket")
        .seen("named by DOCKER_HOST")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "  db:"), "service `db` would run there")
        .fix("manual", &["unset DOCKER_HOST", "docker context use default"]);
    assert_eq!(report.reason("conn-refused"), "follows from docker-down");
    assert_eq!(report.reason("container-created"), "follows from docker-down");
    assert_eq!(report.ids("unknown"), [""; 0], "{report}");
}

#[test]
fn docker_down_when_the_socket_has_no_listener() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let socket = shop.project.file("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let host = format!("unix://{}", socket.display());
    let report = Report::of(&Sandbox::new(&shop.project).env("DOCKER_HOST", &host));
    report.only_error("docker-down").says("nobody listens");
}

#[test]
fn docker_down_when_the_engine_says_nothing() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let socket = shop.project.file("docker.sock");
    let _deaf = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let host = format!("unix://{}", socket.display());
    let report = Report::of(&Sandbox::new(&shop.project).env("DOCKER_HOST", &host));
    report.only_error("docker-down").says("does not answer");
    assert!(report.text.took < Duration::from_secs(3), "{}", report.text);
}

#[test]
fn docker_down_by_a_context_that_leads_nowhere() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let sandbox = Sandbox::new(&shop.project).env_remove("DOCKER_HOST");
    std::fs::create_dir(sandbox.home().join(".docker")).unwrap();
    std::fs::write(sandbox.home().join(".docker/config.json"), "{\"currentContext\": \"gone\"}").unwrap();
    let report = Report::of(&sandbox);
    report.only_error("docker-down").says("there is no context `gone`").seen("named by the current context `gone`");
}

#[test]
fn a_context_names_the_engine() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let container = shop.engine.postgres(&shop.wanted(Some(("0.0.0.0", port))));
    container.wait_ready();
    let sandbox = Sandbox::new(&shop.project).env_remove("DOCKER_HOST");
    // `printf mine | sha256sum`, as `docker context create mine` names the folder.
    let folder = sandbox.home().join(".docker/contexts/meta").join(MINE);
    std::fs::create_dir_all(&folder).unwrap();
    let meta = format!("{{\"Name\":\"mine\",\"Endpoints\":{{\"docker\":{{\"Host\":\"{}\"}}}}}}", shop.engine.host);
    std::fs::write(folder.join("meta.json"), meta).unwrap();
    let report = Report::of(&sandbox.env("DOCKER_CONTEXT", "mine"));
    report.is_healthy();
    assert!(report.ids("pass").contains(&"wrong-server"), "the engine was asked{report}");
}

#[test]
fn compose_invalid() {
    let Some(shop) = Shop::new() else { return };
    shop.compose(&format!("ports: [\"{}:5432\"]", free_port())).env(&format!("localhost:{}", free_port()));
    let whole = shop.project.read("docker-compose.yml");
    for (broken, says, fix) in [
        (format!("{whole}  - x\n"), "", "mend the line"),
        (whole.replace("POSTGRES_DB: app", "POSTGRES_DB: ${app"), "a plain dollar", "write `$$`"),
        (whole.replace("POSTGRES_DB: app", "POSTGRES_DB: ${NAME:?give it}"), "NAME", "set the variable"),
    ] {
        std::fs::write(shop.project.file("docker-compose.yml"), &broken).unwrap();
        assert!(bench::compose().is_none() || !shop.run_compose(&["config", "--quiet"]), "Compose takes it:\n{broken}");
        let report = shop.doctor();
        assert_eq!(report.ids("fail").first(), Some(&"compose-invalid"), "{report}");
        report.the_finding("compose-invalid").says("Compose refuses `docker-compose.yml`").seen(says);
        report.text.assert_stdout_has(fix);
        assert!(!report.ids("pass").contains(&"host-localhost-inside"), "{report}");
        assert!(!report.ids("unknown").contains(&"host-localhost-inside"), "{report}");
    }
    std::fs::write(shop.project.file("docker-compose.yml"), &whole).unwrap();
    assert!(shop.doctor().ids("pass").contains(&"compose-invalid"));
}

#[test]
fn a_project_that_names_no_database_is_still_looked_at() {
    let Some(shop) = Shop::new() else { return };
    shop.compose("expose: [\"5432\"]");
    let report = shop.doctor();
    report.only_error("env-missing");
    assert_eq!(report.ids("unknown"), [""; 0], "{report}");
}

#[test]
fn an_engine_that_nobody_needs_is_not_missed() {
    let Some((project, _database)) = crate::doctor_report::local_project() else { return };
    let report = Report::of(&Sandbox::new(&project));
    report.is_healthy();
    assert_eq!(report.reason("docker-down"), "there is no Compose file");
}

#[test]
fn docker_permission() {
    let Some(shop) = Shop::new() else { return };
    let Some(socket) = shop.engine.host.strip_prefix("unix://") else { return };
    let mode = std::fs::metadata(socket).unwrap().permissions().mode();
    if mode & 0o006 != 0 {
        eprintln!("SKIPPED: everybody may use {socket}");
        return;
    }
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let Some(sandbox) = as_nobody(&shop.project, "doctor --json") else { return };
    let output = sandbox.with_docker().run();
    output.assert_code(1);
    let report = Report { json: output.json(), text: output };
    report
        .only_error("docker-permission")
        .says("this user may not open unix://")
        .fix("manual", &["sudo usermod -aG docker \"$USER\""]);
    assert_eq!(report.reason("docker-down"), "follows from docker-permission");
    assert_eq!(report.reason("conn-refused"), "follows from docker-permission");
}

#[test]
fn container_created() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let mut wanted = shop.wanted(Some(("0.0.0.0", port)));
    // A file mounted onto a folder: the engine makes the container and cannot run it.
    let file = shop.project.write("init.sql", "select 1;\n");
    wanted.binds = vec![format!("{}:/usr/local/bin", file.display())];
    let container = shop.engine.create(&wanted);
    container.try_start().unwrap_err();
    shop.doctor()
        .only_error("container-created")
        .says(&format!("container `{}` (service `db`) was created and never ran", container.name))
        .seen("the engine says:")
        .fix("confirm", &[&format!("start the container `{}`", container.name)]);
}

#[test]
fn container_restarting() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let mut wanted = shop.wanted(Some(("0.0.0.0", port)));
    wanted.env = vec![("POSTGRES_USER", "app")];
    wanted.restarts = true;
    let container = shop.engine.postgres(&wanted);
    wait_for_log(&container, "superuser password is not specified");
    // Between two starts it is `restarting`, and for a moment `running`: it is the same fault.
    wait_for_log(&container, "superuser password is not specified");
    std::thread::sleep(Duration::from_secs(1));
    shop.doctor()
        .only_error("container-restarting")
        .says(&format!("container `{}` (service `db`) restarts again and again", container.name))
        .seen("restart")
        .seen("superuser password is not specified")
        .fix("manual", &[&format!("docker logs {}", container.name)]);
}

#[test]
fn pgdata_major_mismatch() {
    let (Some(shop), Some(image_18)) = (Shop::new(), bench::image_18()) else { return };
    let port = free_port();
    let data = "volumes: [data:/var/lib/postgresql/data]\nvolumes:\n  data: {}";
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {data}")).env(&format!("localhost:{port}"));
    let Some(_) = bench::compose() else { return };
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    // Data of 15, an image of 18.
    let before = shop.project.read("docker-compose.yml");
    shop.project.write("docker-compose.yml", &before.replace(&shop.engine.image, &image_18));
    assert!(shop.run_compose(&["up", "-d"]));
    let ended = || fails(&shop) == ["pgdata-major-mismatch"];
    wait_until("the container of 18 ends", ended);
    let report = shop.doctor();
    report
        .only_error("pgdata-major-mismatch")
        .says("are of PostgreSQL 15, its image is 18")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "image:"), "image: ")
        .seen("_data` holds PG_VERSION 15")
        .fix(
            "manual",
            &[
                &format!("image: {}", shop.engine.image),
                "devdb up",
                "devdb snapshot export before.dump   # then the new image, and an empty volume",
                "devdb snapshot import before.dump",
            ],
        );
    assert_eq!(report.reason("pg18-mount"), "follows from pgdata-major-mismatch");
    shop.project.write("docker-compose.yml", &before);
    shop.sandbox().args(["up"]).env("COMPOSE_PROJECT_NAME", &shop.name.name).run().assert_code(0);
    shop.doctor().is_healthy();
}

#[test]
fn pg18_mount() {
    let (Some(shop), Some(image_18), Some(_)) = (Shop::new(), bench::image_18(), bench::compose()) else { return };
    let port = free_port();
    let data = "volumes: [data:/var/lib/postgresql/data]   # ours\nvolumes:\n  data: {}";
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {data}")).env(&format!("localhost:{port}"));
    let before = shop.project.read("docker-compose.yml").replace(&shop.engine.image, &image_18);
    shop.project.write("docker-compose.yml", &before);
    assert!(shop.run_compose(&["up", "-d"]));
    wait_until("the container of 18 ends", || fails(&shop) == ["pg18-mount"]);
    let line = line_of(&shop.project, "docker-compose.yml", "# ours");
    shop.doctor()
        .only_error("pg18-mount")
        .says("service `db` mounts its volume where PostgreSQL 18's image refuses it")
        .at("docker-compose.yml", line, "mounted at /var/lib/postgresql/data")
        .seen("log: Error: in 18+")
        .fix(
            "confirm",
            &[
                &format!("write `/var/lib/postgresql` for `/var/lib/postgresql/data` in `docker-compose.yml:{line}`"),
                "recreate the Compose service `db`",
            ],
        );
    shop.sandbox()
        .env("COMPOSE_PROJECT_NAME", &shop.name.name)
        .args(["doctor", "--fix", "--yes"])
        .run()
        .assert_code(0)
        .assert_stderr_has("brings it back");
    let after = before.replace("data:/var/lib/postgresql/data]", "data:/var/lib/postgresql]");
    assert_eq!(shop.project.read("docker-compose.yml"), after, "one path, and nothing else");
    shop.wait_ready(port);
    shop.doctor().is_healthy();
}

/// The errors of one run, while something is on its way.
fn fails(shop: &Shop) -> Vec<String> {
    let json = shop.sandbox().args(["doctor", "--json"]).run().json();
    let checks = json.pointer("/checks").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let failed = checks.iter().filter(|check| check.pointer("/status").is_some_and(|it| it == "fail"));
    failed.filter_map(|check| Some(check.pointer("/id")?.as_str()?.to_owned())).collect()
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn container_oom() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let mut wanted = shop.wanted(Some(("127.0.0.1", port)));
    wanted.memory = Some(24 << 20);
    wanted.command = Some(vec!["sh", "-c", "exec tail /dev/zero"]);
    let container = shop.engine.postgres(&wanted);
    wait_until("the kernel ends it", || container.has_ended());
    shop.doctor()
        .only_error("container-oom")
        .says(&format!("container `{}` (service `db`) was killed for want of memory", container.name))
        .seen("OOMKilled, exit code 137")
        .fix("manual", &["devdb up"]);
}

#[test]
fn shm_small() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let mut wanted = shop.wanted(Some(("127.0.0.1", port)));
    wanted.shm = Some(2 << 20);
    let container = shop.engine.postgres(&wanted);
    container.wait_ready();
    shop.doctor().is_healthy();
    let settings = [
        "SET max_parallel_workers_per_gather = 4",
        "SET parallel_setup_cost = 0",
        "SET parallel_tuple_cost = 0",
        "SET min_parallel_table_scan_size = 0",
        "SET work_mem = '64MB'",
        "CREATE TABLE numbers AS SELECT n, md5(n::text) AS text FROM generate_series(1, 60000) n",
        "ANALYZE numbers",
        "SELECT count(*) FROM numbers a JOIN numbers b USING (text)",
    ];
    let mut psql = std::process::Command::new("psql");
    for statement in settings {
        psql.args(["-c", statement]);
    }
    let ran = psql.args(["-w", "-v", "ON_ERROR_STOP=1"]).arg(container.url()).output().unwrap();
    assert!(String::from_utf8_lossy(&ran.stderr).contains("could not resize shared memory segment"), "{ran:?}");
    psql_in(&container, "DROP TABLE numbers");
    shop.doctor()
        .only_warning("shm-small")
        .says(&format!("container `{}` (service `db`) has too little shared memory", container.name))
        .seen("`/dev/shm` has 2048 kB")
        .seen("could not resize shared memory segment")
        .fix("manual", &["shm_size: 256mb", "docker compose up -d db"]);
}

#[track_caller]
fn psql_in(container: &Container, statement: &str) {
    let ran = std::process::Command::new("psql").args(["-w", "-c", statement, &container.url()]).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
fn disk_full() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let volume = shop.engine.small_volume(110);
    let mut wanted = shop.wanted(Some(("127.0.0.1", port)));
    wanted.volume = Some(&volume);
    let container = shop.engine.postgres(&wanted);
    container.wait_ready();
    shop.doctor().is_healthy();
    // Unlogged, so that the table grows and the log of changes does not.
    psql_in(&container, "CREATE UNLOGGED TABLE filler (text text)");
    let fill = "INSERT INTO filler SELECT repeat(md5(n::text), 60) FROM generate_series(1, 100000) n";
    let ran = std::process::Command::new("psql").args(["-w", "-c", fill, &container.url()]).output().unwrap();
    assert!(String::from_utf8_lossy(&ran.stderr).contains("No space left on device"), "{ran:?}");
    shop.doctor()
        .only_error("disk-full")
        .says(&format!("container `{}` (service `db`) has no room for its data", container.name))
        .seen("could not extend file")
        .seen("kB are left")
        .seen(&format!("the data are in the volume `{}`", volume.name))
        .fix("manual", &["docker system df", "docker builder prune", "docker image prune", "devdb up"]);
    // Room again: what the log said is past.
    psql_in(&container, "DROP TABLE filler");
    psql_in(&container, "CHECKPOINT");
    shop.doctor().is_healthy();
}

#[test]
fn volume_shared() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let volume = shop.engine.volume();
    let mut wanted = shop.wanted(Some(("127.0.0.1", port)));
    wanted.volume = Some(&volume);
    let container = shop.engine.postgres(&wanted);
    container.wait_ready();
    let other_port = free_port();
    let mut second = crate::support::engine::PgContainer {
        published: Some(("127.0.0.1", other_port)),
        labels: vec![("com.docker.compose.project", "other"), ("com.docker.compose.service", "db")],
        ..wanted
    };
    second.volume = Some(&volume);
    let other = shop.engine.postgres(&second);
    other.wait_ready();
    shop.doctor()
        .only_error("volume-shared")
        .says(&format!(
            "container `{}` (service `db`) and container `{}` (service `db`) run on the same data",
            container.name, other.name
        ))
        .seen(&format!("both mount the volume `{}`", volume.name))
        .seen("the other belongs to the Compose project `other`")
        .fix("manual", &[&format!("docker stop {}", other.name), "devdb reset"]);
    other.stop();
    shop.doctor().is_healthy();
}

#[test]
fn healthcheck_args_lost() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let port = free_port();
    let check = "healthcheck: {test: [\"CMD-SHELL\", \"pg_isready\", \"-U\", \"app\"], interval: 1s}";
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {check}")).env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    let line = line_of(&shop.project, "docker-compose.yml", "healthcheck:");
    wait_until("the check runs as root", || {
        let report = shop.doctor();
        let shown = report.text.stdout.contains("role \"root\" does not exist");
        report
            .only_warning("healthcheck-args-lost")
            .says("runs `pg_isready` alone: `CMD-SHELL` takes one text")
            .at("docker-compose.yml", line, "[CMD-SHELL, pg_isready, -U, app]")
            .fix("manual", &["test: [\"CMD-SHELL\", \"pg_isready -U app\"]", "docker compose up -d db"]);
        shown
    });
    let text = shop.project.read("docker-compose.yml");
    let text = text.replace("\"pg_isready\", \"-U\", \"app\"", "\"pg_isready -U app\"");
    shop.project.write("docker-compose.yml", &text);
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    shop.doctor().is_healthy();
}

#[test]
fn volume_password_stale() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let port = free_port();
    let rest =
        format!("ports: [\"{port}:5432\"]\n    volumes: [data:/var/lib/postgresql/data]\nvolumes:\n  data: {{}}");
    shop.compose(&rest).env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    // The password is changed everywhere but in the volume.
    let new = Shop { password: crate::support::new_password(), ..shop };
    new.compose(&rest).env(&format!("localhost:{port}"));
    assert!(new.run_compose(&["up", "-d"]));
    new.wait_refused(port);
    let report = new.doctor();
    let password = line_of(&new.project, "docker-compose.yml", "POSTGRES_PASSWORD");
    let name = format!("{}_db_1", new.name.name);
    report
        .only_error("volume-password-stale")
        .says(&format!("the volume of container `{name}` (service `db`) was initialised with another password"))
        .at(".env", 2, "refused over TCP")
        .at("docker-compose.yml", password, "it only counts for an empty volume")
        .seen("`psql` inside the container")
        .seen("Skipping initialization")
        .fix("confirm", &[&format!("set the password of role `app` inside the container `{name}`")]);
    assert_eq!(report.reason("auth-password"), "follows from volume-password-stale");
}

/// A busy engine is no engine that is down: what the server says counts, and nothing is said of a container.
#[test]
fn a_busy_engine_is_doubt_where_the_database_answers() {
    let (Some(cluster), Some(shop)) = (crate::support::cluster::Cluster::shared(), Shop::new()) else { return };
    let owner = cluster.create_role("CREATEDB");
    shop.compose(&format!("ports: [\"{}:5432\"]", cluster.port()));
    shop.project.write(".env", &format!("DATABASE_URL={}\n", cluster.url(&owner, "nobody_made_it")));
    let socket = shop.project.file("docker.sock");
    let _deaf = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let host = format!("unix://{}", socket.display());
    let output = Sandbox::new(&shop.project).env("DOCKER_HOST", &host).args(["doctor"]).run();
    output
        .assert_code(1)
        .assert_stdout_has("the server has no database `nobody_made_it`  [db-missing]")
        .assert_stdout_has("fix: create the database `nobody_made_it` (--fix does it)")
        .assert_stdout_has("could not tell container-created")
        .assert_stdout_has("1 error · no warnings");
}

#[test]
fn locale_missing() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    let named = |locale: &str| {
        let arguments = format!("POSTGRES_DB: app\n      POSTGRES_INITDB_ARGS: --locale={locale}");
        shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
        shop.project.edit("docker-compose.yml", "POSTGRES_DB: app", &arguments);
        let mut wanted = shop.wanted(Some(("0.0.0.0", port)));
        let arguments = format!("--locale={locale}");
        wanted.env.push(("POSTGRES_INITDB_ARGS", &arguments));
        shop.engine.postgres(&wanted)
    };
    let container = named("xx_YY.UTF-8");
    let started = Instant::now();
    while !container.has_ended() {
        assert!(started.elapsed() < Duration::from_mins(1), "{}", container.logs());
        std::thread::sleep(Duration::from_millis(50));
    }
    let report = shop.doctor();
    report
        .only_error("locale-missing")
        .says(&format!("container `{}` (service `db`) has not the locale that it is told to use", container.name))
        .seen("invalid locale name")
        .at("docker-compose.yml", line_of(&shop.project, "docker-compose.yml", "INITDB_ARGS"), "--locale=xx_YY.UTF-8")
        .fix(
            "manual",
            &[
                &format!("docker run --rm --entrypoint locale {} -a", shop.engine.image),
                "POSTGRES_INITDB_ARGS: --locale=C.UTF-8",
                "docker compose up -d db",
            ],
        );
    assert_eq!(report.reason("container-restarting"), "follows from locale-missing");
    drop(container);
    let container = named("C.UTF-8");
    container.wait_ready();
    shop.doctor().is_healthy();
}
