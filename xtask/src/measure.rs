//! `cargo xtask bench`: whole processes, devdb and its peers in the same run, medians and ratios; printed, and written to
//! `docs/performance.md`.
//!
//! [`chain`] makes up the chain; [`scenarios`] say what is compared; [`ours`] and [`peers`] are the cases, [`case`] runs
//! them in turn and proves each; [`small`] is start-up, status and memory, [`drift`] the
//! comparisons; [`bars`] are what was promised; [`report`]
//! writes.

mod bars;
mod case;
mod chain;
mod drift;
mod machine;
mod options;
mod ours;
mod peers;
mod place;
mod report;
mod scenarios;
mod server;
mod small;
mod stats;
mod tools;

use crate::places;
use crate::tasks::Failure;
use options::{Options, Scenario};
use std::fs::{self, File};

/// Measures, prints, and writes the report where everything was measured.
pub(crate) fn bench(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::read(arguments).map_err(|message| Failure { message, code: 2 })?;
    let folder = places::bench().join("measure");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let _only_one = lock(&folder)?;
    let tools = tools::Tools::prepare()?;
    let server = server::Server::start(&tools, &folder)?;
    let place = place::Place::new(&server, &tools, &folder)?;
    let machine = machine::look(&place)?;
    let (mut measured, mut small, mut failed) = (Vec::new(), None, Vec::new());
    let mut drifts = Vec::new();
    for &scenario in &options.scenarios {
        let done = match scenario {
            Scenario::Sql => scenarios::sql(&place, &options).map(Some),
            Scenario::Alembic => scenarios::alembic(&place, &options).map(Some),
            Scenario::Prefect => scenarios::prefect(&place, &options).map(Some),
            Scenario::Airflow => scenarios::airflow(&place, &options).map(Some),
            Scenario::Drift => drift::measure(&place, options.rounds(scenario, 0)).map(|done| {
                drifts = done;
                None
            }),
            Scenario::Small => small::measure(&place, options.rounds(scenario, 0)).map(|done| {
                small = Some(done);
                None
            }),
        };
        // What cannot be measured does not keep the rest from it.
        match done {
            Ok(done) => measured.extend(done),
            Err(why) => {
                eprintln!("bench: {why}");
                failed.push(why);
                server.drop_all()?;
            }
        }
    }
    let report = report::write(&machine.lines(), &measured, &drifts, small.as_ref());
    println!("\n{report}");
    let file = if options.whole() { places::root().join("docs/performance.md") } else { folder.join("performance.md") };
    fs::write(&file, report).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    println!("bench: written to {}", file.display());
    failed.extend(report::failures(&measured));
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

/// Two at once would measure each other.
fn lock(folder: &std::path::Path) -> Result<File, String> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    file.try_lock().map_err(|_held| format!("another bench is running: it holds {}", path.display()))?;
    Ok(file)
}
