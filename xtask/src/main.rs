//! The project's own tasks: `cargo xtask <task>`.
//!
//! Tests of devdb need a real `PostgreSQL`, a real container engine and real Alembic projects. [`mod@bench`] prepares these
//! once under `target/bench`, and says what it could not prepare and the command that would; [`tasks`] are what a
//! developer and CI call; [`measure`] compares devdb with its peers.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a task runner talks to the terminal, the file system and other programs"
)]

mod bench;
mod fuzz;
mod harness;
mod measure;
mod places;
mod run;
mod tasks;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  test [--quick] [FILTER…]  prepare the test bench, then run every test (--quick leaves the two large Python
                            environments out)
  test --major N [FILTER…]  run the tests in which the server matters, or those named, on PostgreSQL N (14 to 18)
  bench-setup [--quick] [--majors N,N]
                            prepare the test bench only, with servers of those majors (15 and 18 always)
  bench [--quick] [--rows 0,100MB,1GB] [--rounds N] [SCENARIO…]
                            measure devdb beside its peers (sql, alembic, prefect, airflow, small; all by default); a
                            whole run, of about 25 minutes, is written to docs/performance.md
  harness [--resets N] [--storm N] [--major N,N] [--seconds S] [--seed N] [--fresh] [--document]
                            kill resets at random moments (500 on 15 and on 18), storm the server with clients during
                            resets (100), and write docs/reliability.md; runs add up until --fresh
  demo [ARGS…]              build devdb and run `devdb demo`
  docs [--check]            write the generated reference into docs/; --check fails when it was not up to date
  fuzz [TARGET…] [--seconds N]
                            fuzz the parsers (env, compose, ini, revision, sql; all by default), N seconds each (60)
  ci                        everything that must hold for a change: what .ci/run calls
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", [].as_slice()),
    };
    let result = match task {
        "test" => tasks::test(rest),
        "bench-setup" => tasks::bench_setup(rest),
        "bench" => measure::bench(rest),
        "demo" => tasks::demo(rest),
        "docs" => tasks::docs(rest),
        "harness" => harness::harness(rest),
        "fuzz" => fuzz::fuzz(rest),
        "ci" => tasks::ci(),
        "" | "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        unknown => Err(format!("no task `{unknown}`\n\n{USAGE}").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}
