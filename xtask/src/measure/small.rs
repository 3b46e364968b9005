//! What is asked often: start-up and status; and what devdb takes: memory and disk.

use super::case::timed;
use super::chain::{self, Layout};
use super::ours::configure;
use super::place::{Place, Project};
use super::scenarios::alembic_project;
use super::stats::Times;
use crate::places;
use std::fs;
use std::process::Command;

/// What was measured.
pub(super) struct Small {
    pub(super) version: Times,
    pub(super) devdb: Times,
    pub(super) status: Times,
    pub(super) alembic: Times,
    /// What was reset, and the most memory that took in KiB; nothing without GNU time.
    pub(super) memory: Vec<(&'static str, Option<u64>)>,
    /// Bytes.
    pub(super) binary: u64,
}

pub(super) fn measure(place: &Place<'_>, rounds: usize) -> Result<Small, String> {
    eprintln!("bench: start-up, status and memory, {rounds} rounds");
    let binary = fs::metadata(&place.tools.devdb).map_err(|error| error.to_string())?.len();
    let mut small = Small {
        version: Times::default(),
        devdb: Times::default(),
        status: Times::default(),
        alembic: Times::default(),
        memory: Vec::new(),
        binary,
    };
    let venv = place.tools.venv.as_deref().ok_or("the bench has no Python environment")?;
    let project = alembic_project(place, "plain", venv)?;
    place.must(&mut place.devdb(&project, &["reset", "--yes"]))?;
    for round in 0..=rounds {
        let mut current = place.command(venv.join("bin/alembic"), &project.root);
        current.arg("current");
        let runs = [
            (place.devdb(&project, &["--version"]), &mut small.version),
            (place.devdb(&project, &[]), &mut small.devdb),
            (place.devdb(&project, &["migrate", "status"]), &mut small.status),
            (current, &mut small.alembic),
        ];
        for (mut command, times) in runs {
            let took = timed(&mut command, &place.log())?;
            if round > 0 {
                times.push(took);
            }
        }
    }
    place.server.drop_all()?;
    small.memory = memory(place)?;
    place.server.drop_all()?;
    Ok(small)
}

/// Returns the memory of resets of the SQL chain: no other program is run for it, whose memory it would be.
fn memory(place: &Place<'_>) -> Result<Vec<(&'static str, Option<u64>)>, String> {
    let project = place.project("plain")?;
    chain::write(&project.root, Layout::Dbmate)?;
    let settings = if place.tools.has_layers { "[reset]\nspare = true\n" } else { "" };
    configure(&project, "DATABASE_URL", &place.server.url(project.database), settings)?;
    let mut all = vec![("SQL chain, from nothing", peak(place, &project, &["reset", "--yes"])?)];
    if place.tools.has_layers {
        all.push(("SQL chain, `--cold`", peak(place, &project, &["reset", "--yes", "--cold"])?));
        // Whether by the spare or from the layer: either way nothing is run.
        all.push(("SQL chain, nothing changed", peak(place, &project, &["reset", "--yes"])?));
    }
    Ok(all)
}

pub(super) fn peak(place: &Place<'_>, project: &Project, arguments: &[&str]) -> Result<Option<u64>, String> {
    let Some(program) = places::program("time") else { return Ok(None) };
    let mut devdb = place.devdb(project, arguments);
    let said = project.root.join("peak");
    let mut time = Command::new(program);
    time.args(["-f", "%M", "-o"]).arg(&said).arg(devdb.get_program()).args(devdb.get_args());
    time.env_clear().current_dir(&project.root);
    time.envs(devdb.get_envs().filter_map(|(key, value)| Some((key, value?))));
    if let Err(why) = timed(&mut time, &place.log()) {
        // Another program of that name; then the reset itself has to work.
        return place.must(&mut devdb).map(|()| None).map_err(|_also| why);
    }
    let text = fs::read_to_string(&said).map_err(|error| format!("cannot read {}: {error}", said.display()))?;
    Ok(text.trim().parse().ok())
}
