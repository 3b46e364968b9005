//! What names the target, and the edits that make it name another.

use std::path::{Path, PathBuf};

use crate::model::env::{EnvEntry, EnvFile};
use crate::model::finding::Finding;
use crate::model::picture::Picture;
use crate::model::place::Place;
use crate::model::plan::Step;
use crate::model::target::{Candidate, Origin};
use crate::parse::pg_url;

/// Returns the assignment that an origin points to.
pub(in crate::diagnose) fn entry<'a>(picture: &'a Picture, origin: &Origin) -> Option<(&'a EnvFile, &'a EnvEntry)> {
    let Origin::EnvFile { at, key } = origin else { return None };
    let file = picture.env_files.iter().find(|file| file.path == at.file)?;
    let entry = file.entries.iter().find(|entry| entry.line == at.line && entry.key == *key)?;
    Some((file, entry))
}

/// Returns where the target's port is written, and how it reads there.
pub(in crate::diagnose) fn port_line(candidate: &Candidate) -> (Option<Place>, String) {
    let port = candidate.target.port();
    match &candidate.port_origin {
        Some(origin) => (origin.place().cloned(), format!("{}={port}", origin.key())),
        None => (candidate.origin.place().cloned(), format!("{} says port {port}", candidate.origin.key())),
    }
}

/// Adds the line that names the target.
pub(in crate::diagnose) fn leads_there(candidate: &Candidate, finding: Finding) -> Finding {
    match candidate.origin.place() {
        Some(at) => finding.at(at, format!("leads to {}", candidate.target)),
        None => finding.seen(format!("{} leads to {}", candidate.origin, candidate.target)),
    }
}

/// Returns the step that makes the target's own line name another port; nothing when that line is in no `.env` file.
pub(in crate::diagnose) fn set_port(picture: &Picture, candidate: &Candidate, port: u16) -> Option<Step> {
    if let Some(origin) = &candidate.port_origin {
        return set_value(picture, origin, &port.to_string(), format!("`{port}`"));
    }
    edit_url(picture, candidate, |url| pg_url::replace_port(url, port))
}

/// Returns the steps that make the target's own lines name another host and port.
pub(in crate::diagnose) fn set_host_and_port(
    picture: &Picture,
    candidate: &Candidate,
    host: &str,
    port: u16,
) -> Option<Vec<Step>> {
    if let Some(origin) = &candidate.host_origin {
        let mut steps = vec![set_value(picture, origin, host, format!("`{host}`"))?];
        if candidate.target.port() != port {
            steps.push(set_port(picture, candidate, port)?);
        }
        return Some(steps);
    }
    let edited = edit_url(picture, candidate, |url| pg_url::replace_port(&pg_url::replace_host(url, host)?, port))?;
    Some(vec![edited])
}

/// Returns the step that replaces the target's URL by what `change` makes of it.
pub(in crate::diagnose) fn edit_url(
    picture: &Picture,
    candidate: &Candidate,
    change: impl Fn(&str) -> Option<String>,
) -> Option<Step> {
    let (_, entry) = entry(picture, &candidate.origin)?;
    let changed = change(entry.raw.reveal())?;
    let shown = pg_url::parse(&changed).map_or_else(|_error| "a new URL".to_owned(), |url| format!("`{}`", url.target));
    set_value(picture, &candidate.origin, &changed, shown)
}

/// Returns the step that replaces one value.
pub(in crate::diagnose) fn set_value(picture: &Picture, origin: &Origin, value: &str, shown: String) -> Option<Step> {
    let (file, entry) = entry(picture, origin)?;
    Some(Step::SetEnvValue {
        file: file.path.clone(),
        line: entry.line,
        key: entry.key.clone(),
        value: value.into(),
        shown,
    })
}

/// Returns the file that an example is one of: `.env.dev` for `.env.dev-sample`, `.env` for `env.sample`.
pub(in crate::diagnose) fn of_example(example: &Path) -> PathBuf {
    const ENDINGS: [&str; 6] = [".example", ".sample", ".template", ".dist", "-example", "-sample"];
    let name = example.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let bare = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(".env");
    example.with_file_name(if bare == "env" { ".env" } else { bare })
}

/// Returns whether an example's value only says that one is wanted.
pub(in crate::diagnose) fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 9] = ["<", "your", "xxx", "changeme", "change-me", "change_me", "todo", "replace", "..."];
    let lower = value.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// Returns whether a password or a token stands in an `.env` file: a value of such a key, or a URL with one.
pub(in crate::diagnose) fn has_secrets(picture: &Picture, path: &Path) -> bool {
    const WORDS: [&str; 5] = ["PASS", "PWD", "SECRET", "TOKEN", "API_KEY"];
    let secret = |entry: &EnvEntry| {
        let (key, value) = (entry.key.to_ascii_uppercase(), entry.raw.reveal());
        let named = WORDS.iter().any(|word| key.contains(word)) && !value.starts_with("${");
        let in_url = || pg_url::parse(value).is_ok_and(|url| url.target.password.is_some()) && !value.contains("${");
        !value.is_empty() && (named || in_url())
    };
    picture.env_files.iter().any(|file| file.path == path && file.entries.iter().any(secret))
}

/// Returns the target's driver where it is one that is not async; without one SQLAlchemy takes psycopg2, and since 2.1
/// psycopg, which is both.
pub(in crate::diagnose) fn sync_driver(picture: &Picture) -> Option<&str> {
    let packages = picture.recipe.python_packages.known();
    match picture.target()?.target.driver.as_deref() {
        Some(driver @ ("psycopg2" | "pg8000")) => Some(driver),
        None if packages.is_some_and(|it| !it.contains("psycopg")) => Some("psycopg2"),
        _ => None,
    }
}

/// Adds the mend that makes the target's URL name an async driver that is installed.
pub(in crate::diagnose) fn with_async_driver(picture: &Picture, candidate: &Candidate, finding: Finding) -> Finding {
    let has = |name: &str| picture.recipe.python_packages.known().is_some_and(|it| it.contains(name));
    let wanted = if has("psycopg") && !has("asyncpg") { "psycopg" } else { "asyncpg" };
    let edited = edit_url(picture, candidate, |url| {
        let (_, rest) = url.split_once("://")?;
        Some(format!("postgresql+{wanted}://{rest}"))
    });
    let summary = format!("write `postgresql+{wanted}://`");
    match edited {
        Some(step) => finding.confirm(summary, vec![step]),
        None => finding.manual(summary, &[]),
    }
}
