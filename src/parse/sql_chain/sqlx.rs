//! sqlx: `<number>_<description>.sql`, or `….up.sql` with `….down.sql`, in the order of the numbers.
//!
//! Source: sqlx 0.9, `sqlx-core/src/migrate/{source,migration,migration_type}.rs`.

use std::collections::BTreeMap;

use super::{Layout, Reading, Source, checksum, ends_in};
use crate::model::sql_chain::{Mode, Section, SqlMigration};

pub(super) fn wants(name: &str) -> bool {
    name.split_once('_').is_some_and(|(_, rest)| ends_in(rest, "sql"))
}

pub(super) fn read(layout: &Layout, sources: &[Source]) -> Reading {
    let mut reading = Reading::default();
    let mut downs: BTreeMap<i64, Section> = BTreeMap::new();
    let mut ups: Vec<(i64, SqlMigration)> = Vec::new();
    for source in sources {
        let Some((prefix, rest)) = source.name().split_once('_') else { continue };
        let file = layout.shown(source);
        let Ok(version) = prefix.parse::<i64>() else {
            reading.fault(&file, 0, format!("`{prefix}` before the first `_` is no number, which sqlx asks for"));
            continue;
        };
        let Some(text) = reading.text(layout, source) else { continue };
        let mode = if text.starts_with("-- no-transaction") { Mode::Whole } else { Mode::Transaction };
        let checksum = checksum::sqlx(&text, &layout.ignored);
        let section = Section { file: file.clone(), line: 1, text, mode };
        if rest.ends_with(".down.sql") {
            downs.insert(version, section);
            continue;
        }
        let ending = if rest.ends_with(".up.sql") { ".up.sql" } else { ".sql" };
        let message = rest.trim_end_matches(ending).replace('_', " ");
        let migration = SqlMigration {
            version: version.to_string(),
            name: message.clone(),
            message,
            file,
            up: vec![section],
            checksum: Some(checksum),
            ..SqlMigration::default()
        };
        ups.push((version, migration));
    }
    ups.sort_by_key(|(version, _)| *version);
    for (version, mut migration) in ups {
        migration.down.extend(downs.get(&version).cloned());
        reading.migrations.push(migration);
    }
    reading
}
