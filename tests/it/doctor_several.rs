//! Several faults at once: each is named once, and nothing that only follows from one of them.

use crate::doctor_report::{Report, Shop, local_project};
use crate::migrate::sync;
use crate::support::bench;
use crate::support::cluster::Cluster;
use crate::support::ports::free_port;
use crate::support::sandbox::Sandbox;

/// In the files, with an engine that runs and a server that is not reached.
#[test]
fn five_faults_of_files_and_ports() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let (published, dialled) = (free_port(), free_port());
    shop.project.copy_fixture("alembic-sync");
    shop.compose(&format!(
        "ports: [\"{published}:5432\"]\n    healthcheck: {{test: [\"CMD-SHELL\", \"pg_isready\", \"-U\", \"app\"]}}\n  web:\n    image: {}\n    \
         entrypoint: [sleep, infinity]\n    environment: {{DATABASE_URL: \"postgresql://app@db:{published}/app\"}}",
        shop.engine.image
    ));
    let url = shop.url_line(&format!("localhost:{dialled}"));
    shop.project.write(".env", &format!("APP_ENV=development\r\n{url}\r\n"));
    let fork = "\"\"\"labels\"\"\"\n\nrevision = \"f00dfeed0001\"\ndown_revision = \"8d20e6b14c75\"\n\n\ndef upgrade() -> None:\n    pass\n\n\n\
                def downgrade() -> None:\n    pass\n";
    shop.project.write("alembic/versions/f00dfeed0001_labels.py", fork);
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_ready(published);
    let report = shop.doctor();
    assert_eq!(report.ids("fail"), ["port-mismatch", "port-in-container", "alembic-multiple-heads"], "{report}");
    assert_eq!(report.ids("warn"), ["env-crlf", "healthcheck-args-lost"], "{report}");
    for check in ["port-mismatch", "port-in-container", "alembic-multiple-heads", "env-crlf", "healthcheck-args-lost"] {
        let _once = report.the_finding(check);
    }
    assert_eq!(report.reason("conn-refused"), "follows from port-mismatch");
    assert_eq!(report.ids("unknown"), [""; 0], "{report}");
}

/// In a database that is reached.
#[test]
fn five_faults_of_a_database() {
    let (Some((project, database)), Some(cluster)) = (local_project(), Cluster::shared()) else { return };
    let (name, role) = (&database.name, &database.owner.name);
    database.sql("CREATE TABLE users (id serial PRIMARY KEY, email text); INSERT INTO users VALUES (1, 'a'), (2, 'a')");
    let mut build = std::process::Command::new("psql");
    build.args(["-w", "-c", "CREATE UNIQUE INDEX CONCURRENTLY ix_users_email ON users (email)", &database.url()]);
    assert!(!build.output().unwrap().status.success());
    cluster.sql(name, &format!("CREATE TABLE theirs (id int); GRANT SELECT ON theirs TO {role}"));
    cluster.sql("postgres", &format!("ALTER ROLE {role} NOCREATEDB"));
    database.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let report = Report::of(&Sandbox::new(&project));
    assert_eq!(report.ids("fail"), ["server-read-only"], "{report}");
    assert_eq!(report.ids("warn"), ["not-owner", "no-createdb", "sequence-behind", "index-invalid"], "{report}");
    assert_eq!(report.ids("unknown"), [""; 0], "{report}");
}

/// Where the time goes is told with `-v`, and the whole catalogue of a healthy project is quick.
#[test]
fn the_time_of_each_look_is_told() {
    let Some(shop) = sync() else { return };
    shop.devdb(["reset", "--yes"]).run().assert_code(0);
    let told = shop.devdb(["doctor", "-v"]).run();
    told.assert_code(0).assert_stdout_has("looked at: files ");
    for look in ["revisions ", "engine ", "sockets ", "addresses ", "server ", "git "] {
        told.assert_stdout_has(look);
    }
    assert!(!shop.devdb(["doctor"]).run().stdout.contains("looked at:"));
}
