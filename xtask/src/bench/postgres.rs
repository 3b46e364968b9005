//! Finds `PostgreSQL`'s server binaries, or installs them.

use super::{Missing, Told};
use crate::{places, run};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// A server installation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Postgres {
    pub(crate) bin: PathBuf,
    pub(crate) version: String,
    pub(crate) major: u32,
}

impl Told for Postgres {
    fn told(&self) -> String {
        format!("{} in {}", self.version, self.bin.display())
    }
}

/// Returns the server binaries of this machine; installs them where that needs no question.
pub(crate) fn find() -> Result<Postgres, Missing> {
    if let Some(found) = look() {
        return Ok(found);
    }
    let missing = |why: String| Missing::new("PostgreSQL server", why, install_command());
    run::install(&["postgresql", "postgresql-contrib"]).map_err(missing)?;
    look().ok_or_else(|| missing("it was installed, but `postgres` is nowhere to be found".to_owned()))
}

/// Returns the one command that installs `PostgreSQL` on this system.
pub(crate) fn install_command() -> &'static str {
    if places::program("brew").is_some() {
        "brew install postgresql@17"
    } else if places::program("dnf").is_some() {
        "sudo dnf install -y postgresql-server postgresql-contrib"
    } else if places::program("pacman").is_some() {
        "sudo pacman -S postgresql"
    } else {
        "sudo apt-get install -y postgresql"
    }
}

fn look() -> Option<Postgres> {
    let mut found: Vec<Postgres> = candidates().iter().filter_map(|bin| inspect(bin)).collect();
    found.sort_by_key(|postgres| postgres.major);
    found.pop()
}

/// `PATH` wins; then every place where packages put versions side by side.
fn candidates() -> Vec<PathBuf> {
    if let Some(bin) =
        places::program("initdb").and_then(|initdb| Some(initdb.canonicalize().ok()?.parent()?.to_owned()))
        && bin.join("postgres").is_file()
    {
        return vec![bin];
    }
    let versioned = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ];
    versioned
        .iter()
        .flat_map(|(above, prefix, below)| {
            let entries = fs::read_dir(above).into_iter().flatten().flatten();
            entries
                .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
                .map(move |entry| entry.path().join(below))
                .filter(|bin| bin.join("postgres").is_file() && bin.join("initdb").is_file())
        })
        .collect()
}

/// Reads the third word of `postgres (PostgreSQL) 15.18 (Debian …)`.
pub(super) fn inspect(bin: &Path) -> Option<Postgres> {
    let said = run::output(run::command(bin.join("postgres")).arg("--version")).ok()?;
    let version = said.split_whitespace().nth(2)?.to_owned();
    let major = version.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()?;
    Some(Postgres { bin: bin.to_owned(), version, major })
}
