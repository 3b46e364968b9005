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
        .fix("confirm", &["run `devdb migrate up`"]);
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
        .fix("confirm", &["run `devdb migrate up`"]);
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
        .fix(
            "manual",
            &[
                "devdb drift   # says which revision they are of, and the command that records it",
                "devdb reset   # the old database is kept for `devdb undo`",
            ],
        );
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
        .seen("`devdb migrate rebase` keeps the chain a line")
        .fix("confirm", &["run `devdb migrate merge`"]);
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
        .fix(
            "manual",
            &[
                &format!("{FORK}:3: revision = \"c46ac0a30be9\""),
                &format!("{FORK}:4: down_revision = the revision that it is to follow"),
            ],
        );
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
        .at(LAST, line_of(&project, LAST, "down_revision:"), "`e07d58a2c3b6` follows c91be27f6d08");
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

/// Runs git in the project, as this author.
#[track_caller]
fn git(project: &Project, author: &str, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new("git");
    command.args([
        "-c",
        &format!("user.name={author}"),
        "-c",
        "user.email=dev@example.com",
        "-c",
        "init.defaultBranch=main",
    ]);
    let done = command.args(arguments).current_dir(project.path()).env("HOME", project.path()).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

fn commit_all(project: &Project, author: &str, message: &str) {
    git(project, author, &["add", "--all"]);
    git(project, author, &["commit", "--quiet", "--message", message]);
}

fn repository(project: &Project) {
    project.write(".gitignore", ".env\n.devdb\n.venv\n__pycache__\n");
    git(project, "Ada", &["init", "--quiet"]);
    commit_all(project, "Ada", "the project");
}

/// Two revisions on top of the fixture's, made on another branch and run; then the branch is left.
const LABELS: &str = "alembic/versions/f00dfeed0001_add labels.py";
const NOTES: &str = "alembic/versions/f00dfeed0002_add_notes.py";

fn made_on_another_branch(project: &Project, python: &std::path::Path, before_leaving: impl FnOnce()) {
    git(project, "Ada", &["checkout", "--quiet", "-b", "feature/labels"]);
    let text = |id: &str, parent: &str, table: &str| {
        format!(
            "\"\"\"add {table}\"\"\"\nfrom alembic import op\nimport sqlalchemy as sa\n\nrevision = \"{id}\"\ndown_revision = \"{parent}\"\n\n\n\
             def upgrade():\n    op.create_table(\"{table}\", sa.Column(\"id\", sa.Integer()))\n\n\ndef downgrade():\n    op.drop_table(\"{table}\")\n"
        )
    };
    project.write(LABELS, &text("f00dfeed0001", HEAD, "labels"));
    project.write(NOTES, &text("f00dfeed0002", "f00dfeed0001", "notes"));
    let upgraded = venv::run(python, project, "alembic", &["upgrade", "head"]);
    assert!(upgraded.status.success(), "{}", String::from_utf8_lossy(&upgraded.stderr));
    before_leaving();
    git(project, "Ada", &["checkout", "--quiet", "main"]);
    for file in [LABELS, NOTES] {
        assert!(!project.exists(file), "{file}");
    }
}

#[track_caller]
fn found_and_taken_back(project: &Project, database: &Database<'_>, python: &std::path::Path, place: &str) {
    doctor(project)
        .only_error("alembic-unknown-revision")
        .says("the database is at `f00dfeed0002`, which no revision file has")
        .seen(&format!("`f00dfeed0002` is in {place}"))
        .fix("confirm", &[&format!("downgrade `f00dfeed0002`, `f00dfeed0001` to `{HEAD}` with the files of {place}")]);
    let before = git(project, "Ada", &["status", "--porcelain"]);
    venv::link_into(python, project, ".venv");
    let fix = || Sandbox::new(project).args(["doctor", "--fix", "--only", "alembic-unknown-revision"]);
    // Data are lost by it: neither `--yes` nor an agent agrees to that.
    fix().args(["--yes"]).run().assert_code(1).assert_stderr_has("data would be lost");
    fix().args(["--yes"]).env("CLAUDECODE", "1").in_terminal(100, 30).run().assert_code(1);
    let mut asked = fix().in_terminal(160, 30).spawn();
    asked.wait_for("(y/n)");
    asked.type_text("y");
    asked.wait().assert_code(0);
    assert_eq!(database.value("select version_num from alembic_version").as_deref(), Some(HEAD));
    assert_eq!(
        database.value("select to_regclass('labels') is null and to_regclass('notes') is null").as_deref(),
        Some("t")
    );
    assert_eq!(git(project, "Ada", &["status", "--porcelain"]), before, "the working tree is as it was");
    // What was lost is in the snapshot that was taken first.
    let restored = Sandbox::new(project).args(["snapshot", "restore", "before-fix", "--yes"]).run();
    restored.assert_code(0);
    assert_eq!(database.value("select to_regclass('labels') is null").as_deref(), Some("f"));
}

#[test]
fn an_unknown_revision_is_on_another_branch() {
    let (Some((project, database)), Some(python)) = (unstamped(), bench::venv()) else { return };
    repository(&project);
    made_on_another_branch(&project, &python, || commit_all(&project, "Ada", "labels and notes"));
    found_and_taken_back(&project, &database, &python, "the branch `feature/labels`");
}

#[test]
fn an_unknown_revision_is_in_a_stash() {
    let (Some((project, database)), Some(python)) = (unstamped(), bench::venv()) else { return };
    repository(&project);
    made_on_another_branch(&project, &python, || {
        git(&project, "Ada", &["stash", "push", "--quiet", "--include-untracked", "--message", "labels for later"]);
    });
    found_and_taken_back(&project, &database, &python, "`stash@{0}^3` (On feature/labels: labels for later)");
}

#[test]
fn an_unknown_revision_is_in_another_worktree() {
    let (Some((project, database)), Some(python)) = (unstamped(), bench::venv()) else { return };
    repository(&project);
    let other = Project::new();
    let place = other.file("labels tree");
    made_on_another_branch(&project, &python, || {
        git(&project, "Ada", &["worktree", "add", "--quiet", "--detach", place.to_str().unwrap()]);
        for file in [LABELS, NOTES] {
            std::fs::rename(project.file(file), place.join(file)).unwrap();
        }
    });
    found_and_taken_back(&project, &database, &python, &format!("the worktree `{}`", place.display()));
}

#[test]
fn an_unknown_revision_was_on_a_branch_that_is_gone() {
    let (Some((project, database)), Some(python)) = (unstamped(), bench::venv()) else { return };
    repository(&project);
    made_on_another_branch(&project, &python, || commit_all(&project, "Ada", "labels and notes"));
    let id = git(&project, "Ada", &["rev-parse", "--short", "feature/labels"]);
    git(&project, "Ada", &["branch", "--quiet", "-D", "feature/labels"]);
    found_and_taken_back(&project, &database, &python, &format!("the commit `{id}`, which no branch holds"));
}

#[test]
fn an_unknown_revision_is_nowhere() {
    let Some((project, _database)) = stamped("0123456789ab") else { return };
    // No commit yet.
    git(&project, "Ada", &["init", "--quiet"]);
    doctor(&project).only_error("alembic-unknown-revision");
    repository(&project);
    doctor(&project)
        .only_error("alembic-unknown-revision")
        .seen("no branch, stash or worktree has `0123456789ab`: git fetch --all may bring it")
        .fix("manual", &["git log --all --oneline -S '0123456789ab'", "devdb reset"]);
}

#[test]
fn heads_are_shown_with_their_authors_and_merged() {
    let (Some((project, database)), Some(python)) = (stamped(HEAD), bench::venv()) else { return };
    repository(&project);
    git(&project, "Grace", &["checkout", "--quiet", "-b", "labels"]);
    fork(&project, "f00dfeed0001", "c91be27f6d08");
    commit_all(&project, "Grace", "labels");
    let report = doctor(&project);
    let finding = report.only_error("alembic-multiple-heads");
    finding.at(LAST, 15, "(Ada, 2").at(LAST, 15, "labels, main)").at(FORK, 3, "f00dfeed0001  add labels (Grace, 2");
    venv::link_into(&python, &project, ".venv");
    Sandbox::new(&project).args(["doctor", "--fix", "--yes", "--only", "alembic-multiple-heads"]).run().assert_code(0);
    drop(database);
}

#[test]
fn a_missing_parent_is_brought_back() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    repository(&project);
    git(&project, "Ada", &["rm", "--quiet", SECOND]);
    git(&project, "Ada", &["commit", "--quiet", "--message", "tidy"]);
    git(&project, "Ada", &["branch", "old", "HEAD~1"]);
    let report = doctor(&project);
    let mend = format!("git restore --source='old' -- ':/{SECOND}'");
    report
        .only_error("alembic-missing-parent")
        .seen(&format!("`8d20e6b14c75` is in the branch `old`: {SECOND}"))
        .fix("manual", &[&mend]);
    // What is told works.
    let done = std::process::Command::new("sh").args(["-c", &mend]).current_dir(project.path()).status().unwrap();
    assert!(done.success());
    doctor(&project).is_healthy();
}

const THIRD: &str = "alembic/versions/b5a4f0d3917e_add_users_username.py";
const FIRST: &str = "alembic/versions/3f1c7a9be204_create_users_and_projects.py";

/// Writes the line into the file.
fn set_down_revision(project: &Project, file: &str, parent: &str) {
    let line = line_of(project, file, "down_revision");
    let text = project.read(file);
    let changed = text.lines().enumerate().map(|(number, old)| {
        if number + 1 == line { format!("down_revision = {parent}\n") } else { format!("{old}\n") }
    });
    project.write(file, &changed.collect::<String>());
}

#[test]
fn a_revision_before_the_one_that_makes_its_table() {
    let (Some((project, _database)), Some(python)) = (unstamped(), bench::venv()) else { return };
    // The third comes first: it alters a table that the first creates.
    set_down_revision(&project, THIRD, "None");
    set_down_revision(&project, FIRST, "\"b5a4f0d3917e\"");
    set_down_revision(&project, "alembic/versions/c91be27f6d08_index_usernames_and_orders.py", "\"8d20e6b14c75\"");
    let report = doctor(&project);
    let finding = report.the_finding("alembic-order");
    finding.says("revision `b5a4f0d3917e` uses the table `users`, which is made only in `3f1c7a9be204`");
    let made = line_of(&project, FIRST, "\"users\",") - 1;
    finding.at(THIRD, line_of(&project, THIRD, "op.add_column"), "op.add_column").at(FIRST, made, "op.create_table");
    let mend = |file: &str, parent: &str| {
        format!("{file}:{}: down_revision = {parent}", line_of(&project, file, "down_revision"))
    };
    let mends = [mend(FIRST, "None"), mend(THIRD, "\"3f1c7a9be204\""), mend(SECOND, "\"b5a4f0d3917e\"")];
    finding.fix("manual", &[&mends[0], &mends[1], &mends[2], "devdb migrate test"]);
    // The server says the same, and nothing more once the lines are changed.
    assert!(!venv::run(&python, &project, "alembic", &["upgrade", "head"]).status.success());
    set_down_revision(&project, FIRST, "None");
    set_down_revision(&project, THIRD, "\"3f1c7a9be204\"");
    set_down_revision(&project, SECOND, "\"b5a4f0d3917e\"");
    assert!(venv::run(&python, &project, "alembic", &["upgrade", "head"]).status.success());
    doctor(&project).is_healthy();
}

#[test]
fn a_chain_that_needs_its_tables_first() {
    let Some((project, _database)) = stamped(HEAD) else { return };
    let text = project.read(FIRST);
    let (before, rest) = text.split_once("    op.create_table(").unwrap();
    let (_, after) = rest.split_once("\n\ndef downgrade").unwrap();
    project.write(FIRST, &format!("{before}    pass\n\n\ndef downgrade{after}"));
    doctor(&project)
        .only_warning("alembic-needs-bootstrap")
        .says("no revision creates the table")
        .says("`users`")
        .at(SECOND, line_of(&project, SECOND, "op.create_table("), "op.create_table(")
        .fix("manual", &["[migrations]", "bootstrap = \"python -m app.create_all\"", "stamp = \"3f1c7a9be204\""]);
    project.write("devdb.toml", "[migrations]\nbootstrap = \"true\"\n");
    doctor(&project).is_healthy();
}

#[test]
fn downgrades_that_leave_something() {
    let Some((project, _database)) = stamped("f00dfeed0001") else { return };
    let text = |down: &str| {
        format!(
            "from alembic import op\nimport sqlalchemy as sa\nrevision = \"f00dfeed0001\"\ndown_revision = \"{HEAD}\"\n\n\ndef upgrade():\n    \
             op.create_table(\"labels\", sa.Column(\"kind\", sa.Enum(\"a\", name=\"label_kind\")))\n\n\ndef downgrade():\n    {down}\n"
        )
    };
    project.write(FORK, &text("pass"));
    doctor(&project)
        .only_warning("alembic-empty-down")
        .says("the downgrade of `f00dfeed0001` takes its version back, and not what it did")
        .at(FORK, 12, "`downgrade()` of `f00dfeed0001` is empty");
    project.write(FORK, &text("op.drop_table(\"labels\")"));
    doctor(&project)
        .only_warning("alembic-enum-exists")
        .says("the downgrade of `f00dfeed0001` leaves the type `label_kind`")
        .at(FORK, 8, "op.create_table(\"labels\"")
        .fix("manual", &["op.execute(\"DROP TYPE label_kind\")"]);
    for down in
        ["raise NotImplementedError", "op.drop_table(\"labels\"); sa.Enum(name=\"label_kind\").drop(op.get_bind())"]
    {
        project.write(FORK, &text(down));
        doctor(&project).is_healthy();
    }
}

#[test]
fn an_id_that_the_version_table_cannot_hold() {
    let (Some((project, _database)), Some(python)) = (stamped(HEAD), bench::venv()) else { return };
    let long = "add_labels_to_orders_and_to_projects";
    fork(&project, long, HEAD);
    let report = doctor(&project);
    report
        .the_finding("alembic-rev-too-long")
        .says(&format!("the id `{long}` has 36 characters; the version table holds 32"))
        .at(FORK, 3, "here");
    let upgraded = venv::run(&python, &project, "alembic", &["upgrade", "head"]);
    assert!(String::from_utf8_lossy(&upgraded.stderr).contains("too long"), "the server says the same");
}

/// An `env.py` as `alembic init` writes it: the engine is made of the file's section.
const OF_THE_FILE: &str = "from alembic import context\nfrom sqlalchemy import engine_from_config, pool\n\nconfig = context.config\n\
    section = config.get_section(config.config_ini_section)\nconnectable = engine_from_config(section, prefix=\"sqlalchemy.\", poolclass=pool.NullPool)\n\
    with connectable.connect() as connection:\n    context.configure(connection=connection)\n    with context.begin_transaction():\n        context.run_migrations()\n";

/// What `alembic current` itself says.
fn alembic_says(project: &Project) -> String {
    let python = crate::support::bench::venv().expect("asked for before");
    let ran = crate::support::venv::run(&python, project, "alembic", &["current"]);
    String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout)
}

#[test]
fn alembic_url_placeholder() {
    let (Some((project, database)), Some(_)) = (stamped(HEAD), crate::support::bench::venv()) else { return };
    project.write("alembic/env.py", OF_THE_FILE);
    let ini = project.read("alembic.ini");
    let with = |url: &str| ini.replace("sqlalchemy.url =", &format!("sqlalchemy.url = {url}"));
    project.write("alembic.ini", &with("driver://user:pass@localhost/dbname"));
    assert!(alembic_says(&project).contains("sqlalchemy.dialects:driver"));
    let line = "config.set_main_option(\"sqlalchemy.url\", os.environ[\"DATABASE_URL\"].replace(\"%\", \"%%\"))";
    doctor(&project)
        .only_error("alembic-url-placeholder")
        .says("`alembic.ini` still has the URL of its template")
        .at("alembic.ini", line_of(&project, "alembic.ini", "sqlalchemy.url ="), "driver://…")
        .fix("manual", &["import os", line]);
    project.write("alembic.ini", &ini.replace("sqlalchemy.url =", ""));
    assert!(alembic_says(&project).contains("KeyError: 'url'"));
    doctor(&project).only_error("alembic-url-placeholder").at("alembic.ini", 0, "has no `sqlalchemy.url`");
    // What it says, done.
    let mended =
        OF_THE_FILE.replace("config = context.config\n", &format!("import os\nconfig = context.config\n{line}\n"));
    project
        .write("alembic/env.py", &mended.replace("os.environ[\"DATABASE_URL\"]", &format!("\"{}\"", database.url())));
    assert!(alembic_says(&project).contains("(head)"), "{}", alembic_says(&project));
    project.write("alembic/env.py", &mended);
    doctor(&project).is_healthy();
}

#[test]
fn alembic_percent_in_the_file() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(_) = crate::support::bench::venv() else { return };
    let Some((project, _)) = stamped(HEAD) else { return };
    let role = cluster.create_role_with_password("CREATEDB", "p@ss%word");
    let database = cluster.fresh_database(&role);
    project.write("alembic/env.py", OF_THE_FILE);
    let url = database.url().replace("postgresql://", "postgresql+psycopg2://");
    let before = project.read("alembic.ini").replace("sqlalchemy.url =", &format!("sqlalchemy.url = {url}"));
    project.write("alembic.ini", &before);
    project.write(".env", &format!("DATABASE_URL={url}\nAPP_ENV=development\n"));
    assert!(alembic_says(&project).contains("'%' must be followed by '%' or '('"), "{}", alembic_says(&project));
    let line = line_of(&project, "alembic.ini", "sqlalchemy.url =");
    let sandbox = Sandbox::new(&project);
    let report = doctor(&project);
    report
        .the_finding("alembic-percent")
        .says("`alembic.ini` has a single `%`, with which Alembic stops")
        .at("alembic.ini", line, "cannot be interpolated")
        .fix("auto", &[&format!("write `%%` for `%` in `alembic.ini:{line}`")]);
    sandbox
        .args(["doctor", "--fix", "--yes", "--only", "alembic-percent"])
        .run()
        .assert_code(0)
        .assert_stderr_has("brings it back");
    assert_eq!(project.read("alembic.ini"), before.replace(&url, &url.replace('%', "%%")));
    assert_eq!(alembic_says(&project).matches("rror").count(), 0, "{}", alembic_says(&project));
    assert!(!doctor(&project).ids("fail").contains(&"alembic-percent"));
}

#[test]
fn alembic_percent_by_env_py() {
    let (Some(cluster), Some(python)) = (Cluster::shared(), crate::support::bench::venv()) else { return };
    let Some((project, _)) = stamped(HEAD) else { return };
    let database = cluster.fresh_database(&cluster.create_role_with_password("CREATEDB", "p@ss%word"));
    let url = database.url().replace("postgresql://", "postgresql+psycopg2://");
    project.write(".env", &format!("DATABASE_URL={url}\nAPP_ENV=development\n"));
    let set = "config.set_main_option(\"sqlalchemy.url\", os.environ[\"DATABASE_URL\"])";
    let with = |set: &str| {
        OF_THE_FILE.replace("config = context.config\n", &format!("import os\nconfig = context.config\n{set}\n"))
    };
    project.write("alembic/env.py", &with(set));
    let ran = || {
        let mut alembic = std::process::Command::new(python.join("bin/alembic"));
        let ran =
            alembic.args(["upgrade", "head"]).current_dir(project.path()).env("DATABASE_URL", &url).output().unwrap();
        (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    assert!(ran().1.contains("invalid interpolation syntax"), "{:?}", ran());
    let report = doctor(&project);
    report
        .the_finding("alembic-percent")
        .at("alembic/env.py", 6, "`set_main_option` takes `%` for an interpolation")
        .at(".env", 1, "DATABASE_URL has a `%`")
        .fix("manual", &[".replace(\"%\", \"%%\")   # behind the URL, in that call"]);
    project.write("alembic/env.py", &with(&set.replace("])", "].replace(\"%\", \"%%\"))")));
    assert!(ran().0, "{:?}", ran());
    doctor(&project).is_healthy();
}

#[test]
fn python_package_missing() {
    let (Some((project, database)), Some(python)) = (stamped(HEAD), crate::support::bench::venv()) else { return };
    let made = std::process::Command::new(python.join("bin/python"))
        .args(["-m", "venv", "--without-pip", ".venv"])
        .current_dir(project.path())
        .status();
    assert!(made.unwrap().success());
    let packages = |names: &[&str]| {
        for name in names {
            project.write(&format!(".venv/lib/python3.11/site-packages/{name}/__init__.py"), "");
        }
    };
    project.write(
        ".env",
        &format!(
            "DATABASE_URL={}\nAPP_ENV=development\n",
            database.url().replace("postgresql:", "postgresql+psycopg:")
        ),
    );
    packages(&["sqlalchemy", "alembic"]);
    let import = std::process::Command::new(project.file(".venv/bin/python")).args(["-c", "import psycopg"]).output();
    assert!(String::from_utf8_lossy(&import.unwrap().stderr).contains("No module named 'psycopg'"));
    doctor(&project)
        .only_warning("python-package-missing")
        .says("`.venv` has no `psycopg`, the driver that the URL names")
        .at(".env", 1, "leads to")
        .fix("manual", &[".venv/bin/python -m pip install \"psycopg[binary]\""]);
    // Of another environment, which is active, it does not help.
    let active = Sandbox::new(&project).env("VIRTUAL_ENV", python.to_str().unwrap());
    Report::of(&active).only_warning("python-package-missing").seen("another environment is active: ");
    packages(&["psycopg"]);
    doctor(&project).is_healthy();
    std::fs::remove_dir_all(project.file(".venv/lib/python3.11/site-packages/alembic")).unwrap();
    doctor(&project).only_warning("python-package-missing").says("`.venv` has no Alembic");
}

/// A file that was deleted here, and is in the last commit: it comes back, and the database is left alone.
#[test]
fn alembic_unknown_revision_of_a_file_that_was_deleted_here() {
    let Some((project, database)) = stamped(HEAD) else { return };
    project.git_init();
    let before = project.read(LAST);
    project.remove(LAST);
    let restore = format!("run `git restore -- ':/{LAST}'`");
    doctor(&project)
        .only_error("alembic-unknown-revision")
        .seen(&format!("`{HEAD}` is in the last commit, and was deleted since: {LAST}"))
        .fix("confirm", &[&restore]);
    Sandbox::new(&project).args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert_eq!(project.read(LAST), before);
    assert_eq!(database.value("SELECT version_num FROM alembic_version").as_deref(), Some(HEAD), "as it was");
    doctor(&project).is_healthy();
    // In the middle of the chain, too.
    project.remove(SECOND);
    let restore = format!("run `git restore -- ':/{SECOND}'`");
    doctor(&project).only_error("alembic-missing-parent").fix("confirm", &[&restore]);
    Sandbox::new(&project).args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    doctor(&project).is_healthy();
}

#[test]
fn alembic_overlapping_rows() {
    let Some((project, database)) = stamped(HEAD) else { return };
    database.sql("INSERT INTO alembic_version VALUES ('8d20e6b14c75')");
    let purge = format!("devdb migrate stamp --purge {HEAD}");
    doctor(&project)
        .only_error("alembic-overlapping-rows")
        .says("the version table holds `8d20e6b14c75` beside a revision that follows it")
        .fix("manual", &[&purge]);
    database.sql("DELETE FROM alembic_version WHERE version_num = '8d20e6b14c75'");
    doctor(&project).is_healthy();
}

/// The fixture's project at its head, with a revision after it whose `upgrade()` has these lines.
fn followed_by(lines: &str) -> Option<crate::reset_common::Shop<'static>> {
    let shop = crate::migrate::sync()?;
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    crate::migrate::revision(&shop, "f10000000001", &format!("\"{HEAD}\""), lines, "raise NotImplementedError");
    Some(shop)
}

#[test]
fn enum_new_value() {
    let add = "op.execute(\"ALTER TYPE order_status ADD VALUE 'lost'\")";
    let used = "op.execute(\"UPDATE orders SET status = 'lost' WHERE total IS NULL\")";
    let Some(shop) = followed_by(&format!("{add}\n    {used}")) else { return };
    shop.devdb(["migrate", "up"]).run().assert_stderr_has("unsafe use of new value");
    let file = "alembic/versions/f10000000001.py";
    Report::of(&shop.devdb([]))
        .only_error("enum-new-value")
        .says("`lost` is added to `order_status` and used in the same transaction")
        .at(file, line_of(&shop.project, file, "ADD VALUE"), "ADD VALUE 'lost'")
        .at(file, line_of(&shop.project, file, "UPDATE"), "uses `lost`")
        .fix("manual", &["with op.get_context().autocommit_block():   # around the ADD VALUE"]);
    shop.project.edit(file, add, &format!("with op.get_context().autocommit_block():\n        {add}"));
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    Report::of(&shop.devdb([])).is_healthy();
}

#[test]
fn alembic_branch_label() {
    let (Some(shop), Some(python)) = (crate::migrate::sync(), bench::venv()) else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.project.write("Makefile", "migrate:\n\talembic upgrade shop@head\n\nback:\n\talembic downgrade -1\n");
    let ran = venv::run(&python, &shop.project, "alembic", &["upgrade", "shop@head"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && said.contains("shop"), "{said}");
    Report::of(&shop.devdb([]))
        .only_warning("alembic-branch-label")
        .says("no revision has the id or label `shop`")
        .at("Makefile", 2, "alembic … shop@head")
        .seen("the chain has no labels")
        .fix("manual", &["devdb migrate history"]);
    for there in ["head", "e07d", "e07d58a2c3b6", "$(REVISION)"] {
        shop.project.write("Makefile", &format!("migrate:\n\talembic upgrade {there}\n"));
        Report::of(&shop.devdb([])).is_healthy();
    }
}

/// A project of Django's, with one app and its first migration.
fn django() -> Option<(Project, Database<'static>, std::path::PathBuf)> {
    let (cluster, environment) = (Cluster::shared()?, bench::venv()?);
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    project.write("manage.py", "import os, sys\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\nfrom django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n");
    project.write(
        "settings.py",
        "from urllib.parse import urlsplit, unquote\nfrom dotenv import dotenv_values\n\
         url = urlsplit(dotenv_values('.env')['DATABASE_URL'])\n\
         DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': unquote(url.path[1:]), 'USER': unquote(url.username),\n  \
         'PASSWORD': unquote(url.password), 'HOST': url.hostname, 'PORT': url.port}}\n\
         INSTALLED_APPS = ['shop']\nSECRET_KEY = 'x'\nDEFAULT_AUTO_FIELD = 'django.db.models.AutoField'\n",
    );
    project.write("shop/__init__.py", "");
    project.write("shop/migrations/__init__.py", "");
    numbered(&project, "0001_initial", None);
    Some((project, database, environment))
}

#[test]
fn a_django_project_is_reset_by_its_own_command() {
    let Some((project, database, environment)) = django() else { return };
    venv::link_into(&environment, &project, ".venv");
    project.write("devdb.toml", "[migrations]\nupgrade = \"python manage.py migrate\"\n");
    database.sql("CREATE TABLE old_things (id int)");
    Sandbox::new(&project)
        .args(["reset", "--yes"])
        .run()
        .assert_code(0)
        .assert_stderr_has("`python manage.py migrate`");
    assert_eq!(database.value("SELECT to_regclass('old_things')::text"), None);
    assert_eq!(database.value("SELECT name FROM django_migrations").as_deref(), Some("0001_initial"));
    doctor(&project).is_healthy();
}

fn numbered(project: &Project, name: &str, after: Option<&str>) {
    let after = after.map(|it| format!("('shop', '{it}')")).unwrap_or_default();
    let text = format!(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = [{after}]\n    operations = []\n"
    );
    project.write(&format!("shop/migrations/{name}.py"), &text);
}

#[track_caller]
fn manage(environment: &std::path::Path, project: &Project, arguments: &[&str]) -> (bool, String) {
    let all: Vec<&str> = [&["manage.py"], arguments].concat();
    let ran = venv::run(environment, project, "python", &all);
    (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

#[test]
fn django_leaf_nodes() {
    let Some((project, _database, environment)) = django() else { return };
    numbered(&project, "0002_total", Some("0001_initial"));
    let migrate = || manage(&environment, &project, &["migrate"]);
    assert!(migrate().0, "{}", migrate().1);
    doctor(&project).is_healthy();
    numbered(&project, "0002_tags", Some("0001_initial"));
    assert!(migrate().1.contains("multiple leaf nodes"), "{}", migrate().1);
    doctor(&project)
        .only_error("django-leaf-nodes")
        .says("the Django app `shop` has 2 last migrations")
        .at("shop/migrations/0002_tags.py", 4, "0002_tags: none follows")
        .at("shop/migrations/0002_total.py", 4, "0002_total: none follows")
        .fix("manual", &["python manage.py makemigrations --merge"]);
    let merged = manage(&environment, &project, &["makemigrations", "--merge", "--noinput"]);
    assert!(merged.0 && migrate().0, "{} {}", merged.1, migrate().1);
    doctor(&project).is_healthy();
    // A squashed one stands beside those that it replaces, of which a later one still names one.
    let squashed = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = []\n    \
                    replaces = [('shop', '0001_initial'), ('shop', '0002_total')]\n    operations = []\n";
    project.write("shop/migrations/0001_squashed_0002_total.py", squashed);
    assert!(migrate().0, "{}", migrate().1);
    doctor(&project).is_healthy();
}

#[test]
fn django_inconsistent() {
    let Some((project, database, environment)) = django() else { return };
    numbered(&project, "0002_tags", Some("0001_initial"));
    let migrate = || manage(&environment, &project, &["migrate"]);
    assert!(migrate().0, "{}", migrate().1);
    // Somebody puts one before what has run.
    numbered(&project, "0002_total", Some("0001_initial"));
    numbered(&project, "0002_tags", Some("0002_total"));
    assert!(migrate().1.contains("InconsistentMigrationHistory"), "{}", migrate().1);
    let row = "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0002_total', now())";
    let word = row.replace('\'', "'\\''");
    doctor(&project)
        .only_error("django-inconsistent")
        .says("`shop.0002_tags` is applied, and `shop.0002_total`, which it follows, is not")
        .at("shop/migrations/0002_tags.py", 4, "depends on shop.0002_total")
        .at("shop/migrations/0002_total.py", 4, &format!("no row of `django_migrations` in `{}`", database.name))
        .fix(
            "manual",
            &[
                "[migrations]\nupgrade = \"python manage.py migrate\"   # in devdb.toml",
                "devdb reset",
                &format!("devdb psql -c '{word}'   # only where its schema is there"),
            ],
        );
    database.sql(row);
    assert!(migrate().0, "{}", migrate().1);
    doctor(&project).is_healthy();
}

#[test]
fn seed_encoding() {
    let Some(shop) = crate::migrate::sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let text = "INSERT INTO users (email) VALUES ('ä@example.com');\n";
    let wide: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    shop.project.write("seeds/zz wide.sql", "");
    std::fs::write(shop.project.file("seeds/zz wide.sql"), wide).unwrap();
    let convert = "iconv -f UTF-16 -t UTF-8 'seeds/zz wide.sql' > 'seeds/zz wide.sql'.utf8 && mv 'seeds/zz wide.sql'.utf8 'seeds/zz wide.sql'";
    Report::of(&shop.devdb([]))
        .only_error("seed-encoding")
        .says("the seed `seeds/zz wide.sql` is written in UTF-16")
        .fix("manual", &[convert]);
    let sandbox = Sandbox::new(&shop.project).program("sh").args(["-c", convert]);
    sandbox.run().assert_code(0);
    assert_eq!(shop.project.read("seeds/zz wide.sql").trim_start_matches('\u{feff}'), text);
    Report::of(&shop.devdb([])).is_healthy();
}

#[test]
fn seed_server_file() {
    let Some(shop) = crate::migrate::sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let file = "seeds/zz_more.sql";
    shop.project.write(file, "-- more of them\nCOPY users (email) FROM '/home/me/users.csv';\n");
    shop.reset().run().assert_stderr_has("pg_read_server_files");
    Report::of(&shop.devdb([]))
        .only_warning("seed-server-file")
        .says(&format!("the seed `{file}` lets the server read a file of its own disk"))
        .at(file, 2, "COPY … FROM '/home/me/users.csv'");
    shop.project.write(file, "-- more of them\nCOPY users (email) FROM STDIN;\nmore@example.com\n\\.\n");
    Report::of(&shop.devdb([])).is_healthy();
}

#[test]
fn an_option_that_env_py_sets_is_no_fault_of_the_ini() {
    let Some(shop) = crate::migrate::sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let ini = shop.project.read("alembic.ini").replace("sqlalchemy.url =", "sqlalchemy.url = %(SHOP_URL)s");
    shop.project.write("alembic.ini", &ini);
    Report::of(&shop.devdb([]))
        .only_error("alembic-percent")
        .says("`alembic.ini` refers to an option that nothing sets")
        .fix("manual", &["config.set_main_option(\"NAME\", …)"]);
    let set = "config = context.config\nconfig.set_section_option(config.config_ini_section, \"SHOP_URL\", \"postgresql://a@b/c\")\n";
    let env = shop.project.read("alembic/env.py").replacen("config = context.config\n", set, 1);
    shop.project.write("alembic/env.py", &env);
    let ran = venv::run(&shop.project.file(".venv"), &shop.project, "alembic", &["current"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!Report::of(&shop.devdb([])).ids("fail").contains(&"alembic-percent"));
}

#[test]
fn a_location_inside_of_a_container_is_found_in_the_project() {
    let Some((project, database)) = stamped(HEAD) else { return };
    let ini = project.read("alembic.ini");
    let location = ini.lines().find(|line| line.starts_with("script_location")).unwrap().to_owned();
    project.write("alembic.ini", &ini.replace(&location, "script_location = /usr/src/app/alembic"));
    doctor(&project).is_healthy();
    database.sql("UPDATE alembic_version SET version_num = '8d20e6b14c75'");
    doctor(&project).only_error("alembic-behind").at(LAST, 15, "e07d58a2c3b6  ");
}
