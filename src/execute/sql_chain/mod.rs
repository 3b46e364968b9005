//! Chains of SQL files, run over the wire as their tools run them, and the tools' own tables kept as they keep them.

mod send;
mod table;
mod told;

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::types::Type;

use self::send::{Failed, send};
use self::table::{Book, Way};
use self::told::Story;
use super::Teller;
use super::admin::failed;
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::sql_chain::{AppliedMigration, Mode, Section, SqlChain, SqlMigration, SqlTool, dirty};
use crate::parse::sql_chain::pieces;
use crate::wire::history;
use crate::wire::postgres::{Session, quote_ident};

/// A chain and the database that it is run on.
#[derive(Debug)]
pub struct SqlRunner<'a> {
    pub session: &'a Session,
    pub chain: &'a SqlChain,
    /// Whether people use the database: what a failure leaves there is theirs to know and to mend.
    pub live: bool,
}

impl SqlRunner<'_> {
    /// Returns the rows of the tool's table; none when there is no such table.
    pub async fn rows(&self) -> Result<Vec<AppliedMigration>> {
        let read = history::read(self.session, self.chain.tool, &self.chain.table).await;
        read.map(Option::unwrap_or_default).map_err(|error| self.unread(&error))
    }

    /// Applies `which` in order, each as its tool would, and returns how many.
    pub async fn up(&self, which: &[&SqlMigration], tell: &mut Teller<'_>) -> Result<usize> {
        self.along(which, Way::Up, tell).await
    }

    /// Undoes `which` in order: the newest comes first.
    pub async fn down(&self, which: &[&SqlMigration], tell: &mut Teller<'_>) -> Result<usize> {
        if let Some(stuck) = which.iter().find(|migration| migration.down.is_empty()) {
            return Err(told::no_way_back(self.chain, stuck));
        }
        self.along(which, Way::Down, tell).await
    }

    /// Writes the tool's table as if exactly `applied` had been run, and runs none of them.
    pub async fn stamp(&self, applied: &[&SqlMigration]) -> Result<()> {
        self.runnable()?;
        let book = self.open().await?;
        let rows = self.rows().await?;
        let statements = book.stamp(self.chain, &rows, applied);
        self.run(&format!("begin;\n{};\ncommit", statements.join(";\n")), "write the tool's table").await
    }

    async fn along(&self, which: &[&SqlMigration], way: Way, tell: &mut Teller<'_>) -> Result<usize> {
        self.runnable()?;
        let book = self.open().await?;
        if let Some(row) = dirty(&self.rows().await?) {
            return Err(told::unfinished(self.chain, row));
        }
        for (index, migration) in which.iter().enumerate() {
            let (id, message) = (migration.version.clone(), migration.message.clone());
            tell(Event::Revision { id: id.clone(), message: message.clone(), index: index + 1, total: which.len() });
            let took = self.one(&book, migration, way).await?;
            tell(Event::Applied { id, message, took });
        }
        if self.chain.schema.is_some() {
            // Seeds follow on the same session.
            self.run("reset search_path", "reset the search path").await?;
        }
        Ok(which.len())
    }

    fn runnable(&self) -> Result<()> {
        let Some(fault) = self.chain.faults.first() else { return Ok(()) };
        let more = self.chain.faults.len() - 1;
        let error = Error::failed(format!("{} would not run this chain: {}", self.chain.tool, fault.describe()));
        Err(if more > 0 { error.detail("more", format!("{more} other faults")) } else { error }.hint("devdb doctor"))
    }

    /// Makes the tool's table where there is none.
    async fn open(&self) -> Result<Book> {
        if let Some(schema) = &self.chain.schema {
            let schema = quote_ident(schema);
            self.run(&format!("create schema if not exists {schema}"), "create the schema of the URL").await?;
            self.run(&format!("set search_path to {schema}"), "set the search path").await?;
        }
        let mut table = self.chain.table.clone();
        if table.schema.is_none() {
            table.schema = self.schema(&table.quoted()).await?;
        }
        let book = Book { tool: self.chain.tool, table };
        let there = history::read(self.session, book.tool, &book.table).await;
        if there.map_err(|error| self.unread(&error))?.is_none() {
            self.run(&book.create(), &format!("create the table {}", book.table.quoted())).await?;
        }
        Ok(book)
    }

    /// Where the table is, else where it will be made: a migration may change the search path, and the table stays.
    async fn schema(&self, table: &str) -> Result<Option<String>> {
        const SCHEMA: &str = "select coalesce(
            (select nspname from pg_class c join pg_namespace n on n.oid = relnamespace where c.oid = to_regclass($1)),
            current_schema())::text";
        let rows = self.session.query_typed(SCHEMA, &[(&table, Type::TEXT)]).await;
        let rows = rows.map_err(|error| failed("ask for the current schema", &error))?;
        let text: Option<String> = rows.first().and_then(|row| row.try_get(0).ok()).flatten();
        Ok(text)
    }

    fn unread(&self, error: &tokio_postgres::Error) -> Error {
        failed(&format!("read the table {}", self.chain.table.quoted()), error).hint(format!(
            "it may be another tool's than {}'s: [migrations] tool = \"…\" in devdb.toml",
            self.chain.tool
        ))
    }

    async fn one(&self, book: &Book, migration: &SqlMigration, way: Way) -> Result<Duration> {
        let started = Instant::now();
        if let Some(before) = book.before(self.chain, migration, way) {
            self.run(&before, "write the tool's table").await?;
        }
        if matches!(book.tool, SqlTool::Supabase | SqlTool::Flyway) {
            self.run("reset search_path", "reset the search path").await?;
        }
        let sections = if way == Way::Up { &migration.up } else { &migration.down };
        let mut story = Story::new(self.chain, migration, way, self.live);
        for (index, section) in sections.iter().enumerate() {
            let last = index + 1 == sections.len();
            let record = || if last { book.record(migration, way, started.elapsed()) } else { None };
            if let Err(error) = self.section(section, record, &mut story).await {
                if let Some(after) = book.failed(migration, way, started.elapsed(), &error.message()) {
                    self.run(&after, "write the tool's table").await?;
                }
                return Err(story.tell(section, &error));
            }
            story.sections += 1;
        }
        if sections.is_empty()
            && let Some(record) = book.record(migration, way, started.elapsed())
        {
            self.run(&record, "write the tool's table").await?;
        }
        if let Some(after) = book.after(self.chain, migration, way, started.elapsed()) {
            self.run(&after, "write the tool's table").await?;
        }
        Ok(started.elapsed())
    }

    /// Runs a section as its tool would; the row of the table belongs to its transaction when it has one.
    async fn section(
        &self,
        section: &Section,
        record: impl Fn() -> Option<String>,
        story: &mut Story<'_>,
    ) -> Result<(), Failed> {
        let inside = section.mode == Mode::Transaction;
        if inside {
            self.simple("begin").await?;
        }
        let mut done = Ok(());
        for piece in pieces(self.chain.tool, section) {
            done = send(self.session, &piece).await;
            if done.is_err() {
                break;
            }
            story.statements += 1;
        }
        if done.is_ok()
            && let Some(record) = record()
        {
            done = self.simple(&record).await;
        }
        if done.is_ok() && inside {
            done = self.simple("commit").await;
        }
        if done.is_err() {
            // What a file of its own transactions left open must not hold up what comes after.
            self.simple("rollback").await?;
        }
        done
    }

    async fn simple(&self, statement: &str) -> Result<(), Failed> {
        self.session.batch_execute(statement).await.map_err(Failed::alone)
    }

    async fn run(&self, statement: &str, what: &str) -> Result<()> {
        self.session.batch_execute(statement).await.map_err(|error| failed(what, &error))
    }
}
