//! golang-migrate: `<number>_<title>.up.sql` and `….down.sql`, in the order of the numbers.
//!
//! Source: golang-migrate 4.19, `source/{parse,migration}.go`, `database/postgres/postgres.go`. A version with a `down`
//! file alone counts: the tool passes it with nothing to run. `x-multi-statement` is not looked at: files are sent whole.

use std::collections::BTreeMap;

use super::{Layout, Reading, Source, leading_digits, words};
use crate::model::sql_chain::{Mode, Section, SqlMigration};

pub(super) fn wants(name: &str) -> bool {
    let (digits, rest) = leading_digits(name);
    !digits.is_empty() && rest.starts_with('_') && (rest.ends_with(".up.sql") || rest.ends_with(".down.sql"))
}

pub(super) fn read(layout: &Layout, sources: &[Source]) -> Reading {
    let mut reading = Reading::default();
    let mut found: BTreeMap<u64, SqlMigration> = BTreeMap::new();
    let mut twice: Vec<SqlMigration> = Vec::new();
    for source in sources {
        let (digits, rest) = leading_digits(source.name());
        let file = layout.shown(source);
        let Ok(version) = digits.parse::<u64>() else {
            reading.fault(&file, 0, format!("the version `{digits}` is too large a number"));
            continue;
        };
        let Some(text) = reading.text(layout, source) else { continue };
        let down = rest.ends_with(".down.sql");
        let title = rest.trim_end_matches(".sql").trim_end_matches(if down { ".down" } else { ".up" });
        let section = Section { file: file.clone(), line: 1, text, mode: Mode::Whole };
        let new = SqlMigration {
            version: version.to_string(),
            message: words(title),
            name: source.name().to_owned(),
            file,
            ..SqlMigration::default()
        };
        let migration = found.entry(version).or_insert_with(|| new.clone());
        let side = if down { &mut migration.down } else { &mut migration.up };
        if !side.is_empty() {
            twice.push(new);
            continue;
        }
        side.push(section);
        if !down {
            migration.file = new.file;
            migration.name = new.name;
        }
    }
    reading.migrations = found.into_values().collect();
    for again in twice {
        let after = reading.migrations.iter().position(|it| it.version == again.version).map_or(0, |at| at + 1);
        reading.migrations.insert(after, again);
    }
    reading
}
