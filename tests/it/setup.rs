//! `devdb setup`: from a fresh clone to a working database, and safe to run again.

use crate::doctor_report::Shop;
use crate::support::cluster::Cluster;
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, secrets, venv};

/// The passwords that setup made up are secrets like any other.
fn register_made_up(project: &Project) {
    for line in project.read(".env").lines() {
        if let Some((_, password)) = line.split_once("PASSWORD=") {
            secrets::register(password);
        }
    }
}

#[test]
fn a_fresh_clone_with_compose_works_after_one_command() {
    let (Some(shop), Some(_), Some(python)) = (Shop::new(), bench::compose(), bench::venv()) else { return };
    let port = free_port();
    let project = &shop.project;
    project.copy_fixture("alembic-sync");
    venv::link_into(&python, project, ".venv");
    project.write(
        "docker-compose.yml",
        &format!(
            "services:\n  db:\n    image: {}\n    environment:\n      POSTGRES_USER: app\n      \
             POSTGRES_PASSWORD: ${{POSTGRES_PASSWORD}}\n      POSTGRES_DB: app_dev\n    ports: [\"{port}:5432\"]\n",
            shop.engine.image
        ),
    );
    let example = format!(
        "POSTGRES_PASSWORD=CHANGE_ME\nDATABASE_URL=postgresql://app:CHANGE_ME@localhost:{port}/app_dev\nAPP_ENV=development\n"
    );
    project.write(".env.example", &example);
    let sandbox = shop.sandbox().env("COMPOSE_PROJECT_NAME", &shop.name.name);
    sandbox
        .clone()
        .args(["setup", "--yes", "--seed", "demo"])
        .run()
        .assert_code(0)
        .assert_stderr_has("`.env` from `.env.example`")
        .assert_stderr_has("Compose service `db`")
        .assert_stderr_has("5 revisions")
        .assert_stdout_has("ready");
    register_made_up(project);
    let env = project.read(".env");
    assert!(!env.contains("CHANGE_ME") && env.contains("APP_ENV=development"), "{env}");
    assert_eq!(project.read(".env.example"), example, "the example stays as it is");
    shop.doctor().is_healthy();
    // Again: nothing to do, nothing changed.
    let again = sandbox.clone().args(["setup", "--yes"]).run();
    again.assert_code(0).assert_stderr_has("at the chain's head").assert_lacks("swap");
    assert_eq!(project.read(".env"), env);
}

#[test]
fn pending_revisions_are_applied_and_data_stay() {
    let (Some(cluster), Some(python)) = (Cluster::shared(), bench::venv()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::from_fixture("alembic-sync");
    venv::link_into(&python, &project, ".venv");
    project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
    let upgraded = venv::run(&python, &project, "alembic", &["upgrade", "3f1c7a9be204"]);
    assert!(upgraded.status.success(), "{}", String::from_utf8_lossy(&upgraded.stderr));
    database.sql("create table mine as select 7 as number");
    Sandbox::new(&project)
        .args(["setup", "--yes"])
        .run()
        .assert_code(0)
        .assert_stderr_has("4 pending migrations applied");
    assert_eq!(database.value("select number::text from mine").as_deref(), Some("7"));
    assert_eq!(database.value("select version_num from alembic_version").as_deref(), Some("e07d58a2c3b6"));
}

#[test]
fn tables_that_no_migration_made_are_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::from_fixture("alembic-sync");
    project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
    database.sql("create table users (id int); insert into users values (1)");
    let output = Sandbox::new(&project).args(["setup", "--yes"]).run();
    output.assert_code(1).assert_stderr_has("no migration made").assert_stderr_has("devdb reset");
    assert_eq!(database.value("select count(*)::text from users").as_deref(), Some("1"));
}

#[test]
fn a_project_that_names_no_database_is_told_what_to_write() {
    let project = Project::new();
    let output = Sandbox::new(&project).args(["setup", "--yes"]).run();
    output.assert_code(4).assert_stderr_has("nothing names a database").assert_stderr_has("DATABASE_URL=postgresql://");
}
