//! `devdb migrate` along an Alembic chain: up, down, status, history, heads, new, merge, stamp, sql.

use crate::reset_common::Shop;
use crate::support::cluster::{Cluster, Options};
use crate::support::{bench, venv};
use std::path::Path;
use std::time::Duration;

const FIRST: &str = "3f1c7a9be204";
const ORDERS: &str = "8d20e6b14c75";
const USERNAME: &str = "b5a4f0d3917e";
const INDEXES: &str = "c91be27f6d08";
const HEAD: &str = "e07d58a2c3b6";

/// An empty database and the chain of a fixture.
pub(crate) fn alembic<'c>(cluster: &'c Cluster, environment: &Path, fixture: &str, driver: &str) -> Shop<'c> {
    let shop = Shop::new(cluster);
    std::fs::remove_dir_all(shop.project.file("db")).unwrap();
    std::fs::remove_dir_all(shop.project.file("seeds")).unwrap();
    shop.project.copy_fixture(fixture);
    let url = shop.database.url().replacen("postgresql", driver, 1);
    shop.project.write(".env", &format!("DATABASE_URL={url}\nAPP_ENV=development\n"));
    venv::link_into(environment, &shop.project, ".venv");
    shop
}

pub(crate) fn sync() -> Option<Shop<'static>> {
    Some(alembic(Cluster::shared()?, &bench::venv()?, "alembic-sync", "postgresql"))
}

/// Writes a revision file with these bodies.
pub(crate) fn revision(shop: &Shop<'_>, id: &str, down: &str, up: &str, back: &str) {
    let text = format!(
        "\"\"\"revision {id}\"\"\"\nfrom alembic import op\nimport sqlalchemy as sa\n\nrevision = \"{id}\"\n\
         down_revision = {down}\n\n\ndef upgrade():\n    {up}\n\n\ndef downgrade():\n    {back}\n"
    );
    shop.project.write(&format!("alembic/versions/{id}.py"), &text);
}

fn versions(shop: &Shop<'_>) -> Vec<String> {
    let rows = shop.database.query("select version_num from alembic_version order by 1");
    rows.into_iter().filter_map(|mut row| row.remove(0)).collect()
}

#[test]
fn up_and_down_move_along_the_chain() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    for (fixture, driver) in [("alembic-sync", "postgresql"), ("alembic-async", "postgresql+asyncpg")] {
        let shop = alembic(cluster, &environment, fixture, driver);
        shop.devdb(["migrate", "status"]).run().assert_code(1).assert_stdout_has("5 revisions pending");
        let output = shop.devdb(["migrate", "up", "+2"]).run();
        output.assert_code(0).assert_stderr_has(FIRST).assert_stderr_has(ORDERS).assert_lacks(USERNAME);
        assert_eq!(versions(&shop), [ORDERS]);
        // As Alembic's users type it, with an abbreviated id.
        shop.devdb(["migrate", "upgrade", "b5a4f"]).run().assert_code(0);
        assert_eq!(versions(&shop), [USERNAME]);
        shop.devdb(["migrate", "up"]).run().assert_code(0).assert_stdout_has("2 revisions");
        assert_eq!(versions(&shop), [HEAD]);
        shop.devdb(["migrate", "current"]).run().assert_code(0).assert_stdout_has("up to date");
        shop.devdb(["migrate", "down", "--yes"]).run().assert_code(0);
        assert_eq!(versions(&shop), [INDEXES]);
        shop.devdb(["migrate", "downgrade", "-2", "--yes"]).run().assert_code(0);
        assert_eq!(versions(&shop), [ORDERS]);
        shop.devdb(["migrate", "down", FIRST, "--yes"]).run().assert_code(0);
        assert_eq!(versions(&shop), [FIRST]);
        shop.devdb(["migrate", "down", "base", "--yes"]).run().assert_code(0);
        assert_eq!(versions(&shop), Vec::<String>::new());
        assert_eq!(shop.database.value("select to_regclass('users')::text"), None);
        assert_eq!(shop.beside(), Vec::<String>::new());
    }
}

#[test]
fn nothing_pending_starts_no_python() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    // Without an interpreter whatever would start one fails.
    shop.project.remove(".venv");
    shop.devdb(["migrate", "up"]).run().assert_code(0).assert_stdout_has("nothing to do");
    for read in ["status", "history", "heads"] {
        shop.devdb(["migrate", read]).run().assert_code(0).assert_stdout_has(HEAD);
    }
    shop.devdb(["migrate", "new", "x"]).run().assert_code(4).assert_stderr_has("was not found");
}

#[test]
fn replicas_that_start_at_once_do_not_race() {
    let Some(shop) = sync() else { return };
    let all: Vec<_> = (0..4).map(|_| shop.devdb(["migrate", "up", "--wait", "30s"]).spawn()).collect();
    let outputs: Vec<_> = all.into_iter().map(crate::support::sandbox::Running::wait).collect();
    for output in &outputs {
        output.assert_code(0);
    }
    let worked = outputs.iter().filter(|output| output.stdout.contains("5 revisions")).count();
    assert_eq!(worked, 1, "one migrates, the others find it done: {outputs:?}");
    assert_eq!(versions(&shop), [HEAD]);
}

#[test]
fn up_waits_for_the_server() {
    let Some(environment) = bench::venv() else { return };
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let shop = alembic(&cluster, &environment, "alembic-sync", "postgresql");
    cluster.stop();
    shop.devdb(["migrate", "up", "--wait", "1s"]).run().assert_code(4).assert_stderr_has("no login at");
    let waiting = shop.devdb(["migrate", "up", "--wait", "60s"]).spawn();
    std::thread::sleep(Duration::from_millis(600));
    assert!(!waiting.stdout_so_far().contains("5 revisions"));
    cluster.resume();
    waiting.wait().assert_code(0).assert_stdout_has("5 revisions");
}

#[test]
fn a_failure_names_the_line_and_the_state() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    revision(
        &shop,
        "aaaa1111",
        &format!("\"{HEAD}\""),
        "op.create_table(\"kept\", sa.Column(\"id\", sa.Integer()))",
        "pass",
    );
    revision(&shop, "bbbb2222", "\"aaaa1111\"", "op.alter_column(\"users\", \"nope\", nullable=False)", "pass");
    let output = shop.devdb(["migrate", "up"]).run();
    output
        .assert_code(5)
        .assert_stderr_has("revision `bbbb2222`")
        .assert_stderr_has("alembic/versions/bbbb2222.py:10")
        .assert_stderr_has("ALTER TABLE users ALTER COLUMN nope SET NOT NULL")
        .assert_stderr_has("42703")
        .assert_stderr_has("is at aaaa1111")
        .assert_lacks("unchanged");
    // One transaction a revision, as the fixture has it: what ran before stays.
    assert_eq!(versions(&shop), ["aaaa1111"]);
    shop.devdb(["migrate", "down", "--yes"]).run().assert_code(0);
    shop.database.sql("drop table kept");
    let env = shop.project.read("alembic/env.py");
    assert!(env.contains("transaction_per_migration=True"));
    shop.project
        .write("alembic/env.py", &env.replace("transaction_per_migration=True", "transaction_per_migration=False"));
    shop.devdb(["migrate", "up"]).run().assert_code(5).assert_stderr_has("unchanged");
    assert_eq!(versions(&shop), [HEAD]);
    assert_eq!(shop.database.value("select to_regclass('kept')::text"), None);
    shop.project.write("alembic/env.py", &env);
    shop.devdb(["migrate", "up", "aaaa1111"]).run().assert_code(0);
    // A revision that leaves its transaction is not rolled back as a whole.
    revision(
        &shop,
        "bbbb2222",
        "\"aaaa1111\"",
        "with op.get_context().autocommit_block():\n        op.execute(\"create table torn ()\")\n    op.drop_table(\"nope\")",
        "pass",
    );
    let output = shop.devdb(["migrate", "up"]).run();
    output.assert_code(5).assert_stderr_has("autocommit_block");
    assert_eq!(shop.database.value("select to_regclass('torn')::text").as_deref(), Some("torn"));
}

#[test]
fn ctrl_c_leaves_the_database_where_it_was() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    revision(
        &shop,
        "aaaa1111",
        &format!("\"{HEAD}\""),
        "op.execute(\"create table t (); select pg_sleep(60)\")",
        "pass",
    );
    let running = shop.devdb(["migrate", "up", "-v"]).spawn();
    running.wait_for("Running upgrade");
    running.interrupt();
    running.wait().assert_code(130);
    assert_eq!(versions(&shop), [HEAD]);
    assert_eq!(shop.database.value("select to_regclass('t')::text"), None);
    // The lock went with it.
    shop.project.remove("alembic/versions/aaaa1111.py");
    shop.devdb(["migrate", "up"]).run().assert_code(0);
}

#[test]
fn a_chain_that_connects_elsewhere_is_told_apart() {
    let Some(shop) = sync() else { return };
    let other = shop.cluster.fresh_database(&shop.cluster.create_role(""));
    let env = shop.project.read("alembic/env.py");
    shop.project.write("alembic/env.py", &env.replace("os.environ[\"DATABASE_URL\"]", &format!("\"{}\"", other.url())));
    for command in [["migrate", "up"].as_slice(), &["migrate", "stamp", "head"], &["migrate", "down", "--yes", "base"]]
    {
        // At the head, so that there is something to take back.
        if command.contains(&"base") {
            shop.database.sql(&format!(
                "create table alembic_version (version_num text); insert into alembic_version values ('{HEAD}')"
            ));
        }
        let output = shop.devdb(command.iter().copied()).run();
        output.assert_code(4).assert_stderr_has("connected to another database").assert_stderr_has(&other.name);
        // Not even the version table was left there.
        assert_eq!(
            other.value("select count(*) from pg_class where relnamespace = 'public'::regnamespace").as_deref(),
            Some("0")
        );
    }
    // A database of the same name on another server is another one.
    let Some(elsewhere) = Cluster::start(&Options::default()) else { return };
    elsewhere.sql("postgres", &format!("create database \"{}\"", shop.name()));
    let url = elsewhere.superuser_url(shop.name());
    shop.project.write("alembic/env.py", &env.replace("os.environ[\"DATABASE_URL\"]", &format!("\"{url}\"")));
    shop.database.sql("drop table alembic_version");
    shop.devdb(["migrate", "up"]).run().assert_code(4).assert_stderr_has("another database");
    assert_eq!(elsewhere.value(shop.name(), "select to_regclass('users')::text"), None);
}

#[test]
fn down_needs_proof_and_consent() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.devdb(["migrate", "down"]).run().assert_code(3).assert_stderr_has("--yes");
    let dry = shop.devdb(["migrate", "down", "--dry-run"]).run();
    dry.assert_code(0).assert_stderr_has("nothing was done").assert_stderr_has(HEAD);
    let token = dry.stderr.split("--token ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let agent = || shop.devdb(["migrate", "down", "--yes"]).env("CLAUDECODE", "1");
    agent().run().assert_code(3).assert_stderr_has("needs a person's token");
    assert_eq!(versions(&shop), [HEAD]);
    agent().args(["--token", &token]).run().assert_code(0);
    assert_eq!(versions(&shop), [INDEXES]);
    agent().args(["--token", &token]).run().assert_code(3).assert_stderr_has("was used already");
    shop.project.write(".env", &shop.project.read(".env").replace("development", "production"));
    shop.devdb(["migrate", "down", "--yes"]).run().assert_code(3).assert_stderr_has("production");
    assert_eq!(versions(&shop), [INDEXES]);
    shop.project.write(".env", &shop.project.read(".env").replace("production", "development"));
    let mut asked = shop.devdb(["migrate", "down"]).in_terminal(100, 30).spawn();
    asked.wait_for("Downgrade");
    asked.type_text("y");
    asked.wait().assert_code(0);
    assert_eq!(versions(&shop), [USERNAME]);
}

#[test]
fn goals_that_make_no_sense_are_explained() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up", ORDERS]).run().assert_code(0);
    for (arguments, said) in [
        (["up", "zzz"], "no revision and no branch is called `zzz`"),
        (["up", "'; drop"], "is no revision to go up to"),
        (["up", "+9"], "3 revisions are pending"),
        (["up", "-1"], "devdb migrate down -1"),
        (["down", "-9"], "2 revisions are applied"),
        (["down", HEAD], "is not applied"),
        (["down", "--nope"], "--nope"),
    ] {
        let output = shop.devdb(["migrate"]).args(arguments).run();
        output.assert_code(2).assert_stderr_has(said);
    }
    assert_eq!(versions(&shop), [ORDERS]);
    shop.database.sql("update alembic_version set version_num = 'feedbeef'");
    shop.devdb(["migrate", "up"]).run().assert_code(5).assert_stderr_has("`feedbeef`, which no revision file has");
    let status = shop.devdb(["migrate", "status", "--json"]).run();
    assert_eq!(status.assert_code(1).json()["state"], "unknown");
    shop.devdb(["migrate", "stamp", ORDERS]).run().assert_code(2).assert_stderr_has("--purge");
    shop.devdb(["migrate", "stamp", ORDERS, "--purge"]).run().assert_code(0);
    assert_eq!(versions(&shop), [ORDERS]);
}

#[test]
fn a_fork_is_drawn_and_merged() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    revision(&shop, "aaaa1111", &format!("\"{HEAD}\""), "pass", "pass");
    revision(&shop, "bbbb2222", &format!("\"{HEAD}\""), "pass", "pass");
    let heads = shop.devdb(["migrate", "heads", "--json"]).run().json();
    assert_eq!(heads, serde_json::json!(["aaaa1111", "bbbb2222"]));
    shop.devdb(["migrate", "status"]).run().assert_code(1).assert_stdout_has("2 heads");
    // The order between branches is Alembic's own.
    shop.devdb(["migrate", "up", "+1"]).run().assert_code(0);
    assert_eq!(versions(&shop), ["bbbb2222"]);
    shop.devdb(["migrate", "new", "more"])
        .run()
        .assert_code(2)
        .assert_stderr_has("aaaa1111")
        .assert_stderr_has("merge");
    let merged = shop.devdb(["migrate", "merge", "-m", "it's \"both\" $HOME"]).run();
    merged.assert_code(0);
    assert!(shop.project.exists(merged.stdout.trim()), "{merged}");
    let history = shop.devdb(["migrate", "history"]).run();
    let lines: Vec<&str> = history.stdout.lines().collect();
    assert!(lines[0].starts_with("○ ") && lines[0].contains("it's \"both\" $HOME  (pending, head)"), "{history}");
    assert_eq!(lines[1], "├─╮");
    let json = shop.devdb(["migrate", "history", "--json"]).run().json();
    let entries = json.as_array().unwrap();
    assert_eq!(entries.len(), 8);
    assert_eq!(entries[0]["revision"], FIRST);
    assert_eq!(entries[0]["applied"], true);
    assert_eq!(entries[7]["down_revisions"], serde_json::json!(["aaaa1111", "bbbb2222"]));
    assert_eq!(entries[7]["applied"], false);
    shop.devdb(["migrate", "history", "--mermaid"]).run().assert_stdout_has("n6 --> n7\n    n5 --> n7");
    shop.devdb(["migrate", "history", "--dot"]).run().assert_stdout_has("\"aaaa1111\" -> ");
    shop.devdb(["migrate", "up"]).run().assert_code(0).assert_stdout_has("2 revisions");
    shop.devdb(["migrate", "merge"]).run().assert_code(2).assert_stderr_has("nothing to merge");
}

#[test]
fn sql_is_printed_and_nothing_runs() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up", USERNAME]).run().assert_code(0);
    let before = shop.before();
    let pending = shop.devdb(["migrate", "sql"]).run();
    pending.assert_code(0).assert_stdout_has("CREATE UNIQUE INDEX CONCURRENTLY").assert_lacks("CREATE TABLE users");
    assert!(!pending.stdout.contains("INFO"), "{pending}");
    let all = shop.devdb(["migrate", "sql", &format!("base:{USERNAME}")]).run();
    all.assert_code(0).assert_stdout_has("CREATE TABLE users");
    let down = shop.devdb(["migrate", "sql", "--down", &format!("{ORDERS}:{FIRST}")]).run();
    down.assert_code(0).assert_stdout_has("DROP TABLE orders");
    shop.assert_untouched(&before);
    // What is printed is what runs.
    let other = shop.cluster.fresh_database(&shop.cluster.superuser());
    other.sql(&all.stdout);
    assert_eq!(other.value("select version_num from alembic_version").as_deref(), Some(USERNAME));
}

#[test]
fn a_new_revision_follows_the_head() {
    let Some(shop) = sync() else { return };
    let output = shop.devdb(["migrate", "new", "add tags"]).run();
    output.assert_code(0).assert_stderr_has(HEAD);
    let file = output.stdout.trim();
    assert!(file.ends_with("_add_tags.py"), "{output}");
    assert!(shop.project.read(file).contains(&format!("= \"{HEAD}\"")) || shop.project.read(file).contains(HEAD));
    let output = shop.devdb(["migrate", "revision", "-m", "named", "--rev-id", "0001"]).run();
    output.assert_code(0).assert_stderr_has("0001");
    shop.devdb(["migrate", "new", "again", "--rev-id", "0001"]).run().assert_code(2).assert_stderr_has("taken");
    shop.devdb(["migrate", "new"]).run().assert_code(2);
    // The message stands in the file's docstring, the id in its name.
    for arguments in
        [["x\"\"\"; import os #", "--rev-id", "0002"], ["x", "--rev-id", "../../evil"], ["x\\", "--rev-id", "2"]]
    {
        shop.devdb(["migrate", "new"]).args(arguments).run().assert_code(2);
    }
    // A template that fails on its way leaves a torn file, which would stop every later command.
    let template = shop.project.read("alembic/script.py.mako");
    let files = || std::fs::read_dir(shop.project.file("alembic/versions")).unwrap().count();
    let there = files();
    shop.project.write("alembic/script.py.mako", &format!("{template}\nthis is (no Python\n"));
    shop.devdb(["migrate", "new", "torn", "--rev-id", "0002"]).run().assert_code(5).assert_stderr_has("removed");
    shop.project.write("alembic/script.py.mako", &template);
    assert_eq!(files(), there);
    shop.devdb(["migrate", "up"]).run().assert_code(0).assert_stdout_has("7 revisions");
    assert_eq!(versions(&shop), ["0001"]);
}

/// Changes the models in each way that autogenerate sees, and in each that it does not.
fn change_models(shop: &Shop<'_>) {
    let models = shop.project.read("app/models.py");
    let changed = models
        .replace("full_name: Mapped", "display_name: Mapped")
        .replace("    cancelled = \"cancelled\"", "    cancelled = \"cancelled\"\n    lost = \"lost\"")
        .replace("mapped_column(String(120))", "mapped_column(String(100))")
        .replace(
            "mapped_column(Text)\n",
            "mapped_column(Text, server_default=\"none\")\n    __table_args__ = (CheckConstraint(\"length(name) > 2\", name=\"name_long\"),)\n",
        )
        .replace("import DateTime,", "import CheckConstraint, DateTime,");
    assert_ne!(models, changed);
    shop.project.write("app/models.py", &changed);
}

#[test]
fn models_are_compared_with_the_chain_not_with_the_database() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    for (fixture, driver) in [("alembic-sync", "postgresql"), ("alembic-async", "postgresql+asyncpg")] {
        let shop = alembic(cluster, &environment, fixture, driver);
        // A database that is behind and was changed by hand counts for nothing.
        shop.database.sql("create table by_hand (id int)");
        let before = shop.before();
        shop.devdb(["migrate", "check"]).run().assert_code(0).assert_stdout_has("the chain makes what the models say");
        change_models(&shop);
        let output = shop.devdb(["migrate", "check", "--json"]).run();
        let report = output.assert_code(1).json();
        assert_eq!(report["ok"], false);
        assert_eq!(
            report["differences"],
            serde_json::json!([
                "column `projects.name`: type VARCHAR(120) by the migrations, VARCHAR(100) in the models",
                "column `users.display_name` is in the models, in no migration",
                "column `users.full_name` is made by the migrations, and in no model",
            ])
        );
        let unseen = report["unseen"].to_string();
        for word in ["may be a rename", "CHECK `name_long`", "'lost'", "server default of `projects.description`"] {
            assert!(unseen.contains(word), "{word}: {unseen}");
        }
        let new = shop.devdb(["migrate", "new", "--autogenerate", "from models"]).run();
        new.assert_code(0).assert_stderr_has("may be a rename").assert_stderr_has("'lost'");
        let text = shop.project.read(new.stdout.trim());
        assert!(text.contains("display_name") && !text.contains("by_hand"), "{text}");
        shop.assert_untouched(&before);
        shop.devdb(["migrate", "check"]).run().assert_code(0);
        // With a fault nothing is run, and what is read is said.
        revision(&shop, "aaaa1111", "\"nowhere\"", "pass", "pass");
        let output = shop.devdb(["migrate", "check"]).run();
        output.assert_code(1).assert_stdout_has("[alembic-missing-parent]").assert_stdout_has("nowhere");
    }
}

#[test]
fn what_will_fail_on_the_data_is_said_before() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("insert into users (email, username, full_name) values ('a@b', 'a', null), ('c@d', 'c', 'x')");
    revision(
        &shop,
        "aaaa1111",
        &format!("\"{HEAD}\""),
        "op.alter_column(\"users\", \"full_name\", nullable=False)",
        "op.alter_column(\"users\", \"full_name\", nullable=True)",
    );
    let before = shop.before();
    let dry = shop.devdb(["migrate", "up", "--dry-run"]).run();
    dry.assert_code(1)
        .assert_stderr_has("will fail:")
        .assert_stderr_has("1 of 2 rows")
        .assert_stderr_has("aaaa1111.py:10");
    shop.assert_untouched(&before);
    // It does.
    shop.devdb(["migrate", "up"]).run().assert_code(5).assert_stderr_has("will fail:").assert_stderr_has("23502");
    // A person is asked first.
    let mut asked = shop.devdb(["migrate", "up"]).in_terminal(100, 30).spawn();
    asked.wait_for("Run it all the same?");
    asked.type_text("n");
    asked.wait().assert_code(130);
    shop.database.sql("update users set full_name = ''");
    shop.devdb(["migrate", "up"]).run().assert_code(0).assert_lacks("will fail");
    // And on the way down.
    revision(
        &shop,
        "bbbb2222",
        "\"aaaa1111\"",
        "op.alter_column(\"users\", \"full_name\", nullable=True)",
        "op.alter_column(\"users\", \"full_name\", nullable=False)",
    );
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("update users set full_name = null");
    let down = shop.devdb(["migrate", "down", "--dry-run"]).run();
    down.assert_code(0).assert_stderr_has("will fail:").assert_stderr_has("2 of 2 rows");
}
