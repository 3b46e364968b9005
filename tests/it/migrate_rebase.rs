//! `devdb migrate rebase` in repositories made here, on chains that the real Alembic reads afterwards.

use crate::support::cluster::{Cluster, Database};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};

const INI: &str = "[alembic]\nscript_location = %(here)s/alembic\n";
const START: &str = "aaaa00000001";
const MINE: &str = "bbbb00000002";
const MINE_NEXT: &str = "bbbb00000003";
const THEIRS: &str = "cccc00000002";

fn revision(id: &str, down: &str, body: &str) -> String {
    let revises = down.trim_matches(['"', '\'']);
    format!(
        "\"\"\"add {id}\n\nRevision ID: {id}\nRevises: {revises}\nCreate Date: 2024-09-11\n\n\"\"\"\n\
         from alembic import op\n\nrevision = '{id}'\ndown_revision = {down}  # the parent\n\n\n\
         def upgrade():\n    {body}\n\n\ndef downgrade():\n    pass\n"
    )
}

fn file(id: &str) -> String {
    format!("alembic/versions/{id}_add.py")
}

fn create(table: &str) -> String {
    format!("op.execute('create table {table} (id int)')")
}

/// `main` has a start, a branch of mine two revisions, and `main`, merged into it, one of theirs.
fn two_branches() -> Project {
    let project = Project::new();
    project.write("alembic.ini", INI);
    project.write("alembic/env.py", ENV);
    project.write(&file(START), &revision(START, "None", &create("start")));
    project.git_init();
    project.git(&["switch", "--quiet", "--create", "feature"]);
    project.write(&file(MINE), &revision(MINE, &format!("'{START}'"), &create("mine")));
    project.write(&file(MINE_NEXT), &revision(MINE_NEXT, &format!("'{MINE}'"), &create("mine_next")));
    commit(&project, "mine");
    project.git(&["switch", "--quiet", "main"]);
    project.write(&file(THEIRS), &revision(THEIRS, &format!("\"{START}\""), &create("theirs")));
    commit(&project, "theirs");
    project.git(&["switch", "--quiet", "feature"]);
    project.git(&["merge", "--quiet", "--no-edit", "main"]);
    project
}

const ENV: &str = "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n\
    with create_engine(os.environ['DATABASE_URL']).connect() as connection:\n\
    \x20   context.configure(connection=connection)\n\
    \x20   with context.begin_transaction():\n        context.run_migrations()\n";

fn commit(project: &Project, message: &str) {
    project.git(&["add", "--all"]);
    project.git(&["commit", "--quiet", "--message", message]);
}

fn devdb(project: &Project, arguments: &[&str]) -> Sandbox {
    Sandbox::new(project).args(["migrate"]).args(arguments.iter().copied())
}

fn heads(project: &Project) -> Vec<String> {
    let heads = devdb(project, &["heads", "--json"]).run().json();
    heads.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn my_branch_moves_behind_the_one_that_main_has() {
    let project = two_branches();
    let before = project.read(&file(MINE));
    let others = [project.read(&file(MINE_NEXT)), project.read(&file(THEIRS)), project.read(&file(START))];
    let output = devdb(&project, &["rebase"]).run();
    output.assert_code(0).assert_stderr_has("is yours").assert_stderr_has("not in main");
    output.assert_stdout_has("2 revisions now follow cccc00000002; the head is bbbb00000003");
    assert_eq!(heads(&project), [MINE_NEXT]);
    // The value and the docstring's line, and no other byte.
    let expected = before
        .replace(&format!("down_revision = '{START}'"), &format!("down_revision = '{THEIRS}'"))
        .replace(&format!("Revises: {START}"), &format!("Revises: {THEIRS}"));
    assert_ne!(before, expected);
    assert_eq!(project.read(&file(MINE)), expected);
    assert_eq!([project.read(&file(MINE_NEXT)), project.read(&file(THEIRS)), project.read(&file(START))], others);
    devdb(&project, &["rebase"]).run().assert_code(2).assert_stderr_has("one head");
}

#[test]
fn what_is_not_committed_is_mine() {
    let project = two_branches();
    std::fs::remove_file(project.file(&file(MINE_NEXT))).unwrap();
    project.remove(&file(MINE));
    commit(&project, "without");
    project.git(&["switch", "--quiet", "main"]);
    project.write("alembic/versions/new.py", &revision("dddd00000002", "None", "pass"));
    let output = devdb(&project, &["rebase"]).run();
    output.assert_code(0).assert_stderr_has("down_revision None → cccc00000002");
    assert_eq!(heads(&project), ["dddd00000002"]);
    let text = project.read("alembic/versions/new.py");
    assert!(text.contains("down_revision = 'cccc00000002'  # the parent") && text.contains("Revises: cccc00000002\n"));
}

#[test]
fn what_cannot_be_told_is_asked_for() {
    let project = two_branches();
    project.git(&["switch", "--quiet", "main"]);
    project.git(&["merge", "--quiet", "--no-edit", "feature"]);
    let before = (project.read(&file(MINE)), project.read(&file(THEIRS)));
    let output = devdb(&project, &["rebase"]).run();
    output.assert_code(2).assert_stderr_has(MINE_NEXT).assert_stderr_has(THEIRS).assert_stderr_has("--onto");
    let output = devdb(&project, &["rebase", "--onto", MINE_NEXT, "--dry-run"]).run();
    output.assert_code(0).assert_stderr_has("aaaa00000001 → bbbb00000003").assert_stderr_has("nothing was done");
    assert_eq!((project.read(&file(MINE)), project.read(&file(THEIRS))), before);
    devdb(&project, &["rebase", "nobody"]).run().assert_code(2).assert_stderr_has("no revision is called");
    devdb(&project, &["rebase", THEIRS]).run().assert_code(0);
    assert_eq!(heads(&project), [THEIRS]);
    assert_eq!(project.read(&file(MINE)), before.0);
}

#[test]
fn of_three_heads_one_moves_at_a_time() {
    let project = two_branches();
    project.write(&file("eeee00000002"), &revision("eeee00000002", &format!("('{START}',)"), "pass"));
    devdb(&project, &["rebase"]).run().assert_code(2).assert_stderr_has("3 heads");
    devdb(&project, &["rebase", "eeee00000002", "--onto", THEIRS]).run().assert_code(0);
    assert!(project.read(&file("eeee00000002")).contains("down_revision = ('cccc00000002',)  # the parent"));
    devdb(&project, &["rebase", MINE_NEXT]).run().assert_code(0);
    assert_eq!(heads(&project), [MINE_NEXT]);
}

#[test]
fn a_computed_parent_leaves_every_file_as_it_was() {
    let project = two_branches();
    let computed = project.read(&file(MINE)).replace("\ndown_revision = ", "\nif True:\n    down_revision = ");
    project.write(&file(MINE), &computed);
    let output = devdb(&project, &["rebase"]).run();
    assert!(output.code == 5 || output.code == 2, "{output}");
    assert_eq!(project.read(&file(MINE)), computed);
}

/// A database that Alembic itself brought to `to`.
fn at<'c>(cluster: &'c Cluster, project: &Project, to: &[&str]) -> Option<Database<'c>> {
    let environment = bench::venv()?;
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
    venv::link_into(&environment, project, ".venv");
    for revision in to {
        devdb(project, &["up", revision]).run().assert_code(0);
    }
    Some(database)
}

#[test]
fn a_database_with_mine_alone_has_to_go_down_first() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = two_branches();
    let Some(database) = at(cluster, &project, &[MINE]) else { return };
    let before = project.read(&file(MINE));
    let output = devdb(&project, &["rebase"]).run();
    output.assert_code(3).assert_stderr_has("devdb migrate down aaaa00000001").assert_stderr_has(THEIRS);
    assert_eq!(project.read(&file(MINE)), before);
    database.sql("drop table mine");
    devdb(&project, &["down", START, "--yes"]).run().assert_code(0);
    devdb(&project, &["rebase"]).run().assert_code(0).assert_stdout_has("devdb migrate up");
    devdb(&project, &["up"]).run().assert_code(0);
    assert_eq!(database.value("select string_agg(version_num, ',') from alembic_version").as_deref(), Some(MINE_NEXT));
    assert_eq!(database.value("select to_regclass('theirs')::text").as_deref(), Some("theirs"));
}

#[test]
fn a_database_with_both_needs_a_stamp() {
    let Some(cluster) = Cluster::shared() else { return };
    let project = two_branches();
    let Some(database) = at(cluster, &project, &[MINE, THEIRS]) else { return };
    let output = devdb(&project, &["rebase"]).run();
    output.assert_code(0).assert_stdout_has("devdb migrate stamp --purge bbbb00000002");
    devdb(&project, &["stamp", "--purge", MINE]).run().assert_code(0);
    devdb(&project, &["up"]).run().assert_code(0);
    assert_eq!(database.value("select string_agg(version_num, ',') from alembic_version").as_deref(), Some(MINE_NEXT));
    assert_eq!(database.value("select to_regclass('mine_next')::text").as_deref(), Some("mine_next"));
}

#[test]
fn files_of_sql_have_no_parents() {
    let project = Project::new();
    project.write("db/migrations/001_a.sql", "-- migrate:up\ncreate table a (id int);\n");
    devdb(&project, &["rebase"]).run().assert_code(2).assert_stderr_has("by their versions");
}
