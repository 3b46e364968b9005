//! The tools whose chains devdb runs, to hear from themselves that they find nothing to do.

use super::{Missing, Told};
use crate::{places, run};
use std::fs;
use std::path::{Path, PathBuf};

/// The version that the tests were written against.
const SQLX: &str = "0.9.0";

/// A program that is there, new or from before.
pub(crate) struct Program(pub(crate) PathBuf);

impl Told for Program {
    fn told(&self) -> String {
        self.0.told()
    }
}

/// Builds `sqlx` from its crate: with PostgreSQL alone, without TLS and without optimisation, which takes a third of the
/// time that the usual build takes.
pub(crate) fn sqlx(bench: &Path, quick: bool) -> Result<Program, Missing> {
    const ARGUMENTS: [&str; 9] = [
        "install",
        "sqlx-cli",
        "--locked",
        "--debug",
        "--force",
        "--no-default-features",
        "--features",
        "postgres",
        "--quiet",
    ];
    let directory = bench.join("tools/sqlx");
    let program = directory.join("bin/sqlx");
    let command = format!("cargo {} --version {SQLX} --root {}", ARGUMENTS.join(" "), directory.display());
    let missing = |why: String| Missing::new("sqlx", why, command.clone());
    let version = run::output(run::command(&program).arg("--version"));
    if version.is_ok_and(|said| said.trim().ends_with(SQLX)) {
        return Ok(Program(program));
    }
    if quick {
        return Err(Missing { on_purpose: true, ..missing("left out by --quick".to_owned()) });
    }
    let build = bench.join("tools/sqlx-build");
    let mut cargo = run::command(places::program("cargo").unwrap_or_else(|| "cargo".into()));
    cargo.args(ARGUMENTS).args(["--version", SQLX, "--root"]).arg(&directory).current_dir(bench);
    cargo.env("CARGO_TARGET_DIR", &build).env("CARGO_PROFILE_DEV_DEBUG", "0").env_remove("RUSTFLAGS");
    let built = run::output(&mut cargo).map_err(missing);
    // Hundreds of megabytes that nobody needs again, built or not.
    if let Err(error) = fs::remove_dir_all(&build)
        && built.is_ok()
    {
        eprintln!("bench: cannot remove {}: {error}", build.display());
    }
    built.map(|_said| Program(program))
}
