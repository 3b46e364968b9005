//! What is run: the release binary, the server's programs, and the peers, all from the package registries.

use crate::{bench, places, run};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version of `sqlx` that the tests use too.
const SQLX: &str = "0.9.0";
const DSLR: &str = "tests/fixtures/requirements-dslr.txt";
const MIGRA: &str = "tests/fixtures/requirements-migra.txt";

/// The parts of `bench.json` that are used here.
#[derive(Debug, Default, Deserialize)]
struct Prepared {
    pg: Option<Postgres>,
    venv: Option<PathBuf>,
    venv_prefect: Option<PathBuf>,
    venv_airflow: Option<PathBuf>,
    dbmate: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Postgres {
    bin: PathBuf,
    version: String,
}

/// Programs, and what each says of its version; a peer that is not there is left out, and the report says so.
pub(super) struct Tools {
    /// The directory of `psql` and `postgres`.
    pub(super) postgres: PathBuf,
    pub(super) server_version: String,
    pub(super) devdb: PathBuf,
    pub(super) venv: Option<PathBuf>,
    pub(super) prefect: Option<PathBuf>,
    pub(super) airflow: Option<PathBuf>,
    pub(super) dbmate: Option<PathBuf>,
    pub(super) sqlx: Option<PathBuf>,
    pub(super) dslr: Option<PathBuf>,
    pub(super) migra: Option<PathBuf>,
    /// Layers, and with them every reset that does not start from nothing.
    pub(super) has_layers: bool,
}

impl Tools {
    /// Builds devdb and finds or installs everything else.
    pub(super) fn prepare() -> Result<Self, String> {
        let file = match std::env::var_os("DEVDB_BENCH") {
            Some(file) => PathBuf::from(file),
            None => bench::prepare(false, &[])?.1,
        };
        let text = fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let prepared: Prepared = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        let folder = file.parent().unwrap_or(&file).to_owned();
        let postgres = prepared.pg.ok_or("the bench has no PostgreSQL server; run `cargo xtask bench-setup`")?;
        let devdb = build()?;
        let help = run::output(run::command(&devdb).args(["reset", "--help"]))?;
        Ok(Self {
            postgres: postgres.bin,
            server_version: postgres.version,
            has_layers: help.contains("--cold"),
            devdb,
            venv: prepared.venv,
            prefect: prepared.venv_prefect,
            airflow: prepared.venv_airflow,
            dbmate: prepared.dbmate,
            sqlx: told("sqlx", sqlx(&folder)),
            dslr: told("dslr", of_python(&folder, "dslr", DSLR)),
            migra: told("migra", of_python(&folder, "migra", MIGRA)),
        })
    }

    /// The versions of everything that is compared, for the report.
    pub(super) fn versions(&self) -> Vec<String> {
        let line = |command: &mut Command| run::output(command).ok()?.lines().next().map(str::to_owned);
        let python = |venv: &Path, package: &str| {
            let code = format!("import importlib.metadata as m; print('{package}', m.version('{package}'))");
            line(run::command(venv.join("bin/python")).args(["-c", &code]))
        };
        let package = |venv: Option<&PathBuf>, package: &str| venv.and_then(|venv| python(venv, package));
        let own = |program: &Option<PathBuf>, name: &str| python(program.as_ref()?.parent()?.parent()?, name);
        [
            line(run::command(&self.devdb).arg("--version")),
            self.dbmate.as_ref().and_then(|dbmate| line(run::command(dbmate).args(["--env-file=none", "--version"]))),
            self.sqlx.as_ref().and_then(|sqlx| line(run::command(sqlx).arg("--version"))),
            own(&self.dslr, "dslr"),
            own(&self.migra, "migra"),
            package(self.venv.as_ref(), "alembic"),
            package(self.prefect.as_ref(), "prefect"),
            package(self.airflow.as_ref(), "apache-airflow"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn build() -> Result<PathBuf, String> {
    let mut cargo = run::command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--bin", "devdb"]).current_dir(places::root());
    // What Cargo says of this package to this program would make some build scripts run again, and all that needs them.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_PKG_")) {
        cargo.env_remove(name);
    }
    cargo.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
    match run::shown(&mut cargo)? {
        0 => Ok(places::target().join("release/devdb")),
        _ => Err("devdb does not build".to_owned()),
    }
}

fn told(what: &str, found: Result<PathBuf, String>) -> Option<PathBuf> {
    found.map_err(|why| eprintln!("bench: {what} is left out: {why}")).ok()
}

/// Returns `sqlx` as its users have it, optimised; that of the tests is built in a third of the time, without.
fn sqlx(folder: &Path) -> Result<PathBuf, String> {
    let directory = folder.join("tools/sqlx-optimised");
    let program = directory.join("bin/sqlx");
    let version = run::output(run::command(&program).arg("--version"));
    if version.is_ok_and(|said| said.trim().ends_with(SQLX)) {
        return Ok(program);
    }
    println!("bench: building sqlx-cli {SQLX} …");
    let build = folder.join("tools/sqlx-optimised-build");
    let mut cargo = run::command(places::program("cargo").unwrap_or_else(|| "cargo".into()));
    cargo.args(["install", "sqlx-cli", "--version", SQLX, "--locked", "--force", "--quiet"]);
    cargo.args(["--no-default-features", "--features", "postgres", "--root"]).arg(&directory).current_dir(folder);
    let built = run::output(cargo.env("CARGO_TARGET_DIR", &build).env_remove("RUSTFLAGS"));
    if let Err(error) = fs::remove_dir_all(&build)
        && built.is_ok()
    {
        eprintln!("bench: cannot remove {}: {error}", build.display());
    }
    built.map(|_said| program)
}

/// Returns a program of Python, in an environment of its own.
fn of_python(folder: &Path, name: &str, requirements: &str) -> Result<PathBuf, String> {
    let directory = folder.join(format!("venv-{name}"));
    let program = directory.join("bin").join(name);
    if run::output(run::command(&program).arg("--help")).is_ok() {
        return Ok(program);
    }
    println!("bench: installing {name} …");
    run::output(run::command("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
    let mut pip = run::command(directory.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(places::root().join(requirements));
    run::output(&mut pip).map(|_said| program)
}
