//! What fails: the old database stays, the words say where and why, and nothing is left behind.

use crate::reset_common::{Shop, inventory, own_server};
use crate::support::cluster::{Cluster, Role};
use crate::support::{bench, secrets};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Somebody's open session, ended when dropped.
struct Held(Child);

impl Held {
    fn open(shop: &Shop<'_>, role: &Role, application: &str) -> Self {
        let psql = bench::pg().unwrap().bin.join("psql");
        let child = Command::new(psql)
            .args(["-qc", "select pg_sleep(60)"])
            .arg(shop.cluster.url(role, shop.name()))
            .env("PGAPPNAME", application)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let there = format!("select count(*) from pg_stat_activity where application_name = '{application}'");
        while shop.cluster.value("postgres", &there).as_deref() == Some("0") {
            assert!(started.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(10));
        }
        Self(child)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_bad_seed_is_named_with_its_line() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    let cases = [
        ("-- one\n\ninsert into users (email)\n  values ('a'), (nope);\n", "seeds/02.sql:4", "42703", "nope"),
        (
            "insert into users (email) values ('a');\n\ninsert into users (email) values ('a');",
            "seeds/02.sql:3",
            "23505",
            "already",
        ),
        ("select 1;\nselec 2;", "seeds/02.sql:2", "42601", "syntax error"),
        ("insert into users (email) values (null)", "seeds/02.sql:1", "23502", "email"),
        ("copy users (email) from stdin;\na\nb\tc\n\\.\n", "seeds/02.sql:1", "22P04", "extra data"),
        (
            "do $$ begin raise exception 'own words' using hint = 'do that', errcode = 'ZZ001'; end $$",
            "seeds/02.sql:1",
            "ZZ001",
            "do that",
        ),
    ];
    for (seed, place, state, words) in cases {
        shop.project.write("seeds/02.sql", seed);
        let output = shop.reset().run();
        output.assert_code(5).assert_stderr_has(place).assert_stderr_has(state).assert_stderr_has(words);
        output.assert_stderr_has("not touched");
        shop.assert_untouched(&before);
    }
}

#[test]
fn a_bad_migration_is_named_with_its_line() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    shop.project.write(
        "db/migrations/003_more.sql",
        "-- about\n-- migrate:up\ncreate table c (a int);\n\nalter table nowhere add b int;\n-- migrate:down\n",
    );
    let output = shop.reset().run();
    output.assert_code(5).assert_stderr_has("db/migrations/003_more.sql:5").assert_stderr_has("42P01");
    output.assert_stderr_has("alter table nowhere add b int");
    shop.assert_untouched(&before);
    shop.project.write(
        "db/migrations/003_more.sql",
        "-- migrate:up transaction:false\ncreate index concurrently on users (email);\ncreate index on users (id);\n",
    );
    // dbmate sends the block as one query, for which the server opens a transaction.
    let output = shop.reset().run();
    output.assert_code(5).assert_stderr_has("003_more.sql:2").assert_stderr_has("25001");
    output.assert_stderr_has("a file of its own");
    shop.assert_untouched(&before);
    shop.project.write("db/migrations/003_more.sql", "create table c (a int);\n");
    shop.reset().run().assert_code(5).assert_stderr_has("-- migrate:up");
    shop.assert_untouched(&before);
}

#[test]
fn what_is_only_found_at_the_end_stops_the_swap() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    shop.project.write("seeds/02.sql", "insert into orders (user_id) select id from users where email = 'nobody';");
    shop.reset().run().assert_code(5).assert_stderr_has("orders").assert_stderr_has("is empty");
    shop.assert_untouched(&before);
    shop.project.write(
        "seeds/02.sql",
        "alter table orders add foreign key (id) references users deferrable initially deferred;\n\
         insert into orders (id, user_id) overriding system value values (77, 1);",
    );
    shop.reset().run().assert_code(5).assert_stderr_has("23503").assert_stderr_has("seeds/02.sql");
    shop.assert_untouched(&before);
}

#[test]
fn a_seed_command_may_print_much_and_its_password_is_not_shown() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role_with_password("CREATEDB", "p@ss:w/rd%41 ü'x");
    let shop = Shop::of(cluster, &role).with_old_content();
    secrets::register("created-secret");
    shop.project.write("devdb.toml", "[[seeds]]\nrun = \"sh seed.sh\"\n");
    shop.project.write("seed.sh", "head -c 10000000 /dev/zero | tr '\\\\0' x; yes 'a line' | head -n 400000; env; echo $DATABASE_URL; psql -qc \"insert into users (email) values ('x')\" $DATABASE_URL\n");
    let started = Instant::now();
    let output = shop.reset().args(["-v"]).run();
    output.assert_code(0);
    eprintln!("14 MB of output in {:?}", started.elapsed());
    let before = shop.before();
    shop.project.write(
        "seed.sh",
        "echo \"connecting to $DATABASE_URL\"; head -c 10000000 /dev/zero | tr '\\\\0' x; echo; exit 4",
    );
    let output = shop.reset().run();
    output.assert_code(5).assert_stderr_has("code 4").assert_stderr_has("connecting to").assert_stderr_has("***");
    assert!(output.stderr.len() < 20_000, "{} bytes", output.stderr.len());
    assert_eq!(shop.before(), before);
    shop.project.write("devdb.toml", "");
    shop.project
        .write("seeds/02.sql", "create role devdb_it_never login password 'created-secret' in role nobody_at_all;");
    shop.reset().run().assert_code(5).assert_stderr_has("create role");
}

#[test]
fn sessions_are_named_and_a_client_that_reconnects_in_a_loop_does_not_win() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let before = shop.before();
    let (ended, connected) = (AtomicBool::new(false), AtomicUsize::new(0));
    let longest = std::thread::scope(|scope| {
        let _held = Held::open(&shop, &shop.database.owner, "billing-worker");
        for _client in 0..12 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    connected
                        .fetch_add(usize::from(cluster.accepts(&shop.database.owner, shop.name())), Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(Duration::from_millis(300));
        let output = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut longest = Duration::ZERO;
            for run in 0..3 {
                let output = shop.reset().run();
                output.assert_code(0);
                if run == 0 {
                    output.assert_stderr_has("ended the session").assert_stderr_has("billing-worker");
                }
                longest = longest.max(output.took);
            }
            shop.devdb(["undo"]).run().assert_code(0);
            longest
        }));
        ended.store(true, Ordering::Relaxed);
        output.unwrap()
    });
    eprintln!("12 clients in a loop made {} connections; the longest reset took {longest:?}", connected.into_inner());
    assert!(cluster.accepts(&shop.database.owner, shop.name()));
    assert_ne!(shop.before(), before);
    assert_eq!(shop.beside().len(), 1);
}

#[test]
fn a_session_that_may_not_be_ended_stops_it_before_it_begins() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let other = cluster.create_role("");
    let before = shop.before();
    let held = Held::open(&shop, &other, "their-console");
    let output = shop.reset().run();
    output.assert_code(4).assert_stderr_has("their-console").assert_stderr_has("may not end");
    shop.assert_untouched(&before);
    cluster.sql("postgres", &format!("grant pg_signal_backend to {}", shop.database.owner.name));
    shop.reset().run().assert_code(0).assert_stderr_has("their-console");
    drop(held);
}

#[test]
fn the_second_of_two_waits_and_says_for_whom() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    let waits = "[[seeds]]\nfiles = \"seeds/*.sql\"\n[[seeds]]\nrun = \"until test -e go; do sleep 0.05; done\"\n";
    shop.project.write("devdb.toml", waits);
    let first = shop.reset().spawn();
    first.wait_for("migrate  ");
    let second = shop.reset().spawn();
    second.wait_for("waiting for `devdb reset");
    let third = shop.devdb(["undo"]).spawn();
    third.wait_for("waiting for");
    third.interrupt();
    let third = third.wait();
    shop.project.write("go", "");
    assert_ne!(third.code, 0, "{third}");
    first.wait().assert_code(0).assert_lacks("waiting");
    second.wait().assert_code(0);
    assert_eq!(shop.beside().len(), 1);
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("2"));
}

#[test]
fn ctrl_c_cleans_up_at_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    let flag = shop.project.file("child-lives");
    let loops = "while true; do psql -qc 'select pg_sleep(30)' $DATABASE_URL; touch child-lives; sleep 0.1; done";
    let cases = [
        ("[[seeds]]\nrun = \"sleep 60\"\n".to_owned(), "select 1;"),
        (format!("[[seeds]]\nrun = \"{loops}\"\n"), "select 1;"),
        (format!("[[seeds]]\nrun = \"({loops}) & trap '' INT TERM; wait\"\n"), "select 1;"),
        (String::new(), "select pg_sleep(60);"),
        (format!("[migrations]\nredirect = false\n[[seeds]]\nrun = \"{loops}\"\n"), "select 1;"),
    ];
    for (config, seed) in cases {
        shop.project.write("devdb.toml", &config);
        shop.project.write("seeds/01_users.sql", seed);
        for signal in [nix::sys::signal::Signal::SIGINT, nix::sys::signal::Signal::SIGTERM] {
            let running = shop.reset().args(["--cold"]).spawn();
            running.wait_for("migrate  ");
            std::thread::sleep(Duration::from_millis(150));
            let asked = Instant::now();
            running.signal(signal);
            running.wait().assert_code(130).assert_stderr_has("cancelled");
            assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
            shop.assert_untouched(&before);
        }
    }
    std::thread::sleep(Duration::from_millis(400));
    assert!(!flag.exists(), "a child outlived its reset");
}

#[test]
fn a_child_that_goes_into_the_background_does_not_hold_the_swap() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let daemon = "setsid sh -c 'psql -qc \\\"select pg_sleep(8)\\\" $DATABASE_URL' >/dev/null 2>&1 & sleep 0.3";
    shop.project.write("devdb.toml", &format!("[[seeds]]\nrun = \"{daemon}\"\n"));
    let output = shop.reset().run();
    output.assert_code(0);
    assert!(output.took < Duration::from_secs(6), "{output}");
    let sleeper = "setsid sleep 5 &";
    shop.project.write("devdb.toml", &format!("[[seeds]]\nrun = \"{sleeper}\"\n"));
    let output = shop.reset().run();
    assert!(output.assert_code(0).took < Duration::from_secs(4), "{output}");
}

#[test]
fn a_failed_build_is_kept_when_asked_and_goes_with_the_next() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    shop.project.write("seeds/02.sql", "insert into users (email) values ('ada@example.org');");
    let output = shop.reset().args(["--keep-failed"]).run();
    output.assert_code(5).assert_stderr_has("kept").assert_stderr_has("psql -h");
    assert_eq!(shop.before(), before);
    let kept = shop.beside();
    assert_eq!(kept.len(), 1);
    assert_eq!(cluster.value(&kept[0], "select count(*) from users").as_deref(), Some("2"));
    shop.devdb(["undo"]).run().assert_code(4);
    shop.project.remove("seeds/02.sql");
    shop.reset().run().assert_code(0);
    assert!(!shop.beside().contains(&kept[0]), "the failed one is gone");
    assert_eq!(shop.beside().len(), 1);
}

#[test]
fn a_prepared_transaction_on_the_old_one_is_told() {
    let Some(cluster) = own_server("max_prepared_transactions = 5") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let before = shop.before();
    shop.database.sql("begin; insert into old_things values (9, 'x'); prepare transaction 'held'");
    let output = shop.reset().run();
    output.assert_code(4).assert_stderr_has("prepared transaction");
    shop.assert_untouched(&before);
    assert!(cluster.accepts(&shop.database.owner, shop.name()), "it is open again");
    shop.database.sql("rollback prepared 'held'");
    shop.reset().run().assert_code(0);
}

#[test]
fn a_closed_database_that_no_run_of_ours_closed_stays_the_users() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let before = shop.before();
    cluster.sql("postgres", &format!("alter database {} allow_connections false", shop.name()));
    let server = || -> Vec<_> {
        let layer = |row: &Vec<Option<String>>| row[1].as_ref().unwrap().starts_with("devdb_layer_");
        inventory(&cluster).into_iter().filter(|row| !layer(row)).collect()
    };
    let seen = server();
    shop.project.write("seeds/02.sql", "selec 1;");
    shop.reset().run().assert_code(5);
    assert_eq!(server(), seen);
    cluster.sql("postgres", &format!("alter database {} allow_connections true", shop.name()));
    shop.assert_untouched(&before);
}
