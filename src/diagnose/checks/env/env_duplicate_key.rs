//! `env-duplicate-key`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-duplicate-key",
    title: "Every key stands once in its file",
    area: "env",
    severity: Severity::Warning,
    needs: &[],
    follows: &[],
    explain: "Seen as: the app keeps using an old value although `.env` shows a new one.\n\
        Cause: the key stands twice with different values. Rust's dotenvy takes the first; all other loaders, Compose\n\
        among them, the last.\n\
        Proof: both lines.\n\
        Fix: deletes the line that your loader ignores, after asking.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let mut entry = picture.env_files[0].entries[0].clone();
        entry.raw = "another".into();
        entry.line = 99;
        picture.env_files[0].entries.push(entry);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for file in &picture.env_files {
        let mut by_key: BTreeMap<&str, Vec<&EnvEntry>> = BTreeMap::new();
        for entry in &file.entries {
            by_key.entry(&entry.key).or_default().push(entry);
        }
        for entries in by_key.into_values() {
            let mut values: Vec<_> = entries.iter().map(|entry| &entry.raw).collect();
            values.dedup();
            if values.len() > 1 {
                findings.extend(duplicate(picture, file, &entries));
            }
        }
    }
    Ok(findings)
}

fn duplicate(picture: &Picture, file: &EnvFile, entries: &[&EnvEntry]) -> Option<Finding> {
    let first_wins = picture.dialect == Dialect::Dotenvy;
    let (loader, word) = if first_wins { ("dotenvy", "first") } else { ("your loader", "last") };
    let winner = if first_wins { entries.first()? } else { entries.last()? };
    let times = if entries.len() == 2 { "twice".to_owned() } else { format!("{} times", entries.len()) };
    let mut finding =
        Finding::new(format!("`{}` stands {times} with different values; {loader} takes the {word}", winner.key))
            .at(&Place::new(&file.path, winner.line), "this one counts");
    let losers: Vec<&&EnvEntry> = entries.iter().filter(|entry| entry.line != winner.line).collect();
    for loser in &losers {
        finding = finding.at(&Place::new(&file.path, loser.line), "this one is ignored");
    }
    let step = |loser: &&&EnvEntry| Step::RemoveEntry {
        file: file.path.clone(),
        line: loser.line,
        key: loser.key.clone(),
        value: loser.raw.clone(),
    };
    // From the end, so that the lines of those still to go stay what they are.
    let steps = losers.iter().rev().map(step).collect();
    let lines: Vec<String> = losers.iter().map(|loser| loser.line.to_string()).collect();
    Some(finding.confirm(format!("delete line {}", lines.join(", ")), steps))
}
