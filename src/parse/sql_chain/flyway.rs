//! Flyway: `V1_2__name.sql` in the order of the versions' parts as numbers, then `R__name.sql` by description;
//! `U1_2__name.sql` undoes.
//!
//! Source: Flyway 13, `MigrationVersion.java`, `ResourceNameParser.java`, `ResolvedMigrationComparator.java`,
//! `SqlScriptMetadata.java`, `PostgreSQLParser.java`. Callbacks and Java migrations are not run.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Layout, Reading, Source, checksum, ends_in};
use crate::model::sql_chain::{Mode, Section, SqlMigration, version_parts};
use crate::parse::sql::{line_of, split};

/// Descriptions are cut to this in the table.
const DESCRIPTION: usize = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Versioned,
    Undo,
    Repeatable,
}

struct Name {
    kind: Kind,
    /// With dots, as the table has it; empty for a repeatable one.
    version: String,
    description: String,
}

pub(super) fn wants(name: &str) -> bool {
    parse(name.strip_suffix(".conf").unwrap_or(name)).is_some()
}

/// Returns whether a name is one that no other tool uses.
pub(super) fn is_unmistakable(name: &str) -> bool {
    parse(name).is_some() && name.contains("__")
}

fn parse(name: &str) -> Option<Name> {
    let stem = name.len().checked_sub(4).and_then(|end| name.split_at_checked(end));
    let (stem, _) = stem.filter(|(_, ending)| ending.eq_ignore_ascii_case(".sql"))?;
    let (kind, rest) = match stem.split_at_checked(1)? {
        ("V", rest) => (Kind::Versioned, rest),
        ("U", rest) => (Kind::Undo, rest),
        ("R", rest) => (Kind::Repeatable, rest),
        _ => return None,
    };
    let (version, description) = rest.split_once("__").unwrap_or((rest, ""));
    let version = version.replace('_', ".");
    let numbers = version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let fits = if kind == Kind::Repeatable { version.is_empty() && rest.starts_with("__") } else { numbers };
    fits.then(|| Name { kind, version, description: description.replace('_', " ") })
}

pub(super) fn read(layout: &Layout, sources: &[Source]) -> Reading {
    let mut reading = Reading::default();
    let mut undo: BTreeMap<Vec<(usize, String)>, Section> = BTreeMap::new();
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !ends_in(source.name(), "conf")) {
        let Some(name) = parse(source.name()) else { continue };
        let Some(raw) = reading.text(layout, source) else { continue };
        let settings = settings(source, sources);
        let Some(section) = section(layout, source, &raw, &settings, &mut reading) else { continue };
        if name.kind == Kind::Undo {
            undo.insert(version_parts(&name.version), section);
            continue;
        }
        // Of a repeatable migration the text counts that is run.
        let counted = if name.kind == Kind::Repeatable { &section.text } else { &raw };
        let description: String = name.description.chars().take(DESCRIPTION).collect();
        let repeatable = name.kind == Kind::Repeatable;
        let version = if repeatable { format!("R__{}", description.replace(' ', "_")) } else { name.version.clone() };
        let migration = SqlMigration {
            version,
            message: description,
            file: section.file.clone(),
            name: source.path.to_string_lossy().replace('\\', "/"),
            checksum: Some(checksum::flyway(counted)),
            up: vec![section],
            repeatable,
            ..SqlMigration::default()
        };
        found.push((version_parts(&name.version), migration));
    }
    found.sort_by(|(a, first), (b, second)| {
        (first.repeatable, a, &first.message).cmp(&(second.repeatable, b, &second.message))
    });
    for (version, mut migration) in found {
        if !migration.repeatable {
            migration.down.extend(undo.get(&version).cloned());
        }
        reading.migrations.push(migration);
    }
    same_number(&mut reading);
    reading
}

/// Versions that are written differently and mean the same.
fn same_number(reading: &mut Reading) {
    let versioned: Vec<&SqlMigration> = reading.migrations.iter().filter(|it| !it.repeatable).collect();
    let pairs = versioned.iter().zip(versioned.iter().skip(1));
    let clash = |(first, second): &(&&SqlMigration, &&SqlMigration)| {
        first.version != second.version && version_parts(&first.version) == version_parts(&second.version)
    };
    let found: Vec<_> = pairs
        .filter(clash)
        .map(|(first, second)| (second.file.clone(), format!("is the same version as `{}`", first.file.display())))
        .collect();
    for (file, reason) in found {
        reading.fault(&file, 0, reason);
    }
}

/// The settings of the file `<script>.conf` beside it.
fn settings(source: &Source, sources: &[Source]) -> BTreeMap<String, String> {
    let beside = source.path.with_file_name(format!("{}.conf", source.name()));
    let file = sources.iter().find(|other| other.path == beside);
    file.and_then(|file| file.text.as_deref().ok()).map(super::layout::properties).unwrap_or_default()
}

fn section(
    layout: &Layout,
    source: &Source,
    raw: &str,
    settings: &BTreeMap<String, String>,
    reading: &mut Reading,
) -> Option<Section> {
    let file = layout.shown(source);
    let text = raw.strip_prefix('\u{feff}').unwrap_or(raw);
    let replaces = settings.get("placeholderReplacement").is_none_or(|value| value != "false");
    let text = match layout.placeholders.as_ref().filter(|_| replaces) {
        Some(values) => match replaced(text, values) {
            Ok(text) => text,
            Err((line, name)) => {
                let reason =
                    format!("the placeholder `${{{name}}}` has no value that devdb knows (`flyway.placeholders`)");
                reading.fault(&file, line, reason);
                return None;
            }
        },
        None => text.to_owned(),
    };
    let mode = match settings.get("executeInTransaction").map(String::as_str) {
        Some("true") => Mode::Transaction,
        Some("false") => Mode::Each,
        _ => detected(&file, &text, reading)?,
    };
    Some(Section { file, line: 1, text, mode })
}

fn replaced(text: &str, values: &BTreeMap<String, String>) -> Result<String, (usize, String)> {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        shown.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            shown.push_str("${");
            rest = after;
            continue;
        };
        let value =
            values.get(name).ok_or_else(|| (line_of(text, text.len() - rest.len() + before.len()), name.to_owned()))?;
        shown.push_str(value);
        rest = after;
    }
    shown.push_str(rest);
    Ok(shown)
}

/// A file with a statement that cannot run in a transaction runs without one, and must hold no other.
fn detected(file: &Path, text: &str, reading: &mut Reading) -> Option<Mode> {
    let statements = split(text);
    let bare = statements.iter().filter(|statement| !may_be_in_transaction(statement.text(text))).count();
    if bare == 0 {
        return Some(Mode::Transaction);
    }
    if bare < statements.len() {
        let line = statements.iter().find(|it| !may_be_in_transaction(it.text(text))).map_or(0, |it| it.line);
        reading.fault(file, line, "a statement that cannot run in a transaction stands beside others that do");
        return None;
    }
    Some(Mode::Each)
}

fn may_be_in_transaction(statement: &str) -> bool {
    let words: Vec<String> = statement.split_whitespace().take(8).map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    !matches!(
        words.as_slice(),
        ["CREATE" | "DROP", "DATABASE" | "TABLESPACE" | "SUBSCRIPTION", ..]
            | ["ALTER", "SYSTEM", ..]
            | ["VACUUM", ..]
            | ["DISCARD", "ALL", ..]
            | ["REINDEX", "SCHEMA" | "DATABASE" | "SYSTEM", ..]
            | ["REINDEX", "VERBOSE", "SCHEMA" | "DATABASE" | "SYSTEM", ..]
            | ["CREATE", "UNIQUE", "INDEX", "CONCURRENTLY", ..]
            | ["CREATE" | "DROP", "INDEX", "CONCURRENTLY", ..]
    )
}

/// Returns the script's name and the checksum that stand in the row of an undone version.
pub fn undo(migration: &SqlMigration) -> (String, String) {
    let Some(section) = migration.down.first() else { return (String::new(), "null".to_owned()) };
    let name = section.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let script = match migration.name.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name,
    };
    (script, checksum::flyway(&section.text))
}
