//! `env-key-missing`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-key-missing",
    title: "`.env` has every key that is asked for",
    area: "env",
    severity: Severity::Warning,
    needs: &[],
    follows: &["env-missing"],
    explain: "Seen as: `The \"X\" variable is not set. Defaulting to a blank string.`, or settings that fail on a missing field.\n\
        Cause: a key was added to `.env.example` or to the Compose file after your `.env` was written.\n\
        Proof: the key stands in the example beside the file, or as `${KEY}` without a default, and neither file nor shell has it.\n\
        Fix: appends the key when the example has a usable value.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let Some(mut example) = picture.env_files.first().cloned() else { return };
        example.path = ".env.example".into();
        let mut entry = example.entries[0].clone();
        entry.key = "NEW_KEY".to_owned();
        example.entries.push(entry);
        picture.env_examples.push(example);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for file in &picture.env_files {
        // Of several examples, the one of which it is a copy.
        let beside = picture.env_examples.iter().filter(|it| it.path.with_file_name(".env") == file.path);
        let shared = |it: &&EnvFile| {
            let common = it.entries.iter().filter(|entry| file.entries.iter().any(|own| own.key == entry.key)).count();
            (common, facts::of_example(&it.path) == file.path)
        };
        let Some(example) = beside.rev().max_by_key(shared) else { continue };
        let has = |key: &str| file.entries.iter().any(|entry| entry.key == key) || picture.shell.contains_key(key);
        for entry in example.entries.iter().filter(|entry| !has(&entry.key)) {
            findings.push(missing(file, example, entry));
        }
    }
    findings.extend(unset_in_compose(picture));
    Ok(findings)
}

fn missing(file: &EnvFile, example: &EnvFile, entry: &EnvEntry) -> Finding {
    let at = Place::new(&example.path, entry.line);
    let key = &entry.key;
    let finding = Finding::new(format!("`{}` has no `{key}`", file.path.display())).at(&at, format!("{key}=…"));
    if is_usable(entry.raw.reveal()) {
        let step = Step::AppendEnv {
            file: file.path.clone(),
            key: key.clone(),
            value: entry.raw.clone(),
            shown: "(the example's value)".to_owned(),
        };
        return finding.auto(format!("add `{key}` with the example's value"), vec![step]);
    }
    finding.manual(format!("add `{key}` to `{}`", file.path.display()), &[])
}

fn unset_in_compose(picture: &Picture) -> Vec<Finding> {
    let Some(compose) = picture.compose.known() else { return Vec::new() };
    let service = picture.database_service();
    let in_service =
        |at: &Place| service.is_some_and(|service| service.at.file == at.file && service.at.line <= at.line);
    // `port-ephemeral` tells of these, and knows the value to write.
    let is_port = |at: &Place| {
        service.is_some_and(|service| service.ports.iter().any(|port| port.published.is_none() && port.at == *at))
    };
    let mut seen = BTreeSet::new();
    compose
        .variables
        .iter()
        .filter(|variable| !variable.defined && variable.default.is_none())
        .filter(|variable| in_service(&variable.at) && !is_port(&variable.at))
        .filter(|variable| seen.insert(variable.name.clone()))
        .map(|variable| {
            let what = if variable.required { "Compose refuses to start" } else { "Compose puts an empty text there" };
            Finding::new(format!("`{}` is not set; {what}", variable.name))
                .at(&variable.at, format!("${{{}}}", variable.name))
                .manual(format!("set `{}` in `{}`", variable.name, compose.directory.join(".env").display()), &[])
        })
        .collect()
}

/// Returns whether an example's value would do on any machine.
fn is_usable(value: &str) -> bool {
    !value.is_empty() && !facts::is_placeholder(value)
}
