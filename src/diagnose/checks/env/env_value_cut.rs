//! `env-value-cut`

use super::super::prelude::*;
use crate::diagnose::loaders::names_database;
use crate::model::env::Quote;
use crate::parse::env_file;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-value-cut",
    title: "The loaders take what stands in `.env`",
    area: "env",
    severity: Severity::Warning,
    needs: &[],
    follows: &["env-missing", "env-syntax"],
    explain: "Seen as: `password authentication failed` with the password that stands in the file; a host that nobody wrote.\n\
        Cause: a `$` in the value is a variable to Docker Compose, dotenvy and the shell, and a `#` begins a comment for node. Nobody has a\n\
        variable of that name, so that a part of the value is gone.\n\
        Proof: the value of a key that names the database, as this project's own loader reads it, and Compose where it reads the file, beside\n\
        what is written.\n\
        Fix: single quotes, in which all loaders take the value as it is.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let text = "DB_PASSWORD=pa$word\nDATABASE_URL=postgresql://app:pw@localhost:5432/app\n";
        picture.env_files = vec![env_file::parse(std::path::Path::new(".env"), text)];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    Ok(picture.env_files.iter().flat_map(|file| of_file(picture, file)).collect())
}

fn of_file(picture: &Picture, file: &EnvFile) -> Vec<Finding> {
    let shell = |name: &str| picture.shell.get(name).map(|value| value.reveal().to_owned());
    let compose = picture.compose.known();
    let beside_compose = compose.is_some_and(|compose| compose.directory.join(".env") == file.path);
    let mut dialects = vec![picture.dialect];
    if beside_compose && picture.dialect != Dialect::Compose {
        dialects.push(Dialect::Compose);
    }
    let mut findings: BTreeMap<usize, Finding> = BTreeMap::new();
    for dialect in dialects {
        for (key, effective) in env_file::effective(file, dialect, &shell).keys {
            let Some(entry) = file.entries.get(effective.entry).filter(|_| names_database(picture, &key)) else {
                continue;
            };
            let Some(value) = effective.value.filter(|value| is_cut(file, entry, value.reveal(), &shell)) else {
                continue;
            };
            let whole = entry.raw.reveal().chars().count();
            let rest = entry.raw.reveal().strip_prefix(value.reveal()).unwrap_or_default();
            let what = if rest.starts_with('#') { "`#` ends it" } else { "`$…` is a variable to it" };
            let text =
                format!("{} takes {} of {whole} characters: {what}", dialect.name(), value.reveal().chars().count());
            let finding = findings.remove(&entry.line).unwrap_or_else(|| {
                let step = Step::SetEnvValue {
                    file: file.path.clone(),
                    line: entry.line,
                    key: key.clone(),
                    value: entry.raw.clone(),
                    shown: "the same value, in single quotes".to_owned(),
                };
                Finding::new(format!("a part of `{key}` is lost to its loader")).auto(step.describe(), vec![step])
            });
            findings.insert(entry.line, finding.at(&Place::new(&file.path, entry.line), text));
        }
    }
    findings.into_values().collect()
}

/// Whether a loader took less than what is written, for no variable that anybody has.
fn is_cut(file: &EnvFile, entry: &EnvEntry, taken: &str, shell: &dyn Fn(&str) -> Option<String>) -> bool {
    let written = entry.raw.reveal();
    if taken == written || entry.quote == Quote::Single || taken.len() >= written.len() {
        return false;
    }
    if let Some(rest) = written.strip_prefix(taken)
        && rest.starts_with('#')
        && !taken.is_empty()
    {
        return true;
    }
    // Braces are meant: `${NAME}` of a key that is missing is told elsewhere.
    let names: Vec<&str> = written.split('$').skip(1).map(name).collect();
    let known = |name: &str| shell(name).is_some() || file.entries.iter().any(|entry| entry.key == name);
    written.contains('$') && !written.contains("${") && names.iter().all(|name| !name.is_empty() && !known(name))
}

/// Returns the variable's name at the begin of a text.
fn name(text: &str) -> &str {
    let end = text.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(text.len());
    text.get(..end).filter(|name| !name.starts_with(|it: char| it.is_ascii_digit())).unwrap_or_default()
}
