//! What a failed migration tells: where, which statement, and in what state the database is now.

use super::send::{Failed, Why};
use super::table::Way;
use crate::error::Error;
use crate::execute::script::without_passwords;
use crate::model::sql_chain::{AppliedMigration, Mode, Section, SqlChain, SqlMigration, SqlTool};
use crate::model::text::{counted, shortened, visible};
use crate::parse::sql::split;
use crate::wire::postgres::message;

/// How far a migration has come.
pub(super) struct Story<'a> {
    chain: &'a SqlChain,
    migration: &'a SqlMigration,
    way: Way,
    live: bool,
    /// Sections that were finished.
    pub sections: usize,
    /// Pieces that were done, of all sections.
    pub statements: usize,
}

impl<'a> Story<'a> {
    pub(super) fn new(chain: &'a SqlChain, migration: &'a SqlMigration, way: Way, live: bool) -> Self {
        Self { chain, migration, way, live, sections: 0, statements: 0 }
    }

    /// Returns the error of a section that failed.
    pub(super) fn tell(&self, section: &Section, failed: &Failed) -> Error {
        let file = visible(&section.file.display().to_string());
        let (at, statement) = match &failed.statement {
            Some((line, statement)) => (format!("{file}:{line}"), statement.as_str()),
            None => (file, ""),
        };
        let what = if self.way == Way::Up { "failed" } else { "failed on its way down" };
        let mut error = Error::failed(format!("the migration `{at}` {what}"))
            .detail("version", visible(&self.migration.version))
            .detail("statement", shortened(&visible(&without_passwords(statement)), 300));
        error = match &failed.why {
            Why::Never(why) => error.detail("why", *why),
            Why::Server(driver) => server_says(error, driver),
        };
        if Self::needs_splitting(section, failed) {
            error = error.hint(format!(
                "{} sends the file as one query, which the server runs in a transaction: put the statement into a file of its own",
                self.chain.tool
            ));
        }
        if self.live { self.state(error, section) } else { error }
    }

    /// `cannot run inside a transaction block`, of a file that asked for none.
    fn needs_splitting(section: &Section, failed: &Failed) -> bool {
        let Why::Server(error) = &failed.why else { return false };
        section.mode == Mode::Whole
            && error.code().is_some_and(|code| code.code() == "25001")
            && split(&section.text).len() > 1
    }

    /// Adds in what state the database is now, and what to run next.
    fn state(&self, error: Error, section: &Section) -> Error {
        let stays = self.what_stays(section);
        let marked = self.marked(section);
        let state = match (&stays, &marked) {
            (None, None) => "unchanged: what the migration did was rolled back".to_owned(),
            (None, Some(mark)) => format!("what the migration did was rolled back; {mark}"),
            (Some(stays), None) => stays.clone(),
            (Some(stays), Some(mark)) => format!("{stays}; {mark}"),
        };
        let error = error.detail("state", state);
        let next = if self.way == Way::Up { "devdb migrate up" } else { "devdb migrate down" };
        match (stays.is_some(), marked.is_some()) {
            (false, false) => error.hint(format!("mend the file, then: {next}")),
            (true, false) => error.hint(format!("undo by hand what stays, mend the file, then: {next}")),
            (_, true) => error.hint(format!(
                "undo by hand what stays, mend the file, then: devdb migrate stamp {}, and {next}",
                self.stamp()
            )),
        }
    }

    /// Nothing when all was rolled back.
    fn what_stays(&self, section: &Section) -> Option<String> {
        let own = split(&section.text).iter().any(|statement| ends_transaction(statement.text(&section.text)));
        if own {
            return Some("the file ends transactions itself: what stands before the last of them stays".to_owned());
        }
        if section.mode == Mode::Each && self.statements > 0 {
            return Some(format!(
                "{} of it ran without a transaction, and stay",
                counted(self.statements, "statement")
            ));
        }
        (self.sections > 0).then(|| format!("{} of the file ran before, and stay", counted(self.sections, "block")))
    }

    /// How the tool's table says that the migration failed.
    fn marked(&self, section: &Section) -> Option<String> {
        let table = self.chain.table.quoted();
        match (self.chain.tool, self.way) {
            (SqlTool::GolangMigrate, _) => Some(format!("{table} is dirty, as golang-migrate leaves it")),
            (SqlTool::Prisma, Way::Up) => Some(format!("{table} has it as not finished, as Prisma leaves it")),
            (SqlTool::Flyway, Way::Up) if section.mode != Mode::Transaction => {
                Some(format!("{table} has it as failed, as Flyway leaves it"))
            }
            _ => None,
        }
    }

    /// The version at which the database stood before.
    fn stamp(&self) -> String {
        let at = self.chain.migrations.iter().position(|other| other.version == self.migration.version);
        let before = match self.way {
            Way::Up => at.and_then(|at| at.checked_sub(1)),
            Way::Down => at,
        };
        before.and_then(|at| self.chain.migrations.get(at)).map_or_else(|| "base".to_owned(), |it| it.version.clone())
    }
}

fn server_says(error: Error, driver: &tokio_postgres::Error) -> Error {
    let mut error = error.detail("server says", message(driver));
    if let Some(server) = driver.as_db_error() {
        error = error
            .detail("SQLSTATE", server.code().code())
            .detail("detail", visible(server.detail().unwrap_or_default()))
            .detail("hint", visible(server.hint().unwrap_or_default()));
    }
    error
}

fn ends_transaction(statement: &str) -> bool {
    const WORDS: [&str; 4] = ["commit", "end", "rollback", "abort"];
    let first = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    WORDS.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// The error of a table that holds a migration which was begun and not finished.
pub(super) fn unfinished(chain: &SqlChain, row: &AppliedMigration) -> Error {
    let at = chain.migrations.iter().position(|migration| migration.version == row.version);
    let before = at.and_then(|at| chain.migrations.get(at.checked_sub(1)?));
    let before = before.map_or("base", |migration| migration.version.as_str());
    Error::failed(format!("the migration `{}` was begun and not finished", visible(&row.version)))
        .detail("table", format!("{}, which {} would not go on from either", chain.table.quoted(), chain.tool))
        .hint(format!("when nothing of it is in the database: devdb migrate stamp {before}"))
        .hint(format!("when all of it is: devdb migrate stamp {}", visible(&row.version)))
}

/// The error of a migration without a way back.
pub(super) fn no_way_back(chain: &SqlChain, migration: &SqlMigration) -> Error {
    let why = match chain.tool {
        SqlTool::Prisma | SqlTool::Supabase => format!("{} knows no way back", chain.tool),
        SqlTool::Flyway => "there is no `U…` file for it".to_owned(),
        SqlTool::Dbmate => "the file has no `-- migrate:down` block".to_owned(),
        SqlTool::Goose => "the file has no `-- +goose Down` section".to_owned(),
        SqlTool::Diesel => "there is no `down.sql` beside it".to_owned(),
        SqlTool::Sqlx | SqlTool::GolangMigrate => "there is no `.down.sql` file for it".to_owned(),
    };
    Error::usage(format!("the migration `{}` cannot be undone", migration.file.display()))
        .detail("why", why)
        .hint("devdb reset --to VERSION   (builds the database anew, up to that version)")
}
