//! Prepares what the tests need, once, under `target/bench/`, and writes down in `bench.json` what there is.
//!
//! Every step is idempotent and answers with the thing or with a [`Missing`]: what, why, and the command that would
//! mend it. The tests read the file and skip loudly, or fail in CI, where something is missing.

mod docker_api;
mod engine;
mod image;
mod majors;
mod postgres;
mod rootfs;
mod tools;
mod venv;

use crate::{places, run};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(crate) use majors::{IN_CI, known as known_major};
pub(crate) use postgres::{Postgres, find as find_postgres};

/// Something the bench lacks.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Missing {
    pub(crate) what: &'static str,
    pub(crate) why: String,
    pub(crate) command: String,
    /// Left out on purpose: no failure, even in CI.
    #[serde(skip)]
    pub(crate) on_purpose: bool,
}

impl Missing {
    fn new(what: &'static str, why: impl Into<String>, command: impl Into<String>) -> Self {
        Self { what, why: why.into(), command: command.into(), on_purpose: false }
    }
}

/// What the tests find in `bench.json`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Bench {
    pg: Option<Postgres>,
    /// Servers by major, the machine's own among them.
    majors: BTreeMap<u32, Postgres>,
    clients: Option<PathBuf>,
    docker: Option<engine::Docker>,
    compose: Option<Vec<String>>,
    image: Option<String>,
    image_18: Option<String>,
    venv: Option<PathBuf>,
    venv_prefect: Option<PathBuf>,
    venv_airflow: Option<PathBuf>,
    venv_old: Option<PathBuf>,
    venv_chains: Option<PathBuf>,
    dbmate: Option<PathBuf>,
    sqlx: Option<PathBuf>,
    pgbouncer: Option<PathBuf>,
    corpus: Option<PathBuf>,
    pub(crate) missing: Vec<Missing>,
}

impl Bench {
    /// Keeps what a step found, or notes what it did not.
    fn keep<T>(&mut self, step: Result<T, Missing>) -> Option<T> {
        step.map_err(|missing| self.missing.push(missing)).ok()
    }

    fn keep_majors(&mut self, directory: &Path, quick: bool, asked: &[u32]) {
        let always: &[u32] = if quick { &[] } else { &majors::ALL };
        let own = self.pg.as_ref().map(|own| own.major);
        let wanted: BTreeSet<u32> = asked.iter().chain(always).copied().chain(own).collect();
        for major in wanted {
            let found = majors::ensure(directory, major, self.pg.as_ref());
            if let Some(found) = self.keep(found) {
                self.majors.insert(major, found);
            }
        }
    }
}

/// Prepares the bench and returns it with the path of its `bench.json`.
///
/// Besides the machine's own server, the majors of `majors` are prepared, and all of them unless `quick`.
pub(crate) fn prepare(quick: bool, majors: &[u32]) -> Result<(Bench, PathBuf), String> {
    let directory = places::bench();
    fs::create_dir_all(&directory).map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
    let _lock = lock(&directory)?;
    let started = Instant::now();
    let mut bench = Bench::default();
    // Downloading Python packages waits for the network, building the image for the disk: side by side.
    std::thread::scope(|scope| {
        let venvs = scope.spawn(|| venv::prepare_all(&directory, quick));
        let sqlx = scope.spawn(|| timed("sqlx", || tools::sqlx(&directory, quick)));
        let found = timed("PostgreSQL", postgres::find);
        bench.pg = bench.keep(found);
        let found = timed("Docker engine", || engine::find(&directory));
        bench.docker = bench.keep(found);
        let found = timed("Docker Compose", engine::find_compose);
        bench.compose = bench.keep(found);
        let found =
            timed("image", || image::ensure((bench.pg.as_ref(), bench.pg.as_ref()), bench.docker.as_ref(), &directory));
        bench.image = bench.keep(found);
        let found = timed("PgBouncer", pgbouncer);
        bench.pgbouncer = bench.keep(found);
        let found = timed("corpus", corpus);
        bench.corpus = bench.keep(found);
        bench.keep_majors(&directory, quick, majors);
        // Its entrypoint keeps the data in another place than those before.
        let found = timed("image of 18", || {
            image::ensure((bench.majors.get(&18), bench.pg.as_ref()), bench.docker.as_ref(), &directory)
        });
        bench.image_18 = bench.keep(found);
        match venvs.join() {
            Ok([plain, prefect, airflow, dbmate, clients, old, chains]) => {
                bench.venv = bench.keep(plain);
                bench.venv_prefect = bench.keep(prefect);
                bench.venv_airflow = bench.keep(airflow);
                bench.venv_old = bench.keep(old);
                bench.venv_chains = bench.keep(chains);
                bench.dbmate = bench.keep(dbmate).map(|directory| directory.join("bin/dbmate"));
                let linked = clients.and_then(|environment| majors::clients(&directory, &environment));
                bench.clients = bench.keep(linked);
            }
            Err(_panic) => bench.missing.push(Missing::new("Python environments", "preparing them panicked", "")),
        }
        match sqlx.join() {
            Ok(program) => bench.sqlx = bench.keep(program).map(|program| program.0),
            Err(_panic) => bench.missing.push(Missing::new("sqlx", "building it panicked", "")),
        }
    });
    let file = directory.join("bench.json");
    write(&bench, &file)?;
    println!("bench: ready in {:.1} s, see {}", started.elapsed().as_secs_f32(), file.display());
    Ok((bench, file))
}

/// Returns the pooler; installs it where that needs no question.
fn pgbouncer() -> Result<PathBuf, Missing> {
    let look = || places::program("pgbouncer");
    let missing = |why: String| Missing::new("PgBouncer", why, "sudo apt-get install -y pgbouncer");
    if look().is_none() {
        run::install(&["pgbouncer"]).map_err(missing)?;
    }
    look().ok_or_else(|| missing("it was installed, but `pgbouncer` is nowhere to be found".to_owned()))
}

/// Holds off a second preparation: two would install packages and build the image over each other.
fn lock(directory: &Path) -> Result<File, String> {
    let path = directory.join("lock");
    let file = File::create(&path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    if file.try_lock().is_err() {
        println!("bench: waiting for another preparation …");
        file.lock().map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
    }
    Ok(file)
}

/// Written aside and renamed, so that a test never reads half a file.
fn write(bench: &Bench, file: &Path) -> Result<(), String> {
    let text = serde_json::to_string_pretty(bench).map_err(|error| error.to_string())?;
    let aside = file.with_extension("json.new");
    fs::write(&aside, text + "\n")
        .and_then(|()| fs::rename(&aside, file))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// Something a step found, in the words of its progress line.
trait Told {
    fn told(&self) -> String;
}

impl Told for PathBuf {
    fn told(&self) -> String {
        format!("in {}", self.display())
    }
}

impl Told for String {
    fn told(&self) -> String {
        self.clone()
    }
}

impl Told for Vec<String> {
    fn told(&self) -> String {
        format!("as `{}`", self.join(" "))
    }
}

/// Runs one step and says how it went; the time only when somebody had to wait for it.
fn timed<T: Told>(what: &str, step: impl FnOnce() -> Result<T, Missing>) -> Result<T, Missing> {
    let started = Instant::now();
    let result = step();
    let seconds = started.elapsed().as_secs_f32();
    let took = if seconds >= 1.0 { format!(" ({seconds:.1} s)") } else { String::new() };
    match result {
        Ok(value) => {
            println!("bench: {what} {} ✓{took}", value.told());
            Ok(value)
        }
        Err(missing) if missing.on_purpose => {
            println!("bench: {what} left out: {}", missing.why);
            Err(missing)
        }
        Err(missing) => {
            eprintln!("bench: {what} ✗{took}: {}", missing.why);
            if !missing.command.is_empty() {
                eprintln!("bench:   to mend it: {}", missing.command);
            }
            Err(missing)
        }
    }
}

/// Real projects' migration chains and Compose files, kept beside the repository.
fn corpus() -> Result<PathBuf, Missing> {
    let places = [
        std::env::var_os("DEVDB_CORPUS").map(PathBuf::from),
        places::root().parent().map(|above| above.join("shared/corpus")),
    ];
    places
        .into_iter()
        .flatten()
        .find(|place| place.join("alembic").is_dir())
        .and_then(|place| place.canonicalize().ok())
        .ok_or_else(|| {
            Missing::new(
                "corpus",
                "neither DEVDB_CORPUS nor ../shared/corpus is a directory with the corpus",
                "DEVDB_CORPUS=/path/to/corpus cargo xtask test",
            )
        })
}
