//! `devdb migrate test` on real chains: what comes back, what does not, and what is left behind (nothing).

use crate::reset_common::{Shop, beside};
use crate::support::cluster::{Cluster, Database};
use crate::support::project::Project;
use crate::support::sandbox::{Output, Sandbox};
use crate::support::{bench, venv};

const ENV: &str = "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n\
    with create_engine(os.environ['DATABASE_URL']).connect() as connection:\n\
    \x20   context.configure(connection=connection)\n\
    \x20   with context.begin_transaction():\n        context.run_migrations()\n";

struct Chain {
    project: Project,
    database: Database<'static>,
    cluster: &'static Cluster,
}

impl Chain {
    /// A fixture's chain, on a database that already has something in it.
    fn fixture(name: &str, driver: &str) -> Option<Self> {
        let chain = Self::empty()?;
        chain.project.copy_fixture(name);
        chain.project.write(".env", &format!("DATABASE_URL={}\n", chain.url(driver)));
        Some(chain)
    }

    fn empty() -> Option<Self> {
        let (cluster, environment) = (Cluster::shared()?, bench::venv()?);
        let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
        database.sql("create table mine (id int); insert into mine values (1)");
        let project = Project::new();
        venv::link_into(&environment, &project, ".venv");
        let chain = Self { project, database, cluster };
        chain.project.write(".env", &format!("DATABASE_URL={}\n", chain.url("postgresql")));
        Some(chain)
    }

    fn url(&self, driver: &str) -> String {
        self.database.url().replacen("postgresql", driver, 1)
    }

    /// A chain of revisions: id, parents, the body of `upgrade`, the body of `downgrade`.
    fn of(revisions: &[(&str, &str, &str, &str)]) -> Option<Self> {
        let chain = Self::empty()?;
        chain.project.write("alembic.ini", "[alembic]\nscript_location = %(here)s/alembic\n");
        chain.project.write("alembic/env.py", ENV);
        for (id, down, up, back) in revisions {
            chain.revision(id, down, up, back);
        }
        Some(chain)
    }

    fn revision(&self, id: &str, down: &str, up: &str, back: &str) {
        let text = format!(
            "\"\"\"step {id}\"\"\"\nfrom alembic import op\nrevision = '{id}'\ndown_revision = {down}\n\n\n\
             def upgrade():\n    {up}\n\n\ndef downgrade():\n    {back}\n"
        );
        self.project.write(&format!("alembic/versions/{id}.py"), &text);
    }

    fn test(&self, arguments: &[&str]) -> Output {
        let before = self.rows();
        let output = self.devdb(arguments).run();
        assert_eq!(beside(self.cluster, &self.database.name), Vec::<String>::new(), "left behind{output}");
        assert_eq!(self.rows(), before, "the target was written to{output}");
        output
    }

    fn devdb(&self, arguments: &[&str]) -> Sandbox {
        Sandbox::new(&self.project).args(["migrate", "test"]).args(arguments.iter().copied())
    }

    fn rows(&self) -> Vec<Vec<Option<String>>> {
        self.database.query("select c.relname, (select count(*) from mine) from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace")
    }
}

/// What a JSON report says: revision, verdict.
fn verdicts(output: &Output) -> Vec<(String, String)> {
    let text = |it: &serde_json::Value, key: &str| it.get(key).unwrap().as_str().unwrap().to_owned();
    let report = output.json();
    let revisions = report.get("revisions").unwrap().as_array().unwrap();
    revisions.iter().map(|it| (text(it, "revision"), text(it, "verdict"))).collect()
}

#[test]
fn real_chains_come_back_sync_and_async() {
    for (fixture, driver) in [
        ("alembic-sync", "postgresql"),
        ("alembic-sync", "postgresql+psycopg"),
        ("alembic-async", "postgresql+asyncpg"),
    ] {
        let Some(chain) = Chain::fixture(fixture, driver) else { return };
        chain.test(&[]).assert_code(0).assert_stdout_has("5 revisions come back");
        let output = chain.test(&["--json"]);
        output.assert_code(0);
        assert_eq!(verdicts(&output).len(), 5, "{output}");
        assert!(verdicts(&output).iter().all(|(_, verdict)| verdict == "reversible"), "{output}");
    }
}

/// Every way of coming back, and of not.
const EACH_WAY: [(&str, &str, &str, &str); 9] = [
    ("aaaa01", "None", "op.execute('create table a (id int)')", "op.execute('drop table a')"),
    // The type stays, and cannot be made again.
    (
        "aaaa02",
        "'aaaa01'",
        "op.execute(\"create type mood as enum ('sad')\"); op.execute('alter table a add m mood')",
        "op.execute('alter table a drop m')",
    ),
    ("aaaa03", "'aaaa02'", "op.execute('create table b (id int)')", "raise NotImplementedError('no way back')"),
    ("aaaa04", "'aaaa03'", "op.execute('create table c (id int)')", "pass"),
    ("aaaa05", "'aaaa04'", "op.execute('create table d (id int)')", "op.execute('drop table dd')"),
    // Comes back with another type, and can be applied again.
    (
        "aaaa06",
        "'aaaa05'",
        "op.execute('alter table a alter id type bigint')",
        "op.execute('alter table a alter id type smallint')",
    ),
    // The order of columns is no difference.
    (
        "aaaa07",
        "'aaaa06'",
        "op.execute('alter table b drop id'); op.execute('alter table b add n int')",
        "op.execute('alter table b drop n'); op.execute('alter table b add id int')",
    ),
    ("aaaa08", "'aaaa07'", "op.execute('insert into d values (1)')", "pass"),
    // Needs what a bad revision made, which its test took away.
    (
        "aaaa09",
        "'aaaa08'",
        "op.execute(\"alter table a alter m set default 'sad'\")",
        "op.execute('alter table a alter m drop default')",
    ),
];

#[test]
fn each_way_of_not_coming_back_is_named() {
    let Some(chain) = Chain::of(&EACH_WAY) else { return };
    let output = chain.test(&["--json"]);
    output.assert_code(1);
    let found = verdicts(&output);
    let found: Vec<&str> = found.iter().map(|(_, verdict)| verdict.as_str()).collect();
    assert_eq!(
        found,
        [
            "reversible",
            "not_back",
            "irreversible",
            "irreversible",
            "down_failed",
            "not_back",
            "reversible",
            "reversible",
            "reversible"
        ],
        "{output}"
    );
    let report = output.json();
    assert_eq!(report["first"], "aaaa02");
    assert_eq!(report["revisions"][1]["differences"][0], "enum `mood`: only after");
    assert_eq!(report["revisions"][1]["reason"], "type \"mood\" already exists (42710)");
    assert_eq!(report["revisions"][3]["reason"], "its downgrade is empty");
    assert_eq!(report["revisions"][4]["line"], 12);
    assert_eq!(report["revisions"][5]["differences"][0], "column `a.id`: type integer → smallint");
    let text = chain.test(&[]);
    text.assert_code(1).assert_stdout_has("aaaa02  step aaaa02  does not come back");
    text.assert_stdout_has("alembic/versions/aaaa02.py:11").assert_stdout_has("3 of 9 revisions cannot be taken back");
    // Begun behind the bad ones, there is nothing to say.
    chain.test(&["--from", "aaaa07"]).assert_code(0).assert_stdout_has("3 revisions come back");
    chain.test(&["--from", "aaaa03"]).assert_code(1);
}

#[test]
fn what_env_py_makes_is_no_revisions_work() {
    let revisions = [("aaaa01", "None", "op.execute('create table own.a (id int)')", "op.execute('drop table own.a')")];
    let Some(chain) = Chain::of(&revisions) else { return };
    let env = ENV.replace(
        "    context.configure(connection=connection)",
        "    connection.exec_driver_sql('create schema if not exists own')\n    connection.commit()\n\
         \x20   context.configure(connection=connection, version_table_schema='own')",
    );
    chain.project.write("alembic/env.py", &env);
    chain.test(&[]).assert_code(0).assert_stdout_has("1 revision comes back");
}

#[test]
fn what_is_irreversible_by_its_own_word_is_no_failure() {
    let revisions =
        [("aaaa01", "None", "op.execute('create table a (id int)')", "raise Exception('data would be lost')")];
    let Some(chain) = Chain::of(&revisions) else { return };
    chain.test(&[]).assert_code(0).assert_stdout_has("is irreversible").assert_stdout_has("data would be lost");
    chain.test(&["--strict"]).assert_code(1);
}

#[test]
fn a_revision_that_fails_is_a_failed_migration() {
    let revisions = [
        ("aaaa01", "None", "op.execute('create table a (id int)')", "op.execute('drop table a')"),
        ("aaaa02", "'aaaa01'", "op.execute('alter table nobody add x int')", "pass"),
    ];
    let Some(chain) = Chain::of(&revisions) else { return };
    let output = chain.test(&[]);
    output.assert_code(5).assert_stderr_has("aaaa02").assert_stderr_has("alembic/versions/aaaa02.py:8");
    output.assert_stderr_has("alter table nobody add x int").assert_stderr_has("42P01");
    let output = chain.test(&["--json"]);
    assert_eq!(output.json()["error"]["kind"], "failed");
    chain.project.write("alembic/env.py", "import os\nimport nobody_has_this\n");
    let output = chain.test(&[]);
    output.assert_code(5).assert_stderr_has("`env.py` failed").assert_stderr_has("alembic/env.py:2");
    output.assert_stderr_has("No module named 'nobody_has_this'");
}

#[test]
fn branches_merges_and_dependencies_run_in_alembics_order() {
    let table = |name: &str| {
        (format!("op.execute('create table {name} (id int)')"), format!("op.execute('drop table {name}')"))
    };
    let (a, b, c, d) = (table("a"), table("b"), table("c"), table("d"));
    let revisions = [
        ("aaaa01", "None", a.0.as_str(), a.1.as_str()),
        ("bbbb01", "'aaaa01'", &b.0, &b.1),
        ("cccc01", "'aaaa01'", &c.0, &c.1),
        ("dddd01", "('bbbb01', 'cccc01')", "pass", "pass"),
        ("eeee01", "'dddd01'", &d.0, &d.1),
        // A chain of its own, that needs the merge.
        (
            "ffff01",
            "None\ndepends_on = 'dddd01'",
            "op.execute('alter table b add x int')",
            "op.execute('alter table b drop x')",
        ),
    ];
    let Some(chain) = Chain::of(&revisions) else { return };
    let output = chain.test(&["--json"]);
    output.assert_code(0);
    assert_eq!(verdicts(&output).len(), 6, "{output}");
}

#[test]
fn another_way_to_upgrade_is_taken_and_one_that_does_not_ask_is_said() {
    let revisions = [("aaaa01", "None", "op.execute('create table a (id int)')", "op.execute('drop table a')")];
    let Some(chain) = Chain::of(&revisions) else { return };
    chain.project.write(
        "upgrade.py",
        "from alembic import command, config\ncommand.upgrade(config.Config('alembic.ini'), 'heads')\n",
    );
    chain.project.write("devdb.toml", "[migrations]\nupgrade = \"python upgrade.py\"\n");
    chain.test(&[]).assert_code(0).assert_stdout_has("1 revision comes back");
    chain.project.write("devdb.toml", "[migrations]\nupgrade = \"true\"\n");
    chain.test(&[]).assert_code(4).assert_stderr_has("without asking");
    // Nothing runs in a database that is not the scratch one.
    let other = chain.cluster.fresh_database(&chain.database.owner);
    let env = ENV.replace("os.environ['DATABASE_URL']", &format!("'{}'", other.url()));
    chain.project.write("alembic/env.py", &env);
    chain.project.write("devdb.toml", "[migrations]\nupgrade = \"alembic upgrade heads\"\n");
    chain.test(&[]).assert_code(4).assert_stderr_has("nothing was run");
    assert_eq!(other.value("select to_regclass('a')::text"), None);
}

#[test]
fn a_killed_test_is_cleared_away_by_the_next() {
    let revisions = [("aaaa01", "None", "op.execute('select pg_sleep(60)')", "pass")];
    let Some(chain) = Chain::of(&revisions) else { return };
    let mut running = chain.devdb(&[]).spawn();
    let name = &chain.database.name;
    let asleep = || {
        chain.cluster.value("postgres", &format!("select count(*) from pg_stat_activity where datname like '{name}\\_\\_devdb%' and query like '%pg_sleep(60)%'"))
    };
    while asleep().as_deref() == Some("0") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.kill();
    drop(running);
    assert_eq!(beside(chain.cluster, name).len(), 1);
    chain.revision("aaaa01", "None", "op.execute('create table a (id int)')", "op.execute('drop table a')");
    // The server notices after a moment that nobody listens any more.
    chain.cluster.sql(
        "postgres",
        &format!("select pg_terminate_backend(pid) from pg_stat_activity where datname like '{name}\\_\\_devdb%'"),
    );
    while asleep().as_deref() != Some("0") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    chain.test(&[]).assert_code(0).assert_stderr_has("cleaned up");
}

#[test]
fn ctrl_c_leaves_nothing() {
    let revisions = [("aaaa01", "None", "op.execute('select pg_sleep(60)')", "pass")];
    let Some(chain) = Chain::of(&revisions) else { return };
    let running = chain.devdb(&[]).spawn();
    let name = &chain.database.name;
    let asleep = || {
        chain.cluster.value("postgres", &format!("select count(*) from pg_stat_activity where datname like '{name}\\_\\_devdb%' and query like '%pg_sleep(60)%'"))
    };
    while asleep().as_deref() == Some("0") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.interrupt();
    running.wait().assert_code(130);
    assert_eq!(beside(chain.cluster, name), Vec::<String>::new());
}

#[test]
fn chains_of_sql_files_are_tested_the_same_way() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    shop.devdb(["migrate", "test"]).run().assert_code(0).assert_stdout_has("2 revisions come back");
    shop.project.write(
        "db/migrations/003_mood.sql",
        "-- migrate:up\ncreate type mood as enum ('sad');\nalter table users add m mood;\n\n\
         -- migrate:down\nalter table users drop m;\n",
    );
    shop.project.write("db/migrations/004_stay.sql", "-- migrate:up\ncreate table stay (id int);\n");
    shop.project.write(
        "db/migrations/005_wrong.sql",
        "-- migrate:up\ncreate table five (id int);\n-- migrate:down\ndrop table fife;\n",
    );
    shop.project.write(
        "db/migrations/006_six.sql",
        "-- migrate:up\ncreate table six (id int);\n-- migrate:down\ndrop table six;\n",
    );
    let output = shop.devdb(["migrate", "test", "--json"]).run();
    output.assert_code(1);
    let found = verdicts(&output);
    let found: Vec<&str> = found.iter().map(|(_, verdict)| verdict.as_str()).collect();
    assert_eq!(
        found,
        ["reversible", "reversible", "not_back", "irreversible", "down_failed", "reversible"],
        "{output}"
    );
    let report = output.json();
    assert_eq!(report["first"], "003");
    assert_eq!(report["revisions"][2]["differences"][0], "enum `mood`: only after");
    let text = shop.devdb(["migrate", "test", "--from", "003"]).run();
    text.assert_code(1).assert_stdout_has("db/migrations/003_mood.sql:5").assert_stdout_has("fife");
    shop.project.write("db/migrations/007_bad.sql", "-- migrate:up\nselect nobody;\n");
    shop.devdb(["migrate", "test"]).run().assert_code(5).assert_stderr_has("007_bad.sql").assert_stderr_has("nobody");
    shop.devdb(["migrate", "squash", "--yes"]).run().assert_code(2).assert_stderr_has("Alembic's only");
    shop.assert_untouched(&before);
}
