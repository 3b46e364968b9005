//! Pictures of platforms that the tests do not run on, judged again: `devdb doctor --from`.

use crate::support::project::Project;
use crate::support::sandbox::{Output, Sandbox};
use devdb::diagnose::recorded::RECORDED;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recorded")
}

fn judged(fixture: &str, options: &[&str]) -> Output {
    let file = folder().join(format!("{fixture}.json"));
    let arguments = ["doctor", "--from", file.to_str().unwrap()];
    Sandbox::new(&Project::new()).args(arguments).args(options.iter().copied()).run()
}

#[test]
fn every_picture_finds_what_it_is_there_for() {
    for it in RECORDED {
        let output = judged(it.fixture, &["--json"]);
        output.assert_code(i32::from(!it.finds.is_empty()));
        let json = output.json();
        let found: Vec<&str> = json
            .pointer("/checks")
            .and_then(serde_json::Value::as_array)
            .unwrap()
            .iter()
            .filter(|check| {
                matches!(check.pointer("/status").and_then(serde_json::Value::as_str), Some("fail" | "warn"))
            })
            .filter_map(|check| check.pointer("/id")?.as_str())
            .collect();
        assert_eq!(found, it.finds, "{}: {output}", it.fixture);
    }
    let listed: BTreeSet<String> = RECORDED.iter().map(|it| format!("{}.json", it.fixture)).collect();
    let files = std::fs::read_dir(folder()).unwrap();
    let there: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, listed, "every picture is in the list");
}

#[test]
fn each_says_what_a_user_of_that_platform_can_do() {
    for (fixture, said) in [
        ("macos-wrong-server", "127.0.0.1:5432 is held by `postgres` (pid 502)"),
        ("macos-wrong-server", "brew services stop postgresql@14"),
        ("macos-wrong-server-refused", "another PostgreSQL answers on port 5432 than container `shop_db_1`"),
        ("macos-docker-down", "open -a Docker"),
        ("colima-port-mismatch", "the engine says: 5433 -> 5432/tcp"),
        ("windows-port-reserved", "netsh int ipv4 add excludedportrange protocol=tcp startport=5432"),
        ("wsl-bind-mount", "that is a drive of Windows, on which nobody owns a file"),
        ("wsl-mirrored", "wsl --shutdown"),
        ("podman-port-mismatch", "container `shop_db_1` (service `db`) publishes 5433"),
        ("podman-volume-password-stale", "gets in over the local socket"),
    ] {
        judged(fixture, &[]).assert_stdout_has(said);
    }
}
