//! `pg_dump`: the one inside the database's container, else one of this machine that is not older than the server.
#![expect(clippy::disallowed_methods, reason = "the dump is written to a temporary file")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::Surroundings;
use super::commands::Runner;
use super::server::binaries;
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::plan::Inside;
use crate::wire::engine;

/// What is dumped, and what is left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub with_data: bool,
    /// Schema and name of a table that is no part of it.
    pub without: (&'a str, &'a str),
}

impl Wanted<'_> {
    fn arguments(&self) -> Vec<String> {
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let mut arguments: Vec<String> =
            ["--no-owner", "--no-tablespaces", "--no-subscriptions"].map(String::from).into();
        if self.with_data {
            arguments.extend(["--column-inserts", "--rows-per-insert=100"].map(String::from));
        } else {
            arguments.push("--schema-only".to_owned());
        }
        arguments.push(format!("--exclude-table={}.{}", quote(self.without.0), quote(self.without.1)));
        arguments
    }
}

/// Returns what `pg_dump` writes of the runner's database.
pub(super) async fn dump(
    runner: &Runner<'_>,
    container: Option<&Inside>,
    major: u32,
    wanted: Wanted<'_>,
) -> Result<String> {
    if let Some(inside) = container {
        match dump_inside(runner, inside, wanted).await {
            Ok(text) => return Ok(text),
            Err(why) => tracing::debug!(why, "the container's pg_dump could not be used"),
        }
    }
    let program = find("pg_dump", runner.surroundings, major)?;
    let folder = tempfile::tempdir().map_err(|error| Error::environment("cannot make a folder").because(error))?;
    let file = folder.path().join("dump.sql");
    let mut words = vec![program.display().to_string(), "--file".to_owned(), file.display().to_string()];
    words.extend(wanted.arguments());
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let mut lines = Vec::new();
    let mut take = |event: Event| {
        if let Event::Output { line } = event {
            lines.push(line);
        }
    };
    let ran = runner.run(&quoted.join(" "), std::path::Path::new(""), &mut take).await?;
    if !ran.success {
        return Err(Error::failed("`pg_dump` failed").detail("output", lines.join("\n")));
    }
    std::fs::read_to_string(&file).map_err(|error| Error::environment("cannot read what pg_dump wrote").because(error))
}

/// Over the local socket inside, as the official images allow it; no password leaves devdb.
async fn dump_inside(runner: &Runner<'_>, inside: &Inside, wanted: Wanted<'_>) -> std::result::Result<String, String> {
    let docker = engine::client(&inside.engine, Duration::from_mins(5)).map_err(|error| error.to_string())?;
    let docker = docker.negotiate_version().await.map_err(|error| error.to_string())?;
    let mut arguments = vec!["pg_dump".to_owned()];
    arguments.extend(["--username".to_owned(), runner.workplace.target.user().to_owned(), "--no-password".to_owned()]);
    arguments.extend(wanted.arguments());
    arguments.extend(["--dbname".to_owned(), runner.database.to_owned()]);
    let command = engine::Command { arguments, ..engine::Command::default() };
    let done = engine::execute(&docker, &inside.container, command, &mut |_| {}).await?;
    if done.exit_code == 0 { Ok(done.stdout) } else { Err(done.stderr) }
}

/// Returns the oldest program of this machine that is new enough: a newer one writes for its own server first.
pub(super) fn find(name: &str, surroundings: &Surroundings, major: u32) -> Result<PathBuf> {
    let installed = binaries::find(&surroundings.shell).into_iter().map(|it| it.bin.join(name));
    let path = surroundings.shell.get("PATH").map_or("", |path| path.reveal());
    let on_path = which::which_in_all(name, Some(path), &surroundings.root);
    let candidates = installed.chain(on_path.into_iter().flatten()).filter(|program| program.is_file());
    let mut found: Vec<(u32, PathBuf)> =
        candidates.filter_map(|program| Some((version(&program)?, program))).filter(|(it, _)| *it >= major).collect();
    found.sort();
    found.into_iter().next().map(|(_, program)| program).ok_or_else(|| {
        Error::environment(format!("there is no `{name}` of PostgreSQL {major} or newer"))
            .detail("looked", "into the database's container, along PATH, and where servers are installed")
            .hint(format!("apt-get install postgresql-client-{major}   or   brew install libpq"))
    })
}

/// `pg_dump (PostgreSQL) 15.18 (Debian …)`.
fn version(program: &std::path::Path) -> Option<u32> {
    let output = std::process::Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
