//! `devdb snapshot`: what is kept, what comes back, and what a kill leaves, on real servers.

use crate::reset_common::{Shop, beside, oid, own_server};
use crate::support::cluster::{Cluster, Database, Options};
use crate::support::engine::{Engine, PgContainer};
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

impl Shop<'_> {
    #[track_caller]
    fn save(&self, name: &str) {
        self.devdb(["snapshot", "save", name]).run().assert_code(0).assert_stdout_has(name);
    }

    /// Names of the snapshots, newest first.
    #[track_caller]
    fn snapshots(&self) -> Vec<String> {
        let report = self.devdb(["snapshot", "list", "--json"]).run().assert_code(0).json();
        let names = report.pointer("/snapshots").and_then(serde_json::Value::as_array).unwrap().iter();
        names.map(|it| it.get("name").and_then(serde_json::Value::as_str).unwrap().to_owned()).collect()
    }

    fn is_open(&self, name: &str) -> bool {
        let query = format!("select datallowconn from pg_database where datname = '{name}'");
        self.cluster.value("postgres", &query).as_deref() == Some("t")
    }
}

#[test]
fn a_snapshot_comes_back_and_can_be_undone() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    shop.project.git_init();
    let first = shop.fingerprint();
    let saved = shop.devdb(["snapshot", "save"]).run();
    saved.assert_code(0).assert_stdout_has("main-1").assert_stdout_has("devdb snapshot restore main-1");
    shop.database.sql("insert into old_things values (2, 'later')");
    let second = shop.before();
    shop.save("käse & \"wein\" 'x'");
    shop.database.sql("drop table old_things");
    let third = shop.before();
    assert_eq!(shop.snapshots(), ["käse & \"wein\" 'x'", "main-1"]);

    let output = shop.devdb(["snapshot", "restore", "--yes"]).run();
    output.assert_code(0).assert_stdout_has("wein").assert_stdout_has("devdb undo").assert_stderr_has("swap");
    assert_eq!(shop.fingerprint(), second.1);
    assert_ne!(shop.oid(), second.0, "a copy, so that the snapshot stays");
    shop.devdb(["snapshot", "restore", "main-1", "--yes"]).run().assert_code(0);
    assert_eq!(shop.fingerprint(), first);
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!(shop.fingerprint(), second.1);
    shop.devdb(["snapshot", "restore", "main-1", "--yes"]).run().assert_code(0);
    assert_eq!(shop.snapshots().len(), 2, "restored ones are there for the next time");
    shop.reset().run().assert_code(0);
    assert_eq!(shop.snapshots().len(), 2, "and after a reset");
    assert_ne!(shop.before(), third);
}

#[test]
fn the_list_says_age_revision_branch_and_size() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.devdb(["snapshot", "list"]).run().assert_code(0).assert_stdout_has("no snapshot").assert_stderr_has("save");
    shop.project.git_init();
    shop.project.git(&["checkout", "--quiet", "-b", "fix/ümlaut"]);
    shop.reset().run().assert_code(0);
    for _time in 0..2 {
        shop.devdb(["snapshot", "save"]).run().assert_code(0);
    }
    let output = shop.devdb(["snapshot"]).run();
    output.assert_code(0).assert_stdout_has("fix/ümlaut-2").assert_stdout_has("002").assert_stdout_has("MB");
    let columns: Vec<usize> = output.stdout.lines().filter_map(|line| line.find("MB")).collect();
    assert_eq!(columns.len(), 2);
    let report = shop.devdb(["snapshot", "list", "--json"]).run().json();
    let newest = &report["snapshots"][0];
    assert_eq!(newest["revision"], "002");
    assert_eq!(newest["branch"], "fix/ümlaut");
    assert!(newest["size_bytes"].as_u64().unwrap() > 1_000_000 && newest["age_seconds"].as_i64().unwrap() >= 0);
    let other = Shop::new(cluster);
    assert!(other.snapshots().is_empty(), "those of another database are not ours");
}

#[test]
fn a_name_is_taken_once_and_replaced_when_asked() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    shop.save("one");
    let databases = shop.beside();
    shop.database.sql("insert into old_things values (2, 'more')");
    let output = shop.devdb(["snapshot", "save", "one"]).run();
    output.assert_code(2).assert_stderr_has("--force");
    assert_eq!(shop.beside(), databases);
    shop.devdb(["snapshot", "save", "one", "--force"]).run().assert_code(0).assert_stdout_has("replaces");
    assert_eq!(shop.snapshots(), ["one"]);
    assert_eq!(shop.beside().len(), 1, "{:?}", shop.beside());
    assert_ne!(shop.beside(), databases);
    shop.database.sql("drop table old_things");
    shop.devdb(["snapshot", "restore", "one", "--yes"]).run().assert_code(0);
    assert_eq!(shop.database.value("select count(*) from old_things").as_deref(), Some("2"));
    for name in ["", ".", " x", "a\tb"] {
        shop.devdb(["snapshot", "save", name]).run().assert_code(2).assert_stderr_has("no name for a snapshot");
    }
    shop.devdb(["snapshot", "restore", "two", "--yes"]).run().assert_code(2).assert_stderr_has("`one`");
}

#[test]
fn restore_and_remove_ask_as_a_reset_does() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    shop.devdb(["snapshot", "restore", "--yes"]).run().assert_code(2).assert_stderr_has("devdb snapshot save");
    shop.save("one");
    shop.save("two");
    let before = (shop.beside(), shop.before());
    for arguments in [&["snapshot", "restore"][..], &["snapshot", "remove", "one"]] {
        let devdb = || shop.devdb(arguments.iter().copied());
        devdb().run().assert_code(3).assert_stderr_has("consent").assert_stderr_has("--yes");
        let agent = devdb().args(["--yes"]).env("CLAUDECODE", "1").run();
        agent.assert_code(3).assert_stderr_has("agent");
        let dry = devdb().args(["--dry-run"]).run();
        dry.assert_code(0).assert_stderr_has("nothing was done");
        let mut asked = devdb().in_terminal(100, 40).spawn();
        asked.wait_for("`?");
        asked.type_text("n");
        asked.wait().assert_code(130);
        assert_eq!((shop.beside(), shop.before()), before);
    }
    let dry = shop.devdb(["snapshot", "remove", "one", "--dry-run"]).run();
    dry.assert_code(0);
    let token = dry.stderr.split("--token ").nth(1).unwrap().trim().to_owned();
    let with_token = shop.devdb(["snapshot", "remove", "one", "--token", &token]).env("CLAUDECODE", "1");
    with_token.run().assert_code(0);
    assert_eq!(shop.snapshots(), ["two"]);
    shop.devdb(["snapshot", "remove", "one", "two", "--yes"]).run().assert_code(2).assert_stderr_has("`one`");
    assert_eq!(shop.snapshots(), ["two"], "all of them or none");
    shop.devdb(["snapshot", "remove", "two", "--yes"]).run().assert_code(0);
    assert_eq!(shop.beside(), Vec::<String>::new());
}

#[test]
fn owner_grants_comment_and_settings_come_back() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let (reader, name) = (cluster.create_role(""), shop.name());
    cluster.sql(
        "postgres",
        &format!(
            "revoke connect on database {name} from public; grant connect on database {name} to {0} with grant option;
             comment on database {name} is 'It''s \"ours\" \\ ü'; alter database {name} set work_mem = '7MB';
             alter database {name} set search_path = \"$user\", public, \"Odd one\";
             alter role {0} in database {name} set statement_timeout = '9s';
             alter database {name} connection limit 9",
            reader.name
        ),
    );
    let query = format!(
        "select pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'), datconnlimit,
         (select string_agg(a::text, ' ' order by a::text) from unnest(datacl) a),
         (select string_agg(coalesce(rolname, '-') || array(select unnest(setconfig) order by 1)::text, ' ' order by rolname)
          from pg_db_role_setting left join pg_roles r on r.oid = setrole where setdatabase = d.oid),
         datallowconn from pg_database d where datname = '{name}'"
    );
    let before = cluster.query("postgres", &query);
    let as_superuser = |words: &[&str]| {
        let url = cluster.superuser_url(name);
        shop.devdb(words.iter().copied()).env("DATABASE_URL", &url).run().assert_code(0).assert_lacks("not carried");
    };
    as_superuser(&["snapshot", "save", "one"]);
    cluster.sql(
        "postgres",
        &format!(
            "comment on database {name} is 'another'; alter database {name} reset all;
             grant connect on database {name} to public; alter database {name} connection limit -1"
        ),
    );
    assert_ne!(cluster.query("postgres", &query), before);
    as_superuser(&["snapshot", "restore", "--yes"]);
    assert_eq!(cluster.query("postgres", &query), before);
    as_superuser(&["undo"]);
    assert!(cluster.query("postgres", &query)[0][1].as_deref() == Some("another"));
}

#[test]
fn databases_of_every_name_have_snapshots() {
    let Some(cluster) = Cluster::shared() else { return };
    let long = format!("{:x<63}", format!("snap_{}_", std::process::id()));
    for name in ["Snap \"My-App\" Dev", "snap it's", "snap=käse=\\100% {x}", "SNAP", &long] {
        let shop = Shop::new(cluster);
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        cluster.sql("postgres", &format!("create database {quoted} owner {}", shop.database.owner.name));
        shop.project.write(".env", &format!("DATABASE_URL={}\n", cluster.url(&shop.database.owner, name)));
        cluster.sql_as(&shop.database.owner, name, "create table t as select 1 a");
        shop.save("it's \"the\" \\ first\u{1f9c0}");
        cluster.sql_as(&shop.database.owner, name, "drop table t");
        shop.devdb(["snapshot", "diff", "it's \"the\" \\ first\u{1f9c0}"]).run().assert_code(1);
        let file = shop.project.file("out.dump").display().to_string();
        let export = shop.devdb(["snapshot", "export", &file, "--snapshot", "it's \"the\" \\ first\u{1f9c0}"]).run();
        export.assert_code(0);
        shop.devdb(["snapshot", "import", &file, "again"]).run().assert_code(0);
        shop.devdb(["snapshot", "restore", "again", "--yes"]).run().assert_code(0);
        assert_eq!(cluster.value(name, "select count(*) from t").as_deref(), Some("1"), "{name}");
        for left in beside(cluster, name).iter().map(String::as_str).chain([name]) {
            cluster.sql("postgres", &format!("drop database \"{}\"", left.replace('"', "\"\"")));
        }
    }
}

#[test]
fn saves_and_restores_go_through_while_twenty_clients_reconnect() {
    // Without passwords, so that twenty clients cost their server little, and this process less.
    let hba = Some("local all all trust\nhost all all all trust\n".to_owned());
    let Some(cluster) = Cluster::start(&Options { hba, ..Options::default() }) else { return };
    let shop = Shop::new(&cluster).with_old_content();
    shop.database.sql("insert into old_things select n, repeat('x', 100) from generate_series(2, 50000) n");
    let before = shop.fingerprint();
    let (ended, connected, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // Some stay until they are sent away, and come back at once.
        for _client in 0..4 {
            scope.spawn(|| {
                let url = shop.database.url();
                let psql = Sandbox::at(shop.project.path()).program("psql").may_show_secrets();
                let psql = psql.args([url.as_str(), "-c", "select pg_sleep(60)"]);
                while !ended.load(Ordering::Relaxed) {
                    psql.run();
                }
            });
        }
        for _client in 0..16 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let accepted = cluster.accepts(&shop.database.owner, shop.name());
                    (if accepted { &connected } else { &refused }).fetch_add(1, Ordering::Relaxed);
                    // devdb has to get a turn on two cores.
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        std::thread::sleep(Duration::from_millis(300));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for run in 0..5 {
                shop.save(&format!("s{run}"));
                shop.devdb(["snapshot", "restore", "--yes"]).run().assert_code(0);
            }
        }));
        ended.store(true, Ordering::Relaxed);
        let staying =
            "select count(pg_terminate_backend(pid))::text from pg_stat_activity where query like '%pg_sleep(60)'";
        while cluster.value("postgres", staying).as_deref() != Some("0") {
            std::thread::sleep(Duration::from_millis(100));
        }
        done.unwrap();
    });
    eprintln!("{} connections, {} refused", connected.into_inner(), refused.into_inner());
    assert_eq!(shop.fingerprint(), before);
    assert_eq!(shop.beside().len(), 6, "five snapshots and what was replaced");
}

#[test]
fn a_session_that_may_not_be_ended_is_named_and_nothing_is_made() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let other = cluster.create_role("");
    let (url, before) = (cluster.url(&other, shop.name()), shop.before());
    let project = Project::new();
    let held = Sandbox::new(&project)
        .program("psql")
        .args([url.as_str(), "-c", "select pg_sleep(60)"])
        .env("PGAPPNAME", "their-console")
        .may_show_secrets()
        .spawn();
    let who = "select count(*)::text from pg_stat_activity where application_name = 'their-console'";
    let started = std::time::Instant::now();
    while cluster.value("postgres", who).as_deref() != Some("1") {
        assert!(started.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = shop.devdb(["snapshot", "save"]).run();
    output.assert_code(4).assert_stderr_has("their-console").assert_stderr_has("may not end");
    shop.assert_untouched(&before);
    drop(held);
}

#[test]
fn a_killed_save_leaves_the_database_open_whole_and_alone() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    shop.database.sql("insert into old_things select n, repeat('x', 100) from generate_series(2, 200000) n");
    let before = shop.before();
    let whole = shop.devdb(["snapshot", "save", "first"]).run().assert_code(0).took;
    let (mut saved, mut left) = (0, 0);
    for index in 0..20_u32 {
        let mut running = shop.devdb(["snapshot", "save", &format!("n{index}")]).spawn();
        std::thread::sleep(whole.mul_f64(f64::from(index) / 19.0));
        running.kill();
        drop(running);
        assert!(shop.is_open(shop.name()), "closed after {index}");
        assert_eq!(shop.before(), before);
        // The next run clears away, then refuses: its name is taken.
        shop.devdb(["snapshot", "save", "first"]).run().assert_code(2);
        let names = shop.snapshots();
        saved += usize::from(names.contains(&format!("n{index}")));
        left += usize::from(!names.contains(&format!("n{index}")));
        assert_eq!(shop.beside().len(), names.len(), "{:?} {names:?}", shop.beside());
        assert!(shop.is_open(shop.name()));
        for database in shop.beside() {
            assert!(!shop.is_open(&database));
        }
    }
    eprintln!("20 kills over {whole:?}: {saved} saved, {left} not");
    assert!(left > 0);
    // Every one that is listed is whole.
    for name in shop.snapshots() {
        shop.devdb(["snapshot", "diff", &name, ".", "--data"]).run().assert_code(0);
    }
    assert_eq!(shop.before(), before);
}

#[test]
fn a_save_that_is_given_up_leaves_nothing() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    shop.database.sql("insert into old_things select n, repeat('x', 100) from generate_series(2, 1000000) n");
    let before = shop.before();
    let running = shop.devdb(["snapshot", "save"]).spawn();
    let copying =
        "select count(*)::text from pg_stat_activity where query like 'create database%' and state = 'active'";
    let started = std::time::Instant::now();
    while cluster.value("postgres", copying).as_deref() != Some("1") {
        assert!(started.elapsed() < Duration::from_secs(30), "it did not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    running.interrupt();
    running.wait().assert_code(130);
    shop.assert_untouched(&before);
}

#[test]
fn what_a_killed_run_left_is_cleared_away_by_the_next() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    shop.save("one");
    let snapshot = shop.beside().remove(0);
    // Killed while it compared or exported; and before it could write down what it had copied.
    cluster.sql("postgres", &format!("alter database {snapshot} allow_connections true"));
    let left = format!("{}__devdb_snapshot_00c0ffee", shop.name());
    cluster.sql("postgres", &format!("create database {left} owner {}", shop.database.owner.name));
    shop.reset().run().assert_code(0).assert_stderr_has("of a run that was killed");
    assert_eq!(oid(cluster, &left), None);
    assert!(!shop.is_open(&snapshot));
    assert_eq!(shop.snapshots(), ["one"]);
}

#[test]
fn a_comparison_tells_schema_rows_and_content() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.reset().run().assert_code(0);
    shop.save("a");
    let diff = |arguments: &[&str]| shop.devdb(["snapshot", "diff"]).args(arguments.iter().copied()).run();
    diff(&["a", "."]).assert_code(0).assert_stdout_has("same number of rows").assert_stderr_has("--data");
    diff(&["a", ".", "--data"]).assert_code(0).assert_stdout_has("same content");
    shop.database.sql("update users set email = 'x@example.org' where id = 1");
    diff(&["a", "."]).assert_code(0);
    diff(&["a", ".", "--data"]).assert_code(1).assert_stdout_has("users").assert_stdout_has("other content");
    // The order in which rows and columns lie is no difference.
    shop.database.sql(
        "update users set email = 'ada@example.org' where id = 1; alter table orders add note text, add more int;
         insert into orders (user_id, total) select 1, n from generate_series(1, 12) n; create view v as select 1 a",
    );
    shop.save("b");
    let output = diff(&["a", "b", "--data"]);
    output.assert_code(1).assert_stdout_has("orders.note").assert_stdout_has("only in `b`").assert_stdout_has("+12");
    output.assert_stdout_has("view `v`").assert_lacks("other content");
    let report = diff(&["a", "b", "--json"]).assert_code(1).json();
    assert_eq!(report["tables"][0]["rows_after"], 12, "{report}");
    assert_eq!(report["ok"], false);
    diff(&["b", "nope"]).assert_code(2).assert_stderr_has("nope");
    for database in shop.beside() {
        assert!(database.contains("previous") || !shop.is_open(&database), "{database}");
    }
}

#[test]
fn an_old_snapshot_says_that_the_chain_moved_on() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.reset().args(["--to", "001"]).args(["--no-seed"]).run().assert_code(0);
    shop.save("old");
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let output = shop.devdb(["snapshot", "restore", "--yes"]).run();
    output.assert_code(0).assert_stderr_has("at 001").assert_stderr_has("devdb migrate up");
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.save("new");
    std::fs::remove_file(shop.project.file("db/migrations/002_create_orders.sql")).unwrap();
    let output = shop.devdb(["snapshot", "restore", "new", "--yes"]).run();
    output.assert_code(0).assert_stderr_has("no revision of this chain").assert_stderr_has("devdb migrate status");
}

/// Tables with their rows, views, indexes, a function and a sequence's value.
fn furnished(database: &Database<'_>) {
    database.sql(
        "create schema \"Odd one\"; create type mood as enum ('sad', 'it''s fine');
         create table \"Odd one\".\"T\" (id serial primary key, m mood, b bytea, t timestamptz default now(), j jsonb);
         insert into \"Odd one\".\"T\" (m, b, j) select 'sad', decode(md5(n::text), 'hex'), '{\"a\": 1}'
             from generate_series(1, 1000) n;
         create view v as select m, count(*) from \"Odd one\".\"T\" group by m;
         create function f(int) returns int language sql as 'select $1';
         create index on \"Odd one\".\"T\" (m) where id > 5; comment on view v is 'a ''view'''",
    );
}

#[test]
fn what_was_exported_is_imported_elsewhere() {
    let Some(cluster) = Cluster::shared() else { return };
    let (shop, other) = (Shop::new(cluster), Shop::new(cluster));
    furnished(&shop.database);
    let export = shop.devdb(["snapshot", "export", "our shop.dump"]).run();
    export.assert_code(0).assert_stdout_has("our shop.dump").assert_stdout_has("devdb snapshot import");
    let file = shop.project.file("our shop.dump");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let before = other.before();
    let import = other.devdb(["snapshot", "import", file.to_str().unwrap()]).run();
    import.assert_code(0).assert_stdout_has("devdb snapshot restore 'our shop'");
    assert_eq!(other.before(), before, "the database itself is as it was");
    other.devdb(["snapshot", "restore", "our shop", "--yes"]).run().assert_code(0);
    assert_eq!(other.fingerprint(), shop.fingerprint());
    assert_eq!(
        fingerprint_of_catalog(cluster, other.name()),
        fingerprint_of_catalog(cluster, shop.name()),
        "views, indexes, functions"
    );
    let next = "select nextval('\"Odd one\".\"T_id_seq\"')::text";
    assert_eq!(other.database.value(next), Some("1001".to_owned()));
    let owners = "select count(*)::text from pg_class c join pg_namespace n on n.oid = relnamespace
                  where nspname in ('Odd one', 'public') and pg_get_userbyid(relowner) <> current_user";
    assert_eq!(other.database.query(owners), [[Some("0".to_owned())]], "everything is the role's own");
}

fn fingerprint_of_catalog(cluster: &Cluster, database: &str) -> Vec<Vec<Option<String>>> {
    cluster.query(
        database,
        "select pg_get_viewdef(c.oid) || coalesce(obj_description(c.oid), '') from pg_class c where relname = 'v'
         union all select indexdef from pg_indexes where schemaname = 'Odd one'
         union all select pg_get_functiondef('f(int)'::regprocedure) order by 1",
    )
}

#[test]
fn no_file_is_overwritten_and_wrong_ones_are_named() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let devdb = |words: &[&str]| shop.devdb(["snapshot"]).args(words.iter().copied()).run();
    shop.project.write("mine.dump", "precious");
    devdb(&["export", "mine.dump"]).assert_code(2).assert_stderr_has("--force");
    assert_eq!(shop.project.read("mine.dump"), "precious");
    devdb(&["export", "mine.dump", "--force"]).assert_code(0);
    devdb(&["export", "nowhere/x.dump"]).assert_code(4).assert_stderr_has("nowhere");
    devdb(&["export", "."]).assert_code(2).assert_stderr_has("folder");
    devdb(&["export", "x.dump", "--snapshot", "nope"]).assert_code(2).assert_stderr_has("nope");
    shop.project.write("plain.sql", "--\n-- PostgreSQL database dump\n--\nselect 1;\n");
    shop.project.write("empty.dump", "");
    let whole = std::fs::read(shop.project.file("mine.dump")).unwrap();
    std::fs::write(shop.project.file("cut.dump"), &whole[..whole.len() - 80]).unwrap();
    // The server's version as the head has it: one that no server of today is.
    let version = b"15.18 ";
    if let Some(at) = whole.windows(version.len()).position(|window| window == version) {
        let mut newer = whole.clone();
        newer[at..at + 2].copy_from_slice(b"77");
        std::fs::write(shop.project.file("newer.dump"), newer).unwrap();
        devdb(&["import", "newer.dump"]).assert_code(4).assert_stderr_has("PostgreSQL 77");
    }
    let databases = shop.beside();
    devdb(&["import", "plain.sql"]).assert_code(2).assert_stderr_has("plain SQL");
    devdb(&["import", "empty.dump"]).assert_code(2).assert_stderr_has("empty");
    devdb(&["import", "none.dump"]).assert_code(2).assert_stderr_has("none.dump");
    devdb(&["import", "db"]).assert_code(2).assert_stderr_has("folder");
    devdb(&["import", "cut.dump"]).assert_code(5).assert_stderr_has("pg_restore").assert_stderr_has("nothing was");
    assert_eq!(shop.beside(), databases);
    devdb(&["import", "mine.dump"]).assert_code(0);
    devdb(&["import", "mine.dump"]).assert_code(2).assert_stderr_has("--force");
    devdb(&["import", "mine.dump", "--force", "mine"]).assert_code(0);
    assert_eq!(shop.snapshots(), ["mine"]);
    let left: Vec<_> = std::fs::read_dir(shop.project.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".devdb-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_full_disk_leaves_no_file() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    shop.database
        .sql("insert into old_things select n, md5(n::text) || md5((n + 1)::text) from generate_series(2, 50000) n");
    let small = shop.project.file("small");
    std::fs::create_dir(&small).unwrap();
    let mount = |words: &[&str]| {
        std::process::Command::new("mount").args(words).arg(&small).status().is_ok_and(|status| status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=256k", "devdb-it"]) {
        return eprintln!("SKIPPED: only root can make a small disk");
    }
    let output = shop.devdb(["snapshot", "export", "small/x.dump"]).run();
    let left = std::fs::read_dir(&small).unwrap().count();
    assert!(std::process::Command::new("umount").arg(&small).status().unwrap().success());
    output.assert_code(4).assert_stderr_has("disk is full");
    assert_eq!(left, 0);
}

#[test]
fn the_containers_own_programs_are_used_where_there_is_one() {
    let Some(engine) = Engine::get() else { return };
    let port = free_port();
    let wanted = PgContainer { published: Some(("127.0.0.1", port)), ..Default::default() };
    let container = engine.postgres(&wanted);
    container.wait_ready();
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", container.url()));
    project.write(
        "db/migrations/001_a.sql",
        "-- migrate:up\ncreate table t as select n from generate_series(1, 1000) n;\n",
    );
    // No program of this machine can be found.
    std::fs::create_dir(project.file("empty")).unwrap();
    let empty = project.file("empty").display().to_string();
    let devdb = |words: &[&str]| {
        let sandbox = Sandbox::new(&project).with_docker().args(words.iter().copied());
        sandbox.env("PATH", &empty).env("DEVDB_PG_BIN", &empty).run()
    };
    devdb(&["reset", "--yes"]).assert_code(0);
    devdb(&["snapshot", "export", "x.dump"]).assert_code(0);
    devdb(&["snapshot", "save", "kept"]).assert_code(0);
    devdb(&["snapshot", "export", "kept.dump", "--snapshot", "kept"]).assert_code(0);
    devdb(&["snapshot", "import", "x.dump"]).assert_code(0);
    devdb(&["snapshot", "diff", "x", "kept", "--data"]).assert_code(0);
    let cut = std::fs::read(project.file("x.dump")).unwrap();
    std::fs::write(project.file("cut.dump"), &cut[..cut.len() - 80]).unwrap();
    devdb(&["snapshot", "import", "cut.dump"]).assert_code(5).assert_stderr_has("pg_restore");
    let without = Sandbox::new(&project).args(["snapshot", "export", "y.dump"]);
    let without = without.env("PATH", &empty).env("DEVDB_PG_BIN", &empty).run();
    without.assert_code(4).assert_stderr_has("pg_dump");
}
