//! What was promised, next to what was measured. Nothing fails because of time: a bar is met, or it is said not to be.

use super::case::{Kind, Lines, Outcome};
use super::drift::{COLUMNS, Drift};
use super::options::Scenario;
use super::scenarios::Measured;
use super::small::Small;
use super::stats::{ratio, time};

/// A promise, and how it went.
pub(super) struct Bar {
    pub(super) promise: String,
    pub(super) measured: String,
    pub(super) met: bool,
}

/// Returns every bar that the numbers can tell of.
pub(super) fn all(measured: &[Measured], drifts: &[Drift], small: Option<&Small>) -> Vec<Bar> {
    let mut bars = Vec::new();
    for scenario in measured {
        for (column, (label, _)) in scenario.sizes.iter().enumerate() {
            let place = match scenario.scenario {
                Scenario::Sql => format!("SQL chain, {label}"),
                Scenario::Alembic => "Alembic chain".to_owned(),
                Scenario::Prefect => "Prefect".to_owned(),
                Scenario::Airflow | Scenario::Drift | Scenario::Small => "Airflow".to_owned(),
            };
            bars.extend(of_column(scenario, column, &place));
        }
        bars.extend(same_at_any_size(scenario));
    }
    bars.extend(drifts.iter().flat_map(of_drift));
    bars.extend(small.into_iter().flat_map(of_small));
    bars
}

/// Returns the median of a case in milliseconds.
pub(super) fn median(lines: &Lines, kind: Kind, column: usize) -> Option<f64> {
    match lines.get(&kind)?.outcomes.get(&column)? {
        Outcome::Timed(times) => times.median(),
        Outcome::Missing(_) | Outcome::Failed(_) => None,
    }
}

fn of_column(scenario: &Measured, column: usize, place: &str) -> Vec<Bar> {
    let at = |kind| median(&scenario.lines, kind, column);
    let mut bars = Vec::new();
    let mut at_most = |promise: &str, ours: Option<f64>, theirs: Option<f64>, bar: f64| {
        if let Some((ours, theirs)) = ours.zip(theirs) {
            let measured = format!("{} to {}, {}", time(ours), time(theirs), ratio(ours / theirs));
            bars.push(Bar { promise: format!("{place}: {promise}"), measured, met: ours <= theirs * bar });
        }
    };
    at_most("from nothing not slower than sqlx", at(Kind::Cold), at(Kind::Sqlx), 1.0);
    at_most("from nothing at most 5 % more than dbmate", at(Kind::Cold), at(Kind::Dbmate), 1.05);
    at_most("from nothing at most 5 % more than the script", at(Kind::Cold), at(Kind::Script), 1.05);
    at_most("a copy within 1.3× of the bare one", at(Kind::Warm), copy(scenario, column), 1.3);
    at_most("a spare within 3× of the bare renames", at(Kind::Spare), at(Kind::SpareFloor), 3.0);
    for (what, kind) in [("an appended", Kind::Appended), ("an edited", Kind::Edited)] {
        let promise = format!("{what} revision costs the copy, itself and the rows (1.3×)");
        at_most(&promise, at(kind), at(Kind::ChangedFloor), 1.3);
    }
    if let Some(spare) = at(Kind::Spare) {
        let promise = format!("{place}: a spare below 60 ms");
        bars.push(Bar { promise, measured: time(spare), met: spare < 60.0 });
        let published = matches!(scenario.scenario, Scenario::Prefect | Scenario::Airflow);
        if let Some(script) = at(Kind::Script).filter(|_| published) {
            let promise = format!("{place}: a spare at least 50× faster than the script");
            bars.push(Bar { promise, measured: ratio(script / spare), met: script >= 50.0 * spare });
        }
    }
    bars
}

/// Returns the faster of the server's two ways to copy.
fn copy(scenario: &Measured, column: usize) -> Option<f64> {
    let ways = [Kind::WarmFloor, Kind::WarmFloorFiles].map(|kind| median(&scenario.lines, kind, column));
    ways.into_iter().flatten().min_by(f64::total_cmp)
}

fn same_at_any_size(scenario: &Measured) -> Option<Bar> {
    let last = scenario.sizes.len().checked_sub(1).filter(|&last| last > 0)?;
    let [empty, large] = [0, last].map(|column| median(&scenario.lines, Kind::Spare, column));
    let (empty, large) = empty.zip(large)?;
    let label = &scenario.sizes.get(last)?.0;
    Some(Bar {
        promise: format!("SQL chain: a spare takes the same at {label} as without rows (1.5×)"),
        measured: format!("{} to {}, {}", time(large), time(empty), ratio(large / empty)),
        met: large <= 1.5 * empty,
    })
}

fn of_drift(drift: &Drift) -> Vec<Bar> {
    let Some(ours) = drift.devdb.median() else { return Vec::new() };
    let (tables, columns) = (drift.tables, drift.tables * COLUMNS);
    if tables <= 100 {
        let promise = format!("`devdb drift`, {tables} tables: below 60 ms, models aside");
        return vec![Bar { promise, measured: time(ours), met: ours < 60.0 }];
    }
    let promise = format!("`devdb drift`, {tables} tables, {columns} columns: below 2 s");
    let mut bars = vec![Bar { promise, measured: time(ours), met: ours < 2_000.0 }];
    if let Some(kilobytes) = drift.memory {
        let promise = format!("`devdb drift`, {tables} tables, {columns} columns: below 200 MB");
        bars.push(Bar { promise, measured: megabytes(kilobytes << 10), met: kilobytes < 200 << 10 });
    }
    bars
}

fn of_small(small: &Small) -> Vec<Bar> {
    let mut bars = Vec::new();
    for (name, ours) in [("`devdb`", &small.devdb), ("`devdb migrate status`", &small.status)] {
        if let Some((ours, theirs)) = ours.median().zip(small.alembic.median()) {
            bars.push(Bar {
                promise: format!("{name} at least 20× faster than `alembic current`"),
                measured: format!("{} to {}, {}", time(ours), time(theirs), ratio(theirs / ours)),
                met: theirs >= 20.0 * ours,
            });
        }
    }
    for (what, peak) in &small.memory {
        if let Some(kilobytes) = peak {
            bars.push(Bar {
                promise: format!("less than 30 MB of memory: {what}"),
                measured: megabytes(kilobytes << 10),
                met: *kilobytes < 30 << 10,
            });
        }
    }
    bars
}

/// Returns bytes as tenths of megabytes.
pub(super) fn megabytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
