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
fn a_compose_file_that_compose_refuses_is_doubt_and_no_pass() {
    let Some(shop) = Shop::new() else { return };
    shop.compose(&format!("ports: [\"{}:5432\"]", free_port())).env(&format!("localhost:{}", free_port()));
    let broken = format!("{}  - x\n", shop.project.read("docker-compose.yml"));
    shop.project.write("docker-compose.yml", &broken);
    let report = shop.doctor();
    assert!(report.reason("port-unpublished").contains("Compose refuses docker-compose.yml:"), "{report}");
    assert!(!report.ids("pass").contains(&"host-localhost-inside"), "{report}");
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
fn container_restarting_with_another_majors_data() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let volume = shop.engine.volume();
    let mut wanted = shop.wanted(Some(("0.0.0.0", port)));
    wanted.volume = Some(&volume);
    let first = shop.engine.postgres(&wanted);
    first.wait_ready();
    first.stop();
    drop(first);
    wanted.command = Some(vec!["sh", "-c", "echo 14 > \"$PGDATA/PG_VERSION\"; exec docker-entrypoint.sh postgres"]);
    let container = shop.engine.postgres(&wanted);
    wait_for_log(&container, "not compatible with this version");
    std::thread::sleep(Duration::from_millis(300));
    shop.doctor()
        .only_error("container-restarting")
        .says("ended (exit code 1)")
        .seen("initialized by PostgreSQL version 14, which is not compatible with this version 15");
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
