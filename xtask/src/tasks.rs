//! What a developer and CI call.

use crate::{bench, places, run};
use std::ffi::OsStr;
use std::process::Command;

/// Why a task failed, and the code to exit with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) code: u8,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, code: 1 }
    }
}

pub(crate) type Done = Result<(), Failure>;

/// The tests in which the server's major matters: those that start servers of their own. Containers keep the major of
/// their image.
const SERVER_PART: [&str; 12] = [
    "reset_",
    "layers",
    "migrate",
    "schema",
    "ddl",
    "drift_mend",
    "setup",
    "hostile",
    "targets",
    "snapshot",
    "branch",
    "reliability",
];

/// Those of them that CI runs on the newest major: where catalogs, copies and clients of another major are met.
const NEWEST_PART: [&str; 8] =
    ["reset_", "layers", "migrate_squash", "schema", "ddl", "drift_mend", "setup", "snapshot"];

/// Prepares the bench and runs every test, or with `--major` the server part on that one; everything that is no option of
/// ours goes to the test program.
pub(crate) fn test(arguments: &[String]) -> Done {
    let (majors, rest) = take_option(arguments, "--major")?;
    let majors = numbers(majors.as_ref())?;
    let quick = rest.iter().any(|argument| argument == "--quick");
    let rest: Vec<String> = rest.into_iter().filter(|argument| argument != "--quick" && argument != "--").collect();
    let file = prepare(quick, &majors)?;
    let Some(major) = majors.first() else {
        return step(cargo().args(["test", "--workspace", "--locked", "--"]).args(rest).env("DEVDB_BENCH", file));
    };
    let named = rest.iter().any(|argument| !argument.starts_with('-'));
    let part = if named { [].as_slice() } else { SERVER_PART.as_slice() };
    println!("==> the server part on PostgreSQL {major}");
    let mut command = cargo();
    command.args(["test", "--test", "it", "--locked", "--"]).args(part).args(rest);
    step(command.env("DEVDB_BENCH", file).env("DEVDB_PG_MAJOR", major.to_string()))
}

/// Prepares the bench only.
pub(crate) fn bench_setup(arguments: &[String]) -> Done {
    let (majors, rest) = take_option(arguments, "--majors")?;
    prepare(rest.iter().any(|argument| argument == "--quick"), &numbers(majors.as_ref())?).map(drop)
}

/// Returns the value of `name VALUE` or `name=VALUE`, if it is there, and the other arguments.
pub(crate) fn take_option(arguments: &[String], name: &str) -> Result<(Option<String>, Vec<String>), Failure> {
    let mut value = None;
    let mut rest = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == name {
            let next = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            value = Some(next.clone());
        } else if let Some(after) = argument.strip_prefix(name).and_then(|after| after.strip_prefix('=')) {
            value = Some(after.to_owned());
        } else {
            rest.push(argument.clone());
        }
    }
    Ok((value, rest))
}

pub(crate) fn numbers(list: Option<&String>) -> Result<Vec<u32>, Failure> {
    let words = list.iter().flat_map(|list| list.split(','));
    words
        .map(|word| word.parse().ok().filter(|major| bench::known_major(*major)))
        .map(|major| major.ok_or_else(|| "majors are 14, 15, 16, 17 and 18".to_owned().into()))
        .collect()
}

pub(crate) fn prepare(quick: bool, majors: &[u32]) -> Result<std::path::PathBuf, Failure> {
    let (bench, file) = bench::prepare(quick, majors)?;
    let lacking: Vec<String> = bench
        .missing
        .iter()
        .filter(|missing| !missing.on_purpose)
        .map(|missing| format!("{}: {}\n  to mend it: {}", missing.what, missing.why, missing.command))
        .collect();
    if lacking.is_empty() {
        return Ok(file);
    }
    if places::in_ci() {
        return Err(format!(
            "the test bench is not complete, and in CI no test may be skipped\n{}",
            lacking.join("\n")
        )
        .into());
    }
    eprintln!("bench: tests that need what is missing will be SKIPPED");
    Ok(file)
}

/// Makes sure that a server can be started, then shows what devdb does.
pub(crate) fn demo(arguments: &[String]) -> Done {
    if let Err(missing) = bench::find_postgres() {
        let message = format!("the demo needs a PostgreSQL server: {}\n  run: {}", missing.why, missing.command);
        return Err(message.into());
    }
    step(cargo().args(["build", "--release", "--locked", "--bin", "devdb"]))?;
    let program = places::target().join("release/devdb");
    let mut demo = Command::new(program);
    match run::shown(demo.arg("demo").args(arguments))? {
        0 => Ok(()),
        code => Err(Failure { message: "the demo did not end well".to_owned(), code }),
    }
}

/// Writes the generated reference; with `--check`, fails when it differs from what is committed.
pub(crate) fn docs(arguments: &[String]) -> Done {
    step(cargo().args(["run", "--quiet", "--locked", "--bin", "devdb", "--", "__reference", "docs"]))?;
    if !arguments.iter().any(|argument| argument == "--check") {
        return Ok(());
    }
    let stale = "docs/ is not up to date: run `cargo xtask docs` and commit the result";
    step(in_root("git").args(["diff", "--exit-code", "--", "docs"]))
        .map_err(|failure| Failure { message: stale.to_owned(), ..failure })?;
    let untracked = run::output(in_root("git").args(["ls-files", "--others", "--exclude-standard", "--", "docs"]))?;
    if untracked.trim().is_empty() {
        return Ok(());
    }
    Err(format!("{stale}\nnot committed yet:\n{untracked}").into())
}

/// Everything that must hold for a change.
pub(crate) fn ci() -> Done {
    step(cargo().args(["fmt", "--all", "--check"]))?;
    step(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    step(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    docs(&["--check".to_owned()])?;
    test(&[])?;
    let [_the_machines_own, newest] = bench::IN_CI;
    let part = NEWEST_PART.map(str::to_owned);
    test(&[vec!["--major".to_owned(), newest.to_string()], part.to_vec()].concat())
}

pub(crate) fn cargo() -> Command {
    // Cargo says which of several toolchains called us.
    in_root(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn in_root(program: impl AsRef<OsStr>) -> Command {
    let mut command = run::command(program);
    command.current_dir(places::root());
    command
}

/// Runs a command that speaks for itself, saying which; its exit code becomes ours.
pub(crate) fn step(command: &mut Command) -> Done {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_default().to_owned();
    let words: Vec<String> = std::iter::once(program.as_os_str())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let line = words.join(" ");
    println!("==> {line}");
    match run::shown(command)? {
        0 => Ok(()),
        code => Err(Failure { message: format!("`{line}` failed"), code }),
    }
}
