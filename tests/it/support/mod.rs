//! What the tests stand on. Each part cleans up after itself, also when a test panics or the run is killed.
//!
//! - [`bench`]: what `cargo xtask test` prepared; a test asks for what it needs and skips loudly without it
//! - [`cluster`]: private `PostgreSQL` servers, roles and databases
//! - [`ports`]: ports that are not `PostgreSQL`: silent, closing, or speaking HTTP
//! - [`engine`]: containers, volumes, networks
//! - [`project`], [`venv`]: a project's directory and its Python
//! - [`sandbox`]: runs devdb with a cleared environment; every run is searched for the passwords of [`secrets`]
#![expect(dead_code, reason = "the parts are there before the tests that use all of them")]

pub(crate) mod bench;
pub(crate) mod cluster;
pub(crate) mod engine;
pub(crate) mod ports;
pub(crate) mod project;
pub(crate) mod sandbox;
pub(crate) mod secrets;
pub(crate) mod venv;

use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs a future to its end; every call has a small runtime of its own, so tests stay plain functions.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Returns a name that no other test and no other run has: `devdb-it-<pid>-<n>` with `-` or `_` as asked.
pub(crate) fn unique(separator: char) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("devdb{separator}it{separator}{}{separator}{number}", std::process::id())
}

/// Returns a new password, already registered as a secret.
pub(crate) fn new_password() -> String {
    let mut bytes = [0; 12];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).expect("randomness");
    let password: String = std::iter::once("pw".to_owned()).chain(bytes.map(|byte| format!("{byte:02x}"))).collect();
    secrets::register(&password);
    password
}
