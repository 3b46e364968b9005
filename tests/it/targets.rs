//! Which database, and who says so: read from files and shell as the app's own loader would.

use crate::support::cluster::Cluster;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

/// Asks for the target and compares `url file:line key`.
#[track_caller]
fn check(sandbox: &Sandbox, expect: &str) {
    let json = sandbox.clone().args(["doctor", "--json", "--only", "env-missing"]).run().json();
    let target = json.pointer("/target").unwrap();
    let origin = target.pointer("/origin").unwrap();
    let file = origin["file"].as_str().map_or("shell".to_owned(), |file| format!("{file}:{}", origin["line"]));
    let found = format!("{} {file} {}", target["url"].as_str().unwrap(), origin["key"].as_str().unwrap());
    assert_eq!(found, expect, "{json:#}");
}

#[test]
fn the_file_beside_the_chain_comes_first() {
    let project = Project::new();
    project.git_init();
    project.write("backend/alembic.ini", "[alembic]\nscript_location = alembic\n");
    project.write("backend/.env", "X=1\nDATABASE_URL=postgresql+asyncpg://a:long-password@localhost:5433/near\n");
    project.write(".env", "DATABASE_URL=postgresql://a:long-password@localhost:5432/far\n");
    let expect = "postgresql://a:***@localhost:5433/near backend/.env:2 DATABASE_URL";
    check(&Sandbox::new(&project), expect);
    check(&Sandbox::new(&project).current_dir("backend"), expect);
    project.write("devdb.toml", "[database]\nenv_file = \".env\"\n");
    check(&Sandbox::new(&project), "postgresql://a:***@localhost:5432/far .env:1 DATABASE_URL");
}

#[test]
fn the_shell_wins_for_the_same_key_only() {
    let project = Project::new();
    project.write(".env", "DATABASE_URL=postgresql://a@localhost:5433/file\n");
    let sandbox = Sandbox::new(&project).env("PGHOST", "elsewhere").env("PGDATABASE", "other");
    check(&sandbox, "postgresql://a@localhost:5433/file .env:1 DATABASE_URL");
    let sandbox = sandbox.env("DATABASE_URL", "postgresql://a@localhost:5434/shell");
    check(&sandbox, "postgresql://a@localhost:5434/shell shell DATABASE_URL");
}

#[test]
fn parts_and_keys_of_ones_own_are_understood() {
    let project = Project::new();
    project.write(".env", "POSTGRES_SERVER=localhost\nPOSTGRES_PORT=5499\nPOSTGRES_USER=me\nPOSTGRES_DB=Mein Läden\n");
    check(&Sandbox::new(&project), "postgresql://me@localhost:5499/Mein Läden .env:1 POSTGRES_SERVER");
    project.write(".env", "APP__DB_DSN='postgresql://me:se%40cret-word@[::1]:5433/x'\n");
    check(&Sandbox::new(&project), "postgresql://me:***@[::1]:5433/x .env:1 APP__DB_DSN");
    project.write(".env", "TEST_DATABASE_URL=postgresql://t@localhost/test\nMAIN=postgresql:///x?host=/run/pg\n");
    check(&Sandbox::new(&project), "postgresql:///run/pg:5432/x .env:2 MAIN");
}

#[test]
fn without_env_files_the_chain_and_the_compose_file_answer() {
    let project = Project::new();
    project.write(
        "compose.yaml",
        "services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: long-password\n    ports:\n      - 5439:5432\n",
    );
    check(&Sandbox::new(&project), "postgresql://postgres:***@localhost:5439/postgres compose.yaml:7 environment");
    project
        .write("alembic.ini", "[alembic]\nscript_location = alembic\nsqlalchemy.url = postgresql://i@localhost/ini\n");
    check(&Sandbox::new(&project), "postgresql://i@localhost:5432/ini alembic.ini:3 sqlalchemy.url");
}

#[test]
fn the_password_file_is_read() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&role);
    let project = Project::new();
    project.write(
        ".env",
        &format!("DATABASE_URL=postgresql://{}@localhost:{}/{}\n", role.name, cluster.port(), database.name),
    );
    Sandbox::new(&project).run().assert_stdout_has("no login");
    let line = format!("localhost:{}:*:{}:{}\n", cluster.port(), role.name, role.password);
    let file = project.write("pgpass", &line);
    let sandbox = Sandbox::new(&project).env("PGPASSFILE", file.to_str().unwrap());
    sandbox.run().assert_stdout_has("PostgreSQL").assert_stdout_has("0 tables");
}
