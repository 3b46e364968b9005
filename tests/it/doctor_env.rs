//! Faults of `.env` files, each with a real server behind the rest of the project.

use crate::doctor_report::{Report, Shop, line_of, local_project};
use crate::support::cluster::{Cluster, Database, Role};
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

#[test]
fn env_missing() {
    let project = Project::new();
    project.write(".env.example", "DATABASE_URL=postgresql://app:example-pw@localhost:5432/app\n");
    let report = Report::of(&Sandbox::new(&project));
    report
        .only_error("env-missing")
        .says("there is no `.env`, only `.env.example`")
        .at(".env.example", 1, "DATABASE_URL")
        .fix("auto", &["copy `.env.example` to `.env`"]);
    assert_eq!(report.reason("conn-refused"), "follows from env-missing");
}

#[test]
fn env_missing_without_an_example() {
    let project = Project::new();
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    Report::of(&Sandbox::new(&project))
        .only_error("env-missing")
        .says("names a database")
        .fix("manual", &["DATABASE_URL=postgresql://USER:PASSWORD@localhost:5432/NAME"]);
}

#[test]
fn env_syntax() {
    let Some((project, database)) = local_project() else { return };
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    project.write(".env", &format!("DATABASE_URL={}\nGREETING=\"never closed\nLAST=1\n", database.url()));
    let report = Report::of(&Sandbox::new(&project));
    report.only_error("env-syntax").at(".env", 2, "never closed").fix("manual", &[]);
}

#[test]
fn env_syntax_of_a_file_that_is_not_text() {
    let Some((project, database)) = local_project() else { return };
    let utf16: Vec<u8> = "\u{feff}A=1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(project.file(".env.local"), utf16).unwrap();
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    let report = Report::of(&Sandbox::new(&project));
    report.only_error("env-syntax").says("`.env.local`").says("UTF-16").at(".env.local", 0, "");
}

#[test]
fn env_crlf() {
    let Some((project, database)) = local_project() else { return };
    project.write(".env", &format!("APP_NAME=shop\r\nDATABASE_URL={}\r\n", database.url()));
    Report::of(&Sandbox::new(&project))
        .only_warning("env-crlf")
        .at(".env", 1, "2 lines")
        .fix("auto", &["write `.env` with Unix line ends"]);
}

#[test]
fn env_duplicate_key() {
    let Some((project, database)) = local_project() else { return };
    let old = format!("DATABASE_URL=postgresql://app:old-password@localhost:{}/app", free_port());
    project.write(".env", &format!("{old}\nAPP_NAME=shop\nDATABASE_URL={}\n", database.url()));
    let report = Report::of(&Sandbox::new(&project));
    report
        .only_warning("env-duplicate-key")
        .at(".env", 1, "this one is ignored")
        .at(".env", 3, "this one counts")
        .fix("confirm", &["delete `.env:1` (`DATABASE_URL`, which is ignored)"]);
    // Rust's dotenvy takes the first.
    project.write("Cargo.toml", "[package]\nname = \"shop\"\n");
    project.write(".env", &format!("DATABASE_URL={}\nAPP_NAME=shop\n{old}\n", database.url()));
    Report::of(&Sandbox::new(&project)).only_warning("env-duplicate-key").at(".env", 3, "this one is ignored");
}

#[test]
fn env_key_missing() {
    let Some((project, database)) = local_project() else { return };
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    project.write(".env.example", "DATABASE_URL=\nCACHE_SECONDS=30\n");
    Report::of(&Sandbox::new(&project))
        .only_warning("env-key-missing")
        .at(".env.example", 2, "CACHE_SECONDS")
        .fix("auto", &["add `CACHE_SECONDS=(the example's value)` to `.env`"]);
    project.write(".env.example", "DATABASE_URL=\nAPI_TOKEN=<your token>\n");
    Report::of(&Sandbox::new(&project)).only_warning("env-key-missing").says("`API_TOKEN`").fix("manual", &[]);
}

#[test]
fn env_shell_override() {
    let Some((project, database)) = local_project() else { return };
    let line = format!("DATABASE_URL=postgresql://app:of-the-file@localhost:{}/app\n", free_port());
    project.write(".env", &line);
    let sandbox = Sandbox::new(&project).env("DATABASE_URL", &database.url());
    let report = Report::of(&sandbox);
    report
        .only_warning("env-shell-override")
        .at(".env", 1, "ignored")
        .seen(&format!("/{}", database.name))
        .fix("manual", &["unset DATABASE_URL"]);
    assert_eq!(report.json.pointer("/target/origin/file").unwrap(), &serde_json::Value::Null);
}

#[test]
fn url_unescaped() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role_with_password("CREATEDB", "p@ss/w0rd#1");
    let database = cluster.fresh_database(&role);
    let project = Project::new();
    let Role { name, password } = &role;
    let line = format!("DATABASE_URL=postgresql://{name}:{password}@127.0.0.1:{}/{}", cluster.port(), database.name);
    project.write(".env", &format!("APP_NAME=shop\n{line}\n"));
    let report = Report::of(&Sandbox::new(&project));
    let shown = format!("postgresql://{name}:***@127.0.0.1:{}/{}", cluster.port(), database.name);
    report
        .only_error("url-unescaped")
        .says("`@`, `/`, `#`")
        .at(".env", 2, &format!("read as {shown}"))
        .fix("auto", &[&format!("set `DATABASE_URL` in `.env:2` to `{shown}`")]);
}

#[test]
fn url_scheme_postgres() {
    let Some((project, database)) = local_project() else { return };
    project.copy_fixture("alembic-sync");
    database
        .sql("CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('e07d58a2c3b6'); CREATE TABLE users ()");
    project.write(
        ".env",
        &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url().replacen("postgresql", "postgres", 1)),
    );
    let report = Report::of(&Sandbox::new(&project));
    let finding = report.only_error("url-scheme-postgres");
    finding.at(".env", 1, "DATABASE_URL=postgres://");
    let target = report.json.pointer("/target/url").and_then(serde_json::Value::as_str).unwrap();
    finding.fix("auto", &[&format!("set `DATABASE_URL` in `.env:1` to `{target}`")]);
}

#[test]
fn a_file_that_this_user_may_not_read_is_named() {
    let Some((project, database)) = local_project() else { return };
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    project.write(".env.local", "APP_NAME=shop\n");
    let Some(sandbox) = crate::doctor_engine::as_nobody(&project, "doctor --json") else { return };
    std::fs::set_permissions(project.file(".env.local"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let output = sandbox.run();
    output.assert_code(1).assert_stdout_has("`.env.local` cannot be read: Permission denied");
}

#[test]
fn the_file_beside_the_chain_beats_the_one_above_it() {
    let Some((project, database)) = local_project() else { return };
    project.write("backend/.env", &format!("DATABASE_URL={}\n", database.url()));
    project.write(".env", &format!("DATABASE_URL=postgresql://app:of-the-root@localhost:{}/app\n", free_port()));
    project.write("backend/alembic.ini", "[alembic]\nscript_location = migrations\n");
    project.write("backend/migrations/env.py", "import os\nurl = os.environ[\"DATABASE_URL\"]\n");
    project.write("backend/migrations/versions/a1_first.py", "revision = \"a1\"\ndown_revision = None\n");
    database.sql("CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('a1')");
    let report = Report::of(&Sandbox::new(&project));
    report.is_healthy();
    assert_eq!(report.json.pointer("/target/origin/file").unwrap(), "backend/.env");
    assert_eq!(line_of(&project, "backend/.env", "DATABASE_URL"), 1);
}

#[test]
fn env_bom() {
    let Some((project, database)) = local_project() else { return };
    let text = format!("DATABASE_URL={}\nAPP_NAME=shop\n", database.url());
    project.write(".env", &format!("\u{feff}{text}"));
    let seen_by_node = || {
        let ran = std::process::Command::new("node")
            .args(["--env-file=.env", "-e", "process.stdout.write(process.env.DATABASE_URL ?? 'nothing')"])
            .current_dir(project.path())
            .env_remove("DATABASE_URL")
            .output();
        String::from_utf8(ran.unwrap().stdout).unwrap()
    };
    assert_eq!(seen_by_node(), "nothing");
    let sandbox = Sandbox::new(&project);
    Report::of(&sandbox)
        .only_warning("env-bom")
        .at(".env", 1, "`DATABASE_URL` has another name")
        .fix("auto", &["take the byte order mark of `.env` away"]);
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0).assert_stderr_has("brings it back");
    assert_eq!(project.read(".env"), text);
    assert_eq!(seen_by_node(), database.url());
    Report::of(&sandbox).is_healthy();
}

/// A project whose `.env` has the parts, with this password as it is written.
fn in_parts<'c>(cluster: &'c Cluster, password: &str) -> (Project, String, Database<'c>) {
    let role = cluster.create_role_with_password("CREATEDB", password);
    let database = cluster.fresh_database(&role);
    let project = Project::new();
    let text = format!(
        "# parts\nPOSTGRES_HOST=127.0.0.1\nPOSTGRES_PORT={}\nPOSTGRES_USER={}\nPOSTGRES_PASSWORD={password} # mine\nPOSTGRES_DB={}\n",
        cluster.port(),
        role.name,
        database.name
    );
    project.write(".env", &text);
    (project, text, database)
}

#[test]
fn env_value_cut_at_a_hash() {
    let Some(cluster) = Cluster::shared() else { return };
    let password = format!("{}#of-mine", crate::support::new_password());
    let (project, text, _database) = in_parts(cluster, &password);
    project.write("package.json", "{\"name\": \"shop\"}\n");
    let sandbox = Sandbox::new(&project);
    let report = Report::of(&sandbox);
    assert_eq!((report.ids("fail"), report.ids("warn")), (vec!["auth-password"], vec!["env-value-cut"]), "{report}");
    report
        .the_finding("env-value-cut")
        .says("a part of `POSTGRES_PASSWORD` is lost to its loader")
        .at(".env", 5, "dotenv (npm) takes ")
        .fix("auto", &["set `POSTGRES_PASSWORD` in `.env:5` to the same value, in single quotes"]);
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert_eq!(project.read(".env"), text.replace(&password, &format!("'{password}'")));
    Report::of(&sandbox).is_healthy();
    // Python takes it as it is.
    project.write(".env", &text);
    project.remove("package.json");
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    Report::of(&sandbox).is_healthy();
}

#[test]
fn env_value_cut_at_a_dollar_by_compose_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let password = format!("{}$of_mine", crate::support::new_password());
    let (project, text, _database) = in_parts(cluster, &password);
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    let sandbox = Sandbox::new(&project);
    Report::of(&sandbox).is_healthy();
    project.write(
        "compose.yaml",
        "services:\n  mail:\n    image: mailhog/mailhog\n    environment: {P: \"${POSTGRES_PASSWORD}\"}\n",
    );
    Report::of(&sandbox).only_warning("env-value-cut").at(".env", 5, "docker compose takes ").at(
        ".env",
        5,
        "`$…` is a variable to it",
    );
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert_eq!(project.read(".env"), text.replace(&password, &format!("'{password}'")));
    Report::of(&sandbox).is_healthy();
    // A variable that somebody has is meant.
    project.write(".env", &format!("of_mine=x\n{text}"));
    assert_eq!(Report::of(&sandbox).ids("warn"), [""; 0]);
}

#[test]
fn env_blank_in_value() {
    let Some(cluster) = Cluster::shared() else { return };
    let (project, text, _database) = in_parts(cluster, &crate::support::new_password());
    let name = text.lines().last().unwrap().split_once('=').unwrap().1.to_owned();
    project.write(".env", &text.replace(&name, &format!("\"{name} \"")));
    let sandbox = Sandbox::new(&project);
    let report = Report::of(&sandbox);
    assert_eq!((report.ids("fail"), report.ids("warn")), (vec!["db-missing"], vec!["env-blank-in-value"]), "{report}");
    report
        .the_finding("env-blank-in-value")
        .at(".env", 6, "white space inside of the quotes")
        .fix("confirm", &["set `POSTGRES_DB` in `.env:6` to the same value without blanks at its ends"]);
    sandbox.clone().args(["doctor", "--fix", "--yes", "--only", "env-blank-in-value"]).run().assert_code(0);
    assert_eq!(project.read(".env"), text.replace(&name, &format!("\"{name}\"")));
    Report::of(&sandbox).is_healthy();
}

#[test]
fn compose_quotes_literal() {
    let (Some(shop), Some(_)) = (Shop::new(), crate::support::bench::compose()) else { return };
    let port = free_port();
    let compose = |password: &str| {
        let image = &shop.engine.image;
        format!(
            "services:\n  db:\n    image: {image}\n    environment:\n      - POSTGRES_USER=app\n      - POSTGRES_PASSWORD={password}\n      \
             - POSTGRES_DB=app\n    ports: [\"{port}:5432\"]\n"
        )
    };
    shop.project.write("docker-compose.yml", &compose(&format!("\"{}\"", shop.password)));
    shop.env(&format!("localhost:{port}"));
    assert!(shop.run_compose(&["up", "-d"]));
    shop.wait_refused(port);
    let report = shop.doctor();
    assert_eq!(report.ids("warn"), ["compose-quotes-literal"], "{report}");
    report
        .the_finding("compose-quotes-literal")
        .says("`POSTGRES_PASSWORD` of service `db` has quotes in its value")
        .at("docker-compose.yml", 6, "the quotes are part of the value")
        .fix("manual", &["- POSTGRES_PASSWORD=…", "devdb up"]);
    shop.project.write("docker-compose.yml", &compose(&shop.password));
    assert!(shop.run_compose(&["down", "-v"]) && shop.run_compose(&["up", "-d"]));
    shop.wait_ready(port);
    shop.doctor().is_healthy();
}

#[test]
fn env_extra_forbidden() {
    let (Some((project, _database)), Some(environment)) = (local_project(), crate::support::bench::chains()) else {
        return;
    };
    let settings = "from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\nclass Settings(BaseSettings):\n    \
                    model_config = SettingsConfigDict(env_file=\".env\")\n\n    app_name: str\n    database_url: str\n";
    project.write("app/config.py", settings);
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    let start = || {
        let code = "import sys; sys.path.insert(0, 'app'); import config; config.Settings()";
        crate::support::venv::run(&environment, &project, "python", &["-c", code])
    };
    assert!(start().status.success(), "{:?}", start());
    Report::of(&Sandbox::new(&project)).is_healthy();
    let env = project.read(".env");
    // An empty one is no input.
    project.write(".env", &format!("{env}COMPOSE_PROFILES=\nPOSTGRES_PORT=5433\n"));
    let refused = start();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("postgres_port") && said.contains("Extra inputs are not permitted"), "{said}");
    let line = "model_config = SettingsConfigDict(env_file=\".env\", extra=\"ignore\")";
    Report::of(&Sandbox::new(&project))
        .only_error("env-extra-forbidden")
        .says("`Settings` has no field for `POSTGRES_PORT`, and refuses it")
        .at("app/config.py", 4, "without `extra`")
        .at(".env", line_of(&project, ".env", "POSTGRES_PORT"), "POSTGRES_PORT=…")
        .fix("manual", &[line]);
    project.write("app/config.py", &settings.replace("model_config = SettingsConfigDict(env_file=\".env\")", line));
    assert!(start().status.success(), "{:?}", start());
    Report::of(&Sandbox::new(&project)).is_healthy();
}

#[test]
fn url_driver_suffix() {
    let Some((project, database)) = local_project() else { return };
    let url = database.url().replace("postgresql://", "postgresql+asyncpg://");
    project.write(".env", &format!("APP_NAME=shop\nDATABASE_URL={url}\n"));
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    project.write("scripts/count.sh", "#!/bin/sh\n. ./.env\npsql \"$DATABASE_URL\" -c 'select 1'\n");
    let sandbox = Sandbox::new(&project);
    let script = sandbox.clone().program("sh").args(["scripts/count.sh"]);
    // It takes the text for the name of a database on the local socket.
    script.clone().may_show_secrets().run().assert_code(2);
    Report::of(&sandbox)
        .only_warning("url-driver-suffix")
        .says("`psql` gets a URL that only SQLAlchemy reads")
        .at("scripts/count.sh", 3, "psql gets `DATABASE_URL`")
        .at(".env", 2, "begins with `postgresql+asyncpg://`")
        .fix("manual", &["psql \"$(devdb url --for libpq)\""]);
    let devdb = env!("CARGO_BIN_EXE_devdb");
    let line = format!("psql \"$({devdb} url --for libpq)\"");
    project.write("scripts/count.sh", &format!("#!/bin/sh\n{line} -c 'select 1'\n"));
    script.run().assert_code(0);
    Report::of(&sandbox).is_healthy();
}
