//! `psql` in place of devdb, on the database that the project means. Secrets go through its environment, never its
//! arguments.
#![expect(clippy::disallowed_methods, reason = "this is where the program is started")]

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::Command;

use super::Surroundings;
use super::server::binaries;
use crate::error::{Error, Result};
use crate::model::target::{Host, Target};

/// Where `psql` runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Psql {
    Here(PathBuf),
    /// In a container, by the engine's own command line.
    Inside {
        engine: PathBuf,
        container: String,
    },
}

/// Returns the `psql` of this machine: along `PATH`, else the one of an installed server.
pub fn here(surroundings: &Surroundings) -> Option<Psql> {
    let installed = binaries::find(&surroundings.shell).into_iter().map(|it| it.bin.join("psql"));
    let found = program("psql", surroundings).or_else(|| installed.into_iter().find(|program| program.is_file()));
    found.map(Psql::Here)
}

/// Returns how the `psql` of a container is run; nothing without the engine's command line.
pub fn inside(container: &str, surroundings: &Surroundings) -> Option<Psql> {
    let engine = ["docker", "podman", "nerdctl"].iter().find_map(|name| program(name, surroundings))?;
    Some(Psql::Inside { engine, container: container.to_owned() })
}

fn program(name: &str, surroundings: &Surroundings) -> Option<PathBuf> {
    let path = surroundings.shell.get("PATH").map_or("", |path| path.reveal());
    which::which_in(name, Some(path), &surroundings.root).ok()
}

/// Becomes `psql`; returns only where that fails, or, where a process cannot become another one, with its exit code.
pub fn open(psql: &Psql, target: &Target, arguments: &[OsString]) -> Result<u8> {
    let mut command = match psql {
        Psql::Here(program) => Command::new(program),
        Psql::Inside { engine, .. } => Command::new(engine),
    };
    // What the shell says of another database is not meant.
    for key in ["PGSERVICE", "PGHOSTADDR", "PGPASSFILE"] {
        command.env_remove(key);
    }
    let variables = variables(target, matches!(psql, Psql::Inside { .. }));
    command.envs(variables.iter().map(|(key, value)| (*key, value)));
    if let Psql::Inside { container, .. } = psql {
        command.args(["exec", "-i"]);
        command.args((std::io::stdin().is_terminal() && std::io::stdout().is_terminal()).then_some("-t"));
        for (key, _) in &variables {
            // Without a value it is taken from the environment.
            command.args(["-e", key]);
        }
        command.args([container, "psql"]);
    }
    command.args(arguments);
    become_it(command)
}

/// Returns the variables of libpq (PostgreSQL documentation, §34.15) for a target. Inside a container the server's own socket
/// is dialled.
fn variables(target: &Target, inside: bool) -> Vec<(&'static str, String)> {
    const PARAMETERS: [(&str, &str); 8] = [
        ("sslmode", "PGSSLMODE"),
        ("sslrootcert", "PGSSLROOTCERT"),
        ("sslcert", "PGSSLCERT"),
        ("sslkey", "PGSSLKEY"),
        ("options", "PGOPTIONS"),
        ("application_name", "PGAPPNAME"),
        ("connect_timeout", "PGCONNECT_TIMEOUT"),
        ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ];
    let mut variables = vec![("PGUSER", target.user().to_owned()), ("PGDATABASE", target.database().to_owned())];
    variables.extend(target.password.as_ref().map(|password| ("PGPASSWORD", password.reveal().to_owned())));
    if inside {
        return variables;
    }
    let host = |host: &Host| match host {
        // Brackets are a URL's.
        Host::Tcp(name) => name.clone(),
        Host::Socket(directory) => directory.display().to_string(),
    };
    let hosts: Vec<String> = target.hosts.iter().map(|(it, _)| host(it)).collect();
    let ports: Vec<String> = target.hosts.iter().map(|(_, port)| port.to_string()).collect();
    variables.extend([("PGHOST", hosts.join(",")), ("PGPORT", ports.join(","))]);
    let given = PARAMETERS.iter().filter_map(|(name, key)| Some((*key, target.parameter(name)?.to_owned())));
    variables.extend(given);
    variables
}

#[cfg(unix)]
fn become_it(mut command: Command) -> Result<u8> {
    use std::os::unix::process::CommandExt as _;
    let program = command.get_program().to_string_lossy().into_owned();
    let error = command.exec();
    Err(Error::environment(format!("cannot run `{program}`")).because(error))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> Result<u8> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status =
        command.status().map_err(|error| Error::environment(format!("cannot run `{program}`")).because(error))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
