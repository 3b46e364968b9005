//! What `cargo xtask test` prepared.
//!
//! `let Some(pg) = bench::pg() else { return };` is how a test asks. Without the thing it says so loudly and the test
//! skips; in CI it panics, since there a skipped test would pass for one that ran.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

#[derive(Debug, Default, Deserialize)]
struct Bench {
    pg: Option<Postgres>,
    #[serde(default)]
    majors: BTreeMap<u32, Postgres>,
    clients: Option<PathBuf>,
    docker: Option<Docker>,
    compose: Option<Vec<String>>,
    image: Option<String>,
    image_18: Option<String>,
    venv: Option<PathBuf>,
    venv_prefect: Option<PathBuf>,
    venv_airflow: Option<PathBuf>,
    venv_old: Option<PathBuf>,
    venv_chains: Option<PathBuf>,
    dbmate: Option<PathBuf>,
    sqlx: Option<PathBuf>,
    pgbouncer: Option<PathBuf>,
    corpus: Option<PathBuf>,
    #[serde(default)]
    missing: Vec<Missing>,
}

/// The server binaries.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Postgres {
    pub(crate) bin: PathBuf,
    pub(crate) version: String,
    pub(crate) major: u32,
}

#[derive(Debug, Clone, Deserialize)]
struct Docker {
    host: String,
}

#[derive(Debug, Deserialize)]
struct Missing {
    what: String,
    why: String,
}

/// A container engine and what runs in it.
#[derive(Debug, Clone)]
pub(crate) struct EngineBench {
    pub(crate) host: String,
    pub(crate) image: String,
}

fn load() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let beside_tests = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("bench.json");
        let file = std::env::var_os("DEVDB_BENCH").map_or_else(beside_tests, PathBuf::from);
        match std::fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).expect("bench.json is what xtask wrote"),
            Err(_not_prepared) => Bench::default(),
        }
    })
}

/// True in continuous integration, where nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn require<T: Clone>(what: &str, found: Option<&T>) -> Option<T> {
    if let Some(found) = found {
        return Some(found.clone());
    }
    let why: Vec<String> = load().missing.iter().map(|missing| format!("{}: {}", missing.what, missing.why)).collect();
    assert!(!in_ci(), "no {what}; run `cargo xtask test`\n{}", why.join("\n"));
    let thread = std::thread::current();
    eprintln!("SKIPPED {}: no {what}; run `cargo xtask test`", thread.name().unwrap_or("test"));
    None
}

/// Says that the test skips because the machine does not allow something; in CI, fails.
pub(crate) fn skip(what: &str, why: &str) {
    assert!(!in_ci(), "no {what}: {why}");
    let thread = std::thread::current();
    eprintln!("SKIPPED {}: no {what}: {why}", thread.name().unwrap_or("test"));
}

/// The major that the tests' own servers are of, where another than the machine's was asked for.
fn asked_major() -> Option<u32> {
    let asked = std::env::var("DEVDB_PG_MAJOR").ok()?;
    Some(asked.parse().expect("DEVDB_PG_MAJOR is a number"))
}

/// What the tests' own servers are made with: the machine's own, or what `cargo xtask test --major` asked for.
pub(crate) fn server() -> Option<Postgres> {
    match asked_major() {
        None => pg(),
        Some(major) => require(&format!("PostgreSQL {major}"), load().majors.get(&major)),
    }
}

/// A server of this major.
pub(crate) fn of_major(major: u32) -> Option<Postgres> {
    require(&format!("PostgreSQL {major}"), load().majors.get(&major))
}

/// The `PATH` of the tests. Clients refuse a newer server: with another major asked for, they are the newest ones.
pub(crate) fn path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(clients) = asked_major().and(load().clients.as_ref()) else { return path };
    let places = std::iter::once(clients.clone()).chain(std::env::split_paths(&path));
    std::env::join_paths(places).expect("no colons in the bench's path")
}

/// The server binaries of this machine.
pub(crate) fn pg() -> Option<Postgres> {
    require("PostgreSQL server", load().pg.as_ref())
}

/// The container engine, with the `PostgreSQL` image in it.
pub(crate) fn engine() -> Option<EngineBench> {
    let bench = load();
    let both = bench.docker.as_ref().zip(bench.image.as_ref());
    let both = both.map(|(docker, image)| EngineBench { host: docker.host.clone(), image: image.clone() });
    require("Docker engine", both.as_ref())
}

/// The image of a server of 18, which keeps its data in another place than those before.
pub(crate) fn image_18() -> Option<String> {
    require("image of PostgreSQL 18", load().image_18.as_ref())
}

/// The words that run Docker Compose.
pub(crate) fn compose() -> Option<Vec<String>> {
    require("Docker Compose", load().compose.as_ref())
}

/// The Python environment with Alembic, `SQLAlchemy` and the drivers.
pub(crate) fn venv() -> Option<PathBuf> {
    require("Python environment", load().venv.as_ref())
}

/// The Python environment with Prefect.
pub(crate) fn prefect() -> Option<PathBuf> {
    require("Python environment for Prefect", load().venv_prefect.as_ref())
}

/// The Python environment with Airflow.
pub(crate) fn airflow() -> Option<PathBuf> {
    require("Python environment for Airflow", load().venv_airflow.as_ref())
}

/// The Python environment with `SQLAlchemy` 1.4, Alembic 1.8 and psycopg2.
pub(crate) fn old_venv() -> Option<PathBuf> {
    require("Python environment with SQLAlchemy 1.4", load().venv_old.as_ref())
}

/// The Python environment with the chains and the models of Argilla and Optuna.
pub(crate) fn chains() -> Option<PathBuf> {
    require("Python environment for Argilla and Optuna", load().venv_chains.as_ref())
}

/// The program `pgbouncer`.
pub(crate) fn pgbouncer() -> Option<PathBuf> {
    require("PgBouncer", load().pgbouncer.as_ref())
}

/// The program `dbmate`.
pub(crate) fn dbmate() -> Option<PathBuf> {
    require("dbmate", load().dbmate.as_ref())
}

/// The program `sqlx`.
pub(crate) fn sqlx() -> Option<PathBuf> {
    require("sqlx", load().sqlx.as_ref())
}

/// Real projects' chains and Compose files.
pub(crate) fn corpus() -> Option<PathBuf> {
    require("corpus", load().corpus.as_ref())
}
