//! The project's own commands, and what is said when they fail.

use std::path::Path;

use super::Teller;
use super::commands::{Ran, Runner};
use super::script::without_passwords;
use crate::error::{Error, Result};
use crate::model::text::{counted, shortened, visible};

/// Runs a command of the project that must reach the database being built, and must succeed.
pub(super) async fn run_command(
    runner: &Runner<'_>,
    command: &str,
    directory: &Path,
    what: &str,
    tell: &mut Teller<'_>,
) -> Result<Ran> {
    let ran = runner.run(command, directory, tell).await?;
    judged(runner, command, what, ran)
}

/// Returns what a command did, when it succeeded and reached the database being built.
pub(super) fn judged(runner: &Runner<'_>, command: &str, what: &str, ran: Ran) -> Result<Ran> {
    if let Some(database) = &ran.stopped_at {
        return Err(wrong_database(runner, command, database));
    }
    if !ran.success {
        return Err(failure(runner, command, what, &ran));
    }
    if ran.bridged && !ran.reached {
        return Err(never_reached(runner, command, &ran));
    }
    Ok(ran)
}

/// Returns what a migration command did, as a sentence.
pub(super) fn told(command: &str, ran: &Ran) -> String {
    match ran.applied {
        0 => format!("`{command}`"),
        applied => counted(applied, "revision"),
    }
}

pub(super) fn failure(runner: &Runner<'_>, command: &str, what: &str, ran: &Ran) -> Error {
    let code = ran.code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
    if ran.code == Some(127) {
        return Error::environment(format!("`{command}` was not found"))
            .detail("output", tail(ran, 3))
            .hint("install the project's dependencies into its virtual environment (.venv)")
            .hint("or name the command: [migrations] upgrade = \"…\" in devdb.toml");
    }
    let mut error = match &ran.current {
        Some((revision, message)) => {
            let place = revision_place(runner, revision, ran).unwrap_or_default();
            Error::failed(format!("revision `{revision}` ({message}) failed")).detail("where", place)
        }
        None => Error::failed(format!("the {what} `{command}` ended with {code}")),
    };
    if let Some(report) = &ran.error {
        error = error
            .detail("statement", shortened(&visible(&without_passwords(&report.statement)), 400))
            .detail("server says", visible(&report.message))
            .detail("SQLSTATE", report.sqlstate.clone())
            .detail("detail", visible(&report.detail))
            .detail("hint", visible(&report.hint));
    } else {
        error = error.detail("output", tail(ran, 12));
    }
    error
}

/// The file of a revision, with the line that its traceback names.
fn revision_place(runner: &Runner<'_>, revision: &str, ran: &Ran) -> Option<String> {
    let place = runner.workplace.revisions.get(revision)?;
    let name = place.file.file_name()?.to_str()?;
    let line = ran.tail.iter().rev().find_map(|line| {
        let rest = line.trim().strip_prefix("File \"")?;
        let (path, rest) = rest.split_once("\", line ")?;
        let ours = path.ends_with(name);
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        number.parse::<usize>().ok().filter(|_| ours)
    });
    Some(format!("{}:{}", place.file.display(), line.unwrap_or(place.line)))
}

/// Alembic was about to run on another database, and was stopped before the first revision.
pub(super) fn wrong_database(runner: &Runner<'_>, command: &str, database: &str) -> Error {
    let target = &runner.workplace.target;
    Error::environment(format!("`{command}` connected to another database; nothing was run"))
        .detail("it connected to", visible(database))
        .detail("meant is", target.with_database(runner.database).to_string())
        .detail("named by", runner.workplace.origin.to_string())
        .hint("let env.py read the same variable; see `devdb explain alembic-url-diff`")
        .hint("or name the right command: [migrations] upgrade = \"…\" in devdb.toml")
}

fn never_reached(runner: &Runner<'_>, command: &str, ran: &Ran) -> Error {
    let target = &runner.workplace.target;
    let mut error = Error::environment(format!("`{command}` never connected to {target}"))
        .detail("named by", runner.workplace.origin.to_string());
    if ran.elsewhere.is_empty() {
        error = error.detail("it connected to", "no PostgreSQL database at all");
    } else {
        error = error
            .detail("it connected to", ran.elsewhere.join("\n"))
            .hint("let both read the same variable; see `devdb explain alembic-url-diff`");
    }
    error.hint("or name the right command: [migrations] upgrade = \"…\" in devdb.toml")
}

/// The last lines of a command's output, without the passwords that it may have printed.
fn tail(ran: &Ran, lines: usize) -> String {
    let from = ran.tail.len().saturating_sub(lines);
    ran.tail.iter().skip(from).map(|line| visible(line)).collect::<Vec<_>>().join("\n")
}
