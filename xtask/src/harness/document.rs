//! `docs/reliability.md`, from the counts of all runs.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What one run of kills counted.
#[derive(Deserialize)]
struct Kills {
    major: u32,
    seconds: u64,
    kills: u64,
    late: u64,
    bystanders: usize,
    outcomes: BTreeMap<String, u64>,
    left_over: u64,
    most_layers: usize,
    orphaned_directories: u64,
}

/// What one storm counted.
#[derive(Deserialize)]
struct Storm {
    major: u32,
    resets: usize,
    clients: usize,
    logins: u64,
    refused: u64,
    gap_median: f64,
    gap_longest: f64,
    reset_median: f64,
    reset_longest: f64,
}

/// Returns the document over everything that `directory` holds.
pub(super) fn write(directory: &Path) -> Result<String, String> {
    let (kills, storms) = read(directory)?;
    if kills.is_empty() && storms.is_empty() {
        return Err(format!("there are no counts in {}; run `cargo xtask harness`", directory.display()));
    }
    let mut text = include_str!("intro.md").to_owned();
    let majors: Vec<u32> = kills.keys().copied().collect();
    for (major, runs) in &kills {
        text += &of_major(*major, runs);
    }
    text += &table(&kills, &majors);
    text += &storms_table(&storms);
    text += "\n";
    text += include_str!("found.md");
    Ok(text)
}

type ByMajor<T> = BTreeMap<u32, Vec<T>>;

fn read(directory: &Path) -> Result<(ByMajor<Kills>, ByMajor<Storm>), String> {
    let (mut kills, mut storms) = (ByMajor::<Kills>::new(), ByMajor::<Storm>::new());
    let mut files: Vec<_> = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let wrong = |error: serde_json::Error| format!("{}: {error}", file.display());
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("kills-") {
            let run: Kills = serde_json::from_str(&text).map_err(wrong)?;
            kills.entry(run.major).or_default().push(run);
        } else if name.starts_with("storm-") {
            let run: Storm = serde_json::from_str(&text).map_err(wrong)?;
            storms.entry(run.major).or_default().push(run);
        }
    }
    Ok((kills, storms))
}

fn of_major(major: u32, runs: &[Kills]) -> String {
    let sum = |of: fn(&Kills) -> u64| runs.iter().map(of).sum::<u64>();
    let most = |of: fn(&Kills) -> usize| runs.iter().map(of).max().unwrap_or_default();
    let minutes = sum(|run| run.seconds) / 60;
    let mut text =
        format!("\n## PostgreSQL {major}: {} kills in {minutes} minutes, nothing lost\n\n", sum(|run| run.kills));
    let lines = [
        (sum(|run| run.late), "more runs were done before anything went wrong"),
        (sum(|run| run.left_over), "times something unfinished was left, and the next run removed it"),
        (most(|run| run.bystanders) as u64, "databases of others on the server were not touched"),
        (most(|run| run.most_layers) as u64, "layers stood there at most"),
        (sum(|run| run.orphaned_directories), "orphaned directories were left by the server itself"),
    ];
    for (count, what) in lines {
        drop(writeln!(text, "- {count} {what}"));
    }
    text
}

/// What was cut short by what, and what was there then: a column a major.
fn table(kills: &ByMajor<Kills>, majors: &[u32]) -> String {
    let mut counts: BTreeMap<(&str, &str, &str), BTreeMap<u32, u64>> = BTreeMap::new();
    let mut faults: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
    for (major, runs) in kills {
        for (key, count) in runs.iter().flat_map(|run| &run.outcomes) {
            let words: Vec<&str> = key.split(" | ").collect();
            let [_project, operation, fault, outcome] = words.as_slice() else { continue };
            *counts.entry((operation, fault, outcome)).or_default().entry(*major).or_default() += count;
            *faults.entry(fault).or_default().entry(*major).or_default() += count;
        }
    }
    let heads: String = majors.iter().fold(String::new(), |heads, major| heads + &format!(" {major} |"));
    let line: String = majors.iter().map(|_major| " --: |").collect();
    let cells = |by_major: &BTreeMap<u32, u64>| -> String {
        majors.iter().fold(String::new(), |cells, major| {
            cells + &by_major.get(major).map_or_else(|| " |".to_owned(), |count| format!(" {count} |"))
        })
    };
    let mut text = format!("\n## What went wrong\n\n| |{heads}\n| --- |{line}\n");
    for (fault, by_major) in &faults {
        drop(writeln!(text, "| {fault} |{}", cells(by_major)));
    }
    text += &format!(
        "\n## What was there afterwards\n\n| cut short | by | then it was |{heads}\n| --- | --- | --- |{line}\n"
    );
    for ((operation, fault, outcome), by_major) in &counts {
        drop(writeln!(text, "| {operation} | {fault} | {outcome} |{}", cells(by_major)));
    }
    text += "\nA child that makes a spare leaves the database that was made before it; a save leaves the database, and the old \
             or the new snapshot.\n";
    text
}

fn storms_table(storms: &ByMajor<Storm>) -> String {
    if storms.is_empty() {
        return String::new();
    }
    let mut text = "\n## A storm of clients\n\nClients that log in, ask, leave and come back at once, while resets exchange the database; \
                    one reset in four has seeds to load. No reset failed. The time without a database is the longest between two \
                    answers that any of the clients got, around each reset: of clients, server and devdb on the same cores.\n\n\
                    | PostgreSQL | clients | resets | logins | refused | without a database: median | longest | a reset: median | longest |\n\
                    | --- | --: | --: | --: | --: | --: | --: | --: | --: |\n"
        .to_owned();
    for storm in storms.values().flatten() {
        let Storm { major, resets, clients, logins, refused, .. } = storm;
        drop(writeln!(
            text,
            "| {major} | {clients} | {resets} | {logins} | {refused} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms |",
            storm.gap_median, storm.gap_longest, storm.reset_median, storm.reset_longest
        ));
    }
    text
}
