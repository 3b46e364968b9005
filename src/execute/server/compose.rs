//! The database's service of a Compose project, started and stopped by Docker Compose itself.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::ports;
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::local_server::ComposePlan;
use crate::wire::process::{self, Exit, Program};

/// How many lines of Compose's own output an error shows.
const TAIL: usize = 8;

/// Returns the words that run Docker Compose here: the plugin, else the program of its own.
pub(super) async fn words(directory: &Path) -> Option<Vec<String>> {
    let candidates: [&[&str]; 3] = [&["docker", "compose"], &["docker-compose"], &["podman-compose"]];
    for words in candidates {
        let Some((program, rest)) = words.split_first() else { continue };
        let mut arguments = rest.to_vec();
        arguments.push("version");
        if process::output(program, &arguments, directory, Duration::from_secs(5)).await.is_some() {
            return Some(words.iter().map(|word| (*word).to_owned()).collect());
        }
    }
    None
}

/// Starts the service and what it depends on.
pub(super) async fn up(plan: &ComposePlan, tell: &mut dyn FnMut(Event)) -> Result<()> {
    let (shown, exit) = run(plan, &["up", "-d"], tell).await?;
    if exit.success() {
        return Ok(());
    }
    Err(explain(failed(plan, &shown, &exit), &exit.tail.join("\n"), plan))
}

/// Stops the service; container and volumes stay.
pub(super) async fn stop(plan: &ComposePlan, tell: &mut dyn FnMut(Event)) -> Result<()> {
    let (shown, exit) = run(plan, &["stop"], tell).await?;
    if exit.success() { Ok(()) } else { Err(failed(plan, &shown, &exit)) }
}

async fn run(plan: &ComposePlan, verb: &[&str], tell: &mut dyn FnMut(Event)) -> Result<(String, Exit)> {
    let mut words: Vec<OsString> = plan.words.iter().map(OsString::from).collect();
    if !plan.project.is_empty() {
        words.extend(["-p".into(), OsString::from(&plan.project)]);
    }
    for file in &plan.files {
        words.extend(["-f".into(), file.clone().into_os_string()]);
    }
    words.extend(verb.iter().map(OsString::from));
    words.push(OsString::from(&plan.service));
    let shown = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    tell(Event::Output { line: format!("$ {shown}") });
    let environment = plan.environment.clone();
    let program = Program { words, directory: plan.directory.clone(), environment, ..Program::default() };
    let exit = process::run(&program, &mut |line| tell(Event::Output { line })).await.map_err(|error| {
        Error::environment(format!("cannot run `{shown}`"))
            .because(error)
            .hint("devdb up --with container, or --with cluster")
    })?;
    Ok((shown, exit))
}

fn failed(plan: &ComposePlan, shown: &str, exit: &Exit) -> Error {
    let code = exit.code.map_or_else(|| "was killed".to_owned(), |code| format!("failed with exit code {code}"));
    let skipped = exit.tail.len().saturating_sub(TAIL);
    let tail: Vec<&str> = exit.tail.iter().skip(skipped).map(String::as_str).collect();
    Error::environment(format!("the Compose service `{}`: `{shown}` {code}", plan.service))
        .detail("it says", tail.join("\n"))
}

/// Adds what to do about the usual causes.
fn explain(error: Error, said: &str, plan: &ComposePlan) -> Error {
    if let Some(port) = ports::taken(said) {
        let held = ports::holder(port).unwrap_or_else(|| "somebody".to_owned());
        return error
            .detail("port", format!("{port} is held by {held}"))
            .hint(format!("stop it, or publish `{}` on another port, and write the same port to `.env`", plan.service))
            .hint("devdb doctor");
    }
    let lower = said.to_ascii_lowercase();
    if lower.contains("pull access denied") || lower.contains("no such host") || lower.contains("tls handshake") {
        return error.hint("the image is not here and could not be pulled: check the network, or `docker login`");
    }
    if lower.contains("permission denied") && lower.contains("sock") {
        return error.hint("sudo usermod -aG docker $USER, then log in again");
    }
    error.hint("devdb doctor")
}
