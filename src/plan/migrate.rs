//! What `devdb migrate` will do.

use std::collections::BTreeSet;
use std::path::PathBuf;

mod command;
mod sql;
mod state;

pub use command::{NewRequest, comparison, merge, new, program, quoted, script};
pub use sql::script as sql_script;
pub use state::{all_faults, describe, state};

use super::workplace::{no_server, runnable, target, workplace};
use crate::error::Error;
use crate::model::chain::{AlembicConfig, Chain};
use crate::model::config::MigrationsConfig;
use crate::model::history::{Entry, History};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::plan::{MigratePlan, Move};
use crate::model::server::Database;
use crate::model::sql_chain::SqlChain;
use crate::model::target::Candidate;
use crate::model::text::counted;

/// Which way along the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// How far, as Alembic's users write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// `head` or `heads`: everything.
    All,
    /// `base`: nothing.
    Base,
    /// `+2`, `-1`.
    Steps(usize),
    /// A revision of the chain, by its full id.
    Revision(String),
    /// What only Alembic can tell: `label@head`, `ae10+2`.
    Other(String),
}

/// Returns the project's Alembic chain, or why there is none.
pub fn chain(picture: &Picture) -> Result<&Chain, Error> {
    match &picture.chain {
        Observed::Known(chain) => Ok(chain),
        Observed::Unknown(why) => {
            Err(Error::usage("the chain cannot be read").detail("why", why.clone()).hint("devdb doctor"))
        }
        Observed::Absent => Err(Error::usage("this project has no migrations that devdb knows")
            .detail("looked for", "alembic.ini, [tool.alembic] in pyproject.toml, folders of SQL migrations")
            .hint("name it in devdb.toml: [migrations] config = \"path/to/alembic.ini\"")),
    }
}

/// Returns the project's SQL chain, where it has no Alembic chain.
pub fn sql_chain(picture: &Picture) -> Result<Option<&SqlChain>, Error> {
    match (&picture.chain, &picture.recipe.sql_chain) {
        (Observed::Absent, Observed::Known(chain)) => Ok(Some(chain)),
        (Observed::Absent, Observed::Unknown(why)) => {
            Err(Error::usage("the migrations cannot be read").detail("why", why.clone()).hint("devdb doctor"))
        }
        _ => Ok(None),
    }
}

/// Returns the chain and what the database has of it, as far as the database answered.
pub fn history(picture: &Picture) -> Result<History, Error> {
    if let Some(chain) = sql_chain(picture)? {
        return Ok(History::of_sql(chain, sql::rows(picture).as_deref()));
    }
    let chain = chain(picture)?;
    Ok(History::of_chain(chain, rows(picture).as_deref()))
}

/// Returns the rows of the version table: none where the database has no such table, nothing where it is not known.
fn rows(picture: &Picture) -> Option<Vec<String>> {
    match &picture.server.known()?.database.known()?.versions {
        Observed::Known(rows) => Some(rows.clone()),
        Observed::Absent => Some(Vec::new()),
        Observed::Unknown(_) => None,
    }
}

/// Returns the plan of an upgrade or a downgrade; `goal` is what stands on the command line.
pub fn along(picture: &Picture, direction: Direction, goal: Option<&str>) -> Result<Move, Error> {
    match sql_chain(picture)? {
        Some(chain) => sql::along(picture, chain, direction, goal).map(Move::Sql),
        None => alembic(picture, direction, goal).map(Move::Alembic),
    }
}

/// Returns the plan of a stamp.
pub fn stamp(picture: &Picture, revisions: &[String], purge: bool) -> Result<Move, Error> {
    match sql_chain(picture)? {
        Some(chain) => sql::stamp(picture, chain, revisions).map(Move::Sql),
        None => command::stamp(picture, revisions, purge).map(Move::Alembic),
    }
}

/// Returns the target database, which the server must have.
fn database(picture: &Picture) -> Result<&Database, Error> {
    let candidate = target(picture)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    server.database.known().ok_or_else(|| no_database(candidate))
}

fn alembic(picture: &Picture, direction: Direction, goal: Option<&str>) -> Result<MigratePlan, Error> {
    let chain = chain(picture)?;
    runnable(chain)?;
    let before = applied(database(picture)?)?;
    known(chain, &before)?;
    distinct(chain, &before)?;
    let history = History::of_chain(chain, Some(&before));
    let goal = parse(chain, direction, goal)?;
    let steps = steps(chain, &history, direction, &goal)?;
    if steps.is_none() && direction == Direction::Down {
        let text = "only Alembic can tell what that would take back, so nobody could agree to it";
        return Err(Error::usage(text).hint("devdb migrate down REVISION   (the one to go back to)"));
    }
    // With a file that could not be read, nothing is known to be done: Alembic itself has to say.
    let steps = steps.filter(|steps| !steps.is_empty() || chain.unreadable.is_empty());
    // Counted on a line that Alembic may still find ambiguous: the last one is named instead.
    let last = steps.as_ref().and_then(|steps| steps.last()).map(|step| Goal::Revision(step.id.clone()));
    let goal = match (direction, goal, last) {
        (Direction::Up, Goal::Steps(_), Some(last)) => last,
        (_, goal, _) => goal,
    };
    let (command, directory) = command(chain, &picture.config.migrations, direction, &goal);
    Ok(MigratePlan {
        steps,
        workplace: workplace(picture)?,
        command,
        directory,
        version_table: version_table(&chain.config),
        before,
    })
}

pub(super) fn no_database(candidate: &Candidate) -> Error {
    let target = &candidate.target;
    Error::environment(format!("there is no database `{}` on {}", target.database(), target.address()))
        .detail("named by", candidate.origin.to_string())
        .hint("devdb setup   (creates it, migrated and seeded)")
}

fn applied(database: &Database) -> Result<Vec<String>, Error> {
    match &database.versions {
        Observed::Known(rows) => Ok(rows.clone()),
        Observed::Absent => Ok(Vec::new()),
        Observed::Unknown(why) => {
            Err(Error::environment(format!("the version table of `{}` cannot be read", database.name))
                .detail("why", why.clone())
                .hint("devdb doctor"))
        }
    }
}

/// Returns the version table, quoted for SQL.
pub(super) fn version_table(config: &AlembicConfig) -> String {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let schema = config.version_table_schema.as_deref().map(|schema| format!("{}.", quote(schema))).unwrap_or_default();
    format!("{schema}{}", quote(&config.version_table))
}

/// Alembic refuses rows of which one stands on another: "overlaps with other requested revisions".
fn distinct(chain: &Chain, rows: &[String]) -> Result<(), Error> {
    let Some((row, enough)) = chain.overlapping(rows) else { return Ok(()) };
    Err(Error::failed(format!("the version table holds `{row}` beside a revision that follows it"))
        .detail("rows", rows.join("\n"))
        .detail("why", "a chain was rewired (a rebase, a changed `down_revision`) after both were applied")
        .hint(format!("devdb migrate stamp --purge {}   (the same revisions, told once)", enough.join(" "))))
}

/// Alembic fails on the first row that it does not know, whatever is asked of it.
fn known(chain: &Chain, rows: &[String]) -> Result<(), Error> {
    let unknown = chain.unknown(rows);
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!("the database is at `{}`, which no revision file has", unknown.join("`, `")))
        .detail("why", "it was migrated on another git branch, or the file is gone")
        .hint("devdb doctor --only alembic-unknown-revision   (says where the file is)")
        .hint("devdb migrate stamp --purge REVISION   (when you know which one the database is like)")
        .hint("devdb reset   (a new database; the old one is kept for `devdb undo`)"))
}

/// Returns what the user means; Alembic's `head` of a chain with one head is everything.
fn parse(chain: &Chain, direction: Direction, goal: Option<&str>) -> Result<Goal, Error> {
    let text = match (goal, direction) {
        (None, Direction::Up) => return Ok(Goal::All),
        (None, Direction::Down) => return Ok(Goal::Steps(1)),
        (Some(text), _) => text,
    };
    let sign = if direction == Direction::Up { '+' } else { '-' };
    if let Some(number) = text.strip_prefix(sign).and_then(|digits| digits.parse().ok()) {
        return Ok(Goal::Steps(number));
    }
    let odd = |c: char| !c.is_alphanumeric() && !"._@+-".contains(c);
    match text {
        "head" if direction == Direction::Up && chain.heads().len() > 1 => return Err(several_heads(chain)),
        "head" | "heads" if direction == Direction::Up => return Ok(Goal::All),
        "base" if direction == Direction::Down => return Ok(Goal::Base),
        _ => {}
    }
    if text.is_empty() || text.contains(odd) || text.starts_with(['+', '-']) {
        return Err(Error::usage(format!("`{text}` is no revision to go {} to", word(direction)))
            .hint("devdb migrate history   (lists the revisions)"));
    }
    if let Some(revision) = chain.find(text) {
        return Ok(Goal::Revision(revision.id.clone()));
    }
    if text.contains(['@', '+', '-']) {
        return Ok(Goal::Other(text.to_owned()));
    }
    Err(no_revision(chain, text))
}

fn several_heads(chain: &Chain) -> Error {
    let heads = chain.heads();
    let list: Vec<String> = heads.iter().map(|head| format!("{}  {}", head.id, head.at.file.display())).collect();
    Error::usage(format!("the chain has {} heads", heads.len()))
        .detail("heads", list.join("\n"))
        .hint("devdb migrate rebase   or   devdb migrate merge   (one head again)")
        .hint("devdb migrate up heads   (all of them)")
}

fn no_revision(chain: &Chain, text: &str) -> Error {
    let similar: Vec<&str> =
        chain.revisions.iter().map(|it| it.id.as_str()).filter(|id| id.starts_with(text)).take(6).collect();
    let error = Error::usage(format!("no revision and no branch is called `{text}`"));
    match similar.as_slice() {
        [] => error.hint("devdb migrate history   (lists the revisions)"),
        some => error.detail("it begins", some.join("\n")),
    }
}

fn word(direction: Direction) -> &'static str {
    if direction == Direction::Up { "up" } else { "down" }
}

/// Returns the revisions that will run, in order; fails where that is none and something was asked for.
fn steps(chain: &Chain, history: &History, direction: Direction, goal: &Goal) -> Result<Option<Vec<Entry>>, Error> {
    let below = |id: &str| -> BTreeSet<&str> { chain.ancestors(id).iter().map(|it| it.id.as_str()).collect() };
    let pending = || history.entries.iter().filter(|entry| entry.applied == Some(false));
    let applied = || history.entries.iter().rev().filter(|entry| entry.applied == Some(true));
    let entries: Vec<&Entry> = match (direction, goal) {
        (_, Goal::Other(_)) => return Ok(None),
        (Direction::Up, Goal::All) => pending().collect(),
        (Direction::Down, Goal::Base) => applied().collect(),
        (Direction::Up, Goal::Revision(id)) => {
            let below = below(id);
            pending().filter(|entry| entry.id == *id || below.contains(entry.id.as_str())).collect()
        }
        (Direction::Down, Goal::Revision(id)) => {
            if history.entry(id).is_some_and(|entry| entry.applied == Some(false)) {
                return Err(Error::usage(format!("`{id}` is not applied, so there is no way down to it"))
                    .detail("the database is at", history.position()));
            }
            applied().filter(|entry| chain.ancestors(&entry.id).iter().any(|it| it.id == *id)).collect()
        }
        (Direction::Up, Goal::Steps(count)) => {
            let all: Vec<&Entry> = pending().collect();
            enough(all.len(), *count, "pending")?;
            let chosen: Vec<&Entry> = all.into_iter().take(*count).collect();
            one_line(chain, &chosen)?;
            chosen
        }
        (Direction::Down, Goal::Steps(count)) => {
            let all: Vec<&Entry> = applied().collect();
            enough(all.len(), *count, "applied")?;
            if history.rows.as_ref().is_some_and(|rows| rows.len() > 1) {
                return Err(Error::usage(
                    "the database is on several branches, so it is not clear which one to go down",
                )
                .detail("it is at", history.position().replace(", ", "\n"))
                .hint("devdb migrate down REVISION   (the one to go back to)"));
            }
            // Below a merge there are several ways down, and Alembic alone knows which one it takes.
            let chosen: Vec<&Entry> = all.into_iter().take(*count).collect();
            if chosen.len() > 1 && chosen.iter().any(|entry| entry.down_revisions.len() > 1) {
                return Ok(None);
            }
            chosen
        }
        (Direction::Up, Goal::Base) | (Direction::Down, Goal::All) => Vec::new(),
    };
    Ok(Some(entries.into_iter().cloned().collect()))
}

/// Alembic counts steps along one line of revisions only.
fn one_line(chain: &Chain, steps: &[&Entry]) -> Result<(), Error> {
    let Some((last, before)) = steps.split_last() else { return Ok(()) };
    let below = chain.ancestors(&last.id);
    match before.iter().find(|step| !below.iter().any(|it| it.id == step.id)) {
        None => Ok(()),
        Some(other) => {
            Err(Error::usage(format!("the chain branches within {} steps, so they cannot be counted", steps.len()))
                .detail("branches", format!("{}\n{}", other.id, last.id))
                .hint(format!("devdb migrate up {}   (or another revision)", last.id))
                .hint("devdb migrate up heads"))
        }
    }
}

fn enough(there: usize, wanted: usize, what: &str) -> Result<(), Error> {
    if wanted == 0 {
        return Err(Error::usage("a step of 0 goes nowhere"));
    }
    if there < wanted {
        let plural = counted(there, "revision");
        return Err(Error::usage(format!(
            "{} asked for, and {plural} {} {what}",
            if wanted == 1 { "1 step was".to_owned() } else { format!("{wanted} steps were") },
            if there == 1 { "is" } else { "are" }
        ))
        .hint("devdb migrate status"));
    }
    Ok(())
}

/// Returns the command and the folder that it is run in, relative to the root.
fn command(chain: &Chain, config: &MigrationsConfig, direction: Direction, goal: &Goal) -> (String, PathBuf) {
    if let (Some(configured), Direction::Up, Goal::All) = (&config.upgrade, direction, goal) {
        return (configured.clone(), PathBuf::new());
    }
    let wanted = match goal {
        Goal::All => "heads".to_owned(),
        Goal::Base => "base".to_owned(),
        Goal::Steps(count) if direction == Direction::Up => format!("+{count}"),
        // clap and argparse alike take `-1` for an option, unless it is told otherwise.
        Goal::Steps(count) => format!("-{count}"),
        Goal::Revision(id) => format!("'{id}'"),
        Goal::Other(text) => format!("'{text}'"),
    };
    let verb = if direction == Direction::Up { "upgrade" } else { "downgrade" };
    let (program, directory) = program(chain, config);
    // Click takes `-1` for an option, whatever comes before it.
    let flask = program.split_whitespace().any(|word| word == "flask" || word.ends_with("/flask"));
    let end = if flask && wanted.starts_with('-') { "-- " } else { "" };
    (format!("{program} {verb} {end}{wanted}"), directory)
}
