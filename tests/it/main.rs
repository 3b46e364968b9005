//! devdb from the outside: the built program against real servers, engines and projects.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its support touches the world for it"
)]

mod architecture;
mod bench_works;
mod branch;
mod ddl;
mod ddl_pairs;
mod demo;
mod doctor_compose;
mod doctor_connection;
mod doctor_deep;
mod doctor_drivers;
mod doctor_engine;
mod doctor_env;
mod doctor_fix;
mod doctor_healthy;
mod doctor_login;
mod doctor_migrations;
mod doctor_output;
mod doctor_ports;
mod doctor_recorded;
mod doctor_replay;
mod doctor_report;
mod doctor_server;
mod doctor_setups;
mod doctor_several;
mod drift;
mod drift_mend;
mod env;
mod explain;
mod hostile;
mod layers;
mod migrate;
mod migrate_preflight;
mod migrate_reading;
mod migrate_rebase;
mod migrate_sql_chains;
mod migrate_sql_common;
mod migrate_sql_tools;
mod migrate_squash;
mod migrate_test;
mod reference;
mod reliability;
mod reset_alembic;
mod reset_applications;
mod reset_basics;
mod reset_common;
mod reset_failures;
mod reset_kill;
mod reset_safety;
mod schema;
mod setup;
mod snapshot;
mod support;
mod targets;
mod up;
mod verify;
