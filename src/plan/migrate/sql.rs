//! Moves along a chain of SQL files, which devdb runs itself.

use super::{Direction, database};
use crate::error::Error;
use crate::model::history::{Entry, History};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::plan::{SqlMovePlan, SqlTask};
use crate::model::sql_chain::{AppliedMigration, Section, SqlChain, SqlMigration, SqlTool, dirty};
use crate::model::text::counted;
use crate::plan::workplace::workplace;

/// Returns the rows of the tool's table: none where there is no such table, nothing where it is not known.
pub(super) fn rows(picture: &Picture) -> Option<Vec<AppliedMigration>> {
    match &picture.server.known()?.database.known()?.history {
        Observed::Known(rows) => Some(rows.clone()),
        Observed::Absent => Some(Vec::new()),
        Observed::Unknown(_) => None,
    }
}

/// Returns what is wrong with the files, or with what the database says of them, one sentence a fault.
pub(super) fn faults(picture: &Picture, chain: &SqlChain) -> Vec<String> {
    let mut told: Vec<String> = chain.faults.iter().map(crate::model::sql_chain::SqlChainFault::describe).collect();
    let rows = rows(picture).unwrap_or_default();
    told.extend(chain.edited(&rows).iter().map(|(migration, _then)| {
        format!("{}: edited after it was applied: {} finds another checksum", migration.file.display(), chain.tool)
    }));
    told.extend(
        dirty(&rows)
            .map(|row| format!("version `{}` was begun and not finished: {} goes no further", row.version, chain.tool)),
    );
    told
}

/// Returns the plan of an upgrade or a downgrade; `goal` is what stands on the command line.
pub(super) fn along(
    picture: &Picture,
    chain: &SqlChain,
    direction: Direction,
    goal: Option<&str>,
) -> Result<SqlMovePlan, Error> {
    let rows = ready(picture, chain, direction)?;
    let steps = steps(chain, &rows, direction, goal)?;
    let task = if direction == Direction::Up { SqlTask::Up } else { SqlTask::Down };
    plan(picture, chain, &rows, (task, &steps))
}

/// Returns the plan of a stamp: everything up to a version counts as applied, and nothing after it.
pub(super) fn stamp(picture: &Picture, chain: &SqlChain, versions: &[String]) -> Result<SqlMovePlan, Error> {
    no_faults(chain)?;
    database(picture)?;
    let rows = rows(picture).unwrap_or_default();
    let [version] = versions else {
        return Err(Error::usage(format!("files of {} follow each other, so one version says all", chain.tool)));
    };
    let end = match version.as_str() {
        "head" | "heads" => chain.migrations.len(),
        "base" => 0,
        name => position(chain, name)? + 1,
    };
    let upto: Vec<&SqlMigration> = chain.migrations.iter().take(end).collect();
    plan(picture, chain, &rows, (SqlTask::Stamp, &upto))
}

fn plan(
    picture: &Picture,
    chain: &SqlChain,
    rows: &[AppliedMigration],
    (task, migrations): (SqlTask, &[&SqlMigration]),
) -> Result<SqlMovePlan, Error> {
    let history = History::of_sql(chain, Some(rows));
    let entry = |migration: &&SqlMigration| history.entry(&migration.version).cloned();
    let steps: Vec<Entry> = migrations.iter().filter_map(entry).collect();
    Ok(SqlMovePlan {
        workplace: workplace(picture)?,
        chain: chain.clone(),
        task,
        versions: migrations.iter().map(|migration| migration.version.clone()).collect(),
        before: rows.iter().map(|row| row.version.clone()).collect(),
        position: history.position(),
        steps,
    })
}

fn no_faults(chain: &SqlChain) -> Result<(), Error> {
    let Some(fault) = chain.faults.first() else { return Ok(()) };
    Err(Error::failed(format!("{} would not run this chain: {}", chain.tool, fault.describe())).hint("devdb doctor"))
}

/// Returns the rows of the tool's table, when the tool itself would go on with them.
fn ready(picture: &Picture, chain: &SqlChain, direction: Direction) -> Result<Vec<AppliedMigration>, Error> {
    no_faults(chain)?;
    let database = database(picture)?;
    if let Observed::Unknown(why) = &database.history {
        return Err(Error::environment(format!(
            "the table {} of `{}` cannot be read",
            chain.table.quoted(),
            database.name
        ))
        .detail("why", why.clone())
        .hint("devdb doctor"));
    }
    let rows = rows(picture).unwrap_or_default();
    let unknown = chain.unknown(&rows);
    // These three run what is pending, whatever else the table holds.
    let lenient =
        direction == Direction::Up && matches!(chain.tool, SqlTool::Dbmate | SqlTool::Goose | SqlTool::Diesel);
    if !unknown.is_empty() && !lenient {
        return Err(Error::failed(format!("the database has version `{}`, which no file has", unknown.join("`, `")))
            .detail("why", "it was migrated on another git branch, or the file is gone")
            .hint("devdb reset   (a new database; the old one is kept for `devdb undo`)"));
    }
    if let Some((migration, _then)) = chain.edited(&rows).first() {
        return Err(Error::failed(format!("`{}` was edited after it was applied", migration.file.display()))
            .detail("why", format!("{} keeps its checksum, and finds another one now", chain.tool))
            .hint("undo the edit, and write what it should do into a new migration: devdb migrate new")
            .hint("devdb reset   (a new database from the files as they are)"));
    }
    Ok(rows)
}

/// Returns what will run, in order.
fn steps<'a>(
    chain: &'a SqlChain,
    rows: &[AppliedMigration],
    direction: Direction,
    goal: Option<&str>,
) -> Result<Vec<&'a SqlMigration>, Error> {
    if direction == Direction::Up {
        let pending = chain.pending(rows);
        in_order(chain, rows, &pending)?;
        let count = match goal {
            None | Some("head" | "heads") => pending.len(),
            Some(text) => {
                if let Some(Ok(count)) = text.strip_prefix('+').map(str::parse::<usize>) {
                    enough(pending.len(), count, "pending")?
                } else {
                    let end = position(chain, text)?;
                    let until =
                        |migration: &&&SqlMigration| chain.migrations.iter().take(end + 1).any(|it| it == **migration);
                    pending.iter().filter(until).count()
                }
            }
        };
        return Ok(pending.into_iter().take(count).collect());
    }
    let applied: Vec<&SqlMigration> = chain.applied(rows).into_iter().filter(|it| !it.repeatable).rev().collect();
    let count = match goal {
        None => enough(applied.len(), 1, "applied")?,
        Some("base") => applied.len(),
        Some(text) => {
            if let Some(Ok(count)) = text.strip_prefix('-').map(str::parse::<usize>) {
                enough(applied.len(), count, "applied")?
            } else {
                let goal = position(chain, text)?;
                let goal = chain.migrations.get(goal).map(|it| it.version.as_str()).unwrap_or_default();
                applied.iter().position(|it| it.version == goal).ok_or_else(|| {
                    Error::usage(format!("version `{goal}` is not applied, so there is no way down to it"))
                        .hint("devdb migrate status")
                })?
            }
        }
    };
    Ok(applied.into_iter().take(count).collect())
}

/// These three refuse a migration that is older than one that is applied: they cannot know whether it still fits.
fn in_order(chain: &SqlChain, rows: &[AppliedMigration], pending: &[&SqlMigration]) -> Result<(), Error> {
    let strict = matches!(chain.tool, SqlTool::Goose | SqlTool::Flyway | SqlTool::Supabase);
    let at = |migration: &SqlMigration| chain.migrations.iter().position(|it| it == migration);
    let current = chain.current(rows);
    let (Some(last), Some(first)) = (current, pending.iter().find(|it| !it.repeatable)) else { return Ok(()) };
    if !strict || at(first) > at(last) {
        return Ok(());
    }
    Err(Error::failed(format!("`{}` is pending and older than `{}`, which is applied", first.version, last.version))
        .detail("file", first.file.display().to_string())
        .detail("why", format!("{} refuses migrations out of order; another branch was merged", chain.tool))
        .hint("give the file a newer version, when nobody else has applied it")
        .hint("devdb reset   (a new database, everything in order; the old one is kept for `devdb undo`)"))
}

fn enough(there: usize, wanted: usize, what: &str) -> Result<usize, Error> {
    if wanted == 0 {
        return Err(Error::usage("a step of 0 goes nowhere"));
    }
    if there >= wanted {
        return Ok(wanted);
    }
    let verb = if there == 1 { "is" } else { "are" };
    let asked = if wanted == 1 { "1 step was".to_owned() } else { format!("{wanted} steps were") };
    let said = format!("{asked} asked for, and {} {verb} {what}", counted(there, "migration"));
    Err(Error::usage(said).hint("devdb migrate status"))
}

fn position(chain: &SqlChain, name: &str) -> Result<usize, Error> {
    let found = chain.find(name).and_then(|found| chain.migrations.iter().position(|it| it == found));
    found.ok_or_else(|| {
        let begin = chain.migrations.iter().map(|it| it.version.as_str()).filter(|version| version.starts_with(name));
        let begin: Vec<&str> = begin.take(6).collect();
        Error::usage(format!("no migration of {} has the version `{name}`", chain.directory.display()))
            .detail("it begins", begin.join("\n"))
            .hint("devdb migrate history   (lists the versions)")
    })
}

/// Returns the sections that a move would run, in order: what is pending, or `FROM:TO` without FROM.
pub fn script<'a>(
    picture: &Picture,
    chain: &'a SqlChain,
    direction: Direction,
    range: Option<&str>,
) -> Result<Vec<(&'a SqlMigration, &'a [Section])>, Error> {
    no_faults(chain)?;
    let (from, to) = match range {
        None => (None, None),
        Some(range) => range.split_once(':').map_or((None, Some(range)), |(from, to)| (Some(from), Some(to))),
    };
    let end = |name: Option<&str>, open: usize| match name {
        None | Some("" | "head" | "heads") => Ok(open),
        Some("base") => Ok(0),
        Some(name) => position(chain, name).map(|at| at + 1),
    };
    let all = chain.migrations.len();
    if direction == Direction::Down && range.is_none() {
        let rows = rows(picture).unwrap_or_default();
        return Ok(chain.current(&rows).map(|migration| (migration, migration.down.as_slice())).into_iter().collect());
    }
    if direction == Direction::Down {
        let (high, low) = (end(from, all)?, end(to.or(Some("base")), 0)?);
        let between = chain.migrations.iter().take(high).skip(low).rev();
        return Ok(between.map(|migration| (migration, migration.down.as_slice())).collect());
    }
    let to = end(to, all)?;
    let rows = rows(picture).unwrap_or_default();
    let pending: Vec<&str> = chain.pending(&rows).iter().map(|it| it.version.as_str()).collect();
    let start = end(from.or(Some("base")), 0)?;
    let wanted = |migration: &&SqlMigration| from.is_some() || pending.contains(&migration.version.as_str());
    let between = chain.migrations.iter().take(to).skip(start).filter(wanted);
    Ok(between.map(|migration| (migration, migration.up.as_slice())).collect())
}
