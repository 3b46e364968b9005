//! Tries to lose data, in numbers: `cargo xtask harness`.
//!
//! The runs themselves are ignored tests (`tests/it/reliability`); each leaves its counts in `target/harness`, and all that
//! lie there become `docs/reliability.md`. So a long run may be done in pieces, one after the other.

mod document;

use crate::tasks::{self, Done, Failure};
use crate::{bench, places};
use std::fs;

/// What a run is asked for.
struct Request {
    majors: Vec<u32>,
    resets: u64,
    seconds: Option<u64>,
    seed: Option<u64>,
    storm: u64,
}

impl Request {
    fn read(arguments: &[String]) -> Result<Self, Failure> {
        let (majors, rest) = tasks::take_option(arguments, "--major")?;
        let (resets, rest) = number(&rest, "--resets")?;
        let (seconds, rest) = number(&rest, "--seconds")?;
        let (seed, rest) = number(&rest, "--seed")?;
        let (storm, rest) = number(&rest, "--storm")?;
        if let Some(unknown) = rest.first() {
            return Err(format!("`{unknown}` is no option of the harness").into());
        }
        let majors = tasks::numbers(majors.as_ref())?;
        let majors = if majors.is_empty() { bench::IN_CI.to_vec() } else { majors };
        Ok(Self { majors, resets: resets.unwrap_or(500), seconds, seed, storm: storm.unwrap_or(100) })
    }
}

fn number(arguments: &[String], name: &str) -> Result<(Option<u64>, Vec<String>), Failure> {
    let (text, rest) = tasks::take_option(arguments, name)?;
    let number = text.map(|text| text.parse().map_err(|_not| format!("{name} needs a number, not `{text}`")));
    Ok((number.transpose()?, rest))
}

/// Kills resets and storms the server on each major, then writes the document.
pub(crate) fn harness(arguments: &[String]) -> Done {
    let (fresh, arguments): (Vec<String>, Vec<String>) =
        arguments.iter().cloned().partition(|argument| argument == "--fresh");
    let (only_document, arguments): (Vec<String>, Vec<String>) =
        arguments.into_iter().partition(|argument| argument == "--document");
    let request = Request::read(&arguments)?;
    let counts = places::target().join("harness");
    if !fresh.is_empty() && counts.exists() {
        fs::remove_dir_all(&counts).map_err(|error| format!("cannot remove {}: {error}", counts.display()))?;
    }
    if only_document.is_empty() {
        let file = tasks::prepare(true, &request.majors)?;
        for major in &request.majors {
            if request.resets > 0 {
                run(*major, "harness_kills", &request, &file)?;
            }
            if request.storm > 0 {
                run(*major, "harness_storm", &request, &file)?;
            }
        }
    }
    let text = document::write(&counts)?;
    let place = places::root().join("docs/reliability.md");
    fs::write(&place, text).map_err(|error| format!("cannot write {}: {error}", place.display()))?;
    println!("harness: wrote {}", place.display());
    Ok(())
}

/// As users run it: with the optimised devdb.
fn run(major: u32, test: &str, request: &Request, file: &std::path::Path) -> Done {
    let mut command = tasks::cargo();
    command.args(["test", "--release", "--locked", "--test", "it", "--", "--ignored", "--nocapture", "--exact"]);
    command.arg(format!("reliability::{test}"));
    // What the caller prepared before wins, as it does for the tests.
    if std::env::var_os("DEVDB_BENCH").is_none() {
        command.env("DEVDB_BENCH", file);
    }
    command.env("DEVDB_PG_MAJOR", major.to_string());
    command.env("DEVDB_HARNESS_REPORT", places::target().join("harness"));
    command.env("DEVDB_HARNESS_RESETS", request.resets.to_string());
    command.env("DEVDB_HARNESS_STORM", request.storm.to_string());
    if let Some(seconds) = request.seconds {
        command.env("DEVDB_HARNESS_SECONDS", seconds.to_string());
    }
    if let Some(seed) = request.seed {
        command.env("DEVDB_HARNESS_SEED", seed.to_string());
    }
    tasks::step(&mut command)
}
