//! Projects with nothing wrong: `devdb doctor` finds nothing, in text as in JSON.

use crate::doctor_report::{CHECKS, Report, Shop, local_project};
use crate::support::cluster::Cluster;
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};

#[test]
fn a_compose_project_at_its_head_has_no_finding() {
    let (Some(shop), Some(_), Some(python)) = (Shop::new(), bench::compose(), bench::venv()) else { return };
    let port = free_port();
    shop.project.copy_fixture("alembic-sync");
    let mounted = "volumes: [\"data:/var/lib/postgresql/data\"]\nvolumes: {data: {}}";
    shop.compose(&format!("ports: [\"{port}:5432\"]\n    {mounted}"));
    shop.project.write(".env", &format!("APP_ENV=development\n{}\n", shop.url_line(&format!("localhost:{port}"))));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    let upgraded = venv::run(&python, &shop.project, "alembic", &["upgrade", "head"]);
    assert!(upgraded.status.success(), "{}", String::from_utf8_lossy(&upgraded.stderr));
    let report = shop.doctor();
    report.is_healthy();
    assert_eq!(report.ids("unknown"), [""; 0], "{report}");
    // Its chain is Alembic's, and nobody asked to run it.
    let sql = ["sql-chain-fault", "sql-dirty", "sql-unknown-version", "sql-checksum", "sql-behind"];
    let others = ["django-leaf-nodes", "django-inconsistent", "project-code-fails", "schema-drift"];
    let other = [sql.as_slice(), others.as_slice()].concat();
    assert_eq!(report.ids("skipped"), other, "{report}");
    let passed = CHECKS - other.len();
    assert_eq!(report.ids("pass").len(), passed, "{report}");
    let target = report.json.pointer("/target").unwrap();
    assert_eq!(target.pointer("/url").unwrap(), &format!("postgresql://app:***@localhost:{port}/app"));
    assert_eq!(target.pointer("/origin/file").unwrap(), ".env");
    assert_eq!(target.pointer("/origin/line").unwrap(), 2);
    report.text.assert_stdout_has(&format!("no errors · no warnings · {passed} passed"));
}

#[test]
fn a_local_server_used_on_purpose_is_no_fault() {
    let Some((project, _database)) = local_project() else { return };
    let report = Report::of(&Sandbox::new(&project));
    report.is_healthy();
    assert_eq!(report.ids("unknown"), [""; 0], "nothing here needs an engine{report}");
}

#[test]
fn a_local_server_beside_a_stopped_compose_service_is_no_fault() {
    let (Some(cluster), Some(shop)) = (Cluster::shared(), Shop::new()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    shop.compose(&format!("ports: [\"{}:5432\"]", free_port()));
    shop.project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    // Never made; then made and stopped by its user.
    shop.doctor().is_healthy();
    Report::of(&Sandbox::new(&shop.project)).is_healthy();
    let port = free_port();
    let container = shop.engine.postgres(&shop.wanted(Some(("127.0.0.1", port))));
    container.wait_ready();
    container.stop();
    shop.doctor().is_healthy();
}

#[test]
fn other_projects_containers_are_not_mixed_in() {
    let (Some((project, _database)), Some(other)) = (local_project(), Shop::new()) else { return };
    let port = free_port();
    let container = other.engine.postgres(&other.wanted(Some(("127.0.0.1", port))));
    container.wait_ready();
    Report::of(&Sandbox::new(&project).with_docker()).is_healthy();
}

#[test]
fn a_project_in_a_subfolder_with_a_name_in_unicode_is_understood() {
    let Some((other, database)) = local_project() else { return };
    drop(other);
    let project = Project::new();
    project.write("Über 店/backend/.env", &format!("DATABASE_URL={}\n", database.url()));
    project.write("Über 店/backend/pyproject.toml", "[project]\nname = \"shop\"\n");
    project.write("Über 店/README.md", "# shop\n");
    let sandbox = Sandbox::new(&project);
    let report = Report::of(&sandbox);
    report.is_healthy();
    assert_eq!(report.json.pointer("/target/origin/file").unwrap(), "Über 店/backend/.env");
    let report = Report::of(&sandbox.current_dir("Über 店/backend"));
    report.is_healthy();
    assert_eq!(report.json.pointer("/target/origin/file").unwrap(), ".env");
}
