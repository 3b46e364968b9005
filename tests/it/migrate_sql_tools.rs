//! SQL chains against the real tools: what devdb has run, they find done; what they have run, devdb finds done.

use crate::migrate_sql_common::Chain;
use crate::support::bench;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A project whose chain a tool can run too.
struct Shared {
    chain: Chain,
    tool: PathBuf,
}

impl std::ops::Deref for Shared {
    type Target = Chain;

    fn deref(&self) -> &Chain {
        &self.chain
    }
}

impl Shared {
    fn new(tool: PathBuf, files: &[(&str, &str)]) -> Option<Self> {
        Some(Self { chain: Chain::new(files)?, tool })
    }

    /// Runs the tool as a developer would, and returns what it said.
    #[track_caller]
    fn tool(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.tool)
            .args(arguments)
            .current_dir(self.project.path())
            .env("DATABASE_URL", format!("{}?sslmode=disable", self.database.url()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }
}

fn dbmate() -> Option<Shared> {
    Shared::new(
        bench::dbmate()?,
        &[
            (
                "db/migrations/20240101000000_users.sql",
                "-- migrate:up\ncreate table users (id int primary key, email text not null);\n\n\
                 -- migrate:down\ndrop table users;\n",
            ),
            (
                "db/migrations/20240201000000_index.sql",
                "-- migrate:up transaction:false\ncreate index concurrently users_email on users (email);\n\n\
                 -- migrate:down transaction:false\ndrop index concurrently users_email;\n",
            ),
            (
                "db/migrations/20240301000000_orders.sql",
                "-- migrate:up\ncreate table orders (id int, note text default 'a;b');\ninsert into orders values (1);\n\n\
                 -- migrate:down\ndrop table orders;\n",
            ),
        ],
    )
}

fn sqlx() -> Option<Shared> {
    Shared::new(
        bench::sqlx()?,
        &[
            ("Cargo.toml", "[package]\nname = \"shop\"\n[dependencies]\nsqlx = \"0.9\"\n"),
            ("migrations/1_users.up.sql", "create table users (id int primary key, email text not null);\n"),
            ("migrations/1_users.down.sql", "drop table users;\n"),
            (
                "migrations/2_index.up.sql",
                "-- no-transaction\ncreate index concurrently users_email on users (email);\n",
            ),
            ("migrations/2_index.down.sql", "-- no-transaction\ndrop index concurrently users_email;\n"),
            (
                "migrations/0010_create_the-orders.up.sql",
                "create table orders (id int);\r\ninsert into orders values (1);\n",
            ),
            ("migrations/0010_create_the-orders.down.sql", "drop table orders;\n"),
        ],
    )
}

#[test]
fn dbmate_finds_nothing_to_do_after_devdb() {
    let Some(chain) = dbmate() else { return };
    chain.devdb(["reset", "--yes"]).run().assert_code(0).assert_stderr_has("3 migrations");
    let status = chain.tool(&["--no-dump-schema", "status"]);
    assert!(status.contains("Applied: 3") && status.contains("Pending: 0"), "{status}");
    let up = chain.tool(&["--no-dump-schema", "up"]);
    assert!(!up.contains("Appl"), "{up}");
    // The way back that dbmate finds in the table is whole.
    for _ in 0..3 {
        chain.tool(&["--no-dump-schema", "down"]);
    }
    assert_eq!(chain.database.value("select count(*) from schema_migrations"), Some("0".to_owned()));
    assert_eq!(chain.database.value("select to_regclass('users')::text"), None);
    // Up and down by devdb, with the tool in between.
    chain.devdb(["migrate", "up", "+2"]).run().assert_code(0);
    assert!(chain.tool(&["--no-dump-schema", "status"]).contains("Pending: 1"));
    chain.tool(&["--no-dump-schema", "up"]);
    chain.devdb(["migrate", "down", "base", "--yes"]).run().assert_code(0);
    let status = chain.tool(&["--no-dump-schema", "status"]);
    assert!(status.contains("Applied: 0"), "{status}");
}

#[test]
fn devdb_finds_nothing_to_do_after_dbmate() {
    let Some(chain) = dbmate() else { return };
    let made_by_devdb = {
        chain.devdb(["reset", "--yes"]).run().assert_code(0);
        chain.definition("schema_migrations")
    };
    chain.database.empty();
    let status = chain.devdb([]).run();
    status.assert_stdout_has("never migrated").assert_stdout_has("3 migrations");
    chain.tool(&["--no-dump-schema", "up"]);
    chain.devdb([]).run().assert_code(0).assert_stdout_has("20240301000000 (all of 3 migrations)");
    assert_eq!(made_by_devdb, chain.definition("schema_migrations"));
    chain.tool(&["--no-dump-schema", "down"]);
    chain.devdb([]).run().assert_stdout_has("20240201000000, 1 pending");
}

#[test]
fn sqlx_finds_nothing_to_do_after_devdb() {
    let Some(chain) = sqlx() else { return };
    chain.devdb(["reset", "--yes"]).run().assert_code(0).assert_stderr_has("3 migrations");
    let info = chain.tool(&["migrate", "info"]);
    assert_eq!(info.matches("installed").count(), 3, "{info}");
    assert!(!info.contains("pending") && !info.contains("different"), "{info}");
    assert_eq!(chain.tool(&["migrate", "run"]), "");
    chain.devdb(["migrate", "down", "1", "--yes"]).run().assert_code(0);
    let info = chain.tool(&["migrate", "info"]);
    assert!(info.contains("1/installed") && info.contains("2/pending") && info.contains("10/pending"), "{info}");
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(chain.tool(&["migrate", "run"]), "");
    chain.tool(&["migrate", "revert", "--target-version", "0"]);
    assert_eq!(chain.database.value("select count(*) from _sqlx_migrations"), Some("0".to_owned()));
}

#[test]
fn devdb_finds_nothing_to_do_after_sqlx() {
    let Some(chain) = sqlx() else { return };
    let rows =
        "select version, description, success, encode(checksum, 'hex'), execution_time > 0 from _sqlx_migrations";
    chain.devdb(["reset", "--yes"]).run().assert_code(0);
    let by_devdb = (chain.definition("_sqlx_migrations"), chain.database.query(rows));
    chain.database.empty();
    chain.tool(&["migrate", "run"]);
    chain.devdb([]).run().assert_code(0).assert_stdout_has("10 (all of 3 migrations)");
    assert_eq!(by_devdb, (chain.definition("_sqlx_migrations"), chain.database.query(rows)));
    assert_eq!(by_devdb.1[2][1], Some("create the-orders".to_owned()));
    chain.tool(&["migrate", "revert"]);
    chain.devdb([]).run().assert_stdout_has("2, 1 pending");
}

#[test]
fn a_reset_stops_where_it_is_told_and_the_tool_goes_on_from_there() {
    let Some(chain) = sqlx() else { return };
    chain.devdb(["reset", "--yes", "--to", "2"]).run().assert_code(0).assert_stderr_has("2 migrations");
    let info = chain.tool(&["migrate", "info"]);
    assert!(info.contains("2/installed") && info.contains("10/pending"), "{info}");
    chain.tool(&["migrate", "run"]);
    chain.devdb([]).run().assert_code(0).assert_stdout_has("all of 3 migrations");
    chain
        .devdb(["reset", "--yes", "--to", "7"])
        .run()
        .assert_code(2)
        .assert_stderr_has("no migration has the version `7`");
}

#[test]
fn the_tools_are_the_ones_that_the_bench_prepared() {
    let (Some(dbmate), Some(sqlx)) = (bench::dbmate(), bench::sqlx()) else { return };
    let version = |program: &Path| Command::new(program).arg("--version").output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&version(&dbmate)).starts_with("dbmate version 2."));
    assert!(String::from_utf8_lossy(&version(&sqlx)).contains("0.9."));
}
