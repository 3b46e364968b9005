//! A chain as a long-lived project has it: tables, indexes, columns, constraints, views and a little data, one step a
//! file, in the layouts of dbmate, sqlx and Alembic.

use std::fs;
use std::path::Path;

/// How many revisions the chain has.
pub(super) const LENGTH: usize = 300;
/// Steps that belong to one table.
const STEPS: usize = 5;
/// Tables that the chain makes.
pub(super) const TABLES: usize = LENGTH / STEPS;
/// The table that rows are loaded into.
pub(super) const LOADED: &str = "billing_invoices";
/// Of that table's rows that come from the chain itself.
pub(super) const OWN_ROWS: u64 = 1;

const AREAS: [&str; 5] = ["billing", "catalog", "crm", "shipping", "support"];
const NOUNS: [&str; 12] = [
    "invoices", "payments", "accounts", "products", "prices", "orders", "parcels", "tickets", "contacts", "teams",
    "events", "notes",
];

/// The files of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Dbmate,
    Sqlx,
    Alembic,
}

/// What a chain's last revisions are, when they are not those of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Plain,
    /// The last one says something new.
    Edited(usize),
    /// One more.
    Appended(usize),
}

impl Ending {
    /// Returns the column that proves that this ending ran, and no other.
    pub(super) fn column(self) -> Option<String> {
        match self {
            Self::Plain => None,
            Self::Edited(round) => Some(format!("edited_{round}")),
            Self::Appended(round) => Some(format!("appended_{round}")),
        }
    }

    /// Returns how many revisions the chain has then.
    pub(super) fn length(self) -> usize {
        if matches!(self, Self::Appended(_)) { LENGTH + 1 } else { LENGTH }
    }

    /// Returns the statements of a revision.
    pub(super) fn statements(self, number: usize) -> Vec<String> {
        let mut all = if number < LENGTH { plain(number) } else { Vec::new() };
        if number + 1 == self.length() {
            all.extend(self.column().map(|column| format!("alter table {LOADED} add column {column} integer")));
        }
        all
    }
}

fn table(index: usize) -> String {
    let area = AREAS.get(index % AREAS.len()).copied().unwrap_or_default();
    let noun = NOUNS.get(index / AREAS.len()).copied().unwrap_or_default();
    format!("{area}_{noun}")
}

fn name(number: usize) -> String {
    let table = table(number / STEPS);
    match number % STEPS {
        _ if number >= LENGTH => "one_more".to_owned(),
        0 => format!("create_{table}"),
        1 => format!("index_{table}"),
        2 => format!("add_settings_to_{table}"),
        3 => format!("widen_{table}"),
        _ => format!("show_{table}"),
    }
}

fn plain(number: usize) -> Vec<String> {
    let index = number / STEPS;
    let name = table(index);
    match number % STEPS {
        0 => {
            let parent = if index == 0 { String::new() } else { format!(" references {}", table(index - 1)) };
            vec![format!(
                "create table {name} (\n    id bigint generated always as identity primary key,\n    \
                 parent_id bigint{parent},\n    name text not null,\n    state text not null default 'new',\n    \
                 amount numeric(12, 2),\n    payload text,\n    created_at timestamptz not null default now()\n)"
            )]
        }
        1 => vec![
            format!("create index {name}_created_at on {name} (created_at)"),
            format!("create index {name}_open on {name} (state) where state <> 'done'"),
        ],
        2 => vec![
            format!("alter table {name} add column settings jsonb not null default '{{}}'"),
            format!("alter table {name} add constraint {name}_amount check (amount >= 0)"),
        ],
        3 => vec![
            format!("alter table {name} alter column name type varchar(200)"),
            format!("comment on column {name}.name is 'as people call it'"),
        ],
        _ => vec![
            format!("create view {name}_open_ones as select id, name, created_at from {name} where state <> 'done'"),
            format!("insert into {name} (name, amount) values ('the first', 1)"),
            format!("update {name} set state = 'ready' where state = 'new'"),
        ],
    }
}

/// What takes a step back; nobody runs it here, but chains have it, and tools read it.
fn downwards(number: usize) -> String {
    let table = table(number / STEPS);
    match number % STEPS {
        _ if number >= LENGTH => "select 1".to_owned(),
        0 => format!("drop table {table}"),
        1 => format!("drop index {table}_open, {table}_created_at"),
        2 => format!("alter table {table} drop column settings, drop constraint {table}_amount"),
        3 => format!("alter table {table} alter column name type text"),
        _ => format!("drop view {table}_open_ones"),
    }
}

/// A time an hour after the one before, as file names have it.
fn version(number: usize) -> String {
    format!("202401{:02}{:02}0000", 1 + number / 24, number % 24)
}

fn revision(number: usize) -> String {
    format!("{:012x}", (number + 1) * 0x9e37_79b9)
}

/// Returns what the tool's table says when the chain has run to its end, and the query that asks.
pub(super) fn head(layout: Layout, ending: Ending) -> (&'static str, String) {
    let last = ending.length() - 1;
    match layout {
        Layout::Dbmate => {
            ("select count(*) || ' ' || max(version) from schema_migrations", format!("{} {}", last + 1, version(last)))
        }
        Layout::Sqlx => (
            "select count(*) || ' ' || max(version) from _sqlx_migrations where success",
            format!("{} {}", last + 1, version(last)),
        ),
        Layout::Alembic => ("select version_num from alembic_version", revision(last)),
    }
}

fn sql(statements: &[String]) -> String {
    statements.iter().fold(String::new(), |text, statement| text + statement + ";\n")
}

/// Returns a file's path and text.
fn file(layout: Layout, ending: Ending, number: usize) -> (String, String) {
    let statements = ending.statements(number);
    let (version, name) = (version(number), name(number));
    match layout {
        Layout::Dbmate => (
            format!("db/migrations/{version}_{name}.sql"),
            format!("-- migrate:up\n{}\n-- migrate:down\n{};\n", sql(&statements), downwards(number)),
        ),
        Layout::Sqlx => (format!("migrations/{version}_{name}.sql"), sql(&statements)),
        Layout::Alembic => {
            let parent = number.checked_sub(1).map_or("None".to_owned(), |parent| format!("'{}'", revision(parent)));
            let id = revision(number);
            let line = |text: String, statement: &String| text + "    op.execute(\"\"\"" + statement + "\"\"\")\n";
            let upwards = statements.iter().fold(String::new(), line);
            let text = format!(
                "\"\"\"{name}\n\nRevision ID: {id}\nRevises: {parent}\n\"\"\"\n\nfrom alembic import op\n\n\
                 revision = '{id}'\ndown_revision = {parent}\nbranch_labels = None\ndepends_on = None\n\n\n\
                 def upgrade() -> None:\n{upwards}\n\ndef downgrade() -> None:\n    op.execute(\"\"\"{}\"\"\")\n",
                downwards(number)
            );
            (format!("alembic/versions/{id}_{name}.py"), text)
        }
    }
}

/// Writes the whole chain.
pub(super) fn write(root: &Path, layout: Layout) -> Result<(), String> {
    (0..LENGTH).try_for_each(|number| put(root, &file(layout, Ending::Plain, number)))
}

/// Makes the chain end in another way than it did.
pub(super) fn end(root: &Path, layout: Layout, ending: Ending) -> Result<(), String> {
    put(root, &file(layout, ending, LENGTH - 1))?;
    let more = file(layout, ending, LENGTH);
    if ending.length() > LENGTH {
        return put(root, &more);
    }
    match fs::remove_file(root.join(&more.0)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("cannot remove {}: {error}", more.0)),
        _ => Ok(()),
    }
}

/// Writes a file, with the directories above it.
pub(super) fn put(root: &Path, (path, text): &(String, String)) -> Result<(), String> {
    let file = root.join(path);
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", file.display());
    file.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    fs::write(&file, text).map_err(failed)
}

/// Returns all files' statements for one session of `psql`, each file in its transaction with the tool's row, as the
/// tools do it.
pub(super) fn whole_script(database: &str, layout: Layout) -> String {
    let table = match layout {
        Layout::Alembic => "create table alembic_version (version_num varchar(32) primary key)",
        Layout::Dbmate | Layout::Sqlx => "create table schema_migrations (version varchar(128) primary key)",
    };
    let start =
        format!("drop database if exists {database};\ncreate database {database};\n\\connect {database}\n{table};\n");
    (0..LENGTH).fold(start, |text, number| text + &step(Ending::Plain, number, layout))
}

/// Returns one revision's statements with the tool's row, in a transaction.
pub(super) fn step(ending: Ending, number: usize, layout: Layout) -> String {
    let statements = sql(&ending.statements(number));
    let row = match layout {
        Layout::Alembic if number == 0 => format!("insert into alembic_version values ('{}')", revision(number)),
        Layout::Alembic => format!("update alembic_version set version_num = '{}'", revision(number)),
        Layout::Dbmate | Layout::Sqlx => {
            format!("insert into schema_migrations (version) values ('{}')", version(number))
        }
    };
    format!("begin;\n{statements}{row};\ncommit;\n")
}

/// Returns a seed that loads about so many bytes, and how many rows that are.
pub(super) fn seed(bytes: u64) -> (String, u64) {
    // What a row takes with its indexes, as measured.
    let rows = bytes / 1_060;
    let text = format!(
        "insert into {LOADED} (name, amount, payload)\nselect 'row ' || number, number % 1000, \
         repeat(md5(number::text), 28)\nfrom generate_series(1, {rows}) number;\n"
    );
    (text, rows)
}
