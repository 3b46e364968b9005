//! Fuzzing the parsers: libFuzzer over the targets in `fuzz/`, with the stable compiler.
//!
//! A fuzzer needs a binary that counts which of its edges ran. The flags that make one are stable; only the address
//! sanitizer would need a nightly compiler, and safe code gives it nothing to find.

use crate::tasks::Failure;
use crate::{places, run};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells from a file's name whether it is an example of what a target reads.
type IsExample = fn(&str) -> bool;

const TARGETS: [(&str, IsExample); 5] = [
    ("env", |name| name.starts_with(".env") || ends(name, "env")),
    ("compose", |name| ends(name, "yaml") || ends(name, "yml")),
    ("ini", |name| ends(name, "ini") || ends(name, "toml")),
    ("revision", |name| ends(name, "py")),
    ("sql", |name| ends(name, "sql")),
];

/// What cargo-fuzz passes to the compiler, without a sanitizer.
const COVERAGE: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg=fuzzing",
];

/// Larger examples only slow the fuzzer down.
const LARGEST_EXAMPLE: u64 = 16 << 10;
const MOST_EXAMPLES: usize = 1_000;

/// Builds the targets and runs those asked for (all by default), one after the other, `--seconds` each.
pub(crate) fn fuzz(arguments: &[String]) -> Result<(), Failure> {
    let (wanted, seconds) = read(arguments)?;
    let triple = host()?;
    let built = build(&triple)?;
    for (name, is_example) in TARGETS {
        if wanted.is_empty() || wanted.contains(&name) {
            let program = built.join(name);
            run_target(&program, name, is_example, seconds)?;
        }
    }
    Ok(())
}

fn read(arguments: &[String]) -> Result<(Vec<&'static str>, u32), Failure> {
    let mut wanted = Vec::new();
    let mut seconds = 60;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--seconds" {
            let value = words.next().and_then(|value| value.parse().ok());
            seconds = value.ok_or_else(|| "`--seconds` wants a number".to_owned())?;
            continue;
        }
        let known = TARGETS.iter().find(|(name, _)| name == word);
        let (name, _) = known.ok_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            format!("no fuzz target `{word}`; there are: {}", names.join(", "))
        })?;
        wanted.push(*name);
    }
    Ok((wanted, seconds))
}

/// Returns the triple of this machine. Naming it as the target keeps the flags away from build scripts and macros.
fn host() -> Result<String, Failure> {
    let told = run::output(run::command("rustc").arg("-vV"))?;
    let line = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.ok_or_else(|| "`rustc -vV` names no host".to_owned())?.to_owned())
}

fn build(triple: &str) -> Result<PathBuf, Failure> {
    let target = places::target().join("fuzz");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = run::command(cargo);
    command
        .current_dir(places::root().join("fuzz"))
        .args(["build", "--release", "--target", triple])
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", COVERAGE.join(" "));
    match run::shown(&mut command)? {
        0 => Ok(target.join(triple).join("release")),
        code => Err(Failure { message: "the fuzz targets did not build".to_owned(), code }),
    }
}

fn run_target(program: &Path, name: &str, is_example: IsExample, seconds: u32) -> Result<(), Failure> {
    let own = places::root().join("fuzz");
    let corpus = own.join("corpus").join(name);
    let examples = places::target().join("fuzz/examples").join(name);
    let artifacts = own.join("artifacts").join(name);
    for folder in [&corpus, &examples, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    }
    let gathered = gather(is_example, &examples);
    println!("==> fuzz {name}: {seconds} s, from {gathered} examples");
    let mut command = Command::new(program);
    command
        .arg(&corpus)
        .arg(own.join("seeds").join(name))
        .arg(&examples)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", "-print_final_stats=1"]);
    match run::shown(&mut command)? {
        0 => Ok(()),
        code => {
            let message = format!("`{name}` found something; the input is in `{}`", artifacts.display());
            Err(Failure { message, code })
        }
    }
}

/// Copies the examples of the test fixtures, the templates and the corpora into one flat folder; returns how many.
fn gather(is_example: IsExample, into: &Path) -> usize {
    let root = places::root();
    let corpus = std::env::var_os("DEVDB_CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    let mut folders =
        vec![root.join("tests/fixtures"), root.join("templates"), corpus, root.join("target/corpus-wheels")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push(path);
            } else if count < MOST_EXAMPLES && kind.is_file() && is_small_example(&path, is_example) {
                count += usize::from(fs::copy(&path, into.join(count.to_string())).is_ok());
            }
        }
    }
    count
}

fn is_small_example(path: &Path, is_example: IsExample) -> bool {
    let small = || path.metadata().is_ok_and(|metadata| metadata.len() <= LARGEST_EXAMPLE);
    path.file_name().and_then(OsStr::to_str).is_some_and(is_example) && small()
}

fn ends(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}
