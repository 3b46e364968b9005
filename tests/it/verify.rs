//! `devdb verify`: tables column by column, against the chain and against what was expected.

use crate::migrate::sync;
use crate::reset_common::Shop;
use crate::support::cluster::Cluster;

#[test]
fn each_column_has_its_mark() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("insert into users (email, username) values ('a@example.org', 'a')");
    let output = shop.devdb(["verify", "users"]).run();
    output
        .assert_code(0)
        .assert_stdout_has("users  1 row, ")
        .assert_stdout_has("varchar(64)")
        .assert_stdout_has("FIXED b5a4f0d3917e")
        .assert_stdout_has("primary key")
        .assert_stdout_has("e07d58a2c3b6  orders can be cancelled  (current, head)")
        .assert_lacks("owner_id")
        .assert_lacks("reading the models");
    shop.project.write("expected.json", &shop.devdb(["verify", "users", "--json"]).run().stdout);
    shop.devdb(["verify", "--expect", "expected.json"])
        .run()
        .assert_code(0)
        .assert_stdout_has("as the migrations make");
    shop.database.sql("alter table users add nick text");
    shop.database.sql("alter table users drop column full_name");
    shop.database.sql("alter table users alter username drop not null");
    shop.database.sql("drop index ix_users_username");
    let before = shop.before();
    let output = shop.devdb(["verify", "public.users"]).run();
    output.assert_code(1);
    for line in
        [["nick", "ADDED"], ["full_name", "MISSING"], ["username", "DIFFERENT"], ["ix_users_username", "MISSING"]]
    {
        let found = output.stdout.lines().any(|it| line.iter().all(|word| it.contains(word)));
        assert!(found, "{line:?}: {output:?}");
    }
    let output = shop.devdb(["verify", "users", "--expect", "expected.json"]).run();
    output
        .assert_code(1)
        .assert_stdout_has("there is no column `public.users.full_name`")
        .assert_stdout_has("the column `public.users.nick` was not expected")
        .assert_stdout_has(
            "`public.users.username` is character varying(64), expected was character varying(64) not null",
        );
    let report = shop.devdb(["verify", "--json"]).run();
    report.assert_code(1);
    let json = report.json();
    assert_eq!(json.pointer("/ok"), Some(&serde_json::Value::Bool(false)));
    assert_eq!(json.pointer("/revision/0").and_then(serde_json::Value::as_str), Some("e07d58a2c3b6"));
    assert_eq!(shop.before(), before);
}

#[test]
fn wrong_names_and_files_are_named() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.devdb(["verify"]).run().assert_code(0).assert_stdout_has("→ users.id");
    shop.database.sql("create table \"User.x\" (id int)");
    for name in ["User.x", "public.User.x", "\"User.x\"", "public.\"User.x\"", "\"public\".\"User.x\""] {
        shop.devdb(["verify", name]).run().assert_code(1).assert_stdout_has("User.x");
    }
    shop.database.sql("drop table \"User.x\"");
    // What was not compared did not agree.
    shop.database.sql("create table extra (id int)");
    shop.project.write("db/migrations/999_broken.sql", "-- migrate:up\nselect nothing;\n-- migrate:down\n");
    let output = shop.devdb(["verify", "users"]).run();
    output.assert_code(4).assert_stderr_has("could not be read");
    assert_eq!(shop.devdb(["verify", "--json"]).run().json().get("ok"), Some(&false.into()));
    shop.project.remove("db/migrations/999_broken.sql");
    shop.database.sql("drop table extra");
    shop.devdb(["verify", "uesrs"]).run().assert_code(2).assert_stderr_has("a table `uesrs`");
    shop.devdb(["verify", "--expect", "nowhere.json"]).run().assert_code(2).assert_stderr_has("nowhere.json");
    shop.project.write("broken.json", "{\n  \"version\": oops\n}\n");
    shop.devdb(["verify", "--expect", "broken.json"]).run().assert_code(2).assert_stderr_has("broken.json:2");
}
