//! Chains run by the project's own Alembic, sync and async, and Python commands, through the bridge.

use crate::reset_common::Shop;
use crate::support::cluster::Cluster;
use crate::support::engine::{Engine, PgContainer};
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};
use std::path::Path;

const HEAD: &str = "e07d58a2c3b6";

/// A shop whose chain is one of the fixtures'.
fn alembic<'c>(cluster: &'c Cluster, environment: &Path, fixture: &str, driver: &str) -> Shop<'c> {
    let shop = Shop::new(cluster).with_old_content();
    std::fs::remove_dir_all(shop.project.file("db")).unwrap();
    std::fs::remove_dir_all(shop.project.file("seeds")).unwrap();
    shop.project.copy_fixture(fixture);
    let url = shop.database.url().replacen("postgresql", driver, 1);
    shop.project.write(".env", &format!("DATABASE_URL={url}\n"));
    venv::link_into(environment, &shop.project, ".venv");
    shop
}

fn sync() -> Option<Shop<'static>> {
    Some(alembic(Cluster::shared()?, &bench::venv()?, "alembic-sync", "postgresql"))
}

#[track_caller]
fn assert_at_head(shop: &Shop<'_>) {
    assert_eq!(shop.database.value("select version_num from alembic_version").as_deref(), Some(HEAD));
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("3"));
    assert_eq!(shop.database.value("select to_regclass('old_things')::text"), None);
    assert_eq!(shop.beside().len(), 1);
}

#[test]
fn sync_and_async_chains_are_redirected() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    for (fixture, driver) in [
        ("alembic-sync", "postgresql"),
        ("alembic-sync", "postgresql+psycopg"),
        ("alembic-async", "postgresql+asyncpg"),
        ("alembic-async", "postgresql+psycopg"),
    ] {
        let shop = alembic(cluster, &environment, fixture, driver);
        let before = shop.before();
        let output = shop.reset().run();
        output.assert_code(0).assert_stderr_has("5 revisions");
        for revision in ["3f1c7a9be204", "8d20e6b14c75", "b5a4f0d3917e", "c91be27f6d08", HEAD] {
            output.assert_stderr_has(revision);
        }
        assert_at_head(&shop);
        shop.devdb(["undo"]).run().assert_code(0);
        assert_eq!(shop.before(), before, "{fixture} {driver}: the old one was written to");
    }
}

#[test]
fn the_url_may_come_from_the_shell_the_ini_or_settings_that_override() {
    let Some(shop) = sync() else { return };
    let url = shop.database.url();
    shop.project.remove(".env");
    shop.reset().env("DATABASE_URL", &url).run().assert_code(0).assert_stderr_has("of the shell");
    assert_at_head(&shop);
    // As written into alembic.ini, where % is doubled.
    let ini = shop
        .project
        .read("alembic.ini")
        .replace("sqlalchemy.url =", &format!("sqlalchemy.url = {}", url.replace('%', "%%")));
    shop.project.write("alembic.ini", &ini);
    let env = shop.project.read("alembic/env.py");
    shop.project.write(
        "alembic/env.py",
        &env.replace("os.environ[\"DATABASE_URL\"]", "config.get_main_option(\"sqlalchemy.url\")"),
    );
    let first = shop.oid();
    shop.reset().run().assert_code(0).assert_stderr_has("alembic.ini");
    assert_at_head(&shop);
    assert_ne!(shop.oid(), first);
    // A loader that lets the file win over the variable that devdb sets.
    shop.project.write(".env", &format!("DATABASE_URL={url}\n"));
    shop.project.write("alembic/env.py", &env.replace(" / \".env\")", " / \".env\", override=True)"));
    shop.reset().run().assert_code(0);
    assert_at_head(&shop);
}

#[test]
fn every_way_to_connect_from_python_is_redirected() {
    let Some(shop) = sync() else { return };
    let body = r#"
import asyncio, os
import asyncpg, psycopg, psycopg2, psycopg2.extensions, psycopg2.pool
from dotenv import dotenv_values
from sqlalchemy import create_engine, text
url = dotenv_values(".env")["DATABASE_URL"]
for key in list(os.environ):
    if key.startswith(("PG", "DATABASE")): del os.environ[key]
parts = psycopg2.extensions.parse_dsn(url)
def note(cursor, how): cursor.execute("insert into ways values (%s, current_database())", (how,))
class Own(psycopg2.extensions.connection): pass
with psycopg2.connect(dsn=url) as c, c.cursor() as k: k.execute("create table ways (how text, name text)"); note(k, "dsn=")
with psycopg2.connect(url, connection_factory=Own) as c, c.cursor() as k: note(k, "factory"); assert type(c) is Own
with psycopg2.connect(**parts) as c, c.cursor() as k: note(k, "keywords")
parts["database"] = parts.pop("dbname")
with psycopg2.connect(**parts) as c, c.cursor() as k: note(k, "database=")
pool = psycopg2.pool.SimpleConnectionPool(1, 1, url); c = pool.getconn(); note(c.cursor(), "pool"); c.commit()
engine = create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(url))
with engine.begin() as c: c.execute(text("insert into ways values ('creator', current_database())"))
with create_engine(url + "?options=-c%20search_path%3Dpublic").begin() as c: c.execute(text("insert into ways values ('options', current_database())"))
with psycopg.connect(url) as c: c.execute("insert into ways values ('psycopg', current_database())")
with psycopg.Connection.connect(url) as c: c.execute("insert into ways values ('psycopg class', current_database())")
async def main():
    c = await asyncpg.connect(url); await c.execute("insert into ways values ('asyncpg', current_database())"); await c.close()
    d = psycopg2.extensions.parse_dsn(url)
    c = await asyncpg.connect(host=[d["host"]], port=[int(d["port"])], user=d["user"], password=d["password"], database=d["dbname"])
    await c.execute("insert into ways values ('asyncpg list', current_database())"); await c.close()
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as p: await p.execute("insert into ways values ('asyncpg pool', current_database())")
    async with await psycopg.AsyncConnection.connect(url) as c: await c.execute("insert into ways values ('psycopg async', current_database())")
asyncio.run(main())
other = psycopg2.connect(url, dbname="postgres"); k = other.cursor(); k.execute("select current_database()"); assert k.fetchone() == ("postgres",)
"#;
    shop.project.write("connect.py", body);
    shop.project.write("devdb.toml", "[[seeds]]\nrun = \"python connect.py\"\n");
    let name = shop.name().to_owned();
    shop.reset().run().assert_code(0);
    let ways = shop.database.query("select how from ways where name like '%devdb_building%' order by 1");
    assert_eq!(ways.len(), 13, "{ways:?}");
    assert_eq!(shop.database.query(&format!("select how from ways where name = '{name}'")).len(), 0);
}

#[test]
fn a_python_seed_that_uses_psycopg_fills_the_new_database() {
    let Some(shop) = sync() else { return };
    let before = shop.before();
    shop.project.write(
        "devdb.toml",
        "[[seeds]]\nfiles = \"seeds/*.sql\"\n[[seeds]]\nrun = \"python ensure_demo_data.py\"\n\
         [[seeds]]\nrun = \"cat app/nothing; exit 3\"\nprofile = \"broken\"\n",
    );
    let output = shop.reset().args(["-v"]).run();
    output.assert_code(0).assert_stderr_has("demo data is there");
    assert_eq!(shop.database.value("select count(*) from users where email like 'demo@%'").as_deref(), Some("1"));
    let failed = shop.reset().args(["--seed", "broken"]).run();
    failed.assert_code(5).assert_stderr_has("exit code 3").assert_stderr_has("No such file");
    assert_eq!(shop.beside().len(), 1);
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!(shop.before(), before);
}

#[test]
fn a_failing_revision_is_named_with_its_line_and_the_servers_words() {
    let Some(shop) = sync() else { return };
    let before = shop.before();
    let broken = "alembic/versions/c91be27f6d08_index_usernames_and_orders.py";
    let text = shop.project.read(broken).replace("[\"username\"],", "[\"user_name\"],");
    shop.project.write(broken, &text);
    let output = shop.reset().run();
    output.assert_code(5).assert_stderr_has("c91be27f6d08").assert_stderr_has("42703");
    output.assert_stderr_has(&format!("{broken}:")).assert_stderr_has("CREATE UNIQUE INDEX");
    output.assert_stderr_has("column \"user_name\" does not exist").assert_stderr_has("not touched");
    assert!(!output.stderr.contains(&format!("{broken}:5\n")), "the line of the call, not of the revision{output}");
    shop.assert_untouched(&before);
    let kept = shop.reset().args(["--keep-failed"]).run();
    kept.assert_code(5).assert_stderr_has("psql -h").assert_stderr_has("building");
    let beside = shop.beside();
    assert_eq!(beside.len(), 1);
    let stopped = shop.cluster.value(&beside[0], "select version_num from alembic_version");
    assert_eq!(stopped.as_deref(), Some("b5a4f0d3917e"));
    shop.project.write(broken, &text.replace("user_name", "username"));
    shop.reset().run().assert_code(0);
    assert_at_head(&shop);
}

#[test]
fn a_revision_that_is_no_python_or_raises_leaves_the_old_one() {
    let Some(shop) = sync() else { return };
    let before = shop.before();
    let file = "alembic/versions/e07d58a2c3b6_cancel_orders.py";
    let text = shop.project.read(file);
    shop.project.write(
        file,
        &text.replace("def upgrade() -> None:", "def upgrade() -> None:\n    raise RuntimeError('not yet')"),
    );
    shop.reset().run().assert_code(5).assert_stderr_has(HEAD).assert_stderr_has("not yet");
    shop.assert_untouched(&before);
    shop.project.write(file, &text.replace("def upgrade() -> None:", "def upgrade( -> None:"));
    let broken = shop.reset().run();
    broken.assert_code(5).assert_stderr_has(file).assert_stderr_has("invalid Python").assert_lacks("create  ");
    shop.devdb([]).run().assert_stdout_has("the chain has a fault").assert_stdout_has("devdb doctor");
}

#[test]
fn a_command_that_goes_elsewhere_is_named() {
    let Some(shop) = sync() else { return };
    let before = shop.before();
    let other = shop.cluster.fresh_database(&shop.database.owner);
    shop.project.write("elsewhere.env", &format!("DATABASE_URL={}\n", other.url()));
    let env = shop.project.read("alembic/env.py").replace(" / \".env\")", " / \"elsewhere.env\", override=True)");
    shop.project.write("alembic/env.py", &env);
    let output = shop.reset().run();
    output.assert_code(4).assert_stderr_has("connected to another database").assert_stderr_has(&other.name);
    shop.assert_untouched(&before);
}

#[test]
fn a_chain_that_needs_tables_first_is_bootstrapped_and_stamped() {
    let Some(shop) = sync() else { return };
    shop.project.write(
        "init_db.py",
        "import os\nfrom sqlalchemy import create_engine\nfrom app.models import Base\n\
         from dotenv import load_dotenv\nload_dotenv()\nBase.metadata.create_all(create_engine(os.environ['DATABASE_URL']))\n",
    );
    shop.project.write("devdb.toml", "[migrations]\nbootstrap = \"python init_db.py\"\nstamp = \"heads\"\n");
    let output = shop.reset().run();
    output.assert_code(0).assert_stderr_has("bootstrap");
    assert_at_head(&shop);
    shop.project.write("devdb.toml", "[migrations]\nbootstrap = \"python missing.py\"\n");
    let before = shop.before();
    shop.reset().run().assert_code(5).assert_stderr_has("python missing.py");
    assert_eq!(shop.before(), before);
}

#[test]
fn another_upgrade_command_and_a_revision_to_stop_at_work() {
    let Some(shop) = sync() else { return };
    shop.project.write("devdb.toml", "[migrations]\nupgrade = \"alembic -x tenant=one upgrade head\"\n");
    shop.reset().run().assert_code(0).assert_stderr_has("-x tenant=one");
    assert_at_head(&shop);
    shop.reset().args(["--no-seed", "--to", "b5a4f0d3917e"]).run().assert_code(0);
    assert_eq!(shop.database.value("select version_num from alembic_version").as_deref(), Some("b5a4f0d3917e"));
    shop.project.write("devdb.toml", "[migrations]\nupgrade = \"alembic upgrade b5a4f0d3917e\"\n");
    let output = shop.reset().run();
    output.assert_code(5).assert_stderr_has("b5a4f0d3917e").assert_stderr_has(HEAD);
    shop.project.write("devdb.toml", "[migrations]\nupgrade = \"no-such-tool upgrade\"\n");
    shop.reset().run().assert_code(4).assert_stderr_has("not found");
}

#[test]
fn a_command_that_cannot_be_redirected_takes_the_other_order() {
    let Some(shop) = sync() else { return };
    let before = shop.before();
    let url = shop.database.url();
    shop.project.write("migrate.sh", &format!("psql -qv ON_ERROR_STOP=1 -c 'create table hard (a int)' '{url}'\n"));
    shop.project.write(
        "devdb.toml",
        "[migrations]\nupgrade = \"sh migrate.sh && python -I .venv/bin/alembic upgrade head\"\nredirect = false\n",
    );
    let output = shop.reset().run();
    output.assert_code(0).assert_stderr_has("rename");
    assert_at_head(&shop);
    assert_eq!(shop.database.value("select count(*) from hard").as_deref(), Some("0"));
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!(shop.before(), before);
    shop.project.write("migrate.sh", "exit 9\n");
    shop.reset().run().assert_code(5).assert_stderr_has("code 9").assert_stderr_has("has its name back");
    assert_eq!(shop.before(), before);
    assert_eq!(shop.beside().len(), 1, "only what was kept before");
}

#[test]
fn the_projects_own_sitecustomize_still_runs() {
    let Some(shop) = sync() else { return };
    shop.project.write("site/sitecustomize.py", "import os\nos.environ['OWN_SITE'] = 'was here'\n");
    shop.project.write("devdb.toml", "[migrations]\nupgrade = \"python -c 'import os; print(os.environ[\\\"OWN_SITE\\\"])' && alembic upgrade head\"\n");
    let site = shop.project.file("site").display().to_string();
    shop.reset().args(["-v"]).env("PYTHONPATH", &site).run().assert_code(0).assert_stderr_has("was here");
    assert_at_head(&shop);
}

/// The app runs in a service of the Compose project, where the server has another name and port.
#[test]
fn the_chain_may_run_inside_the_compose_service() {
    let (Some(engine), Some(environment)) = (Engine::get(), bench::venv()) else { return };
    let (project, name, port) = (Project::from_fixture("alembic-sync"), crate::support::unique('-'), free_port());
    let (word, folder) = (crate::support::new_password(), project.path().display().to_string());
    let inner = format!("postgresql://app:{word}@127.0.0.1:5432/app");
    let venv = environment.display();
    let path =
        format!("{venv}/bin:/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let python = environment.join("bin/python").canonicalize().unwrap();
    let base = python.parent().and_then(Path::parent).unwrap().display().to_string();
    let program = if base == "/usr" { python.display().to_string() } else { base };
    let container = engine.postgres(&PgContainer {
        env: vec![("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", &word), ("DATABASE_URL", &inner), ("PATH", &path)],
        published: Some(("127.0.0.1", port)),
        labels: vec![
            ("com.docker.compose.project", &name),
            ("com.docker.compose.service", "backend"),
            ("com.docker.compose.project.working_dir", &folder),
        ],
        binds: vec![
            // The interpreter is the host's, and so are its libraries.
            "/usr/lib:/usr/lib:ro".to_owned(),
            format!("{program}:{program}:ro"),
            format!("{venv}:{venv}:ro"),
            format!("{folder}:{folder}"),
        ],
        ..PgContainer::default()
    });
    container.wait_ready();
    project.write(".env", &format!("DATABASE_URL={}\n", inner.replace(":5432/", &format!(":{port}/"))));
    project.write("compose.yaml", &format!("name: {name}\nservices:\n  backend:\n    image: {}\n", engine.image));
    project.write(
        "devdb.toml",
        &format!("[migrations]\nservice = \"backend\"\nupgrade = \"cd {folder} && alembic upgrade head\"\n"),
    );
    let reset = || Sandbox::new(&project).with_docker().args(["reset", "--yes"]).run();
    let output = reset();
    output.assert_code(0).assert_stderr_has("5 revisions").assert_stderr_has("same system identifier");
    let broken = "alembic/versions/e07d58a2c3b6_cancel_orders.py";
    project.write(broken, &project.read(broken).replace("IF NOT EXISTS 'cancelled'", "'paid'"));
    reset().assert_code(5).assert_stderr_has(HEAD).assert_stderr_has("42710");
}
