//! Pending statements against the data that is there, on a real server.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use devdb::discover::preflight::preflight;
use devdb::model::operation::{DataWarning, PendingOperations, Trouble};
use devdb::parse::{pg_url, sql_ddl};

use crate::support::cluster::{Cluster, Database};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

fn database(setup: &str) -> Option<Database<'static>> {
    let cluster = Cluster::shared()?;
    let database = cluster.fresh_database(&cluster.create_role(""));
    database.sql(setup);
    Some(database)
}

fn warnings(database: &Database<'_>, pending: &str, deadline: Duration) -> Vec<DataWarning> {
    let target = pg_url::parse(&database.url()).unwrap().target;
    let pending = PendingOperations {
        revision: "a1".to_owned(),
        file: "versions/a1.sql".into(),
        operations: sql_ddl::of_sql(pending, 1),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(preflight(&target, &[pending], deadline))
}

/// Each warning as `line trouble: why`.
fn told(database: &Database<'_>, pending: &str) -> Vec<String> {
    let before = snapshot(database);
    let found = warnings(database, pending, Duration::from_secs(20));
    assert_eq!(snapshot(database), before, "nothing may change");
    found.iter().map(|it| format!("{} {:?}: {}", it.at.line, it.trouble, it.why)).collect()
}

fn snapshot(database: &Database<'_>) -> Vec<Vec<Option<String>>> {
    database.query(
        "select c.relname, pg_relation_size(c.oid)::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'public' order by 1",
    )
}

#[track_caller]
fn check(setup: &str, pending: &str, expected: &[&str]) {
    let Some(database) = database(setup) else { return };
    assert_eq!(told(&database, pending), expected);
    // What was said is what the server does.
    let refused = expected.iter().any(|line| line.contains("Fail"));
    let run = format!("begin;\n{pending};\nrollback");
    let (code, said) = psql(&database, &run);
    assert_eq!(code != Some(0), refused, "{said}");
}

fn psql(database: &Database<'_>, script: &str) -> (Option<i32>, String) {
    let mut command = Command::new("psql");
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &database.url()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn alembic_is_told_before_it_runs() {
    let Some(database) = database("create table users (id int, email text); insert into users values (1, null)") else {
        return;
    };
    let project = Project::from_fixture("alembic-sync");
    project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
    database.sql(
        "create table alembic_version (version_num varchar(32) primary key); insert into alembic_version values ('e07d58a2c3b6')",
    );
    let file = "alembic/versions/f00dfeed0001_strict.py";
    project.write(
        file,
        "from alembic import op\nrevision = \"f00dfeed0001\"\ndown_revision = \"e07d58a2c3b6\"\n\n\ndef upgrade():\n    \
         op.alter_column(\"users\", \"email\", nullable=False)\n\n\ndef downgrade():\n    \
         op.alter_column(\"users\", \"id\", nullable=False)\n",
    );
    Sandbox::new(&project)
        .args(["migrate", "up", "--dry-run"])
        .run()
        .assert_code(1)
        .assert_stderr_has("will fail: `users.email` is NULL in 1 of 1 row")
        .assert_stderr_has(&format!("{file}:7"));
    // On the way down, what the way down will meet.
    database.sql("update alembic_version set version_num = 'f00dfeed0001'; update users set id = null");
    Sandbox::new(&project)
        .args(["migrate", "down", "--dry-run"])
        .run()
        .assert_code(0)
        .assert_stderr_has("will fail: `users.id` is NULL in 1 of 1 row")
        .assert_stderr_has(&format!("{file}:11"));
}

const USERS: &str = "create table orgs (id int primary key, name text); insert into orgs values (1, 'a');\n\
    create table users (id serial primary key, email text, age text, org_id int, score bigint);\n\
    insert into users (email, age, org_id, score) values ('a', '1', 1, 1), ('a', 'x', 2, 3000000000), (null, '', null, 3), \
    ('longer than five', '4', 1, 4)";

#[test]
fn not_null_over_nulls() {
    check(
        USERS,
        "alter table users alter column email set not null;\nalter table users alter id set not null;\nalter table users alter email set not null",
        &["1 Fails: `users.email` is NULL in 1 of 4 rows"],
    );
}

#[test]
fn a_new_column_without_a_default() {
    check(
        USERS,
        "alter table users add column a int not null;\nalter table users add column b int not null default 1",
        &["1 Fails: the new column `users.a` is NOT NULL without a default, and the table has 4 rows"],
    );
    check("create table users (id int)", "alter table users add column a int not null", &[]);
}

#[test]
fn a_new_column_that_is_filled_first() {
    let fill = "alter table users add column a int;\nupdate users set a = 1;\nalter table users alter a set not null";
    check(USERS, fill, &[]);
    let not = "alter table users add column a int;\nalter table users alter a set not null";
    check(USERS, not, &["2 Fails: `users.a` will be new and NULL in every row, and the table has 4 rows"]);
    let code = "alter table users add column a int;\ndo $$ begin end $$;\nalter table users alter a set not null";
    check(
        USERS,
        code,
        &[
            "3 MayFail: `users.a` will be new and NULL in every row, and the table has 4 rows, unless versions/a1.sql:2 mends that first",
        ],
    );
}

#[test]
fn what_must_be_unique() {
    check(
        USERS,
        "alter table users add unique (email);\ncreate unique index on users (lower(email)) where id < 3;\n\
         create unique index on users (id, email)",
        &[
            "1 Fails: 1 value of `users` (email) stands in more than one row, one of them in 2",
            "2 Fails: 1 value of `users` (lower(email)) stands in more than one row, one of them in 2",
        ],
    );
    check(
        USERS,
        "alter table users drop constraint users_pkey;\nalter table users add primary key (org_id)",
        &[
            "2 Fails: `users.org_id` is NULL in 1 of 4 rows",
            "2 Fails: 1 value of `users` (org_id) stands in more than one row, one of them in 2",
        ],
    );
}

#[test]
fn types_that_do_not_convert() {
    check(
        USERS,
        "alter table users alter age type integer",
        &["1 Fails: `users.age` is text, which does not become integer without `USING`"],
    );
    check(
        USERS,
        "alter table users alter age type integer using age::integer",
        &["1 Fails: `users.age` does not convert to integer in 2 of 4 rows"],
    );
    check(
        USERS,
        "alter table users alter score type integer",
        &["1 Fails: `users.score` does not convert to integer in 1 of 4 rows"],
    );
    check(
        USERS,
        "alter table users alter email type varchar(5)",
        &["1 Fails: 1 value of `users.email` is too long for varchar(5)"],
    );
    check(
        USERS,
        "alter table users alter email type varchar(50);\nalter table users alter age type integer using length(age)",
        &[],
    );
    check(
        USERS,
        "alter table users alter id type bigint;\nalter table users alter score type text;\nalter table users alter org_id type numeric(3, 1)",
        &[],
    );
}

#[test]
fn keys_without_a_counterpart() {
    let orphans = "1 Fails: 1 row of `users` (org_id) refers to no row of `orgs`";
    check(USERS, "alter table users add foreign key (org_id) references orgs (id)", &[orphans]);
    check(USERS, "alter table users add constraint f foreign key (org_id) references orgs", &[orphans]);
    check(USERS, "alter table users add constraint f foreign key (org_id) references orgs not valid", &[]);
    check(
        USERS,
        "create table new (id int primary key);\nalter table users add foreign key (org_id) references new",
        &["2 Fails: 3 rows of `users` (org_id) refer to no row of `new`"],
    );
}

#[test]
fn conditions_that_rows_break() {
    check(
        USERS,
        "alter table users add check (score < 4);\nalter table users add check (length(email) > 0)",
        &["1 Fails: 2 of 4 rows of `users` break the condition"],
    );
}

#[test]
fn names_that_the_run_changes() {
    check(
        USERS,
        "alter table users rename to people;\nalter table people rename column email to mail;\nalter table people alter mail set not null",
        &["3 Fails: `people.mail` is NULL in 1 of 4 rows"],
    );
    check(USERS, "drop table users;\ncreate table users (id int);\nalter table users add column x int not null", &[]);
    check(
        USERS,
        "alter table users add column other int;\nalter table users alter age type integer using age::integer",
        &["2 Fails: `users.age` does not convert to integer in 2 of 4 rows"],
    );
    check(USERS, "alter table users drop column email;\nalter table users add email text", &[]);
}

#[test]
fn what_is_there_already() {
    check(USERS, "create table users (id int)", &["1 Fails: the table `users` is there already"]);
    check(USERS, "alter table users add column age int", &["1 Fails: the column `users.age` is there already"]);
    check(USERS, "create table if not exists users (id int);\nalter table users add column if not exists age int", &[]);
}

#[test]
fn what_a_condition_decides_is_not_judged() {
    check(USERS, "alter table if exists absent alter email set not null", &[]);
}

#[test]
fn text_that_would_end_the_question() {
    let Some(database) = database(USERS) else { return };
    let found = told(&database, "alter table users alter age type int using (1); commit; drop table users");
    assert_eq!(found, [] as [&str; 0]);
    let hostile = "alter table users add check (true) ; alter table users add check ((select count(*) from users) = 'x; drop table users' ::int)";
    told(&database, hostile);
    assert_eq!(database.value("select count(*) from users").as_deref(), Some("4"));
}

#[test]
fn somebody_who_holds_a_lock() {
    let Some(database) = database(USERS) else { return };
    let mut other = Command::new("psql")
        .args(["-X", "-q", &database.url()])
        .env("PGAPPNAME", "editor")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let input = other.stdin.as_mut().unwrap();
    input.write_all(b"begin; select count(*) from users;\n").unwrap();
    let query = "select count(*) from pg_locks l join pg_stat_activity a using (pid) \
                 where application_name = 'editor' and state = 'idle in transaction' and l.relation = 'users'::regclass";
    while database.value(query).as_deref() == Some("0") {
        std::thread::sleep(Duration::from_millis(20));
    }
    let found = warnings(
        &database,
        "create index on users (age);\nalter table users add x int;\nalter table users add y int",
        Duration::from_secs(20),
    );
    let [warning] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((warning.at.line, warning.trouble), (2, Trouble::Blocks));
    assert!(warning.why.starts_with("waits for `editor` (pid "), "{}", warning.why);
    assert!(warning.why.ends_with("which holds a lock on `users`"), "{}", warning.why);
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
}

#[test]
fn no_time_is_no_answer() {
    let Some(database) = database(USERS) else { return };
    database.sql(
        "create function slow(text) returns bool language plpgsql as 'begin perform pg_sleep(30); return true; end'",
    );
    let found = warnings(&database, "alter table users add check (slow(email))", Duration::from_millis(600));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].trouble, found[0].count), (Trouble::Unknown, None));
}

#[test]
fn a_large_table() {
    let Some(database) = database("create table big (id int, filling text)") else { return };
    database.sql("alter table big alter filling set storage external; insert into big select n, repeat('x', 30000) from generate_series(1, 9500) n");
    let found = warnings(
        &database,
        "create index on big (id);\ncreate index concurrently on big (id)",
        Duration::from_secs(20),
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].trouble, found[0].at.line), (Trouble::Blocks, 1));
    assert!(
        found[0].why.ends_with("MB: writers wait while the index is built; `CONCURRENTLY` lets them on"),
        "{found:?}"
    );
}
