//! `devdb drift`: models, migrations and database compared, on real chains and a real server.

use crate::migrate::{alembic, revision, sync};
use crate::reset_common::Shop;
use crate::schema::EVERYTHING;
use crate::support::cluster::{Cluster, Options};
use crate::support::sandbox::Output;
use crate::support::{bench, venv};
use serde_json::Value;

const MODELS: &str = "app/models.py";

#[track_caller]
fn report(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Runs it and returns each difference as `kind name: verdict`; the exit code must say whether there are any.
#[track_caller]
fn verdicts(shop: &Shop<'_>) -> Vec<String> {
    let before = shop.before();
    let output = shop.devdb(["drift", "--json"]).run();
    let report = report(&output);
    let found = report.get("differences").and_then(Value::as_array).unwrap();
    let told = found.iter().map(|it| {
        let text = |key: &str| it.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let table = it.get("table").and_then(Value::as_str).map(|table| format!("{table}.")).unwrap_or_default();
        format!("{} {table}{}: {}", text("object"), text("name"), text("verdict"))
    });
    let told: Vec<String> = told.collect();
    output.assert_code(i32::from(!told.is_empty()));
    assert_eq!(report.get("in_sync"), Some(&Value::Bool(told.is_empty())));
    assert_eq!(report.get("unread"), Some(&Value::Array(Vec::new())), "{report}");
    assert_eq!(shop.before(), before, "drift changed the database");
    let scratch: Vec<String> = shop.beside().into_iter().filter(|name| name.contains("scratch")).collect();
    assert_eq!(scratch, Vec::<String>::new());
    told
}

#[test]
fn what_the_chain_just_made_has_no_drift_whatever_the_driver() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::venv()) else { return };
    for (fixture, driver) in [
        ("alembic-sync", "postgresql"),
        ("alembic-sync", "postgresql+psycopg"),
        ("alembic-async", "postgresql+asyncpg"),
    ] {
        let shop = alembic(cluster, &environment, fixture, driver);
        shop.devdb(["migrate", "up"]).run().assert_code(0);
        // Once from nothing, once with what was learned.
        let home = shop.devdb(["drift"]);
        home.run().assert_code(0).assert_stdout_has("models, migrations, database agree");
        home.run().assert_code(0).assert_stdout_has("agree").assert_lacks("add orders");
        // From a layer.
        shop.reset().run().assert_code(0);
        shop.devdb(["drift"]).run().assert_code(0).assert_stdout_has("agree").assert_lacks("add orders");
    }
}

#[test]
fn each_difference_says_who_is_behind() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("alter table users add nick text");
    shop.database.sql("alter table users alter full_name type varchar(100)");
    shop.database.sql("create view names as select full_name from users");
    shop.database.sql("drop index ix_users_username");
    shop.project.edit(MODELS, "    full_name: Mapped", "    age: Mapped[Optional[int]]\n    full_name: Mapped");
    assert_eq!(
        verdicts(&shop),
        [
            "column public.users.age: not migrated",
            "column public.users.full_name: changed by hand",
            "column public.users.nick: made by hand",
            "index public.users.ix_users_username: changed by hand",
            "view public.names: made by hand",
        ]
    );
    let output = shop.devdb(["drift"]).run();
    output
        .assert_code(1)
        .assert_stdout_has("type: character varying(255) (models, migrations) · character varying(100) (database)")
        .assert_stdout_has("alembic/versions/3f1c7a9be204_create_users_and_projects.py:22: revision 3f1c7a9be204")
        .assert_stdout_has("next:  devdb reset");
    // What it says to run mends it.
    shop.database.sql("drop view names");
    shop.reset().run().assert_code(0);
    assert_eq!(verdicts(&shop), ["column public.users.age: not migrated"]);
    shop.devdb(["migrate", "new", "--autogenerate", "ages"]).run().assert_code(0);
    assert_eq!(verdicts(&shop), ["column public.users.age: pending"]);
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    shop.project.edit(MODELS, "    age: Mapped[Optional[int]]\n", "");
    assert_eq!(verdicts(&shop), ["column public.users.age: removed from the models"]);
}

#[test]
fn a_revision_that_was_edited_is_told_from_a_change_by_hand() {
    let Some(shop) = sync() else { return };
    shop.project.write(".gitignore", ".venv\n.env\n__pycache__\n");
    shop.project.git_init();
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let file = "alembic/versions/3f1c7a9be204_create_users_and_projects.py";
    shop.project.edit(file, "sa.String(length=120)", "sa.String(length=99)");
    shop.project.edit(MODELS, "String(120)", "String(99)");
    assert_eq!(verdicts(&shop), ["column public.projects.name: edited migration"]);
    shop.devdb(["drift"]).env("COLUMNS", "110").run().assert_code(1).assert_stdout_has(", edited");
    shop.project.git(&["commit", "--quiet", "--all", "--message", "shorter names"]);
    let output = report(&shop.devdb(["drift", "--json"]).run());
    let commit = shop.project.git(&["log", "-1", "--format=%h"]);
    assert_eq!(output.pointer("/differences/0/revision/edited_in").and_then(Value::as_str), Some(commit.trim()));
    shop.reset().run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
}

#[test]
fn a_volume_that_create_all_filled_is_stale() {
    let Some(shop) = sync() else { return };
    // As the app's create_all made it, before there was a user's name.
    shop.devdb(["migrate", "up", "8d20e6b14c75"]).run().assert_code(0);
    shop.database.sql("drop table alembic_version");
    let stale = verdicts(&shop);
    assert!(stale.contains(&"column public.users.username: stale volume".to_owned()), "{stale:?}");
    let output = shop.devdb(["drift"]).run();
    output.assert_code(1).assert_stdout_has("devdb migrate stamp 8d20e6b14c75 && devdb migrate up");
    shop.devdb(["migrate", "stamp", "8d20e6b14c75"]).run().assert_code(0);
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
}

#[test]
fn another_branchs_work_and_what_is_early_are_told() {
    let Some(shop) = sync() else { return };
    revision(&shop, "aaaa00000001", "\"e07d58a2c3b6\"", "op.add_column('users', sa.Column('x', sa.Text))", "pass");
    shop.project.edit(
        MODELS,
        "    full_name: Mapped",
        "    x: Mapped[Optional[str]] = mapped_column(Text)\n    full_name: Mapped",
    );
    shop.devdb(["migrate", "up", "e07d58a2c3b6"]).run().assert_code(0);
    shop.database.sql("alter table users add x text");
    assert_eq!(verdicts(&shop), ["column public.users.x: made early"]);
    shop.devdb(["migrate", "stamp", "aaaa00000001"]).run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    shop.project.remove("alembic/versions/aaaa00000001.py");
    assert_eq!(verdicts(&shop), ["column public.users.x: another branch's"]);
}

#[test]
fn models_that_cannot_be_read_leave_the_other_two() {
    let Some(shop) = sync() else { return };
    // Whatever a module prints is no answer.
    let env = shop.project.read("alembic/env.py");
    shop.project.write("alembic/env.py", &format!("print('hello from env.py')\n{env}"));
    shop.reset().run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    let models = shop.project.read(MODELS);
    shop.project.write(MODELS, &format!("import os\nKEY = os.environ['SHOP_SIGNING_KEY']\n{models}"));
    shop.database.sql("alter table users add nick text");
    let output = shop.devdb(["drift"]).run();
    output
        .assert_code(1)
        .assert_stderr_has("the models could not be read")
        .assert_stderr_has("SHOP_SIGNING_KEY")
        .assert_stderr_has("app/models.py:2")
        .assert_stdout_has("column nick")
        .assert_stdout_has("made by hand");
    shop.devdb(["drift"]).env("SHOP_SIGNING_KEY", "x").run().assert_code(1).assert_lacks("could not be read");
}

#[test]
fn filters_of_env_py_hold() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("create table legacy_things (id int)");
    shop.project.edit(MODELS, "    full_name: Mapped", "    age: Mapped[Optional[int]]\n    full_name: Mapped");
    shop.project.edit(MODELS, "String(120)", "Text");
    let filter = "def include(obj, name, kind, reflected, other):\n    return name not in ('age',)\n\n\n\
                  def names(name, kind, parents):\n    return not (name or '').startswith('legacy')\n\n\n";
    let env = shop.project.read("alembic/env.py").replace(
        "target_metadata=target_metadata",
        "target_metadata=target_metadata, include_object=include, include_name=names, compare_type=False",
    );
    let (imports, rest) = env.split_once("\n\n").unwrap();
    shop.project.write("alembic/env.py", &format!("{imports}\n\n\n{filter}{rest}"));
    // A table that only the database has is told whatever env.py says of it: no migration makes it.
    assert_eq!(verdicts(&shop), ["table public.legacy_things: made by hand"]);
    let output = report(&shop.devdb(["drift", "--json"]).run());
    assert_eq!(output.pointer("/differences/0/models").and_then(Value::as_str), Some("unsaid"));
}

#[test]
fn models_without_alembic_are_named_in_devdb_toml() {
    let Some(shop) = sync() else { return };
    for folder in ["alembic", "seeds"] {
        std::fs::remove_dir_all(shop.project.file(folder)).unwrap();
    }
    shop.project.remove("alembic.ini");
    shop.devdb(["drift"]).run().assert_code(0).assert_stdout_has("nothing to compare it with");
    shop.project.write("devdb.toml", "[models]\nmetadata = \"app.models:Base.metadata\"\n");
    let made = "import os, sqlalchemy as sa\nfrom app.models import Base\n\
                Base.metadata.create_all(sa.create_engine(os.environ['DATABASE_URL']))\n";
    shop.project.write("create.py", made);
    let url = shop.database.url();
    let ran = std::process::Command::new(venv::python(&shop.project.file(".venv")))
        .arg("create.py")
        .env("DATABASE_URL", url)
        .current_dir(shop.project.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    // The oldest of errors: the column came after the table.
    shop.database.sql("alter table users drop column username");
    let stale = verdicts(&shop);
    assert!(stale.contains(&"column public.users.username: stale volume".to_owned()), "{stale:?}");
    shop.project.write("devdb.toml", "[models]\nmetadata = \"app.modles:Base\"\n");
    // What could not be read did not agree.
    let output = shop.devdb(["drift"]).run();
    output.assert_code(4).assert_stderr_has("No module named 'app.modles'");
}

#[test]
fn a_chain_of_sql_files_with_one_of_everything_has_no_drift() {
    // Event triggers and extensions are a superuser's.
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let owner = cluster.create_role("SUPERUSER CREATEDB");
    let shop = Shop::of(&cluster, &owner);
    std::fs::remove_dir_all(shop.project.file("seeds")).unwrap();
    shop.project.write("db/migrations/000_everything.sql", &format!("-- migrate:up\n{EVERYTHING}\n-- migrate:down\n"));
    for file in ["001_create_users", "002_create_orders"] {
        shop.project.remove(&format!("db/migrations/{file}.sql"));
    }
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    shop.devdb(["drift", "--privileges"]).run().assert_code(0);
    shop.database.sql("alter type mood add value 'new'");
    shop.database.sql("alter table users enable trigger touched");
    shop.database.sql("drop policy own on users");
    assert_eq!(
        verdicts(&shop),
        [
            "enum public.mood: changed by hand",
            "trigger public.users.touched: changed by hand",
            "policy public.users.own: changed by hand",
        ]
    );
}

#[test]
fn published_chains_have_no_noise() {
    let (Some(cluster), Some(airflow), Some(prefect)) = (Cluster::shared(), bench::airflow(), bench::prefect()) else {
        return;
    };
    let applications = [
        (airflow, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2", "airflow db migrate"),
        (prefect, "PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg", "prefect server database upgrade -y"),
    ];
    for (environment, key, driver, command) in applications {
        let shop = Shop::new(cluster);
        for folder in ["db", "seeds"] {
            std::fs::remove_dir_all(shop.project.file(folder)).unwrap();
        }
        let url = shop.database.url().replacen("postgresql", driver, 1);
        shop.project.write(".env", &format!("{key}={url}\nAPP_ENV=development\n"));
        shop.project
            .write("devdb.toml", &format!("[database]\nurl_key = \"{key}\"\n[migrations]\nupgrade = \"{command}\"\n"));
        venv::link_into(&environment, &shop.project, ".venv");
        shop.reset().run().assert_code(0);
        let found = verdicts(&shop);
        if command.starts_with("airflow") {
            assert_eq!(found, Vec::<String>::new());
            continue;
        }
        // What Alembic itself finds on this release (its models lack what later work left behind), and an index whose
        // condition Alembic does not compare.
        let expect = [
            "table public.deployment_version: removed from the models",
            "column public.deployment.version_id: removed from the models",
            "index public.deployment.ix_deployment__version_id: removed from the models",
            "index public.deployment_schedule.ix_deployment_schedule__deployment_id__slug: not migrated",
            "index public.flow_run.ix_flow_run__schedule_id_scheduler: removed from the models",
        ];
        assert_eq!(found, expect);
    }
}

/// An `env.py` for a package's chain.
const ENV_OF_PACKAGE: &str = r#"import os

from alembic import context
from sqlalchemy import create_engine

IMPORT

with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"#;

/// The package's own `__init__` would start the whole application.
const ARGILLA: &str = r#"import sys, sysconfig, types
package = types.ModuleType("argilla_server")
folder = os.path.join(sysconfig.get_paths()["purelib"], "argilla_server")
package.__path__, package.__file__ = [folder], os.path.join(folder, "__init__.py")
sys.modules["argilla_server"] = package

import argilla_server.models.database
from argilla_server.models.base import DatabaseModel
metadata = DatabaseModel.metadata"#;
const OPTUNA: &str = "import optuna.storages._rdb.models\nmetadata = optuna.storages._rdb.models.BaseModel.metadata";

fn of_package<'c>(
    cluster: &'c Cluster,
    environment: &std::path::Path,
    package: &str,
    versions: &str,
    import: &str,
) -> Shop<'c> {
    let shop = Shop::new(cluster);
    for folder in ["db", "seeds"] {
        std::fs::remove_dir_all(shop.project.file(folder)).unwrap();
    }
    venv::link_into(environment, &shop.project, ".venv");
    let library = std::fs::read_dir(shop.project.file(".venv/lib")).unwrap().flatten();
    let python = library.map(|it| it.file_name().into_string().unwrap()).find(|it| it.starts_with("python3")).unwrap();
    let versions = format!(".venv/lib/{python}/site-packages/{package}/{versions}");
    let ini = format!("[alembic]\nscript_location = migrations\nversion_locations = {versions}\n");
    shop.project.write("alembic.ini", &ini);
    let env = ENV_OF_PACKAGE.replace("IMPORT", import);
    shop.project.write("migrations/env.py", &env);
    let template =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/alembic-sync/alembic/script.py.mako");
    shop.project.write("migrations/script.py.mako", &std::fs::read_to_string(template).unwrap());
    shop
}

#[test]
fn chains_of_packages_have_no_noise() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::chains()) else { return };
    let shop = of_package(cluster, &environment, "argilla_server", "alembic/versions", ARGILLA);
    shop.reset().run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    shop.devdb(["drift", "--sql"]).run().assert_code(0).assert_stdout_has("nothing to do");
    let shop = of_package(cluster, &environment, "optuna", "storages/_rdb/alembic/versions", OPTUNA);
    shop.reset().run().assert_code(0);
    // Its models are ahead of its chain: what is there is between these two, and none of it in the database.
    assert_eq!(
        verdicts(&shop),
        [
            "enum public.trialstate: not migrated",
            "table public.trial_heartbeats: not migrated",
            "column public.trial_values.trial_id: not migrated",
        ]
    );
    shop.devdb(["verify"]).run().assert_code(0);
}

#[test]
fn models_are_read_by_the_oldest_versions_too() {
    let (Some(cluster), Some(environment)) = (Cluster::shared(), bench::old_venv()) else { return };
    let shop = alembic(cluster, &environment, "alembic-sync", "postgresql");
    let models = "from sqlalchemy import (CheckConstraint, Column, DateTime, Enum, ForeignKey, Index, Integer, Numeric, String,\n\
                  \x20   Text, func, text)\nfrom sqlalchemy.orm import declarative_base\n\nBase = declarative_base()\n\n\n\
                  class User(Base):\n    __tablename__ = 'users'\n    id = Column(Integer, primary_key=True)\n\
                  \x20   email = Column(String(255), nullable=False, unique=True)\n    mood = Column(Enum('sad', 'ok', name='mood'))\n\
                  \x20   at = Column(DateTime(timezone=True), server_default=func.now())\n    total = Column(Numeric(10, 2))\n\
                  \x20   boss_id = Column(ForeignKey('users.id'), index=True)\n";
    shop.project.write(MODELS, models);
    std::fs::remove_dir_all(shop.project.file("alembic/versions")).unwrap();
    std::fs::create_dir(shop.project.file("alembic/versions")).unwrap();
    shop.devdb(["migrate", "new", "--autogenerate", "everything"]).run().assert_code(0);
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    shop.project.edit(MODELS, "    total =", "    nick = Column(Text)\n    total =");
    shop.database.sql("alter table users add by_hand int");
    let told = ["column public.users.by_hand: made by hand", "column public.users.nick: not migrated"];
    assert_eq!(verdicts(&shop), told);
    shop.devdb(["drift", "--adopt"]).run().assert_code(0);
    let told = ["column public.users.by_hand: removed from the models", "column public.users.nick: not migrated"];
    assert_eq!(verdicts(&shop), told);
    shop.project.write("devdb.toml", "[models]\nmetadata = \"app.models:Base\"\n");
    assert_eq!(verdicts(&shop), told);
}

/// Types, keys and settings that models have, with names that need quotes.
const RICH: &str = r#"
import enum, uuid
from sqlalchemy import *
from sqlalchemy.dialects.postgresql import ARRAY, INET, INT4RANGE, INTERVAL, JSONB, TSVECTOR, UUID
from sqlalchemy.orm import DeclarativeBase

class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={"ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s", "pk": "pk_%(table_name)s"})

class Mood(enum.Enum):
    sad = "sad"
    ok = "ok"

class Thing(Base):
    __tablename__ = "Weird Thing"
    id = Column(BigInteger, Identity(always=True), primary_key=True)
    uid = Column(UUID(as_uuid=True), server_default=text("gen_random_uuid()"), unique=True)
    name = Column("Full Name", String(50), nullable=False, comment="it's a name, 100%")
    price = Column(Numeric(12, 4), server_default="1.5")
    tags = Column(ARRAY(String), server_default="{}")
    data = Column(JSONB, nullable=False, server_default=text("'{}'::jsonb"))
    mood = Column(Enum(Mood), default=Mood.ok)
    small = Column(SmallInteger)
    flag = Column(Boolean, server_default=false(), nullable=False)
    at, tz, day = Column(DateTime, server_default=func.now()), Column(DateTime(timezone=True)), Column(Date)
    long, blob, ip, spread, words = Column(INTERVAL), Column(LargeBinary), Column(INET), Column(INT4RANGE), Column(TSVECTOR)
    total = Column(Numeric, Computed("price * 2", persisted=True))
    parent_id = Column(ForeignKey("Weird Thing.id", ondelete="SET NULL", deferrable=True, initially="DEFERRED"), index=True)
    __table_args__ = (UniqueConstraint("Full Name", "small"), Index(None, "data", postgresql_using="gin"),
        Index("ix_lower", func.lower(text('"Full Name"')), unique=True),
        Index("ix_part", "small", postgresql_where=text("flag")), {"comment": "weird"})

class Other(Base):
    __tablename__ = "other"
    __table_args__ = {"schema": "billing"}
    id = Column(Integer, primary_key=True)
    thing = Column(ForeignKey("Weird Thing.id"), nullable=False)
"#;

#[test]
fn models_of_many_types_agree_with_the_migration_that_was_written_of_them() {
    let Some(shop) = sync() else { return };
    shop.project.write(MODELS, RICH);
    std::fs::remove_dir_all(shop.project.file("alembic/versions")).unwrap();
    revision(&shop, "aaaa00000001", "None", "op.execute('create schema billing')", "pass");
    let with_schemas = "target_metadata=target_metadata,\n            include_schemas=True,";
    shop.project.edit("alembic/env.py", "target_metadata=target_metadata,", with_schemas);
    shop.devdb(["migrate", "new", "--autogenerate", "everything"]).run().assert_code(0);
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    // The same models, without Alembic's env.py.
    shop.project.write("devdb.toml", "[models]\nmetadata = \"app.models:Base\"\n");
    assert_eq!(verdicts(&shop), Vec::<String>::new());
    shop.database.sql("alter table \"Weird Thing\" rename \"Full Name\" to \"full name\"");
    let found = verdicts(&shop);
    assert!(found.contains(&"column public.Weird Thing.Full Name: changed by hand".to_owned()), "{found:?}");
}

/// `create_all` made just what the chain makes: nothing differs, and only the version is to be recorded.
#[test]
fn a_database_in_sync_without_a_version_is_told_how_to_get_one() {
    let Some(shop) = sync() else { return };
    shop.devdb(["reset", "--yes"]).run().assert_code(0);
    shop.devdb(["drift"]).run().assert_code(0).assert_lacks("stamp");
    shop.database.sql("drop table alembic_version");
    shop.devdb(["drift"]).run().assert_code(0).assert_stdout_has("next:  devdb migrate stamp heads");
    shop.devdb(["migrate", "up", "--dry-run"]).run().assert_stderr_has("`devdb drift` says which revision");
    shop.devdb(["migrate", "stamp", "heads"]).run().assert_code(0);
    shop.devdb(["migrate", "status"]).run().assert_code(0).assert_stdout_has("up to date");
}
