//! `.env` files: where their values stand, what each loader makes of them, and edits that change one
//! value and nothing else.
//!
//! The dialects are ports of the loaders' own grammars; `docs/env-dialects.md` has the table.

mod dialect;
mod edit;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::env::{Dialect, EffectiveEntry, EnvEntry, EnvFile, EnvReading};
use crate::model::secret::Secret;

pub use edit::{EditError, append, replace_value};

/// Looks a variable up in an environment.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Returns the assignments of a `.env` file and what some loader stumbles over.
///
/// It never fails: a line that is no assignment becomes a problem. Spans are byte ranges of `text`, a
/// byte order mark counted.
pub fn parse(path: &Path, text: &str) -> EnvFile {
    let scan = scan::scan(text);
    EnvFile {
        path: path.to_path_buf(),
        text: Secret::new(text),
        entries: scan.entries,
        problems: scan.problems,
        bom: text.starts_with(BYTE_ORDER_MARK),
        crlf_lines: text
            .split_inclusive('\n')
            .zip(1..)
            .filter_map(|(line, number)| line.ends_with("\r\n").then_some(number))
            .collect(),
    }
}

/// Returns the value that the loader gives the entry: unquoted, unescaped and expanded, `lookup`
/// supplying `$NAME`.
///
/// `None` means that the loader fails on the statement, skips it, or (in bash) that only running it
/// would tell.
pub fn value(entry: &EnvEntry, dialect: Dialect, lookup: &Lookup<'_>) -> Option<String> {
    let outcome = dialect::read(entry.statement.reveal(), dialect, lookup);
    outcome
        .assignments
        .into_iter()
        .rev()
        .find(|assignment| assignment.key == entry.key)
        .and_then(|assignment| assignment.value)
}

/// Returns what the loader takes from the whole file, `shell` being the environment that it runs in.
///
/// The first duplicate wins for dotenvy, the last one elsewhere. Values come from the file alone: where
/// [`Dialect::environment_wins`], a variable that the shell already has beats them.
pub fn effective(file: &EnvFile, dialect: Dialect, shell: &Lookup<'_>) -> EnvReading {
    let outcome = dialect::read(file.text.reveal(), dialect, shell);
    let written: BTreeMap<(usize, &str), usize> =
        file.entries.iter().enumerate().map(|(index, entry)| ((entry.line, entry.key.as_str()), index)).collect();
    let mut keys = BTreeMap::new();
    for assignment in outcome.assignments {
        let Some(&entry) = written.get(&(assignment.line, assignment.key.as_str())) else { continue };
        let winner = EffectiveEntry { entry, value: assignment.value.map(Secret::new) };
        if dialect == Dialect::Dotenvy {
            keys.entry(assignment.key).or_insert(winner);
        } else {
            keys.insert(assignment.key, winner);
        }
    }
    if dialect == Dialect::Compose && outcome.stopped_at.is_some() {
        keys.clear();
    }
    EnvReading { keys, stopped_at: outcome.stopped_at }
}

/// Returns the variables that Docker Compose reads from `text`, with their lines, in file order.
///
/// Fails with the 1-based line at which Compose refuses the file.
pub(crate) fn compose_variables(text: &str, lookup: &Lookup<'_>) -> Result<Vec<(String, String, usize)>, usize> {
    let outcome = dialect::read(text, Dialect::Compose, lookup);
    match outcome.stopped_at {
        Some(line) => Err(line),
        None => Ok(outcome
            .assignments
            .into_iter()
            .filter_map(|found| Some((found.key, found.value?, found.line)))
            .collect()),
    }
}
