//! Two published applications, migrated by their own commands. In CI always; elsewhere where the bench has them.

use crate::reset_common::{Shop, own_server};
use crate::support::{bench, venv};
use std::path::Path;
use std::time::{Duration, Instant};

struct Application {
    variable: &'static str,
    driver: &'static str,
    command: &'static str,
    variables: &'static [(&'static str, &'static str)],
    least_tables: u32,
    said: &'static str,
}

/// Resets an application's database from its `.env` and returns how long the command alone and the reset took.
fn check(environment: &Path, application: &Application) -> Option<(Duration, Duration)> {
    let cluster = own_server("")?;
    let shop = Shop::new(&cluster).with_old_content();
    for folder in ["db", "seeds"] {
        std::fs::remove_dir_all(shop.project.file(folder)).unwrap();
    }
    let url = |text: &str| text.replacen("postgresql", application.driver, 1);
    shop.project.write(".env", &format!("{}={}\n", application.variable, url(&shop.database.url())));
    shop.project.write(
        "devdb.toml",
        &format!(
            "[database]\nurl_key = \"{}\"\n[migrations]\nupgrade = \"{}\"\n",
            application.variable, application.command
        ),
    );
    venv::link_into(environment, &shop.project, ".venv");
    let bare = cluster.fresh_database(&shop.database.owner);
    let set = |mut sandbox: crate::support::sandbox::Sandbox| {
        for (key, value) in application.variables {
            sandbox = sandbox.env(key, value);
        }
        sandbox.limit(Duration::from_mins(8))
    };
    let path = format!("{}/bin:{}", environment.display(), std::env::var("PATH").unwrap());
    let started = Instant::now();
    set(crate::support::sandbox::Sandbox::new(&shop.project))
        .program("sh")
        .args(["-c", application.command])
        .env("PATH", &path)
        .env(application.variable, &url(&bare.url()))
        .run()
        .assert_code(0);
    let alone = started.elapsed();
    let before = shop.before();
    let output = set(shop.reset()).run();
    output.assert_code(0).assert_stderr_has(application.command).assert_stderr_has(application.said);
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(shop.database.value(tables), bare.value(tables), "the same tables as by the bare command");
    let count: u32 = shop.database.value(tables).unwrap().parse().unwrap();
    assert!(count >= application.least_tables, "{count}{output}");
    let version = "select version_num from alembic_version";
    assert_eq!(shop.database.value(version), bare.value(version));
    assert_eq!(shop.beside().len(), 1);
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!(shop.before(), before, "the old one was written to");
    Some((alone, output.took))
}

#[test]
fn prefect_is_reset_by_its_own_command() {
    let Some(environment) = bench::prefect() else { return };
    let prefect = Application {
        variable: "PREFECT_API_DATABASE_CONNECTION_URL",
        driver: "postgresql+asyncpg",
        command: "prefect server database upgrade -y",
        variables: &[("PREFECT_LOGGING_LEVEL", "WARNING")],
        least_tables: 30,
        said: "118 revisions",
    };
    if let Some((alone, reset)) = check(&environment, &prefect) {
        eprintln!("Prefect: {alone:?} alone, {reset:?} by devdb reset");
    }
}

#[test]
fn airflow_is_reset_by_its_own_command() {
    let Some(environment) = bench::airflow() else { return };
    let airflow = Application {
        variable: "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        driver: "postgresql+psycopg2",
        command: "airflow db migrate",
        variables: &[("AIRFLOW__CORE__LOAD_EXAMPLES", "False")],
        least_tables: 50,
        said: "58 tables",
    };
    if let Some((alone, reset)) = check(&environment, &airflow) {
        eprintln!("Airflow: {alone:?} alone, {reset:?} by devdb reset");
    }
}
