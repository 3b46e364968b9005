//! A new migration, as the tool itself would start it.

use std::path::PathBuf;

use super::{flyway_next, leading_digits};
use crate::model::drift::WayBack;
use crate::model::schema::literal;
use crate::model::scratch::NO_WAY_BACK;
use crate::model::sql_chain::{SqlChain, SqlTool};

/// Returns the files of a new migration: paths relative to the project's root, and what stands in them. `timestamp` is
/// `YYYYMMDDhhmmss` in UTC; a chain that counts (`0001`, `V2`) is counted on.
pub fn new_file(chain: &SqlChain, message: &str, timestamp: &str) -> Vec<(PathBuf, String)> {
    let name = slug(message, chain.tool);
    let version = next_version(chain, timestamp);
    let one = |file: String, text: &str| vec![(chain.directory.join(file), text.to_owned())];
    let two = |up: (String, &str), down: (String, &str)| {
        let both = [up, down].into_iter();
        both.map(|(file, text)| (chain.directory.join(file), text.to_owned())).collect()
    };
    match chain.tool {
        SqlTool::Dbmate => one(format!("{version}_{name}.sql"), "-- migrate:up\n\n\n-- migrate:down\n\n"),
        SqlTool::Goose => one(format!("{version}_{name}.sql"), "-- +goose Up\n\n\n-- +goose Down\n\n"),
        SqlTool::Supabase => one(format!("{version}_{name}.sql"), ""),
        SqlTool::Prisma => one(format!("{version}_{name}/migration.sql"), ""),
        SqlTool::Flyway => one(format!("V{version}__{name}.sql"), ""),
        SqlTool::Diesel => two(
            (format!("{version}_{name}/up.sql"), "-- Your SQL goes here\n"),
            (format!("{version}_{name}/down.sql"), "-- This file should undo anything in `up.sql`\n"),
        ),
        SqlTool::GolangMigrate => {
            two((format!("{version}_{name}.up.sql"), ""), (format!("{version}_{name}.down.sql"), ""))
        }
        SqlTool::Sqlx if is_reversible(chain) => two(
            (format!("{version}_{name}.up.sql"), "-- Add up migration script here\n"),
            (format!("{version}_{name}.down.sql"), "-- Add down migration script here\n"),
        ),
        SqlTool::Sqlx => one(format!("{version}_{name}.sql"), "-- Add migration script here\n"),
    }
}

/// Returns the files of a new migration that does `up`, and takes it back by `down` where the tool has a place for that.
pub fn filled_file(
    chain: &SqlChain,
    message: &str,
    timestamp: &str,
    up: &[String],
    down: WayBack<'_>,
) -> Vec<(PathBuf, String)> {
    let fenced = chain.tool == SqlTool::Goose;
    let text = |statements: &[String]| {
        let written: Vec<String> = statements
            .iter()
            // A `;` at the end of a line ends goose's statement.
            .map(|it| {
                let fence = fenced && it.lines().any(|line| line.trim_end().ends_with(';'));
                let (begin, end) =
                    if fence { ("-- +goose StatementBegin\n", "-- +goose StatementEnd\n") } else { ("", "") };
                format!("{begin}{it};\n{end}")
            })
            .collect();
        written.concat()
    };
    let down = match down {
        WayBack::By(statements) => text(statements),
        WayBack::Refused(why) => text(&[refusal(why)]),
    };
    let up = text(up);
    let files = new_file(chain, message, timestamp);
    let filled = files.into_iter().enumerate().map(|(place, (path, start))| {
        let text = match (chain.tool, place) {
            (SqlTool::Dbmate, _) => format!("-- migrate:up\n{up}\n-- migrate:down\n{down}"),
            (SqlTool::Goose, _) => format!("-- +goose Up\n{up}\n-- +goose Down\n{down}"),
            (_, 0) => format!("{start}{up}"),
            (_, _) => format!("{start}{down}"),
        };
        (path, text)
    });
    filled.collect()
}

/// Returns a statement that fails with these words.
fn refusal(why: &str) -> String {
    let message = literal(&format!("{NO_WAY_BACK}: {why}"));
    let block = format!("BEGIN RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = {message}; END");
    format!("DO {}", literal(&block))
}

/// sqlx goes on as the chain has begun.
fn is_reversible(chain: &SqlChain) -> bool {
    chain.migrations.last().and_then(|last| last.file.to_str()).is_some_and(|file| file.ends_with(".up.sql"))
}

/// The timestamp, or the next number where the chain counts with numbers shorter than a timestamp.
fn next_version(chain: &SqlChain, timestamp: &str) -> String {
    let Some(head) = chain.head() else { return timestamp.to_owned() };
    if chain.tool == SqlTool::Flyway {
        return flyway_next(&head.version, timestamp);
    }
    let own = head.shown_name().map(leading_digits).map_or("", |(digits, _)| digits);
    let counts = !own.is_empty() && own.len() < 10 && !matches!(chain.tool, SqlTool::Prisma | SqlTool::Diesel);
    match own.parse::<u64>() {
        Ok(number) if counts => format!("{:0width$}", number + 1, width = own.len()),
        _ if chain.tool == SqlTool::Diesel && head.name.contains('-') => {
            // Since 2.2 a count follows, for several in a second.
            let counted = head.version.len() > timestamp.len();
            format!("{}{}", dashed(timestamp), if counted { "-0000" } else { "" })
        }
        _ => timestamp.to_owned(),
    }
}

/// Diesel writes `2024-01-02-030405`.
fn dashed(timestamp: &str) -> String {
    let parts = [timestamp.get(..4), timestamp.get(4..6), timestamp.get(6..8), timestamp.get(8..)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("-")
}

fn slug(message: &str, tool: SqlTool) -> String {
    let lower = if tool == SqlTool::Flyway { message.to_owned() } else { message.to_lowercase() };
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join("_");
    if name.is_empty() { "migration".to_owned() } else { name }
}
