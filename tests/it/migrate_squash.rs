//! `devdb migrate squash`: the new revision is run by the real Alembic, and the databases that were there are still right.

use crate::reset_common::{beside, fingerprint};
use crate::support::cluster::{Cluster, Database};
use crate::support::engine::{Engine, PgContainer};
use crate::support::new_password;
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};
use std::collections::BTreeMap;

const ENV: &str = "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n\
    with create_engine(os.environ['DATABASE_URL']).connect() as connection:\n\
    \x20   context.configure(connection=connection)\n\
    \x20   with context.begin_transaction():\n        context.run_migrations()\n";

/// Enum, index, foreign key, view, function, trigger, data, and every character that a quoting could trip over.
const STEPS: [&str; 5] = [
    r"create type mood as enum ('sad', 'it''s fine');
      create table users (id int generated always as identity primary key, gone int, name text not null default E'a\\b',
          feeling mood not null default 'sad', check (name !~ '^\d%:x'));
      alter table users drop column gone",
    r#"create schema billing;
      create table billing.invoices (id serial primary key, user_id int not null references users on delete cascade,
          total numeric(12, 2) check (total >= 0));
      create index "by User" on billing.invoices (user_id) where total > 0;
      comment on table billing.invoices is 'a ":name" and 100% of """it""" \ end"'"#,
    r"create function public.touch() returns trigger language plpgsql as $f$
          begin
            new.name := format('%s:%I', new.name, '\\x'); -- :bind
            return new;
          end $f$;
      create trigger touched before update on users for each row execute function touch();
      create view sad_users as select id, name from users where feeling = 'sad';
      create materialized view counts as select feeling, count(*) as n from users group by feeling;
      create function total(int) returns numeric language sql as 'select sum(total) from billing.invoices where user_id = $1';
      grant select on sad_users to public",
    r"insert into users (name) values ('root:x'), ('100%');
      insert into billing.invoices (user_id, total) select id, 5 from users;
      refresh materialized view counts",
    "alter table users add email text; create unique index on users (lower(email))",
];

struct Chain {
    project: Project,
    database: Database<'static>,
    cluster: &'static Cluster,
}

impl Chain {
    fn new(steps: &[&str]) -> Option<Self> {
        let (cluster, environment) = (Cluster::shared()?, bench::venv()?);
        let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
        let project = Project::new();
        venv::link_into(&environment, &project, ".venv");
        project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
        project.write("alembic.ini", "[alembic]\nscript_location = %(here)s/alembic\n");
        project.write("alembic/env.py", ENV);
        let chain = Self { project, database, cluster };
        for (index, step) in steps.iter().enumerate() {
            chain.step(index, step);
        }
        Some(chain)
    }

    fn step(&self, index: usize, statements: &str) {
        let parent = if index == 0 { "None".to_owned() } else { format!("'aaaa0{}'", index - 1) };
        self.project.write(&format!("alembic/versions/{index}.step.sql"), statements);
        let text = format!(
            "from pathlib import Path\nfrom alembic import op\nrevision = 'aaaa0{index}'\ndown_revision = {parent}\n\
             def upgrade():\n    op.get_bind().connection.cursor().execute(\n        Path('{}').read_text())\n\
             def downgrade():\n    pass\n",
            self.project.file(&format!("alembic/versions/{index}.step.sql")).display()
        );
        self.project.write(&format!("alembic/versions/aaaa0{index}_step.py"), &text);
    }

    fn devdb(&self, arguments: &[&str]) -> Sandbox {
        Sandbox::new(&self.project).args(["migrate"]).args(arguments.iter().copied())
    }

    /// Every file below the chain's folder, with its text.
    fn files(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.project.file("alembic")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    if !path.ends_with("__pycache__") {
                        folders.push(path);
                    }
                } else {
                    let name = path.strip_prefix(self.project.path()).unwrap().display().to_string();
                    found.insert(name, std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        found
    }

    fn fingerprint(&self) -> String {
        fingerprint(self.cluster, &self.database.name)
    }

    #[track_caller]
    fn assert_nothing_beside(&self) {
        assert_eq!(beside(self.cluster, &self.database.name), Vec::<String>::new());
    }

    /// An empty database of the same name, brought to the head by Alembic itself.
    fn rebuilt(&self) -> String {
        self.database.empty();
        self.database.sql("drop schema if exists billing cascade");
        let environment = bench::venv().unwrap();
        let output = std::process::Command::new(environment.join("bin/alembic"))
            .args(["upgrade", "head"])
            .current_dir(self.project.path())
            .env("DATABASE_URL", self.database.url())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.fingerprint()
    }
}

#[test]
fn one_revision_makes_what_the_chain_made() {
    let Some(chain) = Chain::new(&STEPS) else { return };
    chain.devdb(&["up"]).run().assert_code(0);
    let before = (chain.fingerprint(), chain.files());
    let output = chain.devdb(&["squash", "--dry-run", "-m", "first schema"]).run();
    output.assert_code(0).assert_stderr_has("nothing was done").assert_stderr_has("billing.invoices (2)");
    assert_eq!(chain.files(), before.1);
    let output = chain.devdb(&["squash", "--yes", "-m", "first schema"]).run();
    output.assert_code(0).assert_stdout_has("alembic/versions/aaaa04_first_schema.py");
    output.assert_lacks("its downgrade raises");
    chain.assert_nothing_beside();
    // The database that is there needs nothing.
    assert_eq!(chain.fingerprint(), before.0);
    chain.devdb(&["status"]).run().assert_code(0).assert_stdout_has("up to date");
    // The originals lie aside as they were.
    let files = chain.files();
    for index in 0..STEPS.len() {
        let (old, new) =
            (format!("alembic/versions/aaaa0{index}_step.py"), format!("alembic/squashed/aaaa0{index}_step.py"));
        assert_eq!(files.get(&new), before.1.get(&old), "{new}");
        assert!(!files.contains_key(&old));
    }
    // A new database is the same, rows and all; and it can be taken back.
    assert_eq!(chain.rebuilt(), before.0);
    let view = chain.database.value("select string_agg(feeling || ' ' || n, ',') from counts");
    assert_eq!(view.as_deref(), Some("sad 2"));
    chain.database.sql("insert into users (name) values ('next')");
    assert_eq!(chain.database.value("select max(id) from users").as_deref(), Some("3"));
    chain.devdb(&["down", "base", "--yes"]).run().assert_code(0);
    assert_eq!(chain.database.value("select to_regnamespace('billing')::text"), None);
    chain.devdb(&["test"]).run().assert_code(0).assert_stdout_has("1 revision comes back");
}

#[test]
fn the_newest_may_stay_and_rows_may_be_left_out() {
    let Some(chain) = Chain::new(&STEPS) else { return };
    chain.devdb(&["up"]).run().assert_code(0);
    let before = chain.fingerprint();
    let last = chain.project.read("alembic/versions/aaaa04_step.py");
    let output = chain.devdb(&["squash", "--keep", "1", "--yes"]).run();
    output.assert_code(0).assert_stdout_has("aaaa03_initial_schema.py");
    assert_eq!(chain.project.read("alembic/versions/aaaa04_step.py"), last);
    chain.devdb(&["status"]).run().assert_code(0).assert_stdout_has("up to date");
    assert_eq!(chain.rebuilt(), before);
    // Once more, over the one that was just made, in a second folder.
    let output = chain.devdb(&["squash", "--without-data", "--yes"]).run();
    output.assert_code(0).assert_stderr_has("lost to new databases").assert_stdout_has("alembic/squashed_2");
    chain.rebuilt();
    assert_eq!(chain.database.value("select count(*) from users").as_deref(), Some("0"));
    assert_eq!(chain.database.value("select count(*) from counts").as_deref(), Some("0"));
}

#[test]
fn what_cannot_be_proven_changes_no_file() {
    let Some(chain) = Chain::new(&STEPS) else { return };
    let before = chain.files();
    chain.step(5, "create table broken (id int); insert into broken select g from generate_series(1, 10001) g");
    let with_rows = chain.files();
    let output = chain.devdb(&["squash", "--yes"]).run();
    output.assert_code(3).assert_stderr_has("10005 rows").assert_stderr_has("--without-data");
    assert_eq!(chain.files(), with_rows);
    chain.step(5, "alter table nobody add x int");
    let output = chain.devdb(&["squash", "--yes"]).run();
    output.assert_code(5).assert_stderr_has("nobody");
    std::fs::remove_file(chain.project.file("alembic/versions/aaaa05_step.py")).unwrap();
    std::fs::remove_file(chain.project.file("alembic/versions/5.step.sql")).unwrap();
    chain.assert_nothing_beside();
    assert_eq!(chain.files(), before);
    // A dump does not say which version of an extension it was.
    chain.step(5, "create extension hstore version '1.4'");
    let output = chain.devdb(&["squash", "--yes"]).run();
    output
        .assert_code(5)
        .assert_stderr_has("extension `hstore`: version 1.4 →")
        .assert_stderr_has("no file was changed");
    std::fs::remove_file(chain.project.file("alembic/versions/aaaa05_step.py")).unwrap();
    std::fs::remove_file(chain.project.file("alembic/versions/5.step.sql")).unwrap();
    assert_eq!(chain.files(), before);
    chain.assert_nothing_beside();
    chain.devdb(&["squash"]).run().assert_code(3).assert_stderr_has("nobody can be asked");
    // A file that is in the way of the originals: everything stays where it was.
    let read_only = chain.project.file("alembic/versions/aaaa04_initial_schema.py");
    std::fs::create_dir(&read_only).unwrap();
    let output = chain.devdb(&["squash", "--yes"]).run();
    output.assert_code(4).assert_stderr_has("the files are as they were");
    std::fs::remove_dir(&read_only).unwrap();
    assert_eq!(chain.files(), before);
    assert!(!chain.project.exists("alembic/squashed"));
}

#[test]
fn chains_and_databases_that_are_not_ready_are_refused() {
    let Some(chain) = Chain::new(&STEPS) else { return };
    chain.devdb(&["up", "aaaa02"]).run().assert_code(0);
    let before = chain.files();
    let output = chain.devdb(&["squash", "--yes"]).run();
    output.assert_code(3).assert_stderr_has("lacks 2 revisions").assert_stderr_has("devdb migrate up");
    // Up to where it is, it may.
    chain.devdb(&["squash", "--keep", "2", "--dry-run"]).run().assert_code(0);
    chain.devdb(&["squash", "--keep", "4", "--yes"]).run().assert_code(2).assert_stderr_has("nothing to squash");
    let branch = chain.project.read("alembic/versions/aaaa04_step.py").replace("'aaaa04'", "'bbbb04'");
    chain.project.write("alembic/versions/bbbb04_step.py", &branch);
    chain.devdb(&["squash", "--yes"]).run().assert_code(2).assert_stderr_has("2 heads");
    chain.project.remove("alembic/versions/bbbb04_step.py");
    assert_eq!(chain.files(), before);
}

#[test]
fn ctrl_c_changes_no_file() {
    let Some(chain) = Chain::new(&["create table a (id int)", "select pg_sleep(60)"]) else { return };
    let before = chain.files();
    let running = chain.devdb(&["squash", "--yes"]).spawn();
    let query = format!(
        "select count(*) from pg_stat_activity where datname like '{}\\_\\_devdb%' and query like '%pg_sleep(60)%'",
        chain.database.name
    );
    while chain.cluster.value("postgres", &query).as_deref() == Some("0") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.interrupt();
    running.wait().assert_code(130);
    assert_eq!(chain.files(), before);
    chain.assert_nothing_beside();
}

#[test]
fn an_asynchronous_driver_takes_every_statement() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::from_fixture("alembic-async");
    venv::link_into(&environment, &project, ".venv");
    let url = database.url().replacen("postgresql", "postgresql+asyncpg", 1);
    project.write(".env", &format!("DATABASE_URL={url}\n"));
    Sandbox::new(&project).args(["migrate", "up"]).run().assert_code(0);
    let before = fingerprint(cluster, &database.name);
    let output = Sandbox::new(&project).args(["migrate", "squash", "--yes"]).run();
    output.assert_code(0).assert_stdout_has("5 revisions are one");
    Sandbox::new(&project).args(["migrate", "down", "base", "--yes"]).run().assert_code(0);
    assert_ne!(fingerprint(cluster, &database.name), before);
    Sandbox::new(&project).args(["migrate", "up"]).run().assert_code(0);
    assert_eq!(fingerprint(cluster, &database.name), before);
}

#[test]
fn pg_dump_is_the_containers_own_where_there_is_one() {
    let (Some(engine), Some(environment)) = (Engine::get(), bench::venv()) else { return };
    let (port, word) = (free_port(), new_password());
    let published = engine.postgres(&PgContainer {
        env: vec![("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", &word)],
        published: Some(("127.0.0.1", port)),
        ..PgContainer::default()
    });
    published.wait_ready();
    let project = Project::from_fixture("alembic-sync");
    venv::link_into(&environment, &project, ".venv");
    project.write(".env", &format!("DATABASE_URL=postgresql://app:{word}@127.0.0.1:{port}/app\n"));
    // Nothing of this machine's is found along this path.
    let squash = || Sandbox::new(&project).with_docker().env("PATH", "/nowhere").env("DEVDB_PG_BIN", "/nowhere");
    squash().args(["migrate", "squash", "--yes"]).run().assert_code(0).assert_stdout_has("5 revisions are one");
}

#[test]
fn without_pg_dump_nothing_is_squashed() {
    let Some(chain) = Chain::new(&STEPS) else { return };
    let before = chain.files();
    let squash = chain.devdb(&["squash", "--yes"]).env("PATH", "/nowhere").env("DEVDB_PG_BIN", "/nowhere");
    squash.run().assert_code(4).assert_stderr_has("no `pg_dump`").assert_stderr_has("postgresql-client-");
    assert_eq!(chain.files(), before);
    chain.assert_nothing_beside();
}

#[test]
fn a_person_is_asked_once_it_is_proven() {
    let Some(chain) = Chain::new(&STEPS) else { return };
    let before = chain.files();
    let mut asked = chain.devdb(&["squash"]).in_terminal(100, 40).spawn();
    asked.wait_for("Replace 5 revisions by one?");
    asked.type_text("n");
    asked.wait().assert_code(130);
    assert_eq!(chain.files(), before);
    let mut asked = chain.devdb(&["squash"]).in_terminal(100, 40).spawn();
    asked.wait_for("Replace 5 revisions by one?");
    asked.type_text("y");
    asked.wait().assert_code(0);
    assert!(chain.project.exists("alembic/squashed/aaaa00_step.py"));
}
