//! devdb from the outside: the built program against real servers, engines and projects.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its support touches the world for it"
)]

mod bench_works;
mod reset_alembic;
mod reset_applications;
mod reset_basics;
mod reset_common;
mod reset_failures;
mod reset_kill;
mod reset_safety;
mod support;
