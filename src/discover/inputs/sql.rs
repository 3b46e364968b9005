//! SQL files, and the migrations of chains that are made of them.

use std::borrow::Cow;
use std::path::Path;

use super::{Project, known};
use crate::model::layer::{Digest, Input};
use crate::model::sql_chain::{Mode, SqlChain, SqlMigration, SqlTool};
use crate::parse::sql;
use crate::wire::files::read_text;

/// Returns what a file that is run depends on; `declared` says that what it reads is listed.
pub(super) fn file(project: &Project<'_>, path: &Path, declared: bool) -> Input {
    match read_text(&project.root.join(path)) {
        Ok(text) => script(path, 1, &text, declared).and(known(["sql", &sql::with_line_feeds(&text)])),
        Err(why) => Input::Open(format!("`{}` cannot be read: {why}", path.display())),
    }
}

/// Open where a script reads what it does not hold.
fn script(path: &Path, first: usize, text: &str, declared: bool) -> Input {
    match sql::reads(text).filter(|_| !declared) {
        Some((what, line)) => {
            let line = first + line - 1;
            Input::Open(format!("`{}:{line}` reads another file (`{what}`)", path.display()))
        }
        None => known(["script"]),
    }
}

/// Returns what a migration depends on: its texts, and what the tool's table will hold of it.
pub(super) fn migration(project: &Project<'_>, chain: &SqlChain, migration: &SqlMigration) -> Input {
    // The line ends are in the table where the tool keeps a checksum, or the statements as they stand.
    let exact = migration.checksum.is_some() || chain.tool == SqlTool::Supabase;
    let checksum = migration.checksum.as_deref().unwrap_or_default();
    let mut input = known([&migration.version, &migration.name, checksum]);
    for section in &migration.up {
        let text = if exact { Cow::Borrowed(&*section.text) } else { sql::with_line_feeds(&section.text) };
        let mode = match section.mode {
            Mode::Transaction => "transaction",
            Mode::Whole => "whole",
            Mode::Each => "each",
        };
        let reads = script(&section.file, section.line, &section.text, project.is_declared());
        input = input.and(reads).and(Input::Known(Digest::of([mode, &text])));
    }
    input
}
