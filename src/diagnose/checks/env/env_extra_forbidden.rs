//! `env-extra-forbidden`

use super::super::prelude::*;
use crate::model::habits::StrictSettings;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-extra-forbidden",
    title: "The app's settings have a field for each key of `.env`",
    area: "env",
    severity: Severity::Error,
    needs: &[],
    follows: &["env-missing"],
    explain: "Seen as: `ValidationError: Extra inputs are not permitted` when the app starts, with a key of `.env` above it.\n\
        Cause: pydantic-settings 2 forbids what it has no field for, in the env file alone; version 1 ignored it. Mostly a key that only \
        Compose reads.\n\
        Proof: a class `BaseSettings` with `env_file` and without `extra`, its fields, and the file's keys that have a value.\n\
        Fix: by hand: `extra=\"ignore\"`, or a field.\n\
        Keeps: everything; a key that is misspelt is then ignored, too.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.habits.settings = vec![StrictSettings {
            at: Place::new("app/config.py", 4),
            name: "Settings".to_owned(),
            root: "".into(),
            env_files: vec![".env".to_owned()],
            keys: vec!["debug".to_owned()],
            prefixes: Vec::new(),
        }];
    },
};

/// Named in the finding.
const SHOWN: usize = 5;

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for class in &picture.habits.settings {
        let read = class.env_files.iter().filter_map(|name| file_of(picture, class, name));
        let extra: Vec<(&EnvFile, &EnvEntry)> = read
            .flat_map(|file| file.entries.iter().map(move |entry| (file, entry)))
            .filter(|(_, it)| is_extra(class, it))
            .collect();
        let Some((_, first)) = extra.first() else { continue };
        let more = match extra.len() {
            1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        let mut finding =
            Finding::new(format!("`{}` has no field for `{}`{more}, and refuses it", class.name, first.key))
                .at(&class.at, format!("class {}(BaseSettings), without `extra`", class.name));
        for (file, entry) in extra.iter().take(SHOWN) {
            finding = finding.at(&Place::new(&file.path, entry.line), format!("{}=…", entry.key));
        }
        let names: Vec<String> = class.env_files.iter().map(|name| format!("\"{name}\"")).collect();
        let names = if names.len() == 1 { names.concat() } else { format!("({})", names.join(", ")) };
        let line = format!("model_config = SettingsConfigDict(env_file={names}, extra=\"ignore\")");
        findings.push(finding.manual("let it ignore what it has no field for, or give it one", &[&line]));
    }
    Ok(findings)
}

/// Returns the file that a class means: its path starts from where the app is run.
fn file_of<'a>(picture: &'a Picture, class: &StrictSettings, name: &str) -> Option<&'a EnvFile> {
    let mut path = class.root.clone();
    for part in std::path::Path::new(name).components() {
        match part {
            std::path::Component::ParentDir => drop(path.pop()),
            std::path::Component::Normal(part) => path.push(part),
            _ => {}
        }
    }
    picture.env_files.iter().find(|file| file.path == path)
}

fn is_extra(class: &StrictSettings, entry: &EnvEntry) -> bool {
    let key = entry.key.to_lowercase();
    let nested = class.prefixes.iter().any(|prefix| key.starts_with(prefix));
    // What a variable leaves empty is no input.
    let raw = entry.raw.reveal();
    !raw.is_empty() && !raw.starts_with('$') && !class.keys.contains(&key) && !nested
}
