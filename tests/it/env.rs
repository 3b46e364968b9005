//! `devdb env`, `devdb url` and `devdb psql`: which file the app reads, and what is meant by it.

use crate::reset_common::Shop;
use crate::support::bench;
use crate::support::cluster::Cluster;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use serde_json::Value;

fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::new();
    for (path, text) in files {
        project.write(path, text);
    }
    project
}

/// What a loader reads of a key in a file, as `devdb env` tells it.
fn read(report: &Value, key: &str, file: &str, loader: &str) -> Option<String> {
    let list = |it: &Value, name: &str| it.get(name).and_then(Value::as_array).unwrap().clone();
    let of = |among: Vec<Value>, name: &str, value: &str| {
        among.into_iter().find(|it| it.get(name).and_then(Value::as_str) == Some(value)).unwrap()
    };
    let file = of(list(&of(list(report, "keys"), "key", key), "files"), "file", file);
    let has = |reading: &Value| list(reading, "loaders").iter().any(|it| it.as_str().unwrap().contains(loader));
    let reading = list(&file, "readings").into_iter().find(has).unwrap();
    reading.get("value").and_then(Value::as_str).map(str::to_owned)
}

#[test]
fn each_loader_is_shown_with_what_it_reads_and_no_password_is() {
    let project = project(&[
        (
            ".env",
            "DATABASE_URL=postgresql://app:hunter2@localhost:5433/app\nPOSTGRES_PORT=5433\nPOSTGRES_PORT=5432\nPOSTGRES_PASSWORD=\"pa$word\"\n",
        ),
        (".env.local", "DATABASE_URL=postgresql://app:12#34@localhost:5434/app\n"),
        ("requirements.txt", "fastapi\n"),
    ]);
    let output = Sandbox::new(&project).args(["env"]).run();
    output
        .assert_code(0)
        .assert_stdout_has("target  postgresql://app:***@localhost:5433/app")
        .assert_stdout_has("✓ .env:1        postgresql://app:***@localhost:5433/app")
        .assert_stdout_has("postgresql://*** (cut off)")
        .assert_stderr_has("loaders disagree");
    let json = Sandbox::new(&project).args(["env", "--json"]).env("PGHOST", "elsewhere").run();
    for secret in ["hunter2", "12#34", "//app:12", "pa$word", "word\""] {
        assert!(!output.stdout.contains(secret) && !json.stdout.contains(secret), "{secret}: {}", output.stdout);
    }
    let report = json.json();
    assert_eq!(report["agree"], false);
    assert_eq!(read(&report, "POSTGRES_PORT", ".env", "python-dotenv").as_deref(), Some("5432"));
    let narrow = Sandbox::new(&project).args(["env"]).env("COLUMNS", "60").run();
    narrow.assert_code(0);
    // The shell beats the file, for whoever asks before overwriting.
    let beaten = Sandbox::new(&project).args(["env"]).env("DATABASE_URL", "postgresql://me@127.0.0.1/other").run();
    beaten.assert_stdout_has("✓ the shell").assert_stdout_has("postgresql://me@127.0.0.1:5432/other");
}

/// Files that loaders read in several ways, and one that they all read alike.
const FILES: [&str; 8] = [
    "DATABASE_URL=postgresql://a:b@h:1/c\n",
    "DATABASE_URL=postgresql://a@h:1/c\nDATABASE_URL=postgresql://a@h:2/c\n",
    "DATABASE_URL=postgresql://a@h:1/c #comment\n",
    "DATABASE_URL=postgresql://a@h:1/c#comment\n",
    "DATABASE_URL=\"postgresql://a@h:${PORT:-5}/c\"\n",
    "PORT=7\nDATABASE_URL='postgresql://a@h:${PORT}/c'\n",
    "export DATABASE_URL = postgresql://a@h:1/c\r\n",
    "\u{feff}DATABASE_URL=postgresql://a@h:1/c\n",
];

#[test]
fn what_is_told_of_python_dotenv_and_node_is_what_they_read() {
    let Some(environment) = bench::venv() else { return };
    for text in FILES {
        let project = project(&[(".env", text)]);
        let report = Sandbox::new(&project).args(["env", "--json"]).run().json();
        let python = "from dotenv import dotenv_values; print(dotenv_values('.env').get('DATABASE_URL') or '')";
        let run = |program: &std::path::Path, arguments: &[&str]| {
            let mut command = std::process::Command::new(program);
            command.args(arguments).current_dir(project.path()).env_remove("DATABASE_URL").env_remove("PORT");
            let output = command.output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned()
        };
        let real = run(&environment.join("bin/python"), &["-c", python]);
        let told = read(&report, "DATABASE_URL", ".env", "python-dotenv").unwrap_or_default();
        assert_eq!(told, real.replace(":b@", ":***@"), "python-dotenv of {text:?}");
        let print = "process.stdout.write(process.env.DATABASE_URL ?? '')";
        let real = run(std::path::Path::new("node"), &["--env-file=.env", "-e", print]);
        let told = read(&report, "DATABASE_URL", ".env", "node --env-file").unwrap_or_default();
        assert_eq!(told, real.replace(":b@", ":***@"), "node of {text:?}");
    }
}

#[test]
fn the_url_is_written_for_each_client_and_works() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    let ask = "select current_database()";
    let url = |client: &str| {
        shop.devdb(["url", "--for", client]).may_show_secrets().run().assert_code(0).stdout.trim().to_owned()
    };
    let libpq = url("libpq");
    let real = std::process::Command::new("psql").args(["-w", "-Atc", ask, &libpq]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&real.stdout).trim(), shop.name(), "{real:?}");
    assert!(url("asyncpg").starts_with("postgresql+asyncpg://"));
    assert!(url("jdbc").starts_with("jdbc:postgresql://127.0.0.1:"));
    assert!(url("prisma").ends_with("?schema=public"));
    // The same by `psql`, with no password among its arguments.
    let output = shop.devdb(["psql", "-w", "-Atc", ask]).run();
    output.assert_code(0);
    assert_eq!(output.stdout.trim(), shop.name());
    let failed = shop.devdb(["psql", "-w", "-v", "ON_ERROR_STOP=1", "-c", "select nothing"]).run();
    assert_eq!(failed.code, 1);
    shop.project.write(".env", "NOTHING=1\n");
    shop.devdb(["url"]).run().assert_code(2).assert_stderr_has("nothing here names a database");
    shop.devdb(["env"]).run().assert_code(0).assert_stdout_has("devdb setup");
}
