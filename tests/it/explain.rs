//! `devdb explain` of errors, and `devdb run`: answers from the project and its server, not in general.

use crate::migrate::sync;
use crate::reset_common::Shop;
use crate::support::cluster::Cluster;
use crate::support::sandbox::Sandbox;
use crate::support::venv;
use std::time::Duration;

const MISSING: &str = "psycopg2.errors.UndefinedColumn: column users.username does not exist\n\
                       LINE 1: select users.username from users\n";

#[test]
fn an_undefined_column_is_traced_to_the_source_that_lacks_it() {
    let Some(shop) = sync() else { return };
    shop.project.write(".gitignore", ".venv\n.env\n__pycache__\n");
    shop.project.git_init();
    shop.devdb(["migrate", "up", "8d20e6b14c75"]).run().assert_code(0);
    let before = shop.before();
    let output = shop.devdb(["explain", "-"]).stdin(MISSING).run();
    output
        .assert_code(0)
        .assert_stdout_has("column `users.username`: pending")
        .assert_stdout_has("models      has it: character varying(64) not null")
        .assert_stdout_has("since revision b5a4f0d3917e")
        .assert_stdout_has("b5a4f0d3917e_add_users_username.py:")
        .assert_stdout_has("database    lacks it")
        .assert_stdout_has("by Test on")
        .assert_stdout_has("devdb migrate up");
    assert_eq!(shop.before(), before);
    // At the end of a long log.
    let log = format!("{}{MISSING}", "INFO nothing to see here\n".repeat(400_000));
    let output = shop.devdb(["explain", "-"]).stdin(&log).run();
    output.assert_code(0).assert_stdout_has("column `users.username`: pending");
    // In another language the state tells.
    let german = "FEHLER:  42703: Spalte »username« von Relation »users« existiert nicht";
    shop.devdb(["explain", german]).run().assert_code(0).assert_stdout_has("column `users.username`: pending");
    // Through an alias, and through one of SQLAlchemy's.
    let alias = "column u.username does not exist\n[SQL: SELECT u.username FROM users AS u]";
    shop.devdb(["explain", alias]).run().assert_code(0).assert_stdout_has("column `users.username`: pending");
    shop.devdb(["explain", "column users_1.username does not exist"]).run().assert_stdout_has("`users.username`");
    shop.devdb(["explain", "column \"usernam\" does not exist"]).run().assert_stdout_has("the nearest is column");
    // What it says to run ends it.
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.devdb(["explain", MISSING]).run().assert_code(0).assert_stdout_has("is in this database now");
}

#[test]
fn a_table_that_is_there_before_its_migration_is_told() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("drop table alembic_version");
    shop.database.sql("alter table users drop column username");
    let real = venv::run(&shop.project.file(".venv"), &shop.project, "alembic", &["upgrade", "head"]);
    let said = String::from_utf8_lossy(&real.stderr).into_owned();
    assert!(!real.status.success() && said.contains("already exists"), "{said}");
    shop.devdb(["explain", "-"])
        .stdin(&said)
        .run()
        .assert_code(0)
        .assert_stdout_has("is there, as the migrations make it")
        .assert_stdout_has("devdb migrate status");
    shop.devdb(["explain", MISSING]).run().assert_stdout_has("stale volume").assert_stdout_has("devdb migrate stamp");
}

#[test]
fn broken_rules_name_their_definition() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let error = "duplicate key value violates unique constraint \"users_pkey\"\nDETAIL:  Key (id)=(1) already exists.";
    shop.devdb(["explain", error])
        .run()
        .assert_code(0)
        .assert_stdout_has("PRIMARY KEY (id)")
        .assert_stdout_has("users_id_seq gives 1 next, and there is no row: the sequence is not behind now");
    shop.database.sql("insert into users (id, email) overriding system value values (1, 'a'), (7, 'b')");
    let output = shop.devdb(["explain", error]).run();
    output.assert_code(0).assert_stdout_has("users_id_seq gives 1 next, and the highest is 7: the sequence is behind");
    // What it says to run ends it.
    let unwrapped = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, command) = unwrapped.split_once("next: devdb psql -c ").unwrap();
    let (quoted, _) = command.split_once(" brings the sequence up").unwrap();
    let shell = std::process::Command::new("sh").args(["-c", &format!("printf %s {quoted}")]).output().unwrap();
    shop.devdb(["psql", "-w", "-c", &String::from_utf8(shell.stdout).unwrap()]).run().assert_code(0);
    shop.database.sql("insert into users (email) values ('c')");
    shop.devdb(["explain", error]).run().assert_stdout_has("gives 9 next, and the highest is 8");
    // A statement that failed has moved the sequence on.
    shop.database.sql("insert into users (id, email) overriding system value values (9, 'd')");
    let again = "duplicate key value violates unique constraint \"users_pkey\"\nDETAIL:  Key (id)=(9) already exists.";
    shop.database.sql("select nextval('users_id_seq')");
    shop.devdb(["explain", again]).run().assert_stdout_has("it gave 9 to this statement, and is past");
    let error = "insert or update on table \"orders\" violates foreign key constraint \"orders_user_id_fkey\"";
    shop.devdb(["explain", error]).run().assert_code(0).assert_stdout_has("FOREIGN KEY (user_id) REFERENCES");
    let error = "null value in column \"email\" of relation \"users\" violates not-null constraint";
    shop.devdb(["explain", error]).run().assert_code(0).assert_stdout_has("it has no default");
    let error = "function uuid_generate_v4() does not exist";
    shop.devdb(["explain", error]).run().assert_code(0).assert_stdout_has("uuid-ossp");
}

#[test]
fn errors_of_the_connection_are_answered_by_the_checks() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    let refused = "connection to server at \"127.0.0.1\", port 5999 failed: Connection refused";
    shop.devdb(["explain", refused]).run().assert_code(0).assert_stdout_has("the app dialled port 5999; .env:1");
    let url = shop.database.url();
    let nobody = regex_port(&url, 1);
    shop.project.write(".env", &format!("DATABASE_URL={nobody}\n"));
    shop.devdb(["explain", refused]).run().assert_code(0).assert_stdout_has("conn-refused");
    // A schema's error without a login: why there is none.
    shop.devdb(["explain", MISSING]).run().assert_code(0).assert_stdout_has("conn-refused");
    shop.project.write(".env", &format!("DATABASE_URL={url}\n"));
    let heads = "FAILED: Multiple head revisions are present for given argument 'head'";
    shop.devdb(["explain", heads]).run().assert_code(0).assert_stdout_has("devdb migrate merge");
    shop.devdb(["explain", "port-mismatch"]).run().assert_code(0).assert_stdout_has("port-mismatch");
    shop.devdb(["explain", "prot-mismatch"]).run().assert_code(2).assert_stderr_has("devdb explain port-mismatch");
    shop.devdb(["explain", "it does not work"]).run().assert_code(2).assert_stderr_has("SQLSTATE");
}

fn regex_port(url: &str, port: u16) -> String {
    let (head, rest) = url.rsplit_once(':').unwrap();
    let (_, path) = rest.split_once('/').unwrap();
    format!("{head}:{port}/{path}")
}

#[test]
fn a_command_is_passed_through_and_its_error_explained() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up", "8d20e6b14c75"]).run().assert_code(0);
    let program = "import sys, os, sqlalchemy as sa\nprint('answer', flush=True)\nsys.stdout.buffer.write(b'\\xff\\x00\\n')\n\
                   sys.stdout.flush()\nsys.stderr.write('\\x1b[31mlog\\x1b[0m\\n')\n\
                   sa.create_engine(os.environ['DATABASE_URL']).connect().execute(sa.text('select users.username from users'))\n";
    shop.project.write("app.py", program);
    let url = shop.database.url();
    let python = venv::python(&shop.project.file(".venv")).display().to_string();
    let output = shop.devdb(["run", "--", &python, "app.py"]).env("DATABASE_URL", &url).run();
    output
        .assert_code(1)
        .assert_stderr_has("\u{1b}[31mlog\u{1b}[0m")
        .assert_stderr_has("UndefinedColumn")
        .assert_stderr_has("column `users.username`: pending")
        .assert_stderr_has("devdb migrate up");
    assert!(output.stdout.starts_with("answer\n") && !output.stdout.contains("pending"), "{output:?}");
    // Nothing is said of a command that fails otherwise, or not at all; its code is ours.
    let output = shop.devdb(["run", "--", "sh", "-c", "echo fine; echo no >&2; exit 7"]).run();
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (7, "fine\n", "no\n"));
    shop.devdb(["run", "--", "no-such-program"])
        .run()
        .assert_code(127)
        .assert_stderr_has("cannot run `no-such-program`");
    // A server that goes on: the error is explained while it runs, and its end is asked for through us.
    let mut running = shop
        .devdb(["run", "--", "sh", "-c", "echo 'ERROR:  relation \"orders_archive\" does not exist' >&2; sleep 60"])
        .limit(Duration::from_secs(50))
        .spawn();
    running.wait_for("nothing of that name");
    running.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(!running.has_ended() || running.pid() > 0);
    let output = running.wait();
    assert_eq!(output.code, 143, "{output:?}");
}

#[test]
fn a_reader_that_leaves_ends_the_command_and_the_last_line_needs_no_end() {
    let Some(shop) = sync() else { return };
    let devdb = env!("CARGO_BIN_EXE_devdb");
    let piped = format!("timeout 20 {devdb} run -- yes | head -1");
    let ran = std::process::Command::new("sh").args(["-c", &piped]).current_dir(shop.project.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "y\n");
    assert!(ran.status.success(), "{ran:?}");
    let output =
        shop.devdb(["run", "--", "sh", "-c", "printf 'ERROR:  column a.foo does not exist' >&2; exit 3"]).run();
    output.assert_code(3).assert_stderr_has("foo").assert_stderr_has("devdb");
    let output =
        shop.devdb(["explain", "password authentication failed for user \"dev\" postgresql://dev:hunter2@h/x"]).run();
    output.assert_lacks("hunter2");
}

/// What a login's error means here: the names that differ, and what the checks of a server find.
#[test]
fn errors_of_the_login_and_the_server_are_answered_from_the_picture() {
    let Some(shop) = sync() else { return };
    shop.devdb(["reset", "--yes"]).run().assert_code(0);
    let (role, name) = (&shop.database.owner.name, &shop.database.name);
    shop.devdb(["explain", "FATAL:  role \"Ghost\" does not exist"])
        .run()
        .assert_code(0)
        .assert_stdout_has("the app logged in as `Ghost`")
        .assert_stdout_has(&format!("says `{role}`"));
    shop.devdb(["explain", "FATAL:  database \"other\" does not exist"])
        .run()
        .assert_stdout_has("the app wants the database `other`")
        .assert_stdout_has(&format!("says `{name}`"))
        .assert_stdout_has("devdb env");
    let url = shop.database.url();
    let port = url.rsplit_once(':').and_then(|(_, rest)| Some(rest.split_once('/')?.0)).unwrap();
    let refused = format!("connection to server at \"127.0.0.1\", port {port} failed: Connection refused");
    shop.devdb(["explain", &refused]).run().assert_stdout_has("the server was not up when the app");
    let aborted = "current transaction is aborted, commands ignored until end of transaction block";
    shop.devdb(["explain", aborted]).run().assert_stdout_has("its error, above this one, is the cause");
    let function = "function now(integer) does not exist";
    shop.devdb(["explain", function]).run().assert_stdout_has(function);
    shop.database.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    shop.devdb(["explain", "cannot execute INSERT in a read-only transaction"])
        .run()
        .assert_stdout_has("[server-read-only]")
        .assert_stdout_has(&format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
}

#[test]
fn an_error_that_a_check_quotes_is_answered_by_it() {
    let Some((project, _database)) = crate::doctor_report::local_project() else { return };
    let sandbox = Sandbox::new(&project);
    let text = "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\npostgres_port\n  Extra inputs are not permitted";
    let told = sandbox.clone().args(["explain", text]).run();
    told.assert_code(0).assert_stdout_has("env-extra-forbidden").assert_stdout_has("here the check finds nothing");
    let class = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    \
                 model_config = {\"env_file\": \".env\"}\n    database_url: str\n";
    project.write("config.py", class);
    let told = sandbox.args(["explain", text]).run();
    told.assert_code(0)
        .assert_stdout_has("`Settings` has no field for `APP_NAME`")
        .assert_stdout_has("extra=\"ignore\"");
}
