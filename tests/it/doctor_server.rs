//! Faults that only the server knows of, each made on a real one, and mended by what the finding says.

use crate::doctor_report::{Report, local_project};
use crate::migrate::sync;
use crate::migrate_sql_common::Chain;
use crate::support::cluster::{Cluster, Options, Role};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

fn project_of(url: &str) -> Project {
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={url}\n"));
    project
}

/// Runs a statement that a finding says, as the superuser.
fn as_superuser(cluster: &Cluster, statement: &str, database: &str) {
    let url = cluster.superuser_url(database);
    let ran = std::process::Command::new("psql").args(["-w", "-v", "ON_ERROR_STOP=1", "-c", statement, &url]).output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
fn server_read_only() {
    let Some((project, database)) = local_project() else { return };
    let (name, role) = (&database.name, &database.owner.name);
    let sandbox = Sandbox::new(&project);
    for (of, whose, whom) in [
        (format!("DATABASE {name}"), "the database", "ALTER DATABASE"),
        (format!("ROLE {role}"), "the role", "ALTER ROLE"),
    ] {
        database.sql(&format!("ALTER {of} SET default_transaction_read_only = on"));
        let take_back = format!("ALTER {of} RESET default_transaction_read_only");
        assert!(take_back.starts_with(whom));
        let off = "SET default_transaction_read_only = off";
        Report::of(&sandbox)
            .only_error("server-read-only")
            .says(&format!("every session on `{name}` is read-only"))
            .seen(&format!("by a setting of {whose}"))
            .fix("manual", &[&format!("devdb psql -c '{off}' -c '{take_back}'")]);
        sandbox.clone().args(["psql", "-w", "-c", off, "-c", &take_back]).run().assert_code(0);
        Report::of(&sandbox).is_healthy();
    }
}

#[test]
fn server_read_only_by_the_server_itself() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = project_of(&database.url());
    let set = |on: bool| {
        let statement =
            if on { "SET default_transaction_read_only = on" } else { "RESET default_transaction_read_only" };
        cluster.sql("postgres", &format!("ALTER SYSTEM {statement}"));
        cluster.sql("postgres", "SELECT pg_reload_conf()");
        let wanted = if on { "on" } else { "off" };
        while cluster.value("postgres", "SHOW default_transaction_read_only").as_deref() != Some(wanted) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    set(true);
    let statements = "'ALTER SYSTEM RESET default_transaction_read_only' -c 'SELECT pg_reload_conf()'";
    Report::of(&Sandbox::new(&project))
        .only_error("server-read-only")
        .seen("by a setting of the server")
        .fix("manual", &[&cluster.superuser_command("postgres", statements)]);
    set(false);
    Report::of(&Sandbox::new(&project)).is_healthy();
}

#[test]
fn schema_no_create() {
    let Some(cluster) = Cluster::shared() else { return };
    let (owner, role) = (cluster.create_role(""), cluster.create_role("CREATEDB"));
    let database = cluster.fresh_database(&owner);
    // As it is from PostgreSQL 15 on.
    cluster.sql(&database.name, "REVOKE CREATE ON SCHEMA public FROM public");
    let project = project_of(&cluster.url(&role, &database.name));
    let sandbox = Sandbox::new(&project);
    let grant = format!("GRANT CREATE ON SCHEMA public TO {}", role.name);
    Report::of(&sandbox)
        .only_warning("schema-no-create")
        .says(&format!("role `{}` may not create tables in schema `public`", role.name))
        .seen(&format!("`{}` belongs to `{}`", database.name, owner.name))
        .fix(
            "manual",
            &[
                &cluster.superuser_command(
                    "postgres",
                    &format!("'ALTER DATABASE {} OWNER TO {}'", database.name, role.name),
                ),
                &cluster.superuser_command(&database.name, &format!("'{grant}'")),
            ],
        );
    as_superuser(cluster, &grant, &database.name);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn not_owner() {
    let Some(cluster) = Cluster::shared() else { return };
    let role: Role = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&role);
    cluster
        .sql(&database.name, &format!("CREATE TABLE \"Users\" (id int); GRANT SELECT ON \"Users\" TO {}", role.name));
    let project = project_of(&database.url());
    let sandbox = Sandbox::new(&project);
    let superuser = cluster.superuser().name;
    let give = format!("ALTER TABLE \"Users\" OWNER TO {}", role.name);
    Report::of(&sandbox)
        .only_warning("not-owner")
        .says(&format!("role `{}` does not own what is in `{}`", role.name, database.name))
        .seen(&format!("\"Users\" belong to `{superuser}`"))
        .fix("manual", &[&cluster.superuser_command(&database.name, &format!("'{give}'"))]);
    as_superuser(cluster, &give, &database.name);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn index_invalid() {
    let Some((project, database)) = local_project() else { return };
    database.sql("CREATE TABLE users (email text)");
    database.sql("INSERT INTO users VALUES ('a'), ('a')");
    let sandbox = Sandbox::new(&project);
    let build = "CREATE UNIQUE INDEX CONCURRENTLY ix_users_email ON users (email)";
    sandbox.clone().args(["psql", "-w", "-v", "ON_ERROR_STOP=1", "-c", build]).run().assert_code(1);
    Report::of(&sandbox)
        .only_warning("index-invalid")
        .says("index `ix_users_email` is invalid: its build did not finish")
        .fix(
            "manual",
            &["devdb psql -c 'REINDEX INDEX CONCURRENTLY ix_users_email'", "devdb psql -c 'DROP INDEX ix_users_email'"],
        );
    database.sql("DELETE FROM users");
    let again = "REINDEX INDEX CONCURRENTLY ix_users_email";
    sandbox.clone().args(["psql", "-w", "-v", "ON_ERROR_STOP=1", "-c", again]).run().assert_code(0);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn alembic_stamped_empty() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "stamp", "head"]).run().assert_code(0);
    Report::of(&Sandbox::new(&shop.project))
        .only_error("alembic-stamped-empty")
        .says("is at `e07d58a2c3b6` and has no table")
        .fix("manual", &["devdb reset"]);
    shop.devdb(["reset", "--yes"]).run().assert_code(0);
    Report::of(&Sandbox::new(&shop.project)).is_healthy();
}

#[test]
fn sequence_behind() {
    let Some((project, database)) = local_project() else { return };
    database.sql("CREATE TABLE \"Users\" (\"Id\" serial PRIMARY KEY, name text)");
    database.sql("CREATE TABLE teams (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)");
    // Numbered by the app, far ahead, and without an index: none of these is behind.
    database.sql("CREATE TABLE far (id bigserial PRIMARY KEY); INSERT INTO far VALUES (1000000)");
    database.sql("CREATE TABLE plain (id serial, name text); INSERT INTO plain VALUES (1, 'a')");
    database.sql("CREATE TABLE down (id int PRIMARY KEY); INSERT INTO down VALUES (1)");
    database.sql("INSERT INTO \"Users\" VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO teams DEFAULT VALUES");
    let sandbox = Sandbox::new(&project);
    Report::of(&sandbox)
        .only_warning("sequence-behind")
        .says("sequence `\"Users_Id_seq\"` is behind the rows of `\"Users\"`")
        .seen("it gives 1 next, and the highest `\"Id\"` is 3")
        .fix("auto", &["set sequence `\"Users_Id_seq\"` to the highest `\"Users\".\"Id\"`"]);
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert_eq!(
        database.value("INSERT INTO \"Users\" (name) VALUES ('d') RETURNING \"Id\"::text").as_deref(),
        Some("4")
    );
    Report::of(&sandbox).is_healthy();
}

#[test]
fn sequence_behind_is_not_told_of_a_table_that_is_locked() {
    let Some((project, database)) = local_project() else { return };
    database.sql("CREATE TABLE users (id serial PRIMARY KEY); INSERT INTO users VALUES (1)");
    let url = database.url();
    let mut holder = std::process::Command::new("psql");
    holder.args(["-w", "-c", "BEGIN", "-c", "LOCK TABLE users", "-c", "SELECT pg_sleep(60)", &url]);
    let mut holder = holder.stdout(std::process::Stdio::null()).spawn().unwrap();
    let locked =
        "SELECT count(*)::text FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'users'::regclass";
    while database.value(locked).as_deref() != Some("1") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let report = Report::of(&Sandbox::new(&project));
    assert_eq!(report.reason("sequence-behind"), "canceling statement due to lock timeout", "{report}");
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[test]
fn collation_version() {
    let initdb = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"].map(str::to_owned);
    let Some(cluster) = Cluster::start(&Options { initdb: initdb.into(), ..Options::default() }) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    database.sql("CREATE TABLE users (name text PRIMARY KEY); INSERT INTO users VALUES ('ä'), ('a'), ('z')");
    let project = project_of(&database.url());
    let sandbox = Sandbox::new(&project);
    Report::of(&sandbox).is_healthy();
    let outdate = |name: &str| {
        cluster.sql("postgres", &format!("UPDATE pg_database SET datcollversion = '1.0' WHERE datname = '{name}'"));
    };
    outdate(&database.name);
    let name = &database.name;
    Report::of(&sandbox)
        .only_warning("collation-version")
        .says(&format!("the database `{name}` was sorted by another version"))
        .seen("recorded 1.0, the system has ")
        .fix(
            "confirm",
            &[&format!("build the indexes of `{name}` again"), &format!("record the new version of `{name}`")],
        );
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    Report::of(&sandbox).is_healthy();
    outdate("template1");
    let statements = "'REINDEX DATABASE template1' -c 'ALTER DATABASE template1 REFRESH COLLATION VERSION'";
    let mend = cluster.superuser_command("template1", statements);
    Report::of(&sandbox).only_warning("collation-version").says("`template1`").fix("manual", &[&mend]);
    cluster.sql("template1", "REINDEX DATABASE template1");
    cluster.sql("template1", "ALTER DATABASE template1 REFRESH COLLATION VERSION");
    Report::of(&sandbox).is_healthy();
}

#[test]
fn extension_unavailable() {
    let files = [("db/migrations/20260101000000_a.sql", "-- migrate:up\nCREATE EXTENSION IF NOT EXISTS \"vector\";\n")];
    let Some(shop) = Chain::new(&files) else { return };
    let sandbox = Sandbox::new(&shop.project);
    let major = Cluster::shared().unwrap().major();
    Report::of(&sandbox)
        .only_error("extension-unavailable")
        .says("the server has no extension `vector`")
        .at("db/migrations/20260101000000_a.sql", 2, "creates it")
        .fix("manual", &[&format!("apt install postgresql-{major}-pgvector")]);
    // One that is there, and that only a superuser may create.
    let text =
        "-- migrate:up\nCREATE EXTENSION IF NOT EXISTS pg_stat_statements;\nCREATE EXTENSION IF NOT EXISTS citext;\n";
    shop.project.write("db/migrations/20260101000000_a.sql", text);
    let cluster = Cluster::shared().unwrap();
    let create = cluster.superuser_command(&shop.database.name, "'CREATE EXTENSION pg_stat_statements'");
    Report::of(&sandbox)
        .only_error("extension-unavailable")
        .says("may not create the extension `pg_stat_statements`")
        .fix("manual", &[&create]);
    Cluster::shared().unwrap().sql(&shop.database.name, "CREATE EXTENSION pg_stat_statements");
    Report::of(&sandbox).only_error("sql-behind");
}

#[test]
fn sql_unknown_version() {
    let second = "db/migrations/20260102000000_b.sql";
    let text = "-- migrate:up\nCREATE TABLE b (id int);\n\n-- migrate:down\nDROP TABLE b;\n";
    let first = ("db/migrations/20260101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id int);\n");
    let Some(shop) = Chain::new(&[first, (second, text)]) else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let sandbox = Sandbox::new(&shop.project);
    Report::of(&sandbox).is_healthy();
    shop.project.remove(second);
    Report::of(&sandbox).only_error("sql-unknown-version").says("the database has version `20260102000000`");
    shop.project.write(second, text);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn table_denied() {
    let Some(cluster) = Cluster::shared() else { return };
    let role: Role = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&role);
    // As a dump that was restored by the superuser leaves it.
    cluster.sql(&database.name, "CREATE TABLE users (id serial); CREATE VIEW names AS SELECT * FROM users");
    let project = project_of(&database.url());
    let sandbox = Sandbox::new(&project);
    sandbox.clone().args(["psql", "-w", "-c", "SELECT * FROM users"]).run().assert_stderr_has("permission denied");
    let grants = format!(
        "'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {0}' -c 'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {0}'",
        role.name
    );
    let gifts = format!("'ALTER TABLE names OWNER TO {0}' -c 'ALTER TABLE users OWNER TO {0}'", role.name);
    Report::of(&sandbox)
        .only_warning("table-denied")
        .says(&format!("role `{}` may do nothing with 2 tables of `{}`", role.name, database.name))
        .seen("names, users")
        .seen(&format!("they belong to `{}`", cluster.superuser().name))
        .fix(
            "manual",
            &[
                &cluster.superuser_command(&database.name, &grants),
                &format!("{}   # instead, where it migrates, too", cluster.superuser_command(&database.name, &gifts)),
            ],
        );
    let on_all = |what: &str| format!("GRANT {what} IN SCHEMA public TO {}", role.name);
    as_superuser(cluster, &on_all("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"), &database.name);
    // What remains is worth a warning: it cannot be altered.
    Report::of(&sandbox).only_warning("not-owner");
    for name in ["names", "users"] {
        as_superuser(cluster, &format!("ALTER TABLE {name} OWNER TO {}", role.name), &database.name);
    }
    Report::of(&sandbox).is_healthy();
}

#[test]
fn hba_invalid() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let file = cluster.data().join("pg_hba.conf");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{whole}host all all 10.0.0.0/33 scram-sha-256\n")).unwrap();
    let line = whole.lines().count() + 1;
    // An ordinary role may not read it.
    Report::of(&Sandbox::new(&project_of(&database.url()))).is_healthy();
    let project = project_of(&cluster.superuser_url(&database.name));
    let sandbox = Sandbox::new(&project);
    let shown = file.display().to_string();
    Report::of(&sandbox)
        .only_warning("hba-invalid")
        .says("the server does not understand 1 line of")
        .seen(&format!("{shown}:{line}: invalid CIDR mask in address"))
        .fix(
            "manual",
            &[
                &format!("sudo -u postgres vi {shown}"),
                &cluster.superuser_command("postgres", "'SELECT pg_reload_conf()'"),
            ],
        );
    std::fs::write(&file, whole).unwrap();
    Report::of(&sandbox).is_healthy();
}

#[test]
fn extension_preload() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let database = cluster.fresh_database(&cluster.superuser());
    cluster.sql(&database.name, "CREATE EXTENSION pg_stat_statements");
    let project = project_of(&cluster.superuser_url(&database.name));
    let sandbox = Sandbox::new(&project);
    let asked = sandbox.clone().args(["psql", "-w", "-c", "SELECT count(*) FROM pg_stat_statements"]);
    asked.run().assert_stderr_has("must be loaded via");
    let set = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'";
    Report::of(&sandbox)
        .only_warning("extension-preload")
        .says("started without the library of `pg_stat_statements`")
        .seen("the extension is created in this database")
        .fix(
            "manual",
            &[
                &cluster.superuser_command("postgres", &format!("'{}'", set.replace('\'', "'\\''"))),
                "sudo systemctl restart postgresql   # or as you start it",
            ],
        );
    as_superuser(&cluster, set, "postgres");
    cluster.stop();
    cluster.resume();
    cluster.wait_until_it_answers();
    asked.run().assert_code(0);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn extension_not_created() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let file = "alembic/versions/f10000000001_trim.py";
    let head = "\"\"\"mails without case\"\"\"\nfrom alembic import op\nimport sqlalchemy as sa\n\
                from sqlalchemy.dialects import postgresql\n\n\
                revision = \"f10000000001\"\ndown_revision = \"e07d58a2c3b6\"\n\n\ndef upgrade():\n";
    let add = "    op.add_column(\"users\", sa.Column(\"mail\", postgresql.CITEXT()))\n\n\n\
               def downgrade():\n    op.drop_column(\"users\", \"mail\")\n";
    shop.project.write(file, &format!("{head}{add}"));
    shop.devdb(["migrate", "up"]).run().assert_stderr_has("type \"citext\" does not exist");
    let line = "op.execute('CREATE EXTENSION IF NOT EXISTS citext')";
    Report::of(&shop.devdb([]))
        .only_error("extension-not-created")
        .says("no migration creates the extension `citext`")
        .at(file, 11, "uses `citext`")
        .fix("manual", &[&format!("{line}   # first in upgrade()")]);
    shop.project.write(file, &format!("{head}    {line}\n{add}"));
    Report::of(&shop.devdb([])).only_error("alembic-behind");
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    Report::of(&shop.devdb([])).is_healthy();
}

#[test]
fn an_extension_that_a_file_of_sql_uses_and_none_creates() {
    let file = "db/migrations/20260101000000_a.sql";
    let table = "CREATE TABLE a (id uuid DEFAULT uuid_generate_v4());\n";
    let Some(shop) = Chain::new(&[(file, &format!("-- migrate:up\n{table}"))]) else { return };
    let sandbox = Sandbox::new(&shop.project);
    let line = "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\";";
    Report::of(&sandbox)
        .only_error("extension-not-created")
        .at(file, 2, "uses `uuid_generate_v4`")
        .fix("manual", &[&format!("{line}   -- first in that file")]);
    shop.project.write(file, &format!("-- migrate:up\n{line}\n{table}"));
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    Report::of(&sandbox).is_healthy();
}
