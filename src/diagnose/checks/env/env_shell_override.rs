//! `env-shell-override`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-shell-override",
    title: "The shell does not override `.env`",
    area: "env",
    severity: Severity::Warning,
    needs: &[Need::Target],
    follows: &[],
    explain: "Seen as: edits to `.env` change nothing.\n\
        Cause: the variable is exported in your shell (a profile, direnv, an earlier `export`), and loaders keep what is set already.\n\
        Proof: devdb was started with the variable, and its value differs from the file's.\n\
        Fix: `unset` it, and find what sets it; devdb cannot change its parent shell.\n\
        Keeps: everything; the variable is back in the next shell until what sets it is gone.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let key = picture.env_files[0].entries[0].key.clone();
        picture.shell.insert(key.clone(), "postgresql://app@localhost:9999/other".into());
        picture.candidates[0].origin = Origin::Shell { key };
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target() else { return Ok(Vec::new()) };
    let origins = [Some(&candidate.origin), candidate.port_origin.as_ref(), candidate.host_origin.as_ref()];
    let mut keys: Vec<&str> = origins
        .into_iter()
        .flatten()
        .filter_map(|origin| match origin {
            Origin::Shell { key } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    keys.dedup();
    let finding = |key: &str| {
        let value = picture.shell.get(key)?;
        let in_file = |file: &'_ EnvFile| {
            let entry = file.entries.iter().rev().find(|entry| entry.key == key && entry.raw != *value)?;
            Some(Place::new(&file.path, entry.line))
        };
        let at = picture.env_files.iter().find_map(in_file)?;
        Some(
            Finding::new(format!("`{key}` of the shell wins over `{}`", at.file.display()))
                .at(&at, "this line is ignored")
                .seen(format!("the shell's value leads to {}", candidate.target))
                .manual("take it out of the shell", &[&format!("unset {key}")]),
        )
    };
    Ok(keys.into_iter().filter_map(finding).collect())
}
