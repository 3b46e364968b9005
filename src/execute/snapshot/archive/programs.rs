//! `pg_dump` and `pg_restore`, run with one file each. No password stands on a command line.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::execute::Surroundings;
use crate::execute::dump::find;
use crate::model::plan::Inside;
use crate::model::snapshot::ArchivePlan;
use crate::model::target::{Host, Target};
use crate::model::text::visible;
use crate::wire::engine::{self, PipeFailure};
use crate::wire::process::{self, Program};

/// An hour without a byte from the engine is the end of patience.
const PATIENCE: Duration = Duration::from_hours(1);

/// Which way the bytes go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direction<'a> {
    Out {
        file: &'a Path,
    },
    /// `program` is the major version of the `pg_dump` that wrote the file.
    In {
        file: &'a Path,
        program: u32,
    },
}

impl Direction<'_> {
    fn program(self) -> &'static str {
        match self {
            Self::Out { .. } => "pg_dump",
            Self::In { .. } => "pg_restore",
        }
    }

    fn arguments(self) -> Vec<String> {
        const OUT: &[&str] = &["--format=custom", "--no-password"];
        // Roles and tablespaces are those of another server; publications and subscriptions would come alive.
        const IN: &[&str] = &[
            "--no-owner",
            "--no-privileges",
            "--no-tablespaces",
            "--no-publications",
            "--no-subscriptions",
            "--exit-on-error",
            "--no-password",
        ];
        let words = match self {
            Self::Out { .. } => OUT,
            Self::In { .. } => IN,
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}

/// Runs the program on one database of the target's server.
pub(super) async fn run(
    plan: &ArchivePlan,
    database: &str,
    direction: Direction<'_>,
    surroundings: &Surroundings,
) -> Result<()> {
    // A newer program writes what an older one cannot read.
    let needed = match direction {
        Direction::Out { .. } => plan.major,
        Direction::In { program, .. } => program.max(plan.major),
    };
    if let Some(inside) = plan.container.as_ref().filter(|_| needed == plan.major) {
        match inside_container(&plan.save.target, inside, database, direction).await {
            Ok(()) => return Ok(()),
            Err(Failed::Told(error)) => return Err(error),
            Err(Failed::Unusable(why)) => tracing::debug!(why, "the container's programs could not be used"),
        }
    }
    here(&plan.save.target, database, direction, surroundings, needed).await
}

enum Failed {
    /// It ran, and failed at its work.
    Told(Error),
    /// It could not be run, or not get in.
    Unusable(String),
}

/// Over the local socket inside, as the official images allow it; no password leaves devdb.
async fn inside_container(
    target: &Target,
    inside: &Inside,
    database: &str,
    direction: Direction<'_>,
) -> std::result::Result<(), Failed> {
    let unusable = |error: bollard::errors::Error| Failed::Unusable(error.to_string());
    let docker = engine::client(&inside.engine, PATIENCE).map_err(unusable)?;
    let docker = docker.negotiate_version().await.map_err(unusable)?;
    let mut arguments = vec![direction.program().to_owned()];
    arguments.extend(direction.arguments());
    arguments.extend(["--username".to_owned(), target.user().to_owned()]);
    arguments.extend(["--dbname".to_owned(), connection_string(database)]);
    let command = engine::Command { arguments, ..engine::Command::default() };
    let done = match direction {
        Direction::Out { file } => {
            let mut file = open(file, true).await?;
            engine::pipe(&docker, &inside.container, command, None, Some(&mut file)).await
        }
        Direction::In { file, .. } => {
            let mut file = open(file, false).await?;
            engine::pipe(&docker, &inside.container, command, Some(&mut file), None).await
        }
    };
    match done {
        Ok(done) if done.exit_code == 0 => Ok(()),
        Ok(done) if matches!(done.exit_code, 126 | 127) || done.stderr.contains("connection to server") => {
            Err(Failed::Unusable(done.stderr))
        }
        Ok(done) => Err(Failed::Told(failed(direction, &done.stderr))),
        Err(PipeFailure::Engine(why)) => Err(Failed::Unusable(why)),
        Err(PipeFailure::File(error)) => Err(Failed::Told(file_failed(direction, error))),
    }
}

async fn open(path: &Path, write: bool) -> std::result::Result<tokio::fs::File, Failed> {
    let mut options = tokio::fs::OpenOptions::new();
    let options = if write { options.write(true).truncate(true) } else { options.read(true) };
    let failed = |error| Failed::Told(Error::environment(format!("cannot open `{}`", path.display())).because(error));
    options.open(path).await.map_err(failed)
}

async fn here(
    target: &Target,
    database: &str,
    direction: Direction<'_>,
    surroundings: &Surroundings,
    major: u32,
) -> Result<()> {
    let program = find(direction.program(), surroundings, major)?;
    let said = match run_here(target, &program, database, direction, (surroundings, true)).await? {
        Ok(()) => return Ok(()),
        Err(said) => said,
    };
    if !said.contains(NEWER) {
        return Err(failed(direction, &said));
    }
    // It stopped at its first statement, so nothing is there yet; without the option it says so and goes on.
    match run_here(target, &program, database, direction, (surroundings, false)).await? {
        Err(said) if !(said.contains(NEWER) && said.contains(ONE_ERROR)) => Err(failed(direction, &said)),
        _ => Ok(()),
    }
}

/// What a server before 17 says to `pg_restore` from 17 on, which sets this first of all, whatever the server.
const NEWER: &str = "unrecognized configuration parameter \"transaction_timeout\"";
const ONE_ERROR: &str = "errors ignored on restore: 1";

/// Runs a program of this machine; returns what it said where it failed.
async fn run_here(
    target: &Target,
    program: &Path,
    database: &str,
    direction: Direction<'_>,
    (surroundings, strict): (&Surroundings, bool),
) -> Result<std::result::Result<(), String>> {
    let mut words = vec![program.as_os_str().to_owned()];
    let arguments = direction.arguments().into_iter().filter(|word| strict || word != "--exit-on-error");
    words.extend(arguments.map(OsString::from));
    words.extend(["--dbname".into(), OsString::from(connection_string(database))]);
    match direction {
        Direction::Out { file } => words.extend(["--file".into(), file.as_os_str().to_owned()]),
        Direction::In { file, .. } => words.push(file.as_os_str().to_owned()),
    }
    let wanted = Program {
        words,
        directory: surroundings.root.clone(),
        environment: environment(target),
        // A service file's words would count more than ours.
        removed: ["PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGDATABASE", "PGOPTIONS"].map(OsString::from).to_vec(),
        owner: None,
    };
    let ran = process::run(&wanted, &mut |line| tracing::debug!(line, "said")).await;
    let exit =
        ran.map_err(|error| Error::environment(format!("cannot run `{}`", direction.program())).because(error))?;
    Ok(if exit.success() { Ok(()) } else { Err(exit.tail.join("\n")) })
}

/// What libpq reads; a password is in the child's environment alone.
fn environment(target: &Target) -> Vec<(String, String)> {
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Socket(folder) => folder.display().to_string(),
    };
    let hosts: Vec<String> = target.hosts.iter().map(|(name, _)| host(name)).collect();
    let ports: Vec<String> = target.hosts.iter().map(|(_, port)| port.to_string()).collect();
    let mut variables = vec![
        ("PGHOST".to_owned(), hosts.join(",")),
        ("PGPORT".to_owned(), ports.join(",")),
        ("PGUSER".to_owned(), target.user().to_owned()),
    ];
    if let Some(password) = &target.password {
        variables.push(("PGPASSWORD".to_owned(), password.reveal().to_owned()));
    }
    for (parameter, key) in [("sslmode", "PGSSLMODE"), ("sslrootcert", "PGSSLROOTCERT"), ("sslcert", "PGSSLCERT")] {
        if let Some(value) = target.parameter(parameter) {
            variables.push((key.to_owned(), value.to_owned()));
        }
    }
    variables
}

/// A name alone would be taken for a connection string where it looks like one.
fn connection_string(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', r"\\").replace('\'', r"\'"))
}

fn failed(direction: Direction<'_>, said: &str) -> Error {
    let full = said.contains("No space left on device") || said.contains("Disk quota exceeded");
    let message = match (direction, full) {
        (Direction::Out { .. }, true) => "the disk is full: the file was not written".to_owned(),
        (Direction::In { .. }, true) => "the server's disk is full: nothing was imported".to_owned(),
        (Direction::Out { .. }, false) => "`pg_dump` failed; no file was written".to_owned(),
        (Direction::In { .. }, false) => "`pg_restore` failed; nothing was imported".to_owned(),
    };
    let last: Vec<&str> = said.lines().rev().take(12).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    let kind = if full { Kind::Environment } else { Kind::Failed };
    Error::new(kind, message).detail("it says", visible(&last.join("\n")))
}

fn file_failed(direction: Direction<'_>, error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return failed(direction, "No space left on device");
    }
    let verb = if matches!(direction, Direction::Out { .. }) { "written" } else { "read" };
    Error::environment(format!("the file cannot be {verb}")).because(error)
}
