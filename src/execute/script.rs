//! SQL files, run whole in one transaction. A file that fails is run again, statement by statement, in a transaction
//! that is rolled back, to name the line; so the common case costs one round trip.

use std::path::Path;

use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio_postgres::Error as DriverError;

use crate::error::{Error, Result};
use crate::model::text::{shortened, visible};
use crate::parse::sql::{Statement, StatementKind, line_of, split};
use crate::wire::postgres::{Session, message};

/// A piece of SQL and where it stands.
pub(super) struct Script<'a> {
    /// As it is shown.
    pub path: &'a Path,
    pub text: &'a str,
    /// The line of the file at which the text starts, less one.
    pub offset: usize,
}

/// Meta-commands that `pg_dump` writes and that mean nothing outside of `psql`.
const HARMLESS: [&str; 4] = ["\\restrict", "\\unrestrict", "\\echo", "\\set"];

/// Whether `pg_dump` sets what a server of this major does not know: it writes `SET transaction_timeout = 0` since 17, and means by
/// it that nothing is to be limited.
fn is_newer_setting(statement: &str, major: i32) -> bool {
    major < 17 && statement.trim().to_ascii_lowercase().starts_with("set transaction_timeout")
}

impl Script<'_> {
    /// Runs the script inside a transaction, `after` included; `what` is the noun of the error: "seed", "migration".
    pub(super) async fn run(&self, session: &Session, after: &str, what: &str) -> Result<()> {
        let statements = split(self.text);
        if statements.iter().any(|statement| controls_transaction(statement.text(self.text))) {
            // The script brings transactions of its own: it is run as `psql` would, and never twice.
            let done = self.run_bare(session, after, what).await;
            if done.is_err() {
                self.rollback(session).await?;
            }
            return done;
        }
        let special = statements.iter().any(|statement| {
            statement.kind != StatementKind::Sql || is_newer_setting(statement.text(self.text), session.major())
        });
        if !special {
            let whole = format!("begin;\n{}\n;{after}\n;commit", self.text);
            match session.batch_execute(&whole).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    self.rollback(session).await?;
                    return Err(self.locate(session, &statements, &error, what).await);
                }
            }
        }
        session.batch_execute("begin").await.map_err(|error| self.failure(&error, None, what))?;
        match self.one_by_one(session, &statements, what).await {
            Ok(()) => {
                let end = format!("{after}\n;commit");
                session.batch_execute(&end).await.map_err(|error| self.failure(&error, None, what))
            }
            Err(error) => {
                self.rollback(session).await?;
                Err(error)
            }
        }
    }

    /// Runs the script without a transaction, statement by statement, as its header asks.
    pub(super) async fn run_bare(&self, session: &Session, after: &str, what: &str) -> Result<()> {
        self.one_by_one(session, &split(self.text), what).await?;
        session.batch_execute(after).await.map_err(|error| self.failure(&error, None, what))
    }

    async fn one_by_one(&self, session: &Session, statements: &[Statement], what: &str) -> Result<()> {
        for statement in statements {
            let text = statement.text(self.text);
            let done = match &statement.kind {
                StatementKind::Sql if is_newer_setting(text, session.major()) => Ok(()),
                StatementKind::Sql => session.batch_execute(text).await,
                StatementKind::CopyIn { data } => {
                    copy(session, text, self.text.get(data.clone()).unwrap_or_default()).await
                }
                StatementKind::MetaCommand if HARMLESS.iter().any(|command| text.starts_with(command)) => Ok(()),
                StatementKind::MetaCommand => return Err(self.meta_command(statement, text)),
            };
            done.map_err(|error| self.failure(&error, Some(statement), what))?;
        }
        Ok(())
    }

    /// Finds the statement that failed by running them again; the first error counts when it does not come back.
    async fn locate(&self, session: &Session, statements: &[Statement], first: &DriverError, what: &str) -> Error {
        if session.batch_execute("begin").await.is_err() {
            return self.failure(first, None, what);
        }
        let again = self.one_by_one(session, statements, what).await;
        if let Err(error) = self.rollback(session).await {
            return error;
        }
        match again {
            Err(error) => error,
            Ok(()) => self.failure(first, None, what),
        }
    }

    async fn rollback(&self, session: &Session) -> Result<()> {
        session.batch_execute("rollback").await.map_err(|error| self.failure(&error, None, "rollback"))
    }

    fn failure(&self, error: &DriverError, statement: Option<&Statement>, what: &str) -> Error {
        let server = error.as_db_error();
        let position = match server.and_then(|server| server.position()) {
            Some(tokio_postgres::error::ErrorPosition::Original(position)) => {
                usize::try_from(*position).unwrap_or_default()
            }
            _ => 0,
        };
        let line = statement.map(|statement| {
            let text = statement.text(self.text);
            let before: String = text.chars().take(position.saturating_sub(1)).collect();
            statement.line + line_of(&before, before.len()) - 1 + self.offset
        });
        let at = line.map_or_else(String::new, |line| format!(":{line}"));
        let mut told = Error::failed(format!("the {what} `{}{at}` failed", self.path.display()));
        if let Some(statement) = statement {
            told = told.detail("statement", shortened(&visible(&without_passwords(statement.text(self.text))), 300));
        }
        told = told.detail("server says", message(error));
        if let Some(server) = server {
            told = told
                .detail("SQLSTATE", server.code().code())
                .detail("detail", visible(server.detail().unwrap_or_default()))
                .detail("hint", visible(server.hint().unwrap_or_default()));
        }
        told
    }

    fn meta_command(&self, statement: &Statement, text: &str) -> Error {
        let line = statement.line + self.offset;
        Error::failed(format!("`{}:{line}` holds a command of psql's: `{}`", self.path.display(), shortened(text, 60)))
            .hint(format!(
                "write it in SQL, or run the file as a command: [[seeds]] run = \"psql -f {}\"",
                self.path.display()
            ))
    }
}

/// Returns a statement with what follows the word PASSWORD left out: a string in any notation, or `password=…`.
pub(super) fn without_passwords(statement: &str) -> String {
    const WORD: &str = "password";
    let mut shown = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(at) = rest.to_ascii_lowercase().find(WORD) {
        let (before, after) = rest.split_at_checked(at + WORD.len()).unwrap_or((rest, ""));
        shown.push_str(before);
        rest = after;
        if let Some(after) = after_secret(after) {
            shown.push_str(" ***");
            rest = after;
        }
    }
    shown.push_str(rest);
    shown
}

/// Returns what follows the secret at the start of a text, when there is one.
fn after_secret(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let (assigned, text) = text.strip_prefix('=').map_or((false, text), |text| (true, text.trim_start()));
    let quoted = text.strip_prefix(['E', 'e']).filter(|text| text.starts_with('\'')).unwrap_or(text);
    if let Some(inside) = quoted.strip_prefix('\'') {
        // A doubled quote, or one behind a backslash, belongs to the string.
        let mut characters = inside.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => drop(characters.next()),
                '\'' if characters.next_if(|(_, next)| *next == '\'').is_none() => return inside.get(at + 1..),
                _ => {}
            }
        }
        return Some("");
    }
    if let Some(rest) = text.strip_prefix('$') {
        let (tag, inside) = rest.split_once('$')?;
        let close = format!("${tag}$");
        return Some(inside.split_once(&close).map_or("", |(_secret, after)| after));
    }
    assigned.then(|| text.trim_start_matches(|c: char| !c.is_whitespace() && !"'\"$;),".contains(c)))
}

/// Returns whether a statement begins or ends a transaction (PostgreSQL documentation, "SQL Commands").
fn controls_transaction(statement: &str) -> bool {
    const WORDS: [&str; 6] = ["begin", "start", "commit", "end", "rollback", "abort"];
    let first = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    WORDS.iter().any(|word| first.eq_ignore_ascii_case(word))
}

async fn copy(session: &Session, statement: &str, data: &str) -> Result<(), DriverError> {
    let sink = session.copy_in::<_, Bytes>(statement).await?;
    futures_util::pin_mut!(sink);
    sink.send(Bytes::copy_from_slice(data.as_bytes())).await?;
    sink.close().await
}

#[cfg(test)]
mod tests {
    use super::without_passwords;

    #[test]
    fn passwords_of_roles_are_not_shown() {
        for hidden in ["$$PW$$", "$x$PW$x$", "E'P\\'PW'", "'it''PW'", "=PW", " = 'PW'"] {
            let shown = without_passwords(&format!("alter role app password {hidden} valid until 'x'"));
            assert!(!shown.contains("PW") && shown.ends_with("valid until 'x'"), "{shown}");
        }
        let shown = without_passwords("CREATE ROLE a LOGIN PASSWORD 'x y'; alter role b password\n'z' valid until 'q'");
        assert_eq!(shown, "CREATE ROLE a LOGIN PASSWORD ***; alter role b password *** valid until 'q'");
        assert_eq!(without_passwords("insert into t (password) values (1)"), "insert into t (password) values (1)");
    }
}
