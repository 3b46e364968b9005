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
        Fix: deletes the line that your loader ignores, after asking.",
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
        let mut first: BTreeMap<&str, &EnvEntry> = BTreeMap::new();
        for entry in &file.entries {
            match first.get(entry.key.as_str()) {
                Some(earlier) if earlier.raw != entry.raw => findings.push(duplicate(picture, file, earlier, entry)),
                Some(_) => {}
                None => {
                    first.insert(&entry.key, entry);
                }
            }
        }
    }
    Ok(findings)
}

fn duplicate(picture: &Picture, file: &EnvFile, earlier: &EnvEntry, later: &EnvEntry) -> Finding {
    let first_wins = picture.dialect == Dialect::Dotenvy;
    let (winner, loser) = if first_wins { (earlier, later) } else { (later, earlier) };
    let (loader, word) = if first_wins { ("dotenvy", "first") } else { ("your loader", "last") };
    let step = Step::RemoveLine {
        file: file.path.clone(),
        line: loser.line,
        shown: format!("`{}`, which is ignored", loser.key),
    };
    Finding::new(format!("`{}` stands twice with different values; {loader} takes the {word}", later.key))
        .at(&Place::new(&file.path, winner.line), "this one counts")
        .at(&Place::new(&file.path, loser.line), "this one is ignored")
        .confirm(format!("delete line {}", loser.line), vec![step])
}
