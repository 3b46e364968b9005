//! dbmate: `20240102030405_name.sql` with `-- migrate:up` and `-- migrate:down` blocks, in file-name order.
//!
//! Source: dbmate 2.35, `pkg/dbmate/{db,migration}.go`. A file without a `down` block is taken for one without a way back,
//! as dbmate 1 took it; dbmate 2 refuses it.

use std::path::Path;

use super::{Layout, Reading, Source, ends_in, leading_digits, words};
use crate::model::sql_chain::{Mode, Section, SqlMigration};

/// A directive line.
struct Directive {
    /// The bytes at which the line starts.
    start: usize,
    line: usize,
    up: bool,
    in_transaction: bool,
}

pub(super) fn wants(name: &str) -> bool {
    ends_in(name, "sql") && name.starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn read(layout: &Layout, sources: &[Source]) -> Reading {
    let mut reading = Reading::default();
    for source in sources {
        let (version, rest) = leading_digits(source.name());
        let Some(text) = reading.text(layout, source) else { continue };
        let file = layout.shown(source);
        match sections(&file, &text) {
            Ok((up, down)) => reading.migrations.push(SqlMigration {
                version: version.to_owned(),
                message: words(rest.trim_end_matches(".sql")),
                name: source.name().to_owned(),
                file,
                up,
                down,
                ..SqlMigration::default()
            }),
            Err((line, reason)) => reading.fault(&file, line, reason),
        }
    }
    reading
}

type Blocks = (Vec<Section>, Vec<Section>);

fn sections(file: &Path, text: &str) -> Result<Blocks, (usize, String)> {
    let directives = directives(text);
    let first = directives.iter().position(|directive| directive.up);
    let Some(first) = first else {
        return Err((0, "has no `-- migrate:up` line above its statements".to_owned()));
    };
    let directives = directives.get(first..).unwrap_or_default();
    let before = directives.first().map_or(0, |directive| directive.start);
    if let Some(line) = statement_before(text.get(..before).unwrap_or_default()) {
        return Err((line, "a statement stands before `-- migrate:up`".to_owned()));
    }
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let mut after_down = false;
    for (index, directive) in directives.iter().enumerate() {
        if !directive.up && after_down {
            return Err((directive.line, "a second `-- migrate:down` without a `-- migrate:up` between".to_owned()));
        }
        after_down = !directive.up;
        let end = directives.get(index + 1).map_or(text.len(), |next| next.start);
        let section = Section {
            file: file.to_path_buf(),
            line: directive.line,
            text: text.get(directive.start..end).unwrap_or_default().to_owned(),
            mode: if directive.in_transaction { Mode::Transaction } else { Mode::Whole },
        };
        if directive.up { up.push(section) } else { down.push(section) }
    }
    Ok((up, down))
}

fn directives(text: &str) -> Vec<Directive> {
    let mut found = Vec::new();
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let at = start;
        start += line.len();
        let Some(rest) = line.strip_prefix("--").and_then(|rest| rest.trim_start().strip_prefix("migrate:")) else {
            continue;
        };
        let (up, options) = match (rest.strip_prefix("up"), rest.strip_prefix("down")) {
            (Some(options), _) => (true, options),
            (None, Some(options)) => (false, options),
            (None, None) => continue,
        };
        if !options.is_empty() && !options.starts_with(char::is_whitespace) {
            continue;
        }
        let in_transaction = !options.split_whitespace().any(|option| option == "transaction:false");
        found.push(Directive { start: at, line: index + 1, up, in_transaction });
    }
    found
}

/// The line of the first statement in the text before the first block.
fn statement_before(text: &str) -> Option<usize> {
    let is_statement = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
    text.lines().position(is_statement).map(|index| index + 1)
}
