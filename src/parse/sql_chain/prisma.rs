//! Prisma: a folder a migration with `migration.sql`, in the order of the folders' names.
//!
//! Source: prisma-engines 7, `schema-engine/connectors/schema-connector/src/{migrations_directory,checksum}.rs` and
//! `commands/src/commands/apply_migrations.rs`. Prisma has no way back.

use super::{Layout, Reading, Source, checksum, leading_digits, words};
use crate::model::sql_chain::{Mode, Section, SqlMigration};

pub(super) fn read(layout: &Layout, sources: &[Source]) -> Reading {
    let mut reading = Reading::default();
    for source in sources {
        let Some(folder) = source.folder() else { continue };
        let Some(text) = reading.text(layout, source) else { continue };
        let file = layout.shown(source);
        let (own, same) = checksum::prisma(&text);
        let (digits, rest) = leading_digits(folder);
        reading.migrations.push(SqlMigration {
            version: folder.to_owned(),
            message: words(if digits.is_empty() { folder } else { rest }),
            file: file.clone(),
            name: folder.to_owned(),
            up: vec![Section { file, line: 1, text, mode: Mode::Whole }],
            checksum: Some(own),
            equal_checksums: same,
            ..SqlMigration::default()
        });
    }
    reading.migrations.sort_by(|a, b| a.version.cmp(&b.version));
    reading
}
