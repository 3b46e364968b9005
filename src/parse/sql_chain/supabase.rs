//! Supabase: `<timestamp>_<name>.sql`, in file-name order.
//!
//! Source: supabase/cli (June 2026), `apps/cli-go/pkg/migration/{file,list,apply}.go`. Supabase has no way back.

use super::{Layout, Reading, Source, ends_in, leading_digits, words};
use crate::model::sql_chain::{Mode, Section, SqlMigration};

/// First migrations named `…_init.sql` from before this are passed over: an older version of the tool made them itself.
const OLD_INIT: u64 = 20_211_209_000_000;

pub(super) fn wants(name: &str) -> bool {
    let (digits, rest) = leading_digits(name);
    !digits.is_empty() && rest.starts_with('_') && ends_in(rest, "sql")
}

pub(super) fn read(layout: &Layout, sources: &[Source]) -> Reading {
    let mut reading = Reading::default();
    for (index, source) in sources.iter().enumerate() {
        let (version, rest) = leading_digits(source.name());
        let old = version.len() == 14 && version.parse::<u64>().is_ok_and(|version| version < OLD_INIT);
        if index == 0 && old && rest == "_init.sql" {
            continue;
        }
        let Some(text) = reading.text(layout, source) else { continue };
        let file = layout.shown(source);
        let name = rest.strip_prefix('_').and_then(|rest| rest.strip_suffix(".sql")).unwrap_or(rest);
        reading.migrations.push(SqlMigration {
            version: version.to_owned(),
            message: words(name),
            file: file.clone(),
            name: name.to_owned(),
            up: vec![Section { file, line: 1, text, mode: Mode::Transaction }],
            ..SqlMigration::default()
        });
    }
    reading
}
