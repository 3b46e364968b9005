//! goose: `<number>_<name>.sql` with `-- +goose Up` and `-- +goose Down`, in the order of the numbers.
//!
//! Source: goose 3.27, `migrate.go`, `migration.go`, `internal/sqlparser/parser.go`. Go migrations and `ENVSUB` are
//! beyond devdb, and said to be.

use std::path::Path;

use super::{Layout, Piece, Reading, Source, ends_in, words};
use crate::model::sql_chain::{Mode, Section, SqlMigration};

pub(super) fn wants(name: &str) -> bool {
    ends_in(name, "sql") || (ends_in(name, "go") && !name.ends_with("_test.go") && version(name).is_ok())
}

pub(super) fn read(layout: &Layout, sources: &[Source]) -> Reading {
    let mut reading = Reading::default();
    let mut found: Vec<(i64, SqlMigration)> = Vec::new();
    for source in sources {
        let file = layout.shown(source);
        let (version, rest) = match version(source.name()) {
            Ok(parts) => parts,
            Err(reason) => {
                reading.fault(&file, 0, reason);
                continue;
            }
        };
        if ends_in(source.name(), "go") {
            reading.fault(&file, 0, "is a Go migration, which only goose itself can run");
            continue;
        }
        let Some(text) = reading.text(layout, source) else { continue };
        let mut migration = SqlMigration {
            version: version.to_string(),
            message: words(rest.trim_end_matches(".sql")),
            file: file.clone(),
            name: source.name().to_owned(),
            ..SqlMigration::default()
        };
        match sections(&file, &text) {
            Ok((up, down)) => {
                migration.up.push(up);
                migration.down.extend(down);
            }
            Err((line, reason)) => reading.fault(&file, line, reason),
        }
        found.push((version, migration));
    }
    found.sort_by_key(|(version, _)| *version);
    reading.migrations = found.into_iter().map(|(_, migration)| migration).collect();
    reading
}

fn version(name: &str) -> Result<(i64, &str), String> {
    let (number, rest) = name.split_once('_').ok_or("has no `_` after its number, which goose asks for")?;
    match number.parse::<i64>() {
        Ok(version) if version > 0 => Ok((version, rest)),
        _ => Err(format!("`{number}` before the first `_` is no number above zero, which goose asks for")),
    }
}

/// What a line is to goose.
enum Line {
    Up,
    Down,
    StatementBegin,
    StatementEnd,
    NoTransaction,
    Text,
}

fn line_kind(line: &str) -> Result<Line, String> {
    if !line.trim().starts_with("--") || !line.contains("+goose") {
        return Ok(Line::Text);
    }
    if line.starts_with([' ', '\t']) {
        return Err("white space stands before an annotation of goose".to_owned());
    }
    let command = line.replace("--", "").replacen("+goose", "", 1);
    match command.trim().to_ascii_lowercase().as_str() {
        "up" => Ok(Line::Up),
        "down" => Ok(Line::Down),
        "statementbegin" => Ok(Line::StatementBegin),
        "statementend" => Ok(Line::StatementEnd),
        "no transaction" => Ok(Line::NoTransaction),
        "envsub on" => Err("ENVSUB puts variables into the statements, which only goose itself does".to_owned()),
        "envsub off" => Ok(Line::Text),
        _ => Err(format!("goose knows no annotation `{}`", command.trim())),
    }
}

type Sections = (Section, Option<Section>);

/// Cuts the file at its annotations; a statement that is not ended is a fault, as for goose.
fn sections(file: &Path, text: &str) -> Result<Sections, (usize, String)> {
    let mut mode = Mode::Transaction;
    // The byte and the line at which each begins.
    let mut up: Option<(usize, usize)> = None;
    let mut down: Option<(usize, usize)> = None;
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let kind = line_kind(line).map_err(|reason| (index + 1, reason))?;
        match (&kind, up, down) {
            (Line::Up, None, None) => up = Some((at, index + 1)),
            (Line::Up, ..) => return Err((index + 1, "a second `-- +goose Up`".to_owned())),
            (Line::Down, Some(_), None) => down = Some((at, index + 1)),
            (Line::Down, ..) => {
                return Err((index + 1, "`-- +goose Down` without one `-- +goose Up` before".to_owned()));
            }
            (Line::NoTransaction, ..) => mode = Mode::Each,
            (Line::Text, None, _) if !line.trim().is_empty() && !line.trim_start().starts_with("--") => {
                return Err((index + 1, "a statement stands before `-- +goose Up`".to_owned()));
            }
            _ => {}
        }
        at += line.len();
    }
    let Some((start, line)) = up else { return Err((0, "has no `-- +goose Up` line".to_owned())) };
    let cut = |from: usize, to: usize, line: usize| {
        let text = text.get(from..to).unwrap_or_default().to_owned();
        Section { file: file.to_path_buf(), line, text, mode }
    };
    let first = cut(start, down.map_or(text.len(), |(at, _)| at), line);
    let second = down.map(|(at, line)| cut(at, text.len(), line));
    for section in std::iter::once(&first).chain(&second) {
        pieces(section)?;
    }
    Ok((first, second))
}

/// Returns the statements as goose splits them: at a `;` that ends a line, or between `StatementBegin` and `…End`.
pub(super) fn pieces(section: &Section) -> Result<Vec<Piece>, (usize, String)> {
    let mut pieces = Vec::new();
    let mut statement = String::new();
    let (mut first, mut inside) = (section.line, false);
    for (index, line) in section.text.lines().enumerate() {
        let number = section.line + index;
        let mut ended = false;
        match line_kind(line).map_err(|reason| (number, reason))? {
            Line::StatementBegin if inside => return Err((number, "`StatementBegin` inside of another".to_owned())),
            Line::StatementBegin => inside = true,
            Line::StatementEnd if !inside => {
                return Err((number, "`StatementEnd` without `StatementBegin`".to_owned()));
            }
            Line::StatementEnd => (inside, ended) = (false, true),
            Line::Text if statement.is_empty() && (line.is_empty() || line.trim().starts_with("--")) => {}
            Line::Text => {
                if statement.is_empty() {
                    first = number;
                }
                statement.push_str(line);
                statement.push('\n');
                ended = !inside && ends_statement(line);
            }
            _ => {}
        }
        if ended {
            pieces.push(Piece::sql(first, statement.trim()));
            statement.clear();
        }
    }
    if inside {
        return Err((first, "`StatementBegin` without `StatementEnd`".to_owned()));
    }
    if !statement.trim().is_empty() {
        return Err((
            first,
            "the statement does not end with `;` at the end of a line, which goose asks for".to_owned(),
        ));
    }
    Ok(pieces)
}

fn ends_statement(line: &str) -> bool {
    let words = line.split_whitespace().take_while(|word| !word.starts_with("--"));
    words.last().is_some_and(|word| word.ends_with(';'))
}
