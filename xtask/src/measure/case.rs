//! One thing that is timed: what comes before, the command, and the proof that it did what it says.

use super::server::Server;
use super::stats::Times;
use crate::run;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What is compared, in the order of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ColdFloor,
    Cold,
    Script,
    Dbmate,
    Sqlx,
    WarmFloor,
    WarmFloorFiles,
    Warm,
    Dslr,
    SpareFloor,
    Spare,
    ChangedFloor,
    Appended,
    Edited,
}

impl Kind {
    /// Returns the least that the same result can cost.
    pub(super) fn floor(self) -> Self {
        match self {
            Self::ColdFloor | Self::Cold | Self::Script | Self::Dbmate | Self::Sqlx => Self::ColdFloor,
            Self::WarmFloor | Self::WarmFloorFiles | Self::Warm | Self::Dslr => Self::WarmFloor,
            Self::SpareFloor | Self::Spare => Self::SpareFloor,
            Self::ChangedFloor | Self::Appended | Self::Edited => Self::ChangedFloor,
        }
    }

    pub(super) fn is_devdb(self) -> bool {
        matches!(self, Self::Cold | Self::Warm | Self::Spare | Self::Appended | Self::Edited)
    }

    pub(super) fn is_peer(self) -> bool {
        matches!(self, Self::Script | Self::Dbmate | Self::Sqlx | Self::Dslr)
    }
}

type Step<'a> = Box<dyn Fn(usize) -> Result<(), String> + 'a>;

/// How a case is run. `prepare` and `check` are not timed.
pub(super) struct Case<'a> {
    pub(super) kind: Kind,
    /// As the tables name it.
    pub(super) name: String,
    pub(super) prepare: Step<'a>,
    pub(super) command: Box<dyn Fn() -> Command + 'a>,
    pub(super) check: Step<'a>,
}

/// What a case came to.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Timed(Times),
    /// It could not be measured here, and why.
    Missing(String),
    /// It did not do what it says it does.
    Failed(String),
}

/// A line of a table: a case, and its outcome for every size.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) outcomes: BTreeMap<usize, Outcome>,
}

pub(super) type Lines = BTreeMap<Kind, Line>;

/// Runs the cases in turn, round by round, so that what slows the machine down meets all of them. The first round is not
/// counted where `warm_up` asks for it.
pub(super) fn run(
    server: &Server,
    cases: Vec<Case<'_>>,
    rounds: usize,
    warm_up: bool,
    log: &Path,
) -> Vec<(Kind, String, Outcome)> {
    let mut state: Vec<(Case<'_>, Outcome)> =
        cases.into_iter().map(|case| (case, Outcome::Timed(Times::default()))).collect();
    let first = usize::from(!warm_up);
    for round in first..=rounds {
        for (case, outcome) in &mut state {
            let Outcome::Timed(times) = outcome else { continue };
            match once(server, case, round, log) {
                Ok(_warming) if round == 0 => {}
                Ok(took) => times.push(took),
                Err(why) => {
                    eprintln!("bench: {}: {why}", case.name);
                    *outcome = Outcome::Failed(why);
                }
            }
        }
        eprintln!("bench:   round {round} of {rounds}");
    }
    state.into_iter().map(|(case, outcome)| (case.kind, case.name, outcome)).collect()
}

fn once(server: &Server, case: &Case<'_>, round: usize, log: &Path) -> Result<f64, String> {
    (case.prepare)(round)?;
    server.checkpoint()?;
    let took = timed(&mut (case.command)(), log)?;
    (case.check)(round)?;
    Ok(took)
}

/// Runs a command to its end and returns its milliseconds.
pub(super) fn timed(command: &mut Command, log: &Path) -> Result<f64, String> {
    // Not a pipe: what a command leaves running in the background would hold it open.
    let file = File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
    let also = file.try_clone().map_err(|error| error.to_string())?;
    command.stdout(file).stderr(also);
    let started = Instant::now();
    let status = command.status().map_err(|error| format!("it did not start: {error}"))?;
    let took = started.elapsed().as_secs_f64() * 1e3;
    if status.success() {
        return Ok(took);
    }
    let said = std::fs::read_to_string(log).unwrap_or_default();
    Err(format!("{status}: {}", run::last_lines(&said, 12)))
}

/// What has to be in a database after a round.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// A query for where the chain is, and its answer.
    pub(super) head: (&'static str, String),
    pub(super) tables: usize,
    /// A table, and how many rows it has.
    pub(super) rows: Option<(&'static str, u64)>,
    /// A column that only this chain makes.
    pub(super) column: Option<String>,
}

/// Left in a database before it is reset: the new one must not have it.
pub(super) const MARKER: &str = "left_by_the_bench";

pub(super) fn tables(server: &Server, database: &str) -> Result<usize, String> {
    let count = server.ask(database, "select count(*) from pg_tables where schemaname = 'public'")?;
    count.parse().map_err(|_not_a_number| format!("no number of tables: {count}"))
}

/// Fails where a database is not what the chain and the seed make.
pub(super) fn verify(server: &Server, database: &str, expected: &Expected) -> Result<(), String> {
    let is = |what: &str, wanted: &str, query: &str| {
        let found = server.ask(database, query)?;
        if found == wanted { Ok(()) } else { Err(format!("{what} of `{database}`: {found} instead of {wanted}")) }
    };
    is("the head", &expected.head.1, expected.head.0)?;
    let marked = format!("select count(*) from pg_tables where tablename = '{MARKER}'");
    is("tables from before", "0", &marked)?;
    let found = tables(server, database)?;
    if found != expected.tables {
        return Err(format!("{found} tables in `{database}` instead of {}", expected.tables));
    }
    if let Some((table, rows)) = expected.rows {
        is("rows", &rows.to_string(), &format!("select count(*) from {table}"))?;
    }
    let own = "select coalesce(string_agg(attname, ' '), '') from pg_attribute \
               where attname ~ '^(edited|appended)_' and attnum > 0";
    is("columns of the newest revision", expected.column.as_deref().unwrap_or_default(), own)
}
