//! Nothing is lost: killed at any moment, on a server that dies, under a storm of clients, all at once, on a full disk.
//!
//! What runs with every suite is small and steady; the tests that are ignored there are the harness, which
//! `cargo xtask harness` runs with large numbers, and whose counts become `docs/reliability.md`.

mod crowd;
mod disk;
mod faults;
mod kills;
mod storm;
mod world;

use crate::support::cluster::{Cluster, Options};
use serde::Serialize;
use std::path::PathBuf;

/// A setting of the harness, given by `cargo xtask harness`.
fn setting(name: &str) -> Option<String> {
    std::env::var(format!("DEVDB_HARNESS_{name}")).ok()
}

fn number(name: &str, otherwise: u64) -> u64 {
    setting(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// A server that keeps its promises: what was committed is there after a crash of the server, though not of the machine.
fn durable_server() -> Option<Cluster> {
    let conf = "synchronous_commit = on\nautovacuum_naptime = 5s\nmax_prepared_transactions = 4".to_owned();
    // Without passwords, whose hashes would take most of the time.
    let hba = "local all all trust\nhost all all 127.0.0.1/32 trust\n".to_owned();
    Cluster::start(&Options { conf, hba: Some(hba), ..Options::default() })
}

/// Leaves the counts for the report.
fn report(name: &str, counts: &impl Serialize) {
    let Some(directory) = setting("REPORT").map(PathBuf::from) else { return };
    std::fs::create_dir_all(&directory).unwrap();
    let text = serde_json::to_string_pretty(counts).unwrap();
    std::fs::write(directory.join(format!("{name}.json")), text + "\n").unwrap();
}

#[test]
fn a_few_kills_lose_nothing() {
    kills::run(&kills::Size { resets: 14, seconds: 30, seed: 7, alembic: false });
}

#[test]
#[ignore = "the harness: cargo xtask harness"]
fn harness_kills() {
    let seed = number("SEED", u64::from(std::process::id()));
    kills::run(&kills::Size { resets: number("RESETS", 500), seconds: number("SECONDS", 86_400), seed, alembic: true });
}

#[test]
fn a_small_storm_of_clients_fails_no_reset() {
    storm::run(20, 12);
}

#[test]
#[ignore = "the harness: cargo xtask harness"]
fn harness_storm() {
    storm::run(number("STORM", 100), 50);
}
