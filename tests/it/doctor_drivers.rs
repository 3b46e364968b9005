//! URLs that the project's driver or Alembic cannot use, against the real drivers; and what git does with `.env`.

use crate::doctor_report::{Report, local_project};
use crate::migrate::{alembic, sync};
use crate::reset_common::Shop;
use crate::support::cluster::Cluster;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};

/// What a program of the project's environment prints where it fails.
#[track_caller]
fn fails(shop: &Shop<'_>, program: &str, arguments: &[&str]) -> String {
    let ran = venv::run(&shop.project.file(".venv"), &shop.project, program, arguments);
    assert!(!ran.status.success(), "{program} did not fail");
    String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout)
}

#[track_caller]
fn runs(shop: &Shop<'_>, program: &str, arguments: &[&str]) {
    let ran = venv::run(&shop.project.file(".venv"), &shop.project, program, arguments);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

fn set_url(shop: &Shop<'_>, driver: &str, options: &str) {
    let url = shop.database.url().replacen("postgresql", driver, 1);
    shop.project.write(".env", &format!("DATABASE_URL={url}{options}\nAPP_ENV=development\n"));
}

#[track_caller]
fn doctor(shop: &Shop<'_>) -> Report {
    Report::of(&shop.devdb([]))
}

#[test]
fn url_option_unknown() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    let shop = alembic(cluster, &environment, "alembic-async", "postgresql+asyncpg");
    runs(&shop, "alembic", &["upgrade", "head"]);
    doctor(&shop).is_healthy();
    set_url(&shop, "postgresql+asyncpg", "?sslmode=disable");
    let said = fails(&shop, "alembic", &["current"]);
    assert!(said.contains("unexpected keyword argument 'sslmode'"), "{said}");
    doctor(&shop).only_warning("url-option-unknown").says("asyncpg does not know the URL's option `sslmode`").at(
        ".env",
        1,
        "sslmode=disable",
    );
    shop.devdb(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert!(shop.project.read(".env").contains("?ssl=disable\n"), "{}", shop.project.read(".env"));
    runs(&shop, "alembic", &["current"]);
    doctor(&shop).is_healthy();
    // What Prisma writes, given to libpq.
    let shop = alembic(cluster, &environment, "alembic-sync", "postgresql");
    runs(&shop, "alembic", &["upgrade", "head"]);
    set_url(&shop, "postgresql", "?schema=public");
    let said = fails(&shop, "alembic", &["current"]);
    assert!(said.contains("schema"), "{said}");
    doctor(&shop).only_warning("url-option-unknown").says("libpq does not know the URL's option `schema`");
}

#[test]
fn alembic_async_url() {
    let Some(shop) = sync() else { return };
    runs(&shop, "alembic", &["upgrade", "head"]);
    set_url(&shop, "postgresql+asyncpg", "");
    let said = fails(&shop, "alembic", &["current"]);
    assert!(said.contains("MissingGreenlet") || said.contains("greenlet"), "{said}");
    doctor(&shop)
        .only_error("alembic-async-url")
        .says("`alembic/env.py` makes a plain engine of a URL for `asyncpg`")
        .at("alembic/env.py", 0, "nothing in it is async")
        .fix("manual", &["url.replace(\"+asyncpg\", \"+psycopg\")   # in alembic/env.py"]);
    let env = shop.project.read("alembic/env.py");
    let plain =
        env.replace("os.environ[\"DATABASE_URL\"]", "os.environ[\"DATABASE_URL\"].replace(\"+asyncpg\", \"+psycopg\")");
    shop.project.write("alembic/env.py", &plain);
    runs(&shop, "alembic", &["current"]);
    doctor(&shop).is_healthy();
}

#[test]
fn alembic_no_metadata() {
    let Some(shop) = sync() else { return };
    runs(&shop, "alembic", &["upgrade", "head"]);
    assert_eq!(doctor(&shop).is_healthy().ids("info"), [""; 0]);
    let env = shop.project.read("alembic/env.py");
    shop.project.write("alembic/env.py", &env.replace("target_metadata = Base.metadata", "target_metadata = None"));
    let said = fails(&shop, "alembic", &["check"]);
    assert!(said.contains("does not provide a MetaData object"), "{said}");
    let report = doctor(&shop);
    report.only_note("alembic-no-metadata").says("neither autogenerate nor drift can use them").at(
        "alembic/env.py",
        17,
        "target_metadata = None",
    );
}

#[test]
fn env_vars_disagree() {
    let Some((project, database)) = local_project() else { return };
    let sandbox = Sandbox::new(&project);
    let env = project.read(".env");
    let (name, port) =
        (&database.name, database.url().rsplit_once('/').unwrap().0.rsplit_once(':').unwrap().1.to_owned());
    let both =
        |name: &str, port: &str| format!("{env}POSTGRES_HOST=localhost\nPOSTGRES_PORT={port}\nPOSTGRES_DB={name}\n");
    project.write(".env", &both(name, &port));
    Report::of(&sandbox).is_healthy();
    project.write(".env", &both("shop_old", "5999"));
    Report::of(&sandbox)
        .only_warning("env-vars-disagree")
        .says("the latter says port 5999 and database `shop_old`")
        .at(".env", 2, "DATABASE_URL=")
        .at(".env", 4, "POSTGRES_PORT says port 5999")
        .at(".env", 5, "POSTGRES_DB says database `shop_old`");
    // A container's own name for the database is no disagreement.
    project.write(".env", &both("shop_old", "5999").replace("localhost\nPOSTGRES", "db\nPOSTGRES"));
    Report::of(&sandbox).is_healthy();
}

#[test]
fn env_not_ignored_and_committed() {
    let Some((project, _database)) = local_project() else { return };
    let sandbox = Sandbox::new(&project);
    // Without a repository nobody can commit it.
    assert_eq!(Report::of(&sandbox).is_healthy().ids("info"), [""; 0]);
    project.git(&["init", "--quiet", "--initial-branch", "main"]);
    Report::of(&sandbox)
        .only_note("env-not-ignored")
        .says("`.env` may be committed by mistake")
        .fix("manual", &["echo /.env >> .gitignore"]);
    project.write(".gitignore", "/.env\n");
    assert_eq!(Report::of(&sandbox).is_healthy().ids("info"), [""; 0]);
    project.git(&["add", "--force", ".env"]);
    Report::of(&sandbox)
        .only_note("env-committed")
        .says("`.env` is committed")
        .fix("manual", &["git rm --cached .env"]);
    project.git(&["rm", "--quiet", "--cached", ".env"]);
    assert_eq!(Report::of(&sandbox).is_healthy().ids("info"), [""; 0]);
}

#[test]
fn alembic_sync_url() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    let shop = alembic(cluster, &environment, "alembic-async", "postgresql+asyncpg");
    // As `alembic init -t async` and the environment have it.
    let env = shop.project.read("alembic/env.py").replace("settings.database_url", "os.environ[\"DATABASE_URL\"]");
    let env = env
        .replace("import asyncio", "import asyncio\nimport os")
        .replace("config = context.config", "from dotenv import load_dotenv\n\nload_dotenv()\nconfig = context.config");
    shop.project.write("alembic/env.py", &env);
    runs(&shop, "alembic", &["upgrade", "head"]);
    doctor(&shop).is_healthy();
    set_url(&shop, "postgresql+psycopg2", "");
    let said = fails(&shop, "alembic", &["current"]);
    assert!(said.contains("requires an async driver"), "{said}");
    doctor(&shop).only_error("alembic-sync-url").says("makes an async engine of a URL for `psycopg2`, which is not");
    shop.devdb(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert!(shop.project.read(".env").contains("DATABASE_URL=postgresql+asyncpg://"), "{}", shop.project.read(".env"));
    runs(&shop, "alembic", &["current"]);
    doctor(&shop).is_healthy();
}

#[test]
fn alembic_concurrently() {
    let Some(shop) = sync() else { return };
    runs(&shop, "alembic", &["upgrade", "head"]);
    let file = "alembic/versions/aaaa00000001.py";
    let index = "op.create_index('ix_users_full_name', 'users', ['full_name'], postgresql_concurrently=True)";
    let drop = "op.drop_index('ix_users_full_name', table_name='users')";
    crate::migrate::revision(&shop, "aaaa00000001", "\"e07d58a2c3b6\"", index, drop);
    let said = fails(&shop, "alembic", &["upgrade", "head"]);
    assert!(said.contains("cannot run inside a transaction block"), "{said}");
    let report = doctor(&shop);
    assert_eq!(report.ids("fail"), ["alembic-concurrently"], "{report}");
    report.the_finding("alembic-concurrently").says("revision `aaaa00000001`").at(file, 10, "postgresql_concurrently");
    let block = format!("with op.get_context().autocommit_block():\n        {index}");
    crate::migrate::revision(&shop, "aaaa00000001", "\"e07d58a2c3b6\"", &block, drop);
    runs(&shop, "alembic", &["upgrade", "head"]);
    doctor(&shop).is_healthy();
}

const FLASK: &str = "import os\n\nfrom dotenv import load_dotenv\nfrom flask import Flask\nfrom flask_migrate import Migrate\n\
    from flask_sqlalchemy import SQLAlchemy\n\nload_dotenv()\napp = Flask(__name__)\n\
    app.config['SQLALCHEMY_DATABASE_URI'] = os.environ['DATABASE_URL']\ndb = SQLAlchemy(app)\nMigrate(app, db)\n\n\n\
    class User(db.Model):\n    __tablename__ = 'users'\n    id = db.Column(db.Integer, primary_key=True)\n    \
    email = db.Column(db.String(120), nullable=False)\n";

/// Flask-Migrate's own layout: Alembic alone does not find the revisions, and nobody wrote a devdb.toml.
#[test]
fn a_flask_project_needs_no_configuration() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    let shop = Shop::new(cluster);
    for folder in ["db", "seeds"] {
        std::fs::remove_dir_all(shop.project.file(folder)).unwrap();
    }
    venv::link_into(&environment, &shop.project, ".venv");
    shop.project.write("app.py", FLASK);
    runs(&shop, "flask", &["db", "init"]);
    runs(&shop, "flask", &["db", "migrate", "-m", "users"]);
    shop.devdb(["migrate", "status"]).run().assert_code(1).assert_stdout_has("1 revision pending");
    doctor(&shop).only_error("alembic-behind");
    shop.reset().run().assert_code(0).assert_stderr_has("1 revision");
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("0"));
    doctor(&shop).is_healthy();
    Report::asking(&shop.devdb([]), &["--deep"]).is_healthy();
    shop.devdb(["drift"]).run().assert_code(0);
    shop.devdb(["migrate", "down", "--yes"]).run().assert_code(0);
    assert_eq!(shop.database.value("select to_regclass('users')::text"), None);
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    runs(&shop, "flask", &["db", "check"]);
    doctor(&shop).is_healthy();
}

#[test]
fn url_driver_sync() {
    let (Some((project, database)), Some(environment)) = (local_project(), bench::venv()) else { return };
    crate::support::venv::link_into(&environment, &project, ".venv");
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    let file = "app/database.py";
    project.write(
        file,
        "import os\n\nfrom dotenv import load_dotenv\nfrom sqlalchemy.ext.asyncio import create_async_engine\n\n\
         load_dotenv()\nengine = create_async_engine(os.environ[\"DATABASE_URL\"])\n",
    );
    let import = || crate::support::venv::run(&environment, &project, "python", &[file]);
    let url = |scheme: &str| {
        let url = database.url().replace("postgresql://", &format!("{scheme}://"));
        project.write(".env", &format!("DATABASE_URL={url}\n"));
    };
    url("postgresql+psycopg2");
    let said = String::from_utf8_lossy(&import().stderr).into_owned();
    assert!(said.contains("requires an async driver"), "{said}");
    let sandbox = crate::support::sandbox::Sandbox::new(&project);
    Report::of(&sandbox)
        .only_warning("url-driver-sync")
        .says("the app makes an async engine of a URL for `psycopg2`, which is not")
        .at(file, 7, "create_async_engine(…)");
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert!(project.read(".env").contains("=postgresql+asyncpg://"), "{}", project.read(".env"));
    assert!(import().status.success(), "{:?}", import());
    Report::of(&sandbox).is_healthy();
}
