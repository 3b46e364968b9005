//! Which tool a folder belongs to, by its files and by what lies around it.

use std::collections::BTreeMap;

use super::{ends_in, flyway, golang_migrate, leading_digits};
use crate::model::sql_chain::SqlTool;

/// What is seen of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Its path with `/`, relative to the project's root.
    pub path: String,
    /// The names of its files.
    pub files: Vec<String>,
    /// Files of the folders in it, as `folder/name`.
    pub below: Vec<String>,
    /// The beginning of one of its SQL files.
    pub sample: String,
    pub marks: Marks,
}

/// What lies around a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// The nearest `Cargo.toml`, or the workspace's, names sqlx; or there is a `.sqlx` or a `sqlx.toml`.
    pub sqlx: bool,
    /// A `go.mod` is nearer than that.
    pub go: bool,
    /// A `Cargo.toml` names refinery, whose files look like Flyway's.
    pub refinery: bool,
}

/// What a folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Tool(SqlTool),
    /// SQL migrations of some tool, and why devdb cannot tell which.
    Unclear(String),
    /// No folder of migrations.
    No,
}

/// Returns which tool's folder it is.
pub fn verdict(look: &Look) -> Verdict {
    let has = |name: &str| look.files.iter().any(|file| file == name);
    let below = |name: &str| look.below.iter().any(|file| file.split_once('/').is_some_and(|(_, file)| file == name));
    let numbered = |file: &&String| {
        let (digits, rest) = leading_digits(file);
        !digits.is_empty() && ends_in(rest, "sql")
    };
    let tool = if below("migration.sql") && (has("migration_lock.toml") || look.path.ends_with("prisma/migrations")) {
        SqlTool::Prisma
    } else if below("up.sql") {
        SqlTool::Diesel
    } else if look.files.iter().any(|file| flyway::is_unmistakable(file) && file.starts_with('V')) {
        if look.marks.refinery {
            return Verdict::Unclear(format!(
                "`{}` is a chain of refinery, which the app runs itself: [migrations] upgrade = \"…\" in devdb.toml",
                look.path
            ));
        }
        SqlTool::Flyway
    } else if !look.files.iter().any(|file| numbered(&file)) {
        return Verdict::No;
    } else if look.path.ends_with("supabase/migrations") {
        SqlTool::Supabase
    } else if look.sample.contains("+goose ") {
        SqlTool::Goose
    } else if look.sample.contains("migrate:up") {
        SqlTool::Dbmate
    } else if look.files.iter().any(|file| golang_migrate::wants(file)) {
        if look.marks.sqlx && !look.marks.go { SqlTool::Sqlx } else { SqlTool::GolangMigrate }
    } else if look.marks.sqlx {
        SqlTool::Sqlx
    } else {
        return Verdict::Unclear(unclear(look));
    };
    Verdict::Tool(tool)
}

fn unclear(look: &Look) -> String {
    let has = |name: &str| look.files.iter().any(|file| file == name);
    let below = |name: &str| look.below.iter().any(|file| file == name);
    let other = if has("atlas.sum") {
        Some(("Atlas", "atlas migrate apply --env local"))
    } else if below("meta/_journal.json") {
        Some(("Drizzle", "npx drizzle-kit migrate"))
    } else {
        None
    };
    match other {
        Some((name, command)) => format!(
            "`{}` is a chain of {name}, which its own command runs: [migrations] upgrade = \"{command}\" in devdb.toml",
            look.path
        ),
        None => format!(
            "`{}` holds SQL migrations, and nothing says whose: [migrations] tool = \"sqlx\" (or {}) in devdb.toml",
            look.path,
            names()
        ),
    }
}

/// Returns the names that `[migrations] tool` takes, but the first of use.
fn names() -> String {
    let others = SqlTool::ALL.iter().filter(|tool| **tool != SqlTool::Sqlx).map(|tool| tool.name());
    others.collect::<Vec<_>>().join(", ")
}

/// Returns whether a path says that its files are for another kind of database, or for no database of this project.
pub fn is_foreign(path: &str) -> bool {
    const FOREIGN: [&str; 14] = [
        "stub",
        "stubs",
        "sqlite",
        "sqlite3",
        "mysql",
        "mariadb",
        "mssql",
        "sqlserver",
        "clickhouse",
        "cockroachdb",
        "oracle",
        "testdata",
        "fixtures",
        "examples",
    ];
    path.split('/').any(|part| FOREIGN.contains(&part))
}

/// Returns the settings of a Java properties file, as Flyway's are: `key=value` lines, `#` for comments.
pub fn properties(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}
