//! Runs the library and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(devdb::run(std::env::args_os()))
}
