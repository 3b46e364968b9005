//! Diesel: a folder a migration with `up.sql`, `down.sql` and `metadata.toml`, in the order of the versions as text.
//!
//! Source: Diesel 2.3, `diesel_migrations/migrations_internals/src/lib.rs`, `diesel_migrations/src/{file_based_migrations,
//! migration_harness}.rs`.

use std::collections::BTreeMap;

use super::{Layout, Reading, Source, words};
use crate::model::sql_chain::{Mode, Section, SqlMigration};

pub(super) fn read(layout: &Layout, sources: &[Source]) -> Reading {
    let mut reading = Reading::default();
    let mut folders: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in sources {
        if let Some(folder) = source.folder().filter(|name| !name.starts_with('.')) {
            folders.entry(folder).or_default().push(source);
        }
    }
    for (folder, files) in folders {
        migration(layout, folder, &files, &mut reading);
    }
    reading.migrations.sort_by(|a, b| a.version.cmp(&b.version));
    reading
}

fn migration(layout: &Layout, folder: &str, files: &[&Source], reading: &mut Reading) {
    let named = |name: &str| files.iter().find(|source| source.name() == name);
    let (version, rest) = folder.split_once('_').unwrap_or((folder, ""));
    let Some(up) = named("up.sql") else {
        reading.fault(&layout.directory.join(folder), 0, "the folder has no `up.sql`");
        return;
    };
    let metadata = named("metadata.toml").and_then(|source| source.text.as_deref().ok());
    let mode = if metadata.is_none_or(in_transaction) { Mode::Transaction } else { Mode::Whole };
    let mut section = |source: &Source| {
        let text = reading.text(layout, source)?;
        Some(Section { file: layout.shown(source), line: 1, text, mode })
    };
    let down = named("down.sql").and_then(|source| section(source));
    let Some(section) = section(up) else { return };
    if section.text.is_empty() {
        reading.fault(&section.file, 0, "is empty, which Diesel refuses");
    }
    reading.migrations.push(SqlMigration {
        version: version.replace('-', ""),
        message: words(rest),
        file: section.file.clone(),
        name: folder.to_owned(),
        up: vec![section],
        down: down.into_iter().collect(),
        ..SqlMigration::default()
    });
}

/// A file that is there and does not name the key says no; one that is no TOML says nothing.
fn in_transaction(metadata: &str) -> bool {
    let Ok(document) = metadata.parse::<toml_edit::DocumentMut>() else { return true };
    match document.get("run_in_transaction") {
        Some(value) => value.as_bool().unwrap_or(true),
        None => false,
    }
}
