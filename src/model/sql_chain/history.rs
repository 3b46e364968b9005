//! The table in which a tool keeps what it has applied.

use serde::{Deserialize, Serialize};

use super::SqlTool;

/// How the table is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryTable {
    /// Nothing: the first schema of the search path.
    pub schema: Option<String>,
    pub name: String,
}

/// A row of the table: one migration that the tool applied, or began to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedMigration {
    /// The migration's [`super::SqlMigration::version`].
    pub version: String,
    /// Nothing where the tool keeps none.
    pub checksum: Option<String>,
    pub state: State,
}

/// Whether a migration was finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    #[default]
    Applied,
    /// golang-migrate's `dirty`, sqlx's and Flyway's `success = false`, Prisma's row without `finished_at`.
    Unfinished,
    /// Flyway's mark that what stands before was there already.
    Baseline,
}

impl HistoryTable {
    /// Returns the table that a tool uses unless told otherwise.
    pub fn of(tool: SqlTool) -> Self {
        let (schema, name) = match tool {
            SqlTool::Dbmate | SqlTool::GolangMigrate => (None, "schema_migrations"),
            SqlTool::Sqlx => (None, "_sqlx_migrations"),
            SqlTool::Flyway => (None, "flyway_schema_history"),
            SqlTool::Diesel => (None, "__diesel_schema_migrations"),
            SqlTool::Goose => (None, "goose_db_version"),
            SqlTool::Prisma => (None, "_prisma_migrations"),
            SqlTool::Supabase => (Some("supabase_migrations"), "schema_migrations"),
        };
        Self { schema: schema.map(str::to_owned), name: name.to_owned() }
    }

    /// Returns the table that `schema.name` or `name` means.
    pub fn named(text: &str) -> Self {
        match text.split_once('.') {
            Some((schema, name)) => Self { schema: Some(schema.to_owned()), name: name.to_owned() },
            None => Self { schema: None, name: text.to_owned() },
        }
    }

    /// Returns the name, quoted for SQL.
    pub fn quoted(&self) -> String {
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(&self.name)),
            None => quote(&self.name),
        }
    }

    /// Returns the statement that reads the table: version, checksum and whether it was finished, all as text, in the
    /// order in which they were applied.
    pub fn query(&self, tool: SqlTool) -> String {
        let table = self.quoted();
        match tool {
            SqlTool::Dbmate | SqlTool::Supabase | SqlTool::Diesel => {
                format!("select version::text, null, 't' from {table} order by version")
            }
            SqlTool::Sqlx => format!(
                "select version::text, encode(checksum, 'hex'), left(success::text, 1) from {table} order by version"
            ),
            SqlTool::GolangMigrate => {
                format!("select version::text, null, left((not dirty)::text, 1) from {table} limit 1")
            }
            // The latest row of a version tells whether it is applied; the row of version 0 marks the table as made.
            SqlTool::Goose => format!(
                "select version_id::text, null, 't' from (
                   select distinct on (version_id) version_id, is_applied, id from {table} where version_id > 0
                   order by version_id, id desc) latest
                 where is_applied order by id"
            ),
            // Of several tries the last counts, and those that were rolled back do not.
            SqlTool::Prisma => format!(
                "select migration_name, checksum, left((finished_at is not null)::text, 1) from (
                   select distinct on (migration_name) migration_name, checksum, finished_at, started_at from {table}
                   where rolled_back_at is null order by migration_name, started_at desc) latest
                 order by started_at, migration_name"
            ),
            // A version that was undone is pending again; of a repeatable migration the last run counts.
            SqlTool::Flyway => format!(
                "select coalesce(version, 'R__' || replace(description, ' ', '_')), checksum::text,
                   case when type like '%BASELINE' then 'b' else left(success::text, 1) end
                 from (
                   select distinct on (version, case when version is null then description end) * from {table}
                   where type in ('SQL', 'UNDO_SQL', 'JDBC', 'BASELINE', 'SQL_BASELINE', 'SCRIPT')
                   order by version, case when version is null then description end, installed_rank desc) latest
                 where type <> 'UNDO_SQL' order by installed_rank"
            ),
        }
    }
}
