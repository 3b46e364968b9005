//! `devdb drift --sql` and `--adopt`: what was done by hand, taken back or made a migration. On clones, by the built program.

use crate::migrate::{revision, sync};
use crate::migrate_sql_common::Chain;
use crate::reset_common::Shop;
use crate::support::cluster::Cluster;
use crate::support::sandbox::Sandbox;

/// What somebody did by hand, with rows to lose.
const BY_HAND: &str = "
    insert into users (email, username, full_name) values ('ada@example.org', 'ada', 'Ada Lovelace'), ('x@example.org', 'x', null);
    insert into projects (name, owner_id) select 'engine', id from users;
    alter table users add nick text;
    update users set nick = 'a' where username = 'ada';
    alter table users alter full_name type text;
    alter table users alter email drop not null;
    alter table projects rename description to details;
    drop index ix_users_username;
    create type colour as enum ('red', 'it''s blue');
    create table extra (id serial primary key, c colour not null default 'red', \"User Id\" int references users);
    insert into extra (c) values ('red'), ('it''s blue'), ('red');
    create view names as select full_name, nick from users;
    create function greet(who users) returns text language sql as $$ select 'it''s ' || who.username || ';' $$;
";

fn encoded(name: &str) -> String {
    name.replace('_', "%5F")
}

fn clone_of(shop: &Shop<'_>) -> String {
    let clone = format!("{}_clone", shop.name());
    let owner = shop
        .cluster
        .value("postgres", &format!("select datdba::regrole::text from pg_database where datname = '{}'", shop.name()));
    shop.cluster.sql("postgres", &format!("create database {clone} template {} owner {}", shop.name(), owner.unwrap()));
    let env = shop.project.read(".env");
    shop.project.write(".env", &env.replace(&format!("/{}", encoded(shop.name())), &format!("/{}", encoded(&clone))));
    clone
}

/// The statements without the dashes before those that would lose data.
fn all_of(script: &str) -> String {
    let verbs = ["-- ALTER ", "-- DROP "];
    let lines = script.lines().map(|line| {
        let aside = verbs.iter().any(|verb| line.starts_with(verb)) && !line.contains(" RENAME COLUMN ");
        line.strip_prefix("-- ").filter(|_| aside).unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn statements_take_back_what_was_done_by_hand_and_keep_what_they_can() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql(BY_HAND);
    let output = shop.devdb(["drift", "--sql"]).run();
    output
        .assert_code(0)
        .assert_stdout_has("loses 3 rows:\n-- DROP TABLE public.extra;")
        .assert_stdout_has("loses the values of 1 row:\n-- ALTER TABLE public.users DROP COLUMN nick;")
        .assert_stdout_has("ALTER TABLE public.projects RENAME COLUMN details TO description;")
        .assert_stdout_has("in use by table `extra`, until that is dropped:\n-- DROP TYPE public.colour;")
        .assert_stdout_has(
            "changes no value now:\n-- ALTER TABLE public.users ALTER COLUMN full_name TYPE character varying(255);",
        )
        .assert_lacks("reading the models");
    let clone = clone_of(&shop);
    // As it stands, nothing is lost, and what is left is what stands behind dashes.
    shop.cluster.sql(&clone, &output.stdout);
    let users = "select count(nick) || ' ' || count(full_name) from users";
    assert_eq!(shop.cluster.value(&clone, users).as_deref(), Some("1 1"));
    assert_eq!(shop.cluster.value(&clone, "select count(*)::text from extra").as_deref(), Some("3"));
    let rest = shop.devdb(["drift", "--sql"]).run();
    rest.assert_code(0).assert_stdout_has("DROP COLUMN nick").assert_lacks("DROP NOT NULL");
    shop.cluster.sql(&clone, &all_of(&rest.stdout));
    shop.devdb(["drift"]).run().assert_code(0).assert_stdout_has("models, migrations, database agree");
    shop.devdb(["drift", "--sql"]).run().assert_code(0).assert_stdout_has("there is nothing to do");
    assert_eq!(shop.cluster.value(&clone, "select count(*)::text from users").as_deref(), Some("2"));
    shop.cluster.sql("postgres", &format!("drop database {clone}"));
}

#[test]
fn a_conversion_that_would_change_values_is_left_to_be_read() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql(
        "alter table users alter full_name type text; alter table users alter email drop not null;
         alter table orders alter total type numeric(12, 4);
         insert into users (email, username, full_name) values
            (null, 'ada', repeat('x', 300)), ('b', 'b', rpad('x', 256));
         insert into projects (name, owner_id) values ('x', 1);
         insert into orders (project_id, total) values (1, 1.2345), (1, 2.5)",
    );
    let output = shop.devdb(["drift", "--sql"]).run();
    output
        .assert_code(0)
        .assert_stdout_has("fails: 1 row with text that character varying(255) has no room for; UPDATE them first")
        // Too long is an error, and blanks at the end are cut off without one.
        .assert_stdout_has("from text to character varying(255), 2 values would not come back the same:")
        .assert_stdout_has("\n-- ALTER TABLE public.users ALTER COLUMN full_name TYPE character varying(255);")
        .assert_stdout_has("from numeric(12,4) to numeric(10,2), 1 value would not come back the same:\n-- ALTER TABLE public.orders")
        .assert_stdout_has("fails: 1 row without a value; UPDATE them first\nALTER TABLE public.users ALTER COLUMN email SET NOT NULL;");
}

#[test]
fn what_an_adoption_makes_again_keeps_who_may_use_it() {
    let up = "-- migrate:up\ncreate table t (a int);
        create function fa() returns setof int language sql security definer begin atomic select a from t; end;
        revoke execute on function fa() from public; create view v as select a from t; grant select on v to pg_monitor;\n\
        -- migrate:down\ndrop view v; drop function fa(); drop table t;\n";
    let Some(chain) = Chain::new(&[("db/migrations/001_a.sql", up)]) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    let again =
        "create function fa() returns setof int language sql security definer begin atomic select a::int from t; end;
        revoke execute on function fa() from public; create view v as select a from t; grant select on v to pg_monitor";
    chain.database.sql(&format!("drop function fa; drop view v; alter table t alter a type bigint; {again}"));
    chain.devdb(["drift", "--adopt", "wider"]).run().assert_code(0).assert_stderr_has("taken back and applied again");
    let may = "select has_table_privilege('pg_monitor', 'v', 'select')::text || ' ' ||
        (select count(*) from pg_proc p, aclexplode(p.proacl) a where proname = 'fa' and a.grantee = 0)";
    for step in ["down", "up"] {
        chain.devdb(["migrate", step, "--yes"]).run();
        if step == "up" {
            chain.devdb(["migrate", "up"]).run().assert_code(0);
        }
        assert_eq!(chain.database.value(may).as_deref(), Some("true 0"), "{step}");
    }
}

#[test]
fn rows_that_a_constraint_would_not_have_are_announced() {
    let rules = "-- migrate:up\ncreate table p (id int primary key, code text constraint once unique, \"N m\" int constraint more check (\"N m\" > 0));
        create table c (p_id int constraint of_p references p, a int, b int); create unique index ab on c (a, b);\n-- migrate:down\n";
    let Some(chain) = Chain::new(&[("db/migrations/001_a.sql", rules)]) else { return };
    chain.devdb(["migrate", "up"]).run().assert_code(0);
    chain.database.sql(
        "alter table c drop constraint of_p; alter table p drop constraint once, drop constraint more; drop index ab;
         insert into p values (1, 'x', 1), (2, 'x', -1), (3, null, null), (4, null, 0);
         insert into c values (1, 1, 1), (9, 1, null), (null, 1, 1), (8, 1, null)",
    );
    let output = chain.devdb(["drift", "--sql"]).run();
    output
        .assert_code(0)
        .assert_stdout_has("-- fails: 2 rows of which it is not true; UPDATE or DELETE them first\nALTER TABLE public.p ADD CONSTRAINT more CHECK")
        .assert_stdout_has("-- fails: 2 rows with the same code as another; UPDATE or DELETE them first\nALTER TABLE public.p ADD CONSTRAINT once")
        .assert_stdout_has("-- fails: 2 rows with the same a, b as another; UPDATE or DELETE them first\nCREATE UNIQUE INDEX ab")
        .assert_stdout_has("-- fails: 2 rows that refer to no row of public.p; UPDATE or DELETE them first\nALTER TABLE public.c ADD CONSTRAINT of_p");
    chain.database.sql("truncate p, c");
    let output = chain.devdb(["drift", "--sql"]).run();
    assert!(!output.stdout.contains("fails:"), "{}", output.stdout);
    chain.database.sql(&output.stdout);
    chain.devdb(["drift"]).run().assert_code(0);
}

#[test]
fn where_revisions_are_pending_the_statements_lead_to_those_that_are_applied() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up", "b5a4f0d3917e"]).run().assert_code(0);
    shop.database.sql("drop table orders cascade; alter table users add nick text");
    let output = shop.devdb(["drift", "--sql"]).run();
    output
        .assert_code(0)
        .assert_stdout_has("what its applied migrations make")
        .assert_stdout_has("CREATE TABLE public.orders");
    output.assert_stdout_has("-- Then: devdb migrate up   (2 revisions pending)");
    shop.database.sql(&all_of(&output.stdout));
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.devdb(["drift"]).run().assert_code(0);
}

#[test]
fn a_volume_that_create_all_filled_gets_what_it_lacks() {
    let Some(shop) = sync() else { return };
    for folder in ["alembic", "seeds"] {
        std::fs::remove_dir_all(shop.project.file(folder)).unwrap();
    }
    shop.project.remove("alembic.ini");
    shop.project.write("devdb.toml", "[models]\nmetadata = \"app.models:Base.metadata\"\n");
    shop.database.sql("create table users (id serial primary key, email varchar(255) not null unique)");
    shop.database.sql("insert into users (email) values ('ada@example.org')");
    let output = shop.devdb(["drift", "--sql"]).run();
    output.assert_code(0).assert_stdout_has("what the models say").assert_stdout_has("1 row would need a value");
    shop.database.sql("truncate users");
    shop.database.sql(&shop.devdb(["drift", "--sql"]).run().stdout);
    shop.devdb(["drift"]).run().assert_code(0).assert_stdout_has("agree");
}

#[test]
fn what_was_made_by_hand_becomes_a_revision() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql(BY_HAND);
    shop.database
        .sql("alter table users add at text default 'a :b ::c %d \\:e'; comment on view names is '100% :really'");
    let before = shop.fingerprint();
    let output = shop.devdb(["drift", "--adopt", "what sue did"]).run();
    output
        .assert_code(0)
        .assert_stderr_has("_what_sue_did.py")
        .assert_stderr_has("loses data wherever it runs")
        .assert_stderr_has("may only have another name");
    // The version is the new one, and nothing else changed.
    let version = shop.database.value("select version_num::text from alembic_version").unwrap();
    shop.database.sql("update alembic_version set version_num = 'e07d58a2c3b6'");
    assert_eq!(shop.fingerprint(), before);
    shop.database.sql(&format!("update alembic_version set version_num = '{version}'"));
    shop.devdb(["verify"]).run().assert_code(0);
    // A colleague who has not done it gets it, and can take it back.
    clone_of(&shop);
    std::fs::remove_dir_all(shop.project.file("seeds")).unwrap();
    shop.devdb(["reset", "--yes"]).run().assert_code(0);
    shop.devdb(["verify"]).run().assert_code(0);
    shop.devdb(["migrate", "test"]).run().assert_code(0);
    shop.devdb(["drift", "--adopt"]).run().assert_code(2).assert_stderr_has("nothing that was made by hand");
}

#[test]
fn an_adoption_that_cannot_be_proven_leaves_nothing() {
    let Some(shop) = sync() else { return };
    let parts = "op.execute(\"create table parts (a int primary key) partition by range (a)\"); \
                 op.execute(\"create table part partition of parts for values from (1) to (2)\")";
    revision(&shop, "aaaa00000001", "\"e07d58a2c3b6\"", parts, "pass");
    shop.devdb(["migrate", "up", "e07d58a2c3b6"]).run().assert_code(0);
    shop.database.sql("alter table users add nick text");
    let pending = shop.devdb(["drift", "--adopt"]).run();
    pending.assert_code(2).assert_stderr_has("1 revision pending").assert_stderr_has("devdb migrate up");
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    // What the key is called that a partition keeps, the catalog tells when it is one no more.
    shop.database.sql("alter table parts detach partition part; alter index part_pkey rename to other");
    let files = || std::fs::read_dir(shop.project.file("alembic/versions")).unwrap().count();
    let (before, state) = (files(), shop.before());
    let output = shop.devdb(["drift", "--adopt"]).run();
    output.assert_code(5).assert_stderr_has("does not make what the database is").assert_stderr_has("removed");
    assert_eq!(files(), before);
    shop.assert_untouched(&state);
    let output = shop.devdb(["drift", "--sql"]).run();
    output.assert_code(0).assert_stdout_has("Tried in a scratch database of the same objects");
}

#[test]
fn an_adopted_label_can_be_used_at_once_and_where_nothing_leads_back_that_is_said() {
    let Some(shop) = sync() else { return };
    let moods = "op.execute(\"create type mood as enum ('sad')\"); op.execute(\"create domain feeling as mood\"); \
                 op.execute(\"create type size as enum ('s')\"); op.execute(\"create table shirts (of size)\")";
    revision(&shop, "aaaa00000001", "\"e07d58a2c3b6\"", moods, "pass");
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("alter type size add value 'm'");
    shop.database.sql("alter table shirts alter of set default 'm', add check (of <> 's')");
    let output = shop.devdb(["drift", "--adopt", "sizes\\x of\nshirts"]).run();
    output.assert_code(0).assert_stderr_has("taken back and applied again there, it does so, too");
    // No server takes a label from a domain's type.
    shop.database.sql("alter type mood add value 'ok'");
    let output = shop.devdb(["drift", "--adopt", "moods"]).run();
    output.assert_code(0).assert_stderr_has("no way back that works").assert_stderr_has("it leaves something else");
    // The models have no such table, and do not speak of the rest.
    let output = shop.devdb(["drift"]).run();
    output.assert_code(1).assert_stdout_has("1 difference: 1 removed from the models");
    let state = shop.before();
    let output = shop.devdb(["migrate", "down", "--yes"]).run();
    output.assert_code(5).assert_stderr_has("no way back");
    shop.assert_untouched(&state);
}

/// Projects of one migration each, by their tools.
const PROJECTS: [(&str, &[(&str, &str)]); 6] = [
    (
        "dbmate",
        &[("db/migrations/001_a.sql", "-- migrate:up\ncreate table a (id int);\n\n-- migrate:down\ndrop table a;\n")],
    ),
    (
        "goose",
        &[("migrations/00001_a.sql", "-- +goose Up\ncreate table a (id int);\n\n-- +goose Down\ndrop table a;\n")],
    ),
    (
        "golang-migrate",
        &[
            ("migrations/000001_a.up.sql", "create table a (id int);\n"),
            ("migrations/000001_a.down.sql", "drop table a;\n"),
        ],
    ),
    (
        "sqlx",
        &[
            ("Cargo.toml", "[package]\nname = \"x\"\n[dependencies]\nsqlx = \"0.8\"\n"),
            ("migrations/0001_a.sql", "create table a (id int);\n"),
        ],
    ),
    (
        "flyway",
        &[
            ("sql/V1__a.sql", "create table a (id int);\n"),
            ("flyway.toml", "[flyway]\nlocations = [\"filesystem:sql\"]\n"),
        ],
    ),
    (
        "prisma",
        &[
            ("prisma/migrations/20240101000000_a/migration.sql", "create table a (id int);\n"),
            ("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n"),
            (
                "prisma/schema.prisma",
                "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n",
            ),
        ],
    ),
];

#[test]
fn what_was_made_by_hand_becomes_a_migration_of_the_tool_that_the_project_has() {
    let by_hand = "alter table a add at int default 3;
        create function f() returns trigger language plpgsql as $$ begin\n new.at := 1;\n return new;\nend $$;
        create trigger t before insert on a for each row execute function f();";
    for (tool, files) in PROJECTS {
        let Some(chain) = Chain::new(files) else { return };
        chain.devdb(["migrate", "up"]).run().assert_code(0);
        chain.database.sql(by_hand);
        let output = chain.devdb(["drift", "--adopt", "by hand"]).run();
        assert_eq!(output.code, 0, "{tool}: {output:?}");
        let has_back = ["dbmate", "goose", "golang-migrate"].contains(&tool);
        assert_eq!(output.stderr.contains("taken back and applied again"), has_back, "{tool}: {}", output.stderr);
        chain.devdb(["drift"]).run().assert_code(0).assert_stdout_has("migrations, database agree");
        chain.devdb(["migrate", "status"]).run().assert_code(0);
        chain.devdb(["reset", "--yes"]).run().assert_code(0);
        chain.devdb(["drift"]).run().assert_code(0);
    }
}

#[test]
fn without_migrations_or_models_there_are_no_statements() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    std::fs::remove_dir_all(shop.project.file("db")).unwrap();
    let run = |arguments: [&str; 2]| Sandbox::new(&shop.project).args(arguments).run();
    run(["drift", "--sql"]).assert_code(4).assert_stderr_has("neither migrations nor models");
    run(["drift", "--adopt"]).assert_code(2).assert_stderr_has("no migrations");
}

#[test]
fn no_name_gets_out_of_its_comment_and_what_would_be_lost_is_never_done() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.project.write(
        "db/migrations/003_more.sql",
        "-- migrate:up\ncreate type address as (street text);\n\
         create table homes (id serial primary key, at address, n int generated always as identity);\n-- migrate:down\n",
    );
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("create table victim (id int); insert into victim values (1)");
    shop.database
        .sql("alter table users add \"x\r; DROP TABLE victim; --\" int, add \"y\n; DROP TABLE victim; --\" int");
    shop.database.sql("alter type address add attribute zip text cascade; insert into homes (at) values (('s', 'z'))");
    shop.database.sql(
        "alter table homes alter n drop identity; create sequence own owned by homes.n;
         alter table homes alter n set default nextval('own')",
    );
    let output = shop.devdb(["drift", "--sql"]).run();
    output
        .assert_code(0)
        .assert_stdout_has(
            "in use by column `homes.at`, until that is dropped:\n-- ALTER TYPE public.address DROP ATTRIBUTE zip;",
        )
        .assert_stdout_has("-- Tried in a scratch database of the same objects")
        .assert_stdout_has("ALTER TABLE public.homes ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY;");
    shop.database.sql(&output.stdout);
    assert_eq!(shop.database.value("select count(*)::text from victim").as_deref(), Some("1"));
    assert_eq!(shop.database.value("select (at).zip from homes").as_deref(), Some("z"));
    // Rows that a policy hides are counted all the same, or not taken for none.
    shop.database.sql("alter table victim enable row level security; alter table victim force row level security");
    let output = shop.devdb(["drift", "--sql"]).run();
    output.assert_code(0).assert_stdout_has("could not be counted").assert_stdout_has("-- DROP TABLE public.victim;");
}

#[test]
fn what_is_edited_afterwards_is_not_adopted() {
    let Some(shop) = sync() else { return };
    shop.project.write(".gitignore", ".venv\n.env\n__pycache__\n");
    shop.project.git_init();
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("alter table users add nick text");
    let file = "alembic/versions/3f1c7a9be204_create_users_and_projects.py";
    let text = shop.project.read(file);
    shop.project.write(file, &text.replace("sa.String(length=120)", "sa.String(length=99)"));
    let output = shop.devdb(["drift", "--adopt"]).run();
    output.assert_code(2).assert_stderr_has("edited after it was applied").assert_stderr_has(file);
}
