//! Chains of the eight tools: their tables as the tools' sources define them, and what a failure leaves.

use crate::migrate_sql_common::Chain;
use crate::support::bench;
use std::collections::BTreeMap;

const UP: &str = "create table users (id int primary key);\n";
const DOWN: &str = "drop table users;\n";
const ORDERS: &str = "create table orders (id int);\ninsert into orders values (1);\n";

/// Checks the table's definition, that nothing is left to do, and the rows.
#[track_caller]
fn check_table(chain: &Chain, table: &str, definition: &[&str], query: &str, rows: &[&str]) {
    assert_eq!(chain.definition(table), definition);
    assert_eq!(chain.rows(query), rows);
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(chain.rows(query), rows);
}

#[test]
fn golang_migrate_keeps_one_row() {
    let files = [
        ("go.mod", "module shop\n"),
        ("migrations/000002_orders.up.sql", ORDERS),
        ("migrations/000002_orders.down.sql", "drop table orders;"),
        ("migrations/000001_users.up.sql", UP),
        ("migrations/000001_users.down.sql", DOWN),
        ("migrations/000010_more.up.sql", "create table more (id int);"),
        ("migrations/000010_more.down.sql", "drop table more;"),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let definition =
        ["version|bigint|true||-", "dirty|boolean|true||-", "schema_migrations_pkey|PRIMARY KEY (version)|-|-|-"];
    let rows = "select version, dirty from schema_migrations";
    check_table(&chain, "schema_migrations", &definition, rows, &["10|f"]);
    chain.devdb(["migrate", "down", "--yes"]).run().assert_code(0);
    assert_eq!(chain.rows(rows), ["2|f"]);
    chain.devdb(["migrate", "down", "base", "--yes"]).run().assert_code(0);
    assert_eq!(chain.rows(rows), Vec::<String>::new());
}

#[test]
fn golang_migrate_is_dirty_after_a_failure_and_comes_out_of_it() {
    let files = [
        ("go.mod", "module shop\n"),
        ("migrations/1_users.up.sql", UP),
        ("migrations/2_bad.up.sql", "create table more (id int);\nalter table nowhere add x int;\n"),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    let rows = "select version, dirty from schema_migrations";
    let output = chain.devdb(["migrate", "up"]).run();
    output.assert_code(5).assert_stderr_has("migrations/2_bad.up.sql:2").assert_stderr_has("42P01");
    output.assert_stderr_has("alter table nowhere add x int").assert_stderr_has("rolled back");
    output.assert_stderr_has("devdb migrate stamp 1");
    assert_eq!(chain.rows(rows), ["2|t"]);
    assert_eq!(chain.database.value("select to_regclass('more')::text"), None);
    chain.devdb(["migrate", "up"]).run().assert_code(5).assert_stderr_has("begun and not finished");
    chain.devdb(["doctor", "--only", "sql-dirty"]).run().assert_code(1).assert_stdout_has("devdb migrate stamp 1");
    chain.project.write("migrations/2_bad.up.sql", "create table more (id int);\n");
    chain.devdb(["migrate", "stamp", "1"]).run().assert_code(0);
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(chain.rows(rows), ["2|f"]);
}

#[test]
fn flyway_has_its_table_its_order_and_its_checksums() {
    let folder = "src/main/resources/db/migration";
    let (nine, ten) = (format!("{folder}/V9__users.sql"), format!("{folder}/V10__orders_too.sql"));
    let (views, undo) = (format!("{folder}/R__active_users.sql"), format!("{folder}/U10__orders_too.sql"));
    let view = "create or replace view active as select id from users;\n";
    let files = [
        (nine.as_str(), "\u{feff}create table users (id int primary key);\r\n"),
        (ten.as_str(), ORDERS),
        (views.as_str(), view),
        (undo.as_str(), "drop table orders;\n"),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let definition = [
        "installed_rank|integer|true||-",
        "version|character varying(50)|false||-",
        "description|character varying(200)|true||-",
        "type|character varying(20)|true||-",
        "script|character varying(1000)|true||-",
        "checksum|integer|false||-",
        "installed_by|character varying(100)|true||-",
        "installed_on|timestamp without time zone|true||now()",
        "execution_time|integer|true||-",
        "success|boolean|true||-",
        "flyway_schema_history_pk|PRIMARY KEY (installed_rank)|-|-|-",
        "flyway_schema_history_s_idx|CREATE INDEX flyway_schema_history_s_idx ON public.flyway_schema_history USING btree \
         (success)|-|-|-",
    ];
    // The checksums were computed by zlib's crc32 over the lines without their ends.
    let rows =
        "select installed_rank, version, description, type, script, checksum, installed_by = current_user, success
        from flyway_schema_history order by 1";
    let first = "1|9|users|SQL|V9__users.sql|-890483836|t|t";
    let second = "2|10|orders too|SQL|V10__orders_too.sql|-1816269530|t|t";
    let third = "3|-|active users|SQL|R__active_users.sql|768477321|t|t";
    check_table(&chain, "flyway_schema_history", &definition, rows, &[first, second, third]);
    // A repeatable one runs again when it changed, and only then.
    chain.project.write(&views, &view.replace("id", "id + 0 as id"));
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(chain.rows(rows).len(), 4);
    chain.devdb(["migrate", "down", "--yes"]).run().assert_code(0);
    assert!(chain.rows(rows)[4].starts_with("5|10|orders too|UNDO_SQL|U10__orders_too.sql|"));
    chain.devdb([]).run().assert_stdout_has("9, 1 pending");
    chain.project.write(&nine, "create table users (id int);\n");
    chain.devdb(["doctor", "--only", "sql-checksum"]).run().assert_code(1).assert_stdout_has("V9__users.sql");
}

#[test]
fn flyway_marks_a_failure_that_no_transaction_undid() {
    let files = [
        ("sql/V1__users.sql", UP),
        ("sql/V2__index.sql", "create index concurrently on users (id);\ncreate index concurrently on nowhere (id);\n"),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    let output = chain.devdb(["migrate", "up"]).run();
    output.assert_code(5).assert_stderr_has("sql/V2__index.sql:2").assert_stderr_has("1 statement of it ran");
    output.assert_stderr_has("as Flyway leaves it").assert_stderr_has("devdb migrate stamp 1");
    let rows = "select version, success from flyway_schema_history order by installed_rank";
    assert_eq!(chain.rows(rows), ["1|t", "2|f"]);
    chain.devdb(["migrate", "stamp", "1"]).run().assert_code(0);
    assert_eq!(chain.rows(rows), ["1|t"]);
}

#[test]
fn diesel_strips_dashes_and_orders_by_text() {
    let files = [
        ("diesel.toml", ""),
        ("migrations/2024-03-01-000000_users/up.sql", UP),
        ("migrations/2024-03-01-000000_users/down.sql", DOWN),
        ("migrations/20240401000000_index/up.sql", "create index concurrently on users (id);"),
        ("migrations/20240401000000_index/metadata.toml", "run_in_transaction = false\n"),
        ("migrations/00000000000000_setup/up.sql", "create function one() returns int language sql return 1;"),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let definition = [
        "version|character varying(50)|true||-",
        "run_on|timestamp without time zone|true||CURRENT_TIMESTAMP",
        "__diesel_schema_migrations_pkey|PRIMARY KEY (version)|-|-|-",
    ];
    let rows = "select version from __diesel_schema_migrations order by run_on";
    let expected = ["00000000000000", "20240301000000", "20240401000000"];
    check_table(&chain, "__diesel_schema_migrations", &definition, rows, &expected);
    chain.devdb(["migrate", "down", "--yes"]).run().assert_code(2).assert_stderr_has("no `down.sql`");
}

#[test]
fn goose_has_a_row_for_the_table_itself() {
    let function = "-- +goose Up\n-- +goose StatementBegin\ncreate function two() returns int as $$\nbegin\n  return 2;\nend\n\
                    $$ language plpgsql;\n-- +goose StatementEnd\n\n-- +goose Down\ndrop function two;\n";
    let index = "-- +goose NO TRANSACTION\n-- +goose Up\ncreate index concurrently i on users (id);\n\
                 create index concurrently j on users (id);\n-- +goose Down\ndrop index i;\ndrop index j;\n";
    let users = format!("-- +goose Up\n{UP}-- +goose Down\n{DOWN}");
    let files = [
        ("db/migrations/00001_users.sql", users.as_str()),
        ("db/migrations/00010_index.sql", index),
        ("db/migrations/00009_two.sql", function),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let definition = [
        "id|integer|true|d|-",
        "version_id|bigint|true||-",
        "is_applied|boolean|true||-",
        "tstamp|timestamp without time zone|true||now()",
        "goose_db_version_pkey|PRIMARY KEY (id)|-|-|-",
    ];
    let rows = "select id, version_id, is_applied from goose_db_version order by id";
    check_table(&chain, "goose_db_version", &definition, rows, &["1|0|t", "2|1|t", "3|9|t", "4|10|t"]);
    chain.devdb(["migrate", "down", "base", "--yes"]).run().assert_code(0);
    assert_eq!(chain.rows(rows), ["1|0|t"]);
    let bad = "-- +goose NO TRANSACTION\n-- +goose Up\ncreate table a (id int);\nselect 1/0;\n";
    chain.project.write("db/migrations/00011_bad.sql", bad);
    let output = chain.devdb(["migrate", "up"]).run();
    output.assert_code(5).assert_stderr_has("00011_bad.sql:4").assert_stderr_has("22012");
    output.assert_stderr_has("1 statement of it ran");
    assert_eq!(chain.rows(rows).len(), 4);
}

#[test]
fn prisma_keeps_a_row_for_a_try_that_failed() {
    let files = [
        ("prisma/schema.prisma", "datasource db { provider = \"postgresql\" }\n"),
        ("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n"),
        ("prisma/migrations/20240101000000_users/migration.sql", UP),
        ("prisma/migrations/20240201000000_bad/migration.sql", "create table a (id int);\nselect 1/0;\n"),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    let output = chain.devdb(["migrate", "up"]).run();
    output.assert_code(5).assert_stderr_has("20240201000000_bad/migration.sql:2").assert_stderr_has("22012");
    output.assert_stderr_has("as Prisma leaves it").assert_stderr_has("devdb migrate stamp 20240101000000_users");
    let rows = "select migration_name, checksum, finished_at is not null, logs, rolled_back_at is not null,
        applied_steps_count, id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' from _prisma_migrations order by started_at";
    let (users, bad) = (
        "20240101000000_users|43cdcc566039349d5b70855107e3e098b457c7f671192201e46bbab73d71962a",
        "20240201000000_bad|2b37b0c3aa097da6f85b4d71726fd488fc9586c677004d9ec588cfd90a81cfe6",
    );
    let failed = format!("{bad}|f|division by zero|f|0|t");
    assert_eq!(chain.rows(rows), [format!("{users}|t|-|f|1|t"), failed]);
    chain.devdb(["migrate", "stamp", "20240101000000_users"]).run().assert_code(0);
    chain.project.write("prisma/migrations/20240201000000_bad/migration.sql", ORDERS);
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let rolled_back = format!("{bad}|f|division by zero|t|0|t");
    let second = "20240201000000_bad|41b130f90f01bd9f1e333d67bf8ddadc9e813567ea774a6a5dbc7055952191bb|t|-|f|1|t";
    let definition = [
        "id|character varying(36)|true||-",
        "checksum|character varying(64)|true||-",
        "finished_at|timestamp with time zone|false||-",
        "migration_name|character varying(255)|true||-",
        "logs|text|false||-",
        "rolled_back_at|timestamp with time zone|false||-",
        "started_at|timestamp with time zone|true||now()",
        "applied_steps_count|integer|true||0",
        "_prisma_migrations_pkey|PRIMARY KEY (id)|-|-|-",
    ];
    let expected = [format!("{users}|t|-|f|1|t"), rolled_back, second.to_owned()];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_table(&chain, "_prisma_migrations", &definition, rows, &expected);
}

#[test]
fn supabase_keeps_the_statements() {
    let files = [
        ("supabase/config.toml", "project_id = \"shop\"\n"),
        ("supabase/migrations/20240101000000_users.sql", UP),
        (
            "supabase/migrations/20240201000000_two_things.sql",
            "-- first\ncreate table a (t text default ';');\n\nselect 1;\n",
        ),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let definition = [
        "version|text|true||-",
        "statements|text[]|false||-",
        "name|text|false||-",
        "schema_migrations_pkey|PRIMARY KEY (version)|-|-|-",
    ];
    let rows = "select version, name, array_to_json(statements) from supabase_migrations.schema_migrations order by 1";
    let first = r#"20240101000000|users|["create table users (id int primary key)"]"#;
    let second = r#"20240201000000|two_things|["-- first\ncreate table a (t text default ';')","select 1"]"#;
    check_table(&chain, "supabase_migrations.schema_migrations", &definition, rows, &[first, second]);
    chain.devdb(["migrate", "down", "--yes"]).run().assert_code(2).assert_stderr_has("no way back");
}

#[test]
fn the_url_may_name_the_schema() {
    let files = [("prisma/migrations/20240101000000_users/migration.sql", UP)];
    let Some(chain) = Chain::new(&files) else { return };
    chain.name_database("?schema=app");
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(chain.rows("select migration_name from app._prisma_migrations"), ["20240101000000_users"]);
    assert_eq!(chain.rows("select to_regclass('app.users') is not null, to_regclass('public.users')"), ["t|-"]);
    chain.devdb([]).run().assert_stdout_has("all of 1 migration");
    chain.name_database("");
    chain.devdb([]).run().assert_stdout_has("never migrated");
}

#[test]
fn a_table_behind_others_on_the_search_path_stays_the_one() {
    let files = [("Cargo.toml", "[dependencies]\nsqlx = \"0.9\"\n"), ("migrations/1_users.sql", UP)];
    let Some(chain) = Chain::new(&files) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let (role, name) = (&chain.database.owner.name, &chain.database.name);
    chain
        .database
        .sql(&format!("create schema app; alter role {role} in database {name} set search_path = app, public"));
    chain.project.write("migrations/2_orders.sql", ORDERS);
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(chain.rows("select version from public._sqlx_migrations order by 1"), ["1", "2"]);
    assert_eq!(chain.rows("select to_regclass('app.orders') is not null"), ["t"]);
}

#[test]
fn flyway_leaves_alone_what_stands_before_its_baseline() {
    let files = [
        ("sql/V1__users.sql", UP),
        ("sql/V1.1__more.sql", "create table more (id int);"),
        ("sql/V2__orders.sql", ORDERS),
    ];
    let Some(chain) = Chain::new(&files) else { return };
    chain.devdb(["migrate", "up", "+1"]).run().assert_code(0);
    chain.database.sql("update flyway_schema_history set version = '1.1', type = 'BASELINE', checksum = null");
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let rows = chain.rows("select installed_rank, version, type from flyway_schema_history order by 1");
    assert_eq!(rows, ["1|1.1|BASELINE", "2|2|SQL"]);
    assert_eq!(chain.database.value("select to_regclass('more')::text"), None);
}

#[test]
fn another_tools_table_is_not_taken_for_ones_own() {
    let files = [("go.mod", "module shop\n"), ("migrations/1_users.up.sql", UP)];
    let Some(chain) = Chain::new(&files) else { return };
    chain.database.sql("create table schema_migrations (version varchar primary key)");
    let output = chain.devdb(["migrate", "up"]).run();
    output.assert_code(4).assert_stderr_has("dirty");
    assert_eq!(chain.database.value("select to_regclass('users')::text"), None);
}

#[test]
fn a_failure_in_a_transaction_changes_nothing() {
    let users = format!("-- migrate:up\n{UP}-- migrate:down\n{DOWN}");
    let bad = "-- migrate:up\ncreate table a (id int);\ninsert into users values (1), (1);\n-- migrate:down\n";
    let files = [("db/migrations/1_users.sql", users.as_str()), ("db/migrations/2_bad.sql", bad)];
    let Some(chain) = Chain::new(&files) else { return };
    let output = chain.devdb(["migrate", "up"]).run();
    output.assert_code(5).assert_stderr_has("db/migrations/2_bad.sql:3").assert_stderr_has("23505");
    output.assert_stderr_has("unchanged");
    assert_eq!(chain.rows("select version from schema_migrations"), ["1"]);
    assert_eq!(chain.database.value("select to_regclass('a')::text"), None);
}

#[test]
fn what_is_unclear_is_said_and_settled_in_the_configuration() {
    let files = [("migrations/1_users.sql", UP), ("migrations/2_orders.sql", ORDERS)];
    let Some(chain) = Chain::new(&files) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(2).assert_stderr_has("[migrations] tool");
    chain.devdb(["doctor", "--only", "sql-chain-fault"]).run().assert_code(1);
    chain.project.write("devdb.toml", "[migrations]\ndirectory = \"migrations\"\ntool = \"sqlxx\"\n");
    chain.devdb(["migrate", "up"]).run().assert_code(2).assert_stderr_has("devdb.toml:3").assert_stderr_has("sqlxx");
    chain.project.write("devdb.toml", "[migrations]\ntool = \"sqlx\"\ntable = \"app.done\"\n");
    chain.database.sql("create schema app");
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    assert_eq!(chain.rows("select version from app.done order by 1"), ["1", "2"]);
    chain.project.remove("devdb.toml");
    chain.project.write("go.mod", "module shop\n");
    chain.project.write("other/migrations/1_a.up.sql", UP);
    chain.project.write("third/migrations/1_a.up.sql", UP);
    chain.devdb(["migrate", "up"]).run().assert_code(2).assert_stderr_has("[migrations] directory");
}

#[test]
fn what_is_no_migration_is_named_and_nothing_is_run() {
    let users = format!("-- migrate:up\n{UP}-- migrate:down\n{DOWN}");
    let Some(chain) = Chain::new(&[("db/migrations/1_users.sql", users.as_str())]) else { return };
    let folder = chain.project.file("db/migrations");
    std::fs::write(folder.join("2_binary.sql"), [0xff, 0x00, 0xfe, 0x0a]).unwrap();
    std::os::unix::fs::symlink("3_loop.sql", folder.join("3_loop.sql")).unwrap();
    std::os::unix::fs::symlink(".", folder.join("around")).unwrap();
    std::fs::create_dir(folder.join("4_folder.sql")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(folder.join("5_pipe.sql")).status().unwrap();
    assert!(pipe.success());
    std::fs::write(folder.join("6_large.sql"), vec![b' '; 13 << 20]).unwrap();
    chain.project.write("db/migrations/1_same.sql", &users);
    let doctor = chain.devdb(["doctor", "--only", "sql-chain-fault"]).run();
    for fault in ["2_binary.sql", "3_loop.sql", "5_pipe.sql", "6_large.sql", "2 files carry the version `1`"] {
        doctor.assert_code(1).assert_stdout_has(fault);
    }
    chain.devdb(["migrate", "up"]).run().assert_code(5);
    assert_eq!(chain.database.value("select to_regclass('users')::text"), None);
    chain.devdb(["reset", "--yes"]).run().assert_code(5);
}

#[test]
fn real_projects_are_read_in_their_order() {
    let Some(corpus) = bench::corpus() else { return };
    for name in ["atuin", "dbmate-testdata", "pocket-id", "sqlx-examples", "zero-to-production"] {
        let text = std::fs::read_to_string(corpus.join(format!("sql/{name}.json"))).unwrap();
        let truth: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        let tool = if truth["kind"] == "gomigrate" { "golang-migrate" } else { truth["kind"].as_str().unwrap() };
        let directory = truth["dir"].as_str().unwrap();
        let order: Vec<&str> = truth["order"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
        let project = crate::support::project::Project::new();
        project.write("devdb.toml", &format!("[migrations]\ndirectory = \"{directory}\"\ntool = \"{tool}\"\n"));
        for file in &order {
            project.write(&format!("{directory}/{file}"), "-- migrate:up\nselect 1;\n-- migrate:down\n");
        }
        let output = crate::support::sandbox::Sandbox::new(&project).args(["migrate", "history", "--json"]).run();
        let json = output.assert_code(0).json();
        let files: Vec<String> =
            json.as_array().unwrap().iter().map(|it| it["file"].as_str().unwrap().to_owned()).collect();
        let expected: Vec<String> = order.iter().map(|file| format!("{directory}/{file}")).collect();
        assert_eq!(files, expected, "{name}");
    }
}
