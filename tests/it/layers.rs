//! Layers: a reset starts from the nearest one, never from a stale one. After every edit, `reset --check` builds once from
//! layers and once from nothing, and compares schema and content.

use crate::reset_common::{Shop, own_server};
use crate::support::bench;
use crate::support::cluster::{Cluster, Role};
use crate::support::sandbox::Output;
use crate::support::venv;
use std::time::{Duration, Instant};

impl Shop<'_> {
    /// Resets, and returns the last step of what it started from.
    #[track_caller]
    fn start(&self, arguments: &[&str]) -> Option<String> {
        let output = self.reset().args(arguments.iter().copied()).args(["--json"]).run();
        output.assert_code(0);
        output.json().get("started_from").and_then(|from| from.as_str()).map(str::to_owned)
    }

    #[track_caller]
    fn check(&self, arguments: &[&str]) -> Output {
        self.reset().args(["--check", "--json"]).args(arguments.iter().copied()).run()
    }

    /// Resets, expects a start from what `from` names, and proves that it is what a cold reset makes.
    #[track_caller]
    fn starts_from(&self, from: Option<&str>, why: &str) {
        let started = self.start(&[]);
        match (from, &started) {
            (None, None) => {}
            (Some(from), Some(started)) => assert!(started.contains(from), "{why}: from {started}, not {from}"),
            _ => panic!("{why}: from {started:?}, not {from:?}"),
        }
        let checked = self.check(&[]);
        checked.assert_code(0);
        let from = checked.json().get("started_from").cloned();
        assert!(from.is_some_and(|from| from.is_string()), "{why}: nothing was compared");
    }

    fn layers(&self) -> Vec<String> {
        let query = "select datname from pg_database d join pg_roles r on r.oid = datdba
                     where datname like 'devdb\\_layer\\_%' and rolname = current_user order by 1";
        let rows = self.cluster.query_as(&self.database.owner, "postgres", query);
        rows.into_iter().flatten().flatten().collect()
    }

    #[track_caller]
    fn list(&self) -> serde_json::Value {
        let output = self.devdb(["cache", "list", "--json"]).run();
        output.assert_code(0);
        output.json()
    }
}

const REFUNDS: &str = "-- migrate:up\nalter table orders add refunded boolean not null default false;\n";

#[test]
fn a_reset_starts_from_what_did_not_change() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let p = &shop.project;
    shop.starts_from(None, "nothing is there yet");
    shop.starts_from(Some("01_users.sql"), "nothing changed");
    p.write("db/migrations/003_refunds.sql", REFUNDS);
    shop.starts_from(Some("`002`"), "one was appended");
    p.write("db/migrations/003_refunds.sql", &REFUNDS.replace("refunded", "paid_back"));
    shop.starts_from(Some("`002`"), "the last was edited");
    assert_eq!(shop.database.value("select count(paid_back) from orders").as_deref(), Some("0"));
    p.write("db/migrations/003_refunds.sql", REFUNDS);
    shop.starts_from(Some("01_users.sql"), "the last is again what it was");
    let comment = format!("{REFUNDS}-- a comment\n");
    p.write("db/migrations/003_refunds.sql", &comment);
    shop.starts_from(Some("`002`"), "comments count");
    p.write("db/migrations/002_create_orders.sql", &crate::reset_common::ORDERS.replace("numeric", "bigint"));
    shop.starts_from(Some("`001`"), "one in the middle was edited");
    p.write(
        "db/migrations/001_create_users.sql",
        &crate::reset_common::USERS.replace("email text", "email varchar(90)"),
    );
    shop.starts_from(None, "the first was edited");
    p.write("seeds/01_users.sql", "insert into users (email) values ('grace@example.org');\n");
    shop.starts_from(Some("`003`"), "a seed was edited");
    assert_eq!(shop.database.value("select string_agg(email, ',') from users").as_deref(), Some("grace@example.org"));
    p.write("seeds/02_orders.sql", "insert into orders (user_id, total) select id, 5 from users;\n");
    shop.starts_from(Some("01_users.sql"), "a seed was added behind the first");
    p.remove("seeds/02_orders.sql");
    shop.starts_from(Some("01_users.sql"), "a seed was removed");
    p.write("devdb.toml", "[database]\ninit = [\"init.sql\"]\n");
    p.write("init.sql", "create schema extra;");
    shop.starts_from(None, "an init file comes before everything");
    p.write("init.sql", "create schema more;");
    shop.starts_from(None, "an init file was edited");
    assert_eq!(shop.database.value("select to_regnamespace('more')::text").as_deref(), Some("more"));
}

#[test]
fn what_the_server_contributes_is_part_of_the_key() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let name = shop.name().to_owned();
    let owner = shop.database.owner.name.clone();
    shop.project.write("db/migrations/003_when.sql", "-- migrate:up\ncreate table whens as select current_setting('timezone') zone, timestamptz '2026-01-01 00:00' at;\n");
    shop.starts_from(None, "nothing is there yet");
    shop.starts_from(Some("seed"), "nothing changed");
    cluster.sql("postgres", &format!("alter database {name} set timezone = 'Asia/Tokyo'"));
    shop.starts_from(None, "a setting of the database");
    assert_eq!(shop.database.value("select zone from whens").as_deref(), Some("Asia/Tokyo"));
    cluster.sql("postgres", &format!("alter role {owner} set datestyle = 'German'"));
    shop.starts_from(None, "a setting of the role");
    cluster.sql("template1", "create table everywhere (a int)");
    shop.starts_from(None, "something in template1");
    assert_eq!(shop.database.value("select to_regclass('everywhere')::text").as_deref(), Some("everywhere"));
    cluster.sql(
        "postgres",
        &format!("grant temporary on database {name} to public; revoke connect on database {name} from public"),
    );
    shop.starts_from(None, "grants");
    shop.starts_from(Some("seed"), "nothing changed");
    let grants = format!("select has_database_privilege('public', '{name}', 'connect')");
    assert_eq!(cluster.value("postgres", &grants).as_deref(), Some("f"));
    // A marker of devdb's own changes nothing that is built.
    cluster.sql("postgres", &format!("alter database {name} set devdb.environment = 'development'"));
    shop.starts_from(Some("seed"), "devdb's own marker");
}

#[test]
fn what_a_clone_does_not_carry_is_carried() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let name = shop.name().to_owned();
    shop.project.write(
        "db/migrations/003_settings.sql",
        "-- migrate:up\ndo $$ begin
           execute format('alter database %I set work_mem = ''9MB''', current_database());
           execute format('grant create on database %I to pg_read_all_data', current_database());
         end $$;\ncomment on table users is 'people';\n",
    );
    cluster.sql(
        "postgres",
        &format!("comment on database {name} is 'It''s \"ours\"'; alter database {name} connection limit 7"),
    );
    let told = || {
        let query = format!(
            "select shobj_description(oid, 'pg_database'), datconnlimit, pg_get_userbyid(datdba), array(select acl::text from unnest(datacl) acl order by 1)::text,
                    (select string_agg(setting, ';' order by setting) from pg_db_role_setting, unnest(setconfig) setting where setdatabase = d.oid)
             from pg_database d where datname = '{name}'"
        );
        cluster.query("postgres", &query)
    };
    shop.start(&[]);
    let first = told();
    assert!(format!("{first:?}").contains("work_mem=9MB"), "{first:?}");
    assert!(!format!("{first:?}").contains("synchronous_commit"), "{first:?}");
    // The settings that the chain itself made are now the old database's: once more from nothing, then never again.
    shop.start(&[]);
    assert!(shop.start(&[]).is_some());
    assert_eq!(told(), first);
    cluster.sql("postgres", &format!("drop database {name}"));
    shop.devdb(["setup"]).run().assert_code(0);
    assert!(format!("{:?}", told()).contains("work_mem=9MB"));
}

#[test]
fn commands_without_inputs_run_each_time() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster);
    let p = &shop.project;
    let seed = |inputs: &str| format!("[[seeds]]\nfiles = \"seeds/*.sql\"\n[[seeds]]\nrun = \"sh more.sh\"\n{inputs}");
    p.write("devdb.toml", &seed(""));
    p.write("data.txt", "first");
    p.write("more.sh", "psql -qc \"insert into users (email) select '$(cat data.txt)'\" $DATABASE_URL");
    let emails = || shop.database.value("select string_agg(email, ',' order by id) from users where email !~ '@'");
    shop.starts_from(None, "nothing is there yet");
    p.write("data.txt", "second");
    shop.starts_from(Some("01_users.sql"), "the command runs on top of the last layer");
    assert_eq!(emails().as_deref(), Some("second"));
    let why = shop.list()["runs_every_time"]["why"].to_string();
    assert!(why.contains("inputs"), "{why}");
    p.write("devdb.toml", &seed("inputs = [\"*.txt\", \"more.sh\"]\n"));
    shop.starts_from(Some("01_users.sql"), "its inputs were declared");
    shop.starts_from(Some("more.sh"), "nothing changed");
    p.write("data.txt", "third");
    shop.starts_from(Some("01_users.sql"), "an input changed");
    assert_eq!(emails().as_deref(), Some("third"));
    p.write("zzz.txt", "one more file");
    shop.starts_from(Some("01_users.sql"), "an input was added");
    assert!(shop.list()["runs_every_time"].is_null());
}

#[test]
fn a_stale_layer_is_found_and_given_up() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster);
    // It says that it reads nothing, and that is not true.
    shop.project.write("devdb.toml", "[[seeds]]\nrun = \"sh more.sh\"\ninputs = [\"more.sh\"]\n");
    shop.project.write("data.txt", "first");
    shop.project.write("more.sh", "psql -qc \"insert into users (email) select '$(cat data.txt)'\" $DATABASE_URL");
    shop.starts_from(None, "nothing is there yet");
    shop.project.write("data.txt", "second");
    let checked = shop.check(&[]);
    checked.assert_code(1);
    let report = checked.json();
    assert_eq!(report["content"], serde_json::json!(["users: other values in `email`"]), "{report}");
    assert!(report["dropped"].as_u64() > Some(0), "{report}");
    let before = shop.before();
    assert_eq!(shop.start(&[]), None, "the stale layers are gone");
    assert_ne!(shop.before(), before);
    assert_eq!(shop.database.value("select email from users").as_deref(), Some("second"));
    // What differs each time is no fault.
    shop.project.write("more.sh", "psql -qc \"insert into users (email) select gen_random_uuid()\" $DATABASE_URL");
    shop.start(&[]);
    let checked = shop.check(&[]);
    checked.assert_code(0);
    assert_eq!(checked.json()["volatile"], serde_json::json!(["users.email"]));
    assert_eq!(shop.beside().len(), 1, "{:?}", shop.beside());
}

#[test]
fn profiles_and_goals_have_layers_of_their_own() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.project
        .write("seeds/big/01_more.sql", "insert into users (email) select 'n' || n from generate_series(1, 50) n;\n");
    let count = || shop.database.value("select count(*) from users");
    shop.start(&[]);
    assert_eq!(shop.start(&["--seed", "big"]).as_deref(), Some("seed `seeds/01_users.sql`"));
    assert_eq!(count().as_deref(), Some("52"));
    assert_eq!(shop.start(&["--seed", "big"]).as_deref(), Some("seed `seeds/big/01_more.sql`"));
    assert_eq!(count().as_deref(), Some("52"));
    assert_eq!(shop.start(&[]).as_deref(), Some("seed `seeds/01_users.sql`"));
    assert_eq!(count().as_deref(), Some("2"));
    assert_eq!(shop.start(&["--no-seed"]).as_deref(), Some("revision `002` (create orders)"));
    assert_eq!(count().as_deref(), Some("0"));
    assert_eq!(shop.start(&["--no-seed", "--to", "001"]).as_deref(), Some("revision `001` (create users)"));
    assert_eq!(shop.database.value("select to_regclass('orders')::text"), None);
    shop.check(&["--seed", "big"]).assert_code(0);
    assert_eq!(shop.start(&["--cold"]), None);
}

#[test]
fn another_project_and_role_share_only_what_is_the_same() {
    let Some(cluster) = own_server("") else { return };
    let one = Shop::new(&cluster);
    let two = Shop::of(&cluster, &one.database.owner);
    let stranger = Shop::new(&cluster);
    one.start(&[]);
    let layers = one.layers();
    assert_eq!(layers.len(), 3, "{layers:?}");
    assert!(two.start(&[]).is_some(), "the same chain, in another folder, for another database");
    assert_eq!(one.layers(), layers);
    assert_eq!(stranger.start(&[]), None, "what belongs to another role is not taken");
    let closed = cluster
        .query("postgres", "select datallowconn, datistemplate from pg_database where datname like 'devdb\\_layer%'");
    assert!(closed.iter().all(|row| row == &[Some("f".to_owned()), Some("t".to_owned())]), "{closed:?}");
    let listed = one.list();
    assert_eq!(listed["layers"].as_array().unwrap().len(), 3, "{listed}");
    assert_eq!(listed["layers"].as_array().unwrap().iter().filter(|it| it["next"] == true).count(), 1);
    one.devdb(["cache", "clear"]).run().assert_code(0).assert_stdout_has("3 layers dropped");
    assert_eq!(one.layers(), Vec::<String>::new());
    assert_eq!(stranger.layers().len(), 3);
}

#[test]
fn layers_are_made_beforehand_and_given_up_for_others() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let before = shop.before();
    shop.devdb(["cache", "warm"]).run().assert_code(0).assert_stdout_has("3 layers made");
    shop.assert_untouched(&before);
    shop.devdb(["cache", "warm"]).run().assert_code(0).assert_stdout_has("already");
    assert!(shop.start(&[]).is_some_and(|from| from.contains("seed")));
    // Room for three or so of an empty database's size: the chain before is what goes.
    shop.project.write("devdb.toml", "[cache]\nmax = \"30 MB\"\n");
    let old = shop.layers();
    shop.project.write(
        "db/migrations/001_create_users.sql",
        &crate::reset_common::USERS.replace("email text", "email varchar(90)"),
    );
    shop.start(&[]);
    let kept = shop.layers();
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert!(kept.iter().all(|layer| !old.contains(layer)), "{kept:?} of {old:?}");
    shop.project.write("devdb.toml", "[cache]\nmax = 0\n");
    assert_eq!(shop.start(&[]), None);
    assert_eq!(shop.layers(), Vec::<String>::new());
    shop.project.write("devdb.toml", "[cache]\nmax = \"a lot\"\n");
    shop.reset().run().assert_code(2).assert_stderr_has("a lot");
}

#[test]
fn the_default_branch_decides_what_is_kept() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster);
    let p = &shop.project;
    for number in 3..=6 {
        p.write(
            &format!("db/migrations/00{number}_t.sql"),
            &format!("-- migrate:up\ncreate table t{number} (a int);\n"),
        );
    }
    p.git_init();
    p.git(&["checkout", "-qb", "work"]);
    for number in 7..=9 {
        p.write(
            &format!("db/migrations/00{number}_t.sql"),
            &format!("-- migrate:up\ncreate table t{number} (a int);\n"),
        );
    }
    p.git(&["add", "."]);
    p.git(&["commit", "-qm", "mine"]);
    shop.starts_from(None, "nothing is there yet");
    p.write("db/migrations/007_t.sql", "-- migrate:up\ncreate table t7 (a bigint);\n");
    shop.starts_from(Some("`006`"), "the last that main has");
    p.git(&["stash", "-q"]);
    p.git(&["checkout", "-q", "main"]);
    shop.starts_from(Some("`006`"), "main's own head, without seeds");
}

#[test]
fn a_spare_is_made_and_taken_once() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let spares = || {
        let query = "select datname || ' ' || coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname like '%\\_\\_devdb\\_spare\\_%'";
        let rows = shop.cluster.query("postgres", query);
        rows.into_iter().flatten().flatten().filter(|it| it.contains("devdb: ")).collect::<Vec<_>>()
    };
    let wait = |wanted: usize, not: &[String], why: &str| {
        let deadline = Instant::now() + Duration::from_mins(1);
        let busy = "select count(*) from pg_stat_activity where application_name like 'devdb spare%'";
        while spares().len() != wanted
            || (wanted > 0 && spares() == not)
            || cluster.value("postgres", busy).as_deref() != Some("0")
        {
            assert!(Instant::now() < deadline, "{why}: {:?}", spares());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let reset = || {
        let output = shop.reset().env_remove("CI").args(["--json"]).run();
        output.assert_code(0);
        let report = output.json();
        let created = report["stages"].as_array().unwrap().iter().find(|stage| stage["stage"] == "create").unwrap();
        created["detail"].as_str().unwrap().to_owned()
    };
    reset();
    wait(1, &[], "made after the first");
    let first = spares();
    let open = "select bool_or(datallowconn) from pg_database where datname like '%\\_\\_devdb\\_spare\\_%'";
    assert_eq!(cluster.value("postgres", open).as_deref(), Some("f"), "nobody may write into it");
    assert!(reset().starts_with("a spare"), "the second takes it");
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("2"));
    assert!(cluster.accepts(&shop.database.owner, shop.name()));
    wait(1, &first, "another is made");
    assert_eq!(shop.beside().iter().filter(|name| name.contains("_previous_")).count(), 1, "{:?}", shop.beside());
    shop.devdb(["undo"]).run().assert_code(0);
    shop.project.write("seeds/01_users.sql", "insert into users (email) values ('edited@example.org');\n");
    let stale = spares();
    let detail = reset();
    assert!(detail.starts_with("from the layer of revision"), "a spare of the old seeds is not taken: {detail}");
    assert_eq!(shop.database.value("select email from users").as_deref(), Some("edited@example.org"));
    wait(1, &stale, "the stale one is gone, a new one is there");
    let fresh = spares();
    assert!(reset().starts_with("a spare"));
    assert_eq!(shop.database.value("select email from users").as_deref(), Some("edited@example.org"));
    wait(1, &fresh, "and another");
    shop.project.write("devdb.toml", "[reset]\nspare = false\n");
    reset();
    wait(0, &[], "nobody makes one any more");
}

#[test]
fn alembic_stops_for_layers_inside_one_process() {
    let (Some(cluster), Some(environment)) = (own_server(""), bench::venv()) else { return };
    let shop = Shop::new(&cluster).with_old_content();
    std::fs::remove_dir_all(shop.project.file("db")).unwrap();
    std::fs::remove_dir_all(shop.project.file("seeds")).unwrap();
    shop.project.copy_fixture("alembic-sync");
    venv::link_into(&environment, &shop.project, ".venv");
    let p = &shop.project;
    p.write("helper.py", "LENGTH = 80\n");
    p.write(
        "alembic/versions/f1_more.py",
        "import sqlalchemy as sa\nfrom alembic import op\nfrom helper import LENGTH\n\nrevision = 'f1'\ndown_revision = 'e07d58a2c3b6'\n\n\n\
         def upgrade():\n    op.add_column('users', sa.Column('nick', sa.String(LENGTH)))\n\n\ndef downgrade():\n    op.drop_column('users', 'nick')\n",
    );
    shop.starts_from(None, "nothing is there yet");
    assert_eq!(shop.layers().len(), 3, "the one before the head, the head, the seeds");
    let length = "select character_maximum_length from information_schema.columns where column_name = 'nick'";
    p.write("helper.py", "LENGTH = 90\n");
    shop.starts_from(Some("e07d58a2c3b6"), "a module that the last revision imports");
    assert_eq!(shop.database.value(length).as_deref(), Some("90"));
    let revision = p.read("alembic/versions/f1_more.py");
    p.write("alembic/versions/f1_more.py", &revision.replace('\n', "\r\n"));
    shop.starts_from(Some("seed"), "line ends do not count");
    p.write("alembic/versions/f1_more.py", &revision.replace("'nick', ", "'nickname', "));
    shop.starts_from(Some("e07d58a2c3b6"), "the last revision");
    p.write("alembic/env.py", &format!("{}\n# edited\n", p.read("alembic/env.py")));
    shop.starts_from(None, "env.py");
    p.write(
        "alembic/versions/f1_more.py",
        &revision.replace("    op.add", "    raise RuntimeError('not yet')\n    op.add"),
    );
    let before = shop.before();
    let failed = shop.reset().run();
    failed.assert_code(5).assert_stderr_has("revision `f1`").assert_stderr_has("f1_more.py:");
    assert_eq!(shop.before(), before);
    p.write("alembic/versions/f1_more.py", &revision);
    shop.starts_from(Some("e07d58a2c3b6"), "after a failure");
}

#[test]
fn what_cannot_give_its_name_away_is_replaced_inside() {
    let Some(cluster) = own_server("wal_level = logical") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let oid = shop.oid();
    shop.cluster.sql(shop.name(), "select pg_create_logical_replication_slot('feed', 'pgoutput')");
    let output = shop.reset().run();
    output.assert_code(0).assert_stderr_has("logical replication slot `feed`").assert_stderr_has("in place");
    assert_eq!(shop.oid(), oid, "the slot's database is the same one");
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("2"));
    let kept = shop.beside();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let note = Role { ..cluster.superuser() };
    assert_eq!(cluster.query_as(&note, &kept[0], "select note from old_things"), [[Some("mine".to_owned())]]);
    shop.devdb(["undo"]).run().assert_code(4).assert_stderr_has("logical replication slot `feed`");
    cluster.sql("postgres", "select pg_drop_replication_slot('feed')");
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!(shop.database.value("select note from old_things").as_deref(), Some("mine"));
    // A migration that makes one: a copy would lack it, so there is no layer of that.
    cluster.sql("postgres", &format!("alter role {} replication", shop.database.owner.name));
    shop.project.write(
        "db/migrations/003_slot.sql",
        "-- migrate:up transaction:false\nselect pg_create_logical_replication_slot('made', 'pgoutput');\n",
    );
    let output = shop.reset().run();
    output.assert_code(0).assert_stderr_has("no layer is kept");
}
