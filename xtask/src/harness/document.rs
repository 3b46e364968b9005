//! `docs/reliability.md`, from the counts of all runs.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What one run of kills counted.
#[derive(Deserialize)]
struct Kills {
    major: u32,
    seconds: u64,
    optimised: bool,
    #[serde(rename = "kills")]
    struck: u64,
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
    let (kills, minutes) = (sum(|run| run.struck), sum(|run| run.seconds) / 60);
    let lines = [
        format!("\n## PostgreSQL {major}: {kills} kills in {minutes} minutes, nothing lost\n"),
        format!("- {} of the kills were of the optimised devdb", sum(|run| if run.optimised { run.struck } else { 0 })),
        format!("- {} more runs were done before anything went wrong", sum(|run| run.late)),
        format!("- {} times something unfinished was left, and the next run removed it", sum(|run| run.left_over)),
        format!("- {} databases of others on the server were not touched", most(|run| run.bystanders)),
        format!("- {} layers stood there at most", most(|run| run.most_layers)),
        format!("- {} orphaned directories were left by the server itself", sum(|run| run.orphaned_directories)),
    ];
    lines.join("\n") + "\n"
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
    let columns = |of: &dyn Fn(u32) -> String| -> String { majors.iter().map(|major| of(*major)).collect() };
    let heads = columns(&|major| format!(" {major} |"));
    let line = columns(&|_major| " --: |".to_owned());
    let cells = |by_major: &BTreeMap<u32, u64>| {
        columns(&|major| by_major.get(&major).map_or_else(|| " |".to_owned(), |count| format!(" {count} |")))
    };
    let mut lines = vec![format!("\n## What went wrong\n\n| |{heads}\n| --- |{line}")];
    lines.extend(faults.iter().map(|(fault, by_major)| format!("| {fault} |{}", cells(by_major))));
    lines.push(format!(
        "\n## What was there afterwards\n\n| cut short | by | then it was |{heads}\n| --- | --- | --- |{line}"
    ));
    lines.extend(counts.iter().map(|((operation, fault, outcome), by_major)| {
        format!("| {operation} | {fault} | {outcome} |{}", cells(by_major))
    }));
    lines.push(
        "\nA child that makes a spare leaves the database that was made before it; a save leaves the database, and the old or \
         the new snapshot.\n"
            .to_owned(),
    );
    lines.join("\n")
}

fn storms_table(storms: &ByMajor<Storm>) -> String {
    const HEAD: &str = "\n## A storm of clients\n\nClients that log in, ask, leave and come back at once, while resets exchange \
        the database; one reset in four has seeds to load. No reset failed. The time without a database is the longest between \
        two answers that any of the clients got, around each reset: clients, server and devdb share the same cores.\n\n\
        | PostgreSQL | clients | resets | logins | refused | without a database: median | longest | a reset: median | longest |\n\
        | --- | --: | --: | --: | --: | --: | --: | --: | --: |\n";
    if storms.is_empty() {
        return String::new();
    }
    let row = |storm: &Storm| {
        let Storm { major, resets, clients, logins, refused, gap_median, gap_longest, reset_median, reset_longest } =
            storm;
        format!(
            "| {major} | {clients} | {resets} | {logins} | {refused} | {gap_median:.0} ms | {gap_longest:.0} ms | \
             {reset_median:.0} ms | {reset_longest:.0} ms |\n"
        )
    };
    HEAD.to_owned() + &storms.values().flatten().map(row).collect::<String>()
}
