//! Which file does the app read? Every key that names a database, in every file, as every loader reads it.

use std::collections::BTreeSet;

use crate::model::env::{Dialect, EnvFile, FileReadings, KeyReadings, Reading, Winner};
use crate::model::picture::Picture;
use crate::model::secret::Secret;
use crate::model::target::{PARTS, URL_KEYS};
use crate::parse::{env_file, pg_url};

/// Returns the keys that name a database or a part of it, whole URLs first.
pub fn readings(picture: &Picture) -> Vec<KeyReadings> {
    let shell = |name: &str| picture.shell.get(name).map(|value| value.reveal().to_owned());
    let dialects = own_first(picture.dialect);
    let read: Vec<(&EnvFile, Vec<_>)> = picture
        .env_files
        .iter()
        .map(|file| (file, dialects.iter().map(|dialect| env_file::effective(file, *dialect, &shell)).collect()))
        .collect();
    let named = read.iter().flat_map(|(file, _)| file.entries.iter().map(|entry| (&entry.key, &entry.raw)));
    let named = named.chain(&picture.shell);
    let by_value: BTreeSet<&str> =
        named.filter(|(_, value)| pg_url::looks_like(value.reveal())).map(|(key, _)| key.as_str()).collect();
    let configured = picture.config.database.url_key.as_deref();
    let parts = PARTS.iter().flatten().flat_map(|names| names.iter().copied());
    let mut keys: Vec<&str> = Vec::new();
    for key in configured.into_iter().chain(URL_KEYS).chain(by_value).chain(parts) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let of_key = |key: &str| {
        let files: Vec<FileReadings> = read
            .iter()
            .filter(|(file, _)| file.entries.iter().any(|entry| entry.key == key))
            .map(|(file, readings)| {
                let taken = dialects.iter().zip(readings).map(|(dialect, reading)| {
                    let winner = reading.keys.get(key);
                    let line = winner.and_then(|it| file.entries.get(it.entry)).map_or(0, |entry| entry.line);
                    let taken = match winner.map(|it| &it.value) {
                        None => Taken::Unset,
                        Some(None) => Taken::Computed,
                        Some(Some(value)) => Taken::Value(value.clone()),
                    };
                    (*dialect, line, taken)
                });
                let of_key = file.entries.iter().filter(|entry| entry.key == key);
                let written: String = of_key.map(|entry| entry.statement.reveal()).collect();
                FileReadings { path: file.path.clone(), readings: grouped(taken, (key, &written)) }
            })
            .collect();
        let shell = picture.shell.get(key).map(|value| shown(key, value.reveal()));
        if shell.is_none() && files.is_empty() {
            return None;
        }
        let set = |file: &FileReadings| file.readings.first().is_some_and(|(_, reading)| *reading != Reading::Unset);
        let by_file = files.iter().position(set).map(Winner::File);
        let by_shell = shell.as_ref().map(|_| Winner::Shell);
        let winner = if picture.dialect.environment_wins() { by_shell.or(by_file) } else { by_file.or(by_shell) };
        Some(KeyReadings { key: key.to_owned(), shell, files, winner })
    };
    keys.into_iter().filter_map(of_key).collect()
}

/// Returns whether a key names a database or a part of it.
pub(super) fn names_database(picture: &Picture, key: &str) -> bool {
    let part = || PARTS.iter().flatten().any(|names| names.contains(&key));
    let wins = picture.target().is_some_and(|candidate| candidate.origin.key() == key);
    wins || picture.config.database.url_key.as_deref() == Some(key) || URL_KEYS.contains(&key) || part()
}

/// The project's own loader, and then the others.
fn own_first(own: Dialect) -> Vec<Dialect> {
    let others = Dialect::ALL.into_iter().filter(|it| *it != own);
    std::iter::once(own).chain(others).collect()
}

/// What a loader takes, to be compared.
#[derive(PartialEq, Eq)]
enum Taken {
    Value(Secret),
    Computed,
    Unset,
}

fn grouped(
    read: impl Iterator<Item = (Dialect, usize, Taken)>,
    (key, written): (&str, &str),
) -> Vec<(Vec<Dialect>, Reading)> {
    let mut groups: Vec<(Vec<Dialect>, usize, Taken)> = Vec::new();
    for (dialect, line, taken) in read {
        match groups.iter_mut().find(|(_, _, it)| *it == taken) {
            Some((dialects, _, _)) => dialects.push(dialect),
            None => groups.push((vec![dialect], line, taken)),
        }
    }
    // Cut at a `#`, a URL ends inside of its password, and what is left of that looks like a host.
    let mut told: Vec<(Vec<Dialect>, Reading)> = Vec::new();
    for (dialects, line, taken) in groups {
        let reading = match taken {
            Taken::Value(value) => {
                let cut = written.contains('@') && !value.reveal().contains('@');
                let scheme = value.reveal().split_once("://").filter(|_| cut).map(|(scheme, _)| scheme);
                let text = scheme.map_or_else(|| shown(key, value.reveal()), |it| format!("{it}://*** (cut off)"));
                let same =
                    |it: &(Vec<Dialect>, Reading)| matches!(&it.1, Reading::Value { shown, .. } if *shown == text);
                let other = told.iter().any(same) && !text.is_empty();
                Reading::Value { line, shown: if other { format!("{text} (another value)") } else { text } }
            }
            Taken::Computed => Reading::Computed { line },
            Taken::Unset => Reading::Unset,
        };
        told.push((dialects, reading));
    }
    told
}

/// Returns a value without secrets: a URL with stars for its password, nothing of a password of its own.
fn shown(key: &str, value: &str) -> String {
    const SECRET: [&str; 5] = ["PASS", "PWD", "SECRET", "TOKEN", "CREDENTIAL"];
    if value.is_empty() {
        return String::new();
    }
    if let Ok(parsed) = pg_url::parse(value) {
        // What the client's words are matters here: the scheme and the driver as they are written.
        let driver = parsed.target.driver.as_ref().map(|driver| format!("+{driver}")).unwrap_or_default();
        let url = parsed.target.to_string();
        return format!("{}{driver}{}", parsed.target.scheme, url.strip_prefix("postgresql").unwrap_or(&url));
    }
    let upper = key.to_ascii_uppercase();
    if SECRET.iter().any(|word| upper.contains(word)) {
        return "***".to_owned();
    }
    // With an `@` it may hold one, however it is meant.
    match value.rsplit_once('@') {
        Some((before, rest)) => {
            let (scheme, user) = before.split_once("://").unwrap_or(("", before));
            let user = user.split_once(':').map_or_else(|| user.to_owned(), |(user, _)| format!("{user}:***"));
            if scheme.is_empty() { format!("***@{rest}") } else { format!("{scheme}://{user}@{rest}") }
        }
        // What is no URL after all may be half of one.
        None => value.split_once("://").map_or_else(|| value.to_owned(), |(scheme, _)| format!("{scheme}://***")),
    }
}
