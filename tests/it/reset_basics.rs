//! What a reset does when all is well: the new database, what is carried over, what is kept, what is said.

use crate::reset_common::{Shop, beside, fingerprint, inventory, oid, own_server};
use crate::support::cluster::{Cluster, Options};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn the_new_database_is_migrated_seeded_and_the_old_one_kept() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    let output = shop.reset().run();
    output.assert_code(0).assert_stdout_has("is ready").assert_stdout_has("devdb undo");
    for said in [".env:1 DATABASE_URL", "replaces", "1 table", "001", "create users", "swap", "migrate", "verify"] {
        output.assert_stderr_has(said);
    }
    assert_eq!(shop.database.query("select email from users order by 1").len(), 2);
    assert_eq!(
        shop.database.query("select version from schema_migrations order by 1"),
        [[Some("001".to_owned())], [Some("002".to_owned())]]
    );
    let kept = shop.beside();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!((oid(cluster, &kept[0]), fingerprint(cluster, &kept[0])), before);
    assert!(cluster.accepts(&shop.database.owner, &kept[0]), "the kept one can be looked at");
}

#[test]
fn a_database_that_does_not_exist_is_made() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    cluster.sql("postgres", &format!("drop database {}", shop.name()));
    shop.reset().run().assert_code(0).assert_stderr_has("it does not exist yet");
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("2"));
    assert_eq!(shop.beside(), none());
    shop.devdb(["undo"]).run().assert_code(4).assert_stderr_has("no replaced");
}

#[test]
fn a_dry_run_and_a_refusal_change_nothing() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let before = (inventory(&cluster), shop.before());
    let output = shop.devdb(["reset", "--dry-run"]).run();
    output.assert_code(0).assert_stderr_has("nothing was done").assert_stderr_has("apply 2 SQL migrations");
    output.assert_stderr_has("seeds/01_users.sql").assert_stderr_has("swap the two in one transaction");
    let json = shop.devdb(["reset", "--dry-run", "--json"]).run();
    assert_eq!(json.assert_code(0).json()["exists"], true);
    assert!(json.json()["steps"].as_array().unwrap().len() >= 4, "{json}");
    shop.devdb(["reset"]).run().assert_code(3).assert_stderr_has("--yes").assert_stderr_has("consent");
    assert_eq!((inventory(&cluster), shop.before()), before);
}

#[test]
fn a_reset_touches_no_other_database() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let other = cluster.fresh_database(&shop.database.owner);
    other.sql("create table theirs (a int); insert into theirs values (1)");
    let near = format!("{}_devdb", shop.name());
    cluster.sql("postgres", &format!("create database {near} owner {}", shop.database.owner.name));
    let others = |rows: Vec<Vec<Option<String>>>| -> Vec<_> {
        let name = Some(shop.name().to_owned());
        let prefix = format!("{}__devdb_", shop.name());
        let ours = |other: &str| other.starts_with(&prefix) || other.starts_with("devdb_layer_");
        rows.into_iter().filter(|row| row[1] != name && !ours(row[1].as_ref().unwrap())).collect()
    };
    let before = (others(inventory(&cluster)), fingerprint(&cluster, &other.name));
    shop.reset().run().assert_code(0);
    shop.reset().run().assert_code(0);
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!((others(inventory(&cluster)), fingerprint(&cluster, &other.name)), before);
    assert_eq!(shop.beside().len(), 1, "the kept one: {:?}", inventory(&cluster));
    cluster.sql("postgres", &format!("drop database {near}"));
}

#[test]
fn owner_grants_comment_and_settings_are_carried_over() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let (reader, name) = (cluster.create_role(""), shop.name());
    cluster.sql(
        "postgres",
        &format!(
            "revoke connect on database {name} from public; grant connect on database {name} to {0} with grant option;
             grant create on database {name} to {0};
             comment on database {name} is 'It''s \"ours\" \\ ü';
             alter database {name} set search_path = \"$user\", public, \"Odd one\";
             alter database {name} set timezone = 'Europe/Paris'; alter database {name} set work_mem = '7MB';
             alter database {name} set devdb.environment = 'development'; alter database {name} set app.empty = '';
             alter role {0} in database {name} set statement_timeout = '9s';
             alter database {name} connection limit 7",
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
    // A superuser carries everything; the owner all but the settings that are not for him.
    let url = cluster.superuser_url(name);
    let mut shop_as_superuser = shop.reset().env("DATABASE_URL", &url);
    shop_as_superuser.run().assert_code(0).assert_lacks("not carried over");
    assert_eq!(cluster.query("postgres", &query), before);
    let undone = shop.devdb(["undo"]).env("DATABASE_URL", &url).run();
    undone.assert_code(0);
    assert_eq!(cluster.query("postgres", &query), before);
    shop_as_superuser = shop.reset();
    shop_as_superuser.run().assert_code(0).assert_stderr_has("not carried over");
    let after = cluster.query("postgres", &query);
    assert_eq!(after[0][..4], before[0][..4]);
    assert!(after[0][4].as_ref().unwrap().contains("Odd one"), "{after:?}");
}

#[test]
fn undo_brings_the_old_one_back_and_can_be_undone() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    cluster.sql("postgres", &format!("comment on database {} is 'the first'", shop.name()));
    let old = shop.before();
    shop.reset().run().assert_code(0);
    let new = shop.before();
    assert_ne!(old, new);
    for expected in [&old, &new, &old, &new] {
        shop.devdb(["undo"]).run().assert_code(0).assert_stdout_has("that was replaced");
        assert_eq!(shop.before(), *expected);
        assert_eq!(shop.beside().len(), 1);
        let comment =
            format!("select shobj_description(oid, 'pg_database') from pg_database where datname = '{}'", shop.name());
        assert_eq!(cluster.value("postgres", &comment).as_deref(), Some("the first"));
    }
}

#[test]
fn as_many_old_ones_are_kept_as_the_project_wants() {
    let Some(cluster) = Cluster::shared() else { return };
    for keep in [0, 1, 2] {
        let shop = Shop::new(cluster).with_old_content();
        shop.project.write("devdb.toml", &format!("[reset]\nkeep = {keep}\n"));
        let mut seen = vec![shop.oid()];
        for _run in 0..4 {
            let output = shop.reset().run();
            output.assert_code(0);
            assert_eq!(output.stdout.contains("devdb undo"), keep > 0, "{output}");
            seen.push(shop.oid());
        }
        assert_eq!(shop.beside().len(), keep);
        let undone = shop.devdb(["undo"]).run();
        if keep == 0 {
            undone.assert_code(4).assert_stderr_has("keep = 0");
        } else {
            undone.assert_code(0);
            assert_eq!(shop.oid(), seen[3], "the newest of the old ones comes back, {seen:?}");
            shop.devdb(["undo"]).run().assert_code(0);
            assert_eq!(shop.oid(), seen[4], "{seen:?}");
        }
    }
}

#[test]
fn names_of_every_sort_work() {
    let Some(cluster) = Cluster::shared() else { return };
    let long = format!("{:x<63}", format!("long_{}_", std::process::id()));
    let wide = format!("{}é", "ü".repeat(30));
    let names =
        ["My-App Dev", "it's \"quoted\"", "käse=\\100% {x}", "UPPER", "select", &wide, &long, " lead ", "a'b$$c"];
    for name in names {
        let shop = Shop::new(cluster);
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        cluster.sql("postgres", &format!("create database {quoted} owner {}", shop.database.owner.name));
        let url = cluster.url(&shop.database.owner, name);
        shop.project.write(".env", &format!("DATABASE_URL={url}\n"));
        let first = oid(cluster, name);
        shop.reset().run().assert_code(0);
        assert_ne!(oid(cluster, name), first, "{name}");
        assert_eq!(cluster.value(name, "select count(*) from users").as_deref(), Some("2"));
        shop.devdb(["undo"]).run().assert_code(0);
        assert_eq!(oid(cluster, name), first, "{name}");
        let kept = beside(cluster, name);
        assert_eq!(kept.len(), 1, "{name}: {kept:?}");
        for name in [name, &kept[0]] {
            cluster.sql("postgres", &format!("drop database \"{}\"", name.replace('"', "\"\"")));
        }
    }
}

#[test]
fn json_tells_every_step_with_its_time() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    let output = shop.devdb(["reset", "--yes", "--json"]).run();
    let report = output.assert_code(0).json();
    let stages: Vec<&str> =
        report["stages"].as_array().unwrap().iter().map(|it| it["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["create", "migrate", "seed", "verify", "swap"]);
    assert!(report["stages"].as_array().unwrap().iter().all(|stage| stage["took_ms"].is_number()), "{output}");
    assert_eq!(output.stderr, "", "the answer alone");
    assert_eq!(report["kept"].as_str(), shop.beside().first().map(String::as_str));
    shop.project.write("seeds/01_users.sql", "selec 1;\n");
    let failed = shop.devdb(["reset", "--yes", "--json"]).run();
    let told = failed.assert_code(5).json().to_string();
    assert!(told.contains("42601") && told.contains("seeds/01_users.sql:1"), "{failed}");
}

#[test]
fn seeds_load_in_order_by_profile_or_not_at_all() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.project.write(
        "seeds/02_more.sql",
        "insert into orders (user_id, total) select id, 1 from users where email like 'a%';\n",
    );
    shop.project.write("seeds/demo/01_demo.sql", "insert into orders (user_id, total) select id, 2 from users;\n");
    let count = || shop.database.value("select count(*) || '/' || (select count(*) from users) from orders").unwrap();
    shop.reset().run().assert_code(0).assert_stderr_has("4 rows in 2 tables");
    assert_eq!(count(), "2/2");
    shop.reset().args(["--seed", "demo"]).run().assert_code(0);
    assert_eq!(count(), "4/2");
    shop.reset().args(["--no-seed"]).run().assert_code(0);
    assert_eq!(count(), "0/0");
    shop.reset().args(["--seed", "nope"]).run().assert_code(2).assert_stderr_has("profiles: demo");
    shop.reset().args(["--to", "001"]).args(["--no-seed"]).run().assert_code(0);
    assert_eq!(shop.database.query("select version from schema_migrations"), [[Some("001".to_owned())]]);
    shop.reset().args(["--to", "777"]).run().assert_code(2).assert_stderr_has("777");
}

#[test]
fn a_copy_from_pg_dump_is_a_seed_and_a_psql_command_is_explained() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.project.write(
        "seeds/01_users.sql",
        "\\restrict abc\nSET statement_timeout = 0;\nSET transaction_timeout = 0;\nselect pg_catalog.set_config('search_path', '', false);\n\
         COPY public.users (email) FROM stdin;\na@b\nc\\td@e\n\\.\n\n\\unrestrict abc\n",
    );
    shop.project.write("seeds/02_users.sql", "SET transaction_timeout = 0;\ninsert into users (email) values ('x');\n");
    shop.reset().run().assert_code(0);
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("3"));
    let before = shop.before();
    shop.project.write("seeds/02_users.sql", "-- one\n\\i other.sql\n");
    shop.reset().run().assert_code(5).assert_stderr_has("seeds/02_users.sql:2").assert_stderr_has("\\i");
    assert_eq!(shop.before(), before);
}

#[test]
fn a_person_is_asked_and_may_say_no() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    for (typed, code) in [("n", 130), ("\r", 130), ("y", 0)] {
        let mut running = shop.devdb(["reset"]).in_terminal(100, 40).spawn();
        running.wait_for("Replace `");
        assert_eq!(shop.before(), before);
        running.type_text(typed);
        running.wait().assert_code(code);
    }
    assert_ne!(shop.before(), before);
}

#[test]
fn a_group_may_own_the_database() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let (group, name) = (cluster.create_role(""), shop.name());
    cluster.sql(
        "postgres",
        &format!("grant {0} to {1}; alter database {name} owner to {0}", group.name, shop.database.owner.name),
    );
    shop.reset().run().assert_code(0).assert_lacks("warning");
    let owner = format!("select pg_get_userbyid(datdba) from pg_database where datname = '{name}'");
    assert_eq!(cluster.value("postgres", &owner), Some(group.name.clone()));
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!(cluster.value("postgres", &owner), Some(group.name));
}

#[test]
fn locales_and_encodings_stay_what_they_were() {
    let Some(cluster) = Cluster::shared() else { return };
    let properties = "encoding 'UTF8' lc_collate 'C' lc_ctype 'C.UTF-8'";
    let icu = "locale_provider icu icu_locale 'de-DE'";
    let rules = "locale_provider icu icu_locale 'de-DE' icu_rules '&V << w <<< W'";
    let builtin = "locale_provider builtin builtin_locale 'C.UTF-8'";
    let since = [(14, properties), (14, "encoding 'SQL_ASCII' locale 'C'"), (15, icu), (16, rules), (17, builtin)];
    for (_, options) in since.into_iter().filter(|(major, _)| cluster.major() >= *major) {
        let shop = Shop::new(cluster);
        let name = shop.name();
        cluster.sql("postgres", &format!("drop database {name}"));
        let owner = &shop.database.owner.name;
        cluster.sql("postgres", &format!("create database {name} owner {owner} template template0 {options}"));
        let query = format!(
            "select (select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(d)) where key in ('encoding', 'datcollate', \
             'datctype', 'datlocprovider', 'daticulocale', 'datlocale', 'daticurules'))::text from pg_database d where datname = '{name}'"
        );
        let before = cluster.value("postgres", &query);
        shop.reset().run().assert_code(0);
        assert_eq!(cluster.value("postgres", &query), before);
    }
}

#[test]
fn what_the_site_put_into_template1_is_there_also_when_template1_is_in_use() {
    let Some(cluster) = own_server("") else { return };
    cluster.sql("template1", "create table site_wide (a int); grant select on site_wide to public");
    let shop = Shop::new(&cluster);
    shop.reset().run().assert_code(0);
    assert_eq!(shop.database.value("select count(*) from site_wide").as_deref(), Some("0"));
    let mut busy = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let hold = std::thread::scope(|scope| {
        let held = scope.spawn(|| cluster.sql("template1", "select pg_sleep(7)"));
        std::thread::sleep(std::time::Duration::from_millis(300));
        let output = shop.reset().run();
        drop(held.join());
        output
    });
    busy.kill().unwrap();
    busy.wait().unwrap();
    hold.assert_code(0);
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("2"));
}

#[test]
fn a_connection_limit_does_not_lock_the_reset_out() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let name = shop.name();
    let limit = format!("select datconnlimit from pg_database where datname = '{name}'");
    cluster.sql("postgres", &format!("alter database {name} connection limit 1"));
    shop.project.write(
        "devdb.toml",
        "[[seeds]]\nrun = \"psql -qc \\\"insert into users (email) values ('p')\\\" $DATABASE_URL\"\n",
    );
    shop.reset().run().assert_code(0);
    assert_eq!(cluster.value("postgres", &limit).as_deref(), Some("1"));
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("1"));
}

#[test]
fn settings_that_end_idle_sessions_do_not_end_the_reset() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let name = shop.name();
    cluster.sql("postgres", &format!("alter database {name} set idle_session_timeout = '200ms'; alter database {name} set statement_timeout = '300ms'"));
    shop.project.write("devdb.toml", "[[seeds]]\nrun = \"sleep 0.6\"\n[[seeds]]\nfiles = \"seeds/*.sql\"\n");
    shop.project.write("seeds/01_users.sql", "insert into users (email) values ('a'); select pg_sleep(0.5);");
    shop.reset().run().assert_code(0);
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("1"));
}

#[test]
fn a_role_without_createdb_is_offered_in_place() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role("");
    let shop = Shop::of(cluster, &role).with_old_content();
    let (before, reader) = (shop.before(), cluster.create_role(""));
    shop.database.sql("create schema side; create table side.t (a int)");
    let first = shop.before();
    assert_ne!(before, first);
    let output = shop.reset().run();
    output.assert_code(4).assert_stderr_has("may not create databases").assert_stderr_has("--in-place");
    shop.assert_untouched(&first);
    if cluster.major() < 15 {
        // There `public` is the superuser's: it stays, and what is in it goes, unless that is somebody else's.
        cluster.sql(shop.name(), "create table public.theirs (a int)");
        let before = shop.before();
        let output = shop.reset().args(["--in-place"]).run();
        output
            .assert_code(4)
            .assert_stderr_has("must be owner of table theirs")
            .assert_stderr_has("nothing was changed");
        shop.assert_untouched(&before);
        cluster.sql(shop.name(), "drop table public.theirs");
    }
    let output = shop.reset().args(["--in-place"]).run();
    output.assert_code(0).assert_stderr_has("no way back");
    output.assert_lacks("devdb undo");
    assert_eq!(shop.oid(), first.0);
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("2"));
    assert_eq!(shop.database.value("select to_regclass('old_things')::text"), None);
    assert_eq!(shop.database.value("select to_regclass('side.t')::text"), None);
    let usage = format!("select has_schema_privilege('{}', 'public', 'usage')", reader.name);
    assert_eq!(shop.database.value(&usage).as_deref(), Some("t"), "the grants of `public` stay");
    assert_eq!(shop.beside(), none());
}

#[test]
fn a_project_without_migrations_gets_its_seeds() {
    let Some(cluster) = Cluster::shared() else { return };
    let owner = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&owner);
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    project.write("seeds/schema.sql", "create table t (a int); insert into t values (1);");
    Sandbox::new(&project).args(["reset", "--yes"]).run().assert_code(0);
    assert_eq!(database.value("select a from t").as_deref(), Some("1"));
}

#[test]
fn a_unix_socket_and_a_server_without_a_postgres_database_work() {
    let hba = "local all all trust\nhost all all all scram-sha-256\n".to_owned();
    let Some(cluster) = Cluster::start(&Options { hba: Some(hba), ..Options::default() }) else { return };
    let shop = Shop::new(&cluster).with_old_content();
    cluster.sql("template1", "drop database postgres");
    let socket = cluster.socket_directory().display().to_string().replace('/', "%2F");
    let url = format!("postgresql://{}@{socket}:{}/{}", shop.database.owner.name, cluster.port(), shop.name());
    shop.project.write(".env", &format!("DATABASE_URL={url}\n"));
    shop.reset().run().assert_code(0).assert_stderr_has("(unix");
    let count = cluster.value(shop.name(), "select count(*) from users");
    assert_eq!(count.as_deref(), Some("2"));
    cluster.sql("template1", "create database postgres");
}
