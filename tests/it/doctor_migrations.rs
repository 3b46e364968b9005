//! The chain and where the database stands in it, on real files and a real server.

use crate::doctor_report::{Report, line_of};
use crate::support::cluster::{Cluster, Database};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};

const HEAD: &str = "e07d58a2c3b6";
const SECOND: &str = "alembic/versions/8d20e6b14c75_add_orders.py";
const LAST: &str = "alembic/versions/e07d58a2c3b6_cancel_orders.py";
const FORK: &str = "alembic/versions/f00dfeed0001_add_labels.py";

/// The fixture's chain, and a database that says it is at this revision.
fn stamped(revision: &str) -> Option<(Project, Database<'static>)> {
    let (project, database) = unstamped()?;
    database.sql(&format!(
        "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); \
         INSERT INTO alembic_version VALUES ('{revision}'); CREATE TABLE users (id int)"
    ));
    Some((project, database))
}

fn unstamped() -> Option<(Project, Database<'static>)> {
    let cluster = Cluster::shared()?;
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::from_fixture("alembic-sync");
    project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
    Some((project, database))
}

#[track_caller]
fn doctor(project: &Project) -> Report {
    Report::of(&Sandbox::new(project))
}

#[test]
fn a_chain_at_its_head_is_silent() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    doctor(&project).is_healthy();
}

#[test]
fn alembic_behind() {
    let (Some((project, database)), Some(python)) = (unstamped(), bench::venv()) else { return };
    // Alembic itself goes two revisions up; devdb reads where it stopped.
    let upgraded = venv::run(&python, &project, "alembic", &["upgrade", "8d20e6b14c75"]);
    assert!(upgraded.status.success(), "{}", String::from_utf8_lossy(&upgraded.stderr));
    let report = doctor(&project);
    report
        .only_error("alembic-behind")
        .says(&format!("`{}` is at `8d20e6b14c75`, 3 revisions behind", database.name))
        .at("alembic/versions/b5a4f0d3917e_add_users_username.py", 15, "b5a4f0d3917e  add users.username")
        .at(LAST, 15, "e07d58a2c3b6  ")
        .fix("confirm", &["run `alembic upgrade heads`"]);
    let upgraded = venv::run(&python, &project, "alembic", &["upgrade", "head"]);
    assert!(upgraded.status.success(), "{}", String::from_utf8_lossy(&upgraded.stderr));
    doctor(&project).is_healthy();
}

#[test]
fn alembic_behind_from_the_start() {
    let Some((project, database)) = unstamped() else { return };
    doctor(&project)
        .only_error("alembic-behind")
        .says(&format!("`{}` is empty, 5 revisions behind", database.name))
        .fix("confirm", &["run `alembic upgrade heads`"]);
}

#[test]
fn alembic_unstamped() {
    let (Some((project, database)), Some(python)) = (unstamped(), bench::venv()) else { return };
    // What an app does that calls `create_all()` when it starts.
    let script = "import os; from sqlalchemy import create_engine; from app.models import Base; \
                  from dotenv import load_dotenv; load_dotenv('.env'); \
                  Base.metadata.create_all(create_engine(os.environ['DATABASE_URL']))";
    let made = venv::run(&python, &project, "python", &["-c", script]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let tables = database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap();
    let report = doctor(&project);
    report
        .only_error("alembic-unstamped")
        .says(&format!("`{}` has {tables} tables that no migration made", database.name))
        .seen("there is no `alembic_version`")
        .at(LAST, 15, "5 revisions up to `e07d58a2c3b6`")
        .fix("manual", &["devdb reset"]);
    assert_eq!(report.reason("alembic-behind"), "follows from alembic-unstamped");
    database.sql("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)");
    doctor(&project).only_error("alembic-unstamped").seen("`alembic_version` is empty");
}

#[test]
fn alembic_unknown_revision() {
    let Some((project, _database)) = stamped("0123456789ab") else { return };
    let report = doctor(&project);
    report
        .only_error("alembic-unknown-revision")
        .says("the database is at `0123456789ab`, which no revision file has")
        .at(LAST, 15, "the chain's head is `e07d58a2c3b6`")
        .fix("manual", &["git log --all --oneline -S '0123456789ab'", "devdb reset"]);
    assert_eq!(report.reason("alembic-behind"), "follows from alembic-unknown-revision");
}

/// A second child of the last revision but one.
fn fork(project: &Project, revision: &str, parent: &str) {
    let text = format!(
        "\"\"\"add labels\"\"\"\n\nrevision = \"{revision}\"\ndown_revision = \"{parent}\"\n\n\ndef upgrade():\n    pass\n"
    );
    project.write(FORK, &text);
}

#[test]
fn alembic_multiple_heads() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    fork(&project, "f00dfeed0001", "c91be27f6d08");
    let report = doctor(&project);
    report
        .only_error("alembic-multiple-heads")
        .says("the chain has 2 heads")
        .at(LAST, 15, HEAD)
        .at(FORK, 3, "f00dfeed0001  add labels")
        .fix("confirm", &["run `alembic merge -m 'merge heads' e07d58a2c3b6 f00dfeed0001`"]);
    assert_eq!(report.reason("alembic-behind"), "follows from alembic-multiple-heads");
}

#[test]
fn alembic_missing_parent() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    project.remove(SECOND);
    let third = "alembic/versions/b5a4f0d3917e_add_users_username.py";
    doctor(&project)
        .only_error("alembic-missing-parent")
        .says("revision `b5a4f0d3917e` follows `8d20e6b14c75`, which no file has")
        .at(third, line_of(&project, third, "down_revision:"), "names `8d20e6b14c75`")
        .fix("manual", &["git log --all --oneline -S '8d20e6b14c75' -- '*.py'"]);
}

#[test]
fn alembic_missing_parent_by_a_file_that_python_cannot_read() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    project.write("alembic/versions/half_merged.py", "<<<<<<< HEAD\nrevision = \"a\"\n");
    doctor(&project).only_error("alembic-unreadable-revision").says("cannot be read as a revision").at(
        "alembic/versions/half_merged.py",
        1,
        "",
    );
}

#[test]
fn alembic_duplicate_id() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    fork(&project, HEAD, "c91be27f6d08");
    let report = doctor(&project);
    report
        .only_error("alembic-duplicate-id")
        .says(&format!("2 files have the id `{HEAD}`; only one of them runs"))
        .at(LAST, 15, "here")
        .at(FORK, 3, "here")
        .fix("manual", &[]);
}

#[test]
fn alembic_cycle() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    let text = project.read(SECOND).replace("\"3f1c7a9be204\"", &format!("\"{HEAD}\""));
    project.write(SECOND, &text);
    let report = doctor(&project);
    report
        .only_error("alembic-cycle")
        .says("8d20e6b14c75")
        .at(SECOND, line_of(&project, SECOND, "down_revision:"), &format!("`8d20e6b14c75` follows {HEAD}"))
        .fix("manual", &["git log -p -- <the file>"]);
}

#[test]
fn alembic_url_diff() {
    let Some((project, database)) = stamped(HEAD) else { return };
    // An `env.py` that takes the ini's word.
    project.write(
        "alembic/env.py",
        "from alembic import context\nfrom sqlalchemy import engine_from_config\n\nconfig = context.config\n\
         connectable = engine_from_config(config.get_section(config.config_ini_section))\n",
    );
    let other = "postgresql://app:of-the-ini@localhost:5432/another";
    let ini = project.read("alembic.ini").replace("sqlalchemy.url =", &format!("sqlalchemy.url = {other}"));
    project.write("alembic.ini", &ini);
    let report = doctor(&project);
    report
        .only_error("alembic-url-diff")
        .at(
            "alembic.ini",
            line_of(&project, "alembic.ini", "sqlalchemy.url ="),
            "Alembic: postgresql://app:***@localhost:5432/another",
        )
        .at(".env", 1, &format!("the app: postgresql://{}", database.owner.name))
        .fix("manual", &["config.set_main_option(\"sqlalchemy.url\", os.environ[\"DATABASE_URL\"])"]);
}

#[test]
fn a_second_chain_of_its_own_base_is_meant() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    let text =
        "\"\"\"reports\"\"\"\n\nrevision = \"f00dfeed0001\"\ndown_revision = None\nbranch_labels = (\"reports\",)\n";
    project.write(FORK, text);
    let report = doctor(&project);
    assert_eq!(report.ids("fail"), ["alembic-behind"], "{report}");
}
