//! `devdb doctor --fix`: what is offered is done, only that, with a way back, and the check falls silent.

use std::os::unix::fs::PermissionsExt as _;

use crate::doctor_report::{Shop, local_project};
use crate::support::cluster::Cluster;
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, block_on, venv};

/// The backups that a fix left, oldest first.
fn backups(project: &Project) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(project.file(".devdb/backups")) else { return Vec::new() };
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn the_port_is_mended_and_nothing_else_in_the_file() {
    let Some(shop) = Shop::new() else { return };
    let (published, dialled) = (free_port(), free_port());
    shop.compose(&format!("ports: [\"{published}:5432\"]"));
    let line = |port: u16| shop.url_line(&format!("localhost:{port}"));
    let before = format!("# the shop's own\nexport APP_NAME='my shop'\n{}  # theirs\n\nEMPTY=\n", line(dialled));
    shop.project.write(".env", &before);
    let container = shop.engine.postgres(&shop.wanted(Some(("127.0.0.1", published))));
    container.wait_ready();
    shop.sandbox()
        .args(["doctor", "--fix", "--yes"])
        .run()
        .assert_code(0)
        .assert_stderr_has("[port-mismatch]")
        .assert_stderr_has("brings it back");
    let after = format!("# the shop's own\nexport APP_NAME='my shop'\n{}  # theirs\n\nEMPTY=\n", line(published));
    assert_eq!(shop.project.read(".env"), after);
    let backups = backups(&shop.project);
    assert_eq!(backups.len(), 1, "one copy of what it was");
    let copy = backups.first().unwrap();
    assert_eq!(std::fs::read_to_string(copy).unwrap(), before);
    assert_eq!(std::fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(shop.project.read(".devdb/.gitignore"), "*\n");
    shop.doctor().is_healthy();
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_done() {
    let Some((project, _database)) = local_project() else { return };
    let before = project.read(".env").replace('\n', "\r\n");
    project.write(".env", &before);
    let output = Sandbox::new(&project).args(["doctor", "--fix"]).run();
    output.assert_code(3).assert_stderr_has("--yes").assert_stderr_has("consent");
    assert_eq!(project.read(".env"), before);
    assert!(backups(&project).is_empty());
}

#[test]
fn a_person_who_says_no_changes_nothing_and_yes_changes_it() {
    let Some((project, _database)) = local_project() else { return };
    let before = project.read(".env").replace('\n', "\r\n");
    project.write(".env", &before);
    let mut asked = Sandbox::new(&project).args(["doctor", "--fix"]).in_terminal(100, 40).spawn();
    asked.wait_for("Do it?");
    asked.type_text("n\r");
    asked.wait().assert_code(0);
    assert_eq!(project.read(".env"), before);
    let mut asked = Sandbox::new(&project).args(["doctor", "--fix"]).in_terminal(100, 40).spawn();
    asked.wait_for("Do it?");
    asked.type_text("y");
    asked.wait().assert_code(0);
    assert_eq!(project.read(".env"), before.replace("\r\n", "\n"));
}

#[test]
fn several_files_and_faults_are_mended_in_one_go() {
    let Some((project, database)) = local_project() else { return };
    let url = database.url();
    project.write(".env.example", "APP_NAME=shop\nDATABASE_URL=\nLOG_LEVEL=info\n");
    project.write(".env", &format!("APP_NAME=shop\r\nDATABASE_URL={url}\r\nAPP_NAME=other\r\n"));
    Sandbox::new(&project).args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert_eq!(project.read(".env"), format!("DATABASE_URL={url}\nAPP_NAME=other\nLOG_LEVEL=info\n"));
    let json = Sandbox::new(&project).args(["doctor", "--json"]).run().assert_code(0).json();
    let checks = json.pointer("/checks").unwrap().as_array().unwrap();
    let loud = checks.iter().filter(|check| check["status"] == "warn" || check["status"] == "fail").count();
    assert_eq!(loud, 0, "{json:#}");
}

#[test]
fn a_missing_file_comes_from_the_example() {
    let Some((project, database)) = local_project() else { return };
    project.remove(".env");
    project.write(".env.example", &format!("DATABASE_URL={}\n", database.url()));
    Sandbox::new(&project).args(["doctor", "--fix", "--yes", "--only", "env-missing"]).run().assert_code(0);
    assert_eq!(project.read(".env"), project.read(".env.example"));
    let mode = std::fs::metadata(project.file(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "it holds a password");
}

#[test]
fn a_missing_database_is_created_and_its_chain_is_run() {
    let (Some(cluster), Some(python)) = (Cluster::shared(), bench::venv()) else { return };
    let role = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&role);
    let project = Project::from_fixture("alembic-sync");
    venv::link_into(&python, &project, ".venv");
    project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
    cluster.sql("postgres", &format!("DROP DATABASE \"{}\"", database.name));
    Sandbox::new(&project).args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert_eq!(database.value("select version_num from alembic_version").as_deref(), Some("e07d58a2c3b6"));
    let owner = "select pg_get_userbyid(datdba) from pg_database where datname = current_database()";
    assert_eq!(database.value(owner), Some(role.name));
}

#[test]
fn a_stale_password_is_set_inside_and_the_data_stay() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let port = free_port();
    let rest =
        format!("ports: [\"{port}:5432\"]\n    volumes: [data:/var/lib/postgresql/data]\nvolumes:\n  data: {{}}");
    shop.compose(&rest).env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    query(&shop, port, "create table kept as select 42 as answer");
    let new = Shop { password: crate::support::new_password(), ..shop };
    new.compose(&rest).env(&format!("localhost:{port}"));
    assert!(new.run_compose(&["up", "-d"]));
    new.wait_refused(port);
    new.sandbox().args(["doctor", "--fix", "--yes"]).run().assert_code(0).assert_stderr_has("[volume-password-stale]");
    query(&new, port, "do $$ begin assert (select answer from kept) = 42; end $$");
    new.doctor().is_healthy();
}

#[test]
fn a_stopped_service_is_started() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("localhost:{port}"));
    let sandbox = shop.sandbox().env("COMPOSE_PROJECT_NAME", &shop.name.name);
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0).assert_stderr_has("[conn-refused]");
    query(&shop, port, "select 1");
}

#[test]
fn nothing_is_written_to_a_database_that_says_production() {
    let (Some(cluster), Some(python)) = (Cluster::shared(), bench::venv()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::from_fixture("alembic-sync");
    venv::link_into(&python, &project, ".venv");
    project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=production\n", database.url()));
    let output = Sandbox::new(&project).args(["doctor", "--fix", "--yes"]).run();
    output.assert_code(3).assert_stderr_has("production").assert_stderr_has("APP_ENV");
    assert_eq!(database.value("select to_regclass('alembic_version')::text"), None);
}

/// Runs a statement as the app does.
#[track_caller]
fn query(shop: &Shop, port: u16, statement: &str) {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("app").password(&shop.password).dbname("app");
    block_on(async {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        let moving = tokio::spawn(connection);
        client.batch_execute(statement).await.unwrap();
        drop(client);
        moving.await.unwrap().unwrap();
    });
}
