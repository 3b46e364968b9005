//! `devdb demo`: the whole story, for real, and nothing left of it.

use crate::support::bench;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

#[test]
fn the_story_is_told_by_the_real_commands() {
    if bench::pg().is_none() {
        return;
    }
    let project = Project::new();
    // A developer's shell that speaks of another database does not come into the story.
    let output = Sandbox::new(&project)
        .env("DATABASE_URL", "postgresql://somebody@db.example/other")
        .env("TMPDIR", project.path().to_str().unwrap())
        .args(["demo"])
        .run();
    output
        .assert_code(0)
        .assert_stdout_has("[port-mismatch]")
        .assert_stdout_has("column users.username does not exist")
        .assert_stdout_has("`shop` is ready")
        .assert_stdout_has("zoë")
        .assert_stderr_has("20260402090000 add users username")
        .assert_lacks("somebody");
    let left: Vec<_> = std::fs::read_dir(project.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn without_server_programs_it_names_the_one_command() {
    let project = Project::new();
    // Nothing on PATH, and a folder of our own in the way of the usual places is beyond a test: the named one is empty.
    let output =
        Sandbox::new(&project).env("DEVDB_PG_BIN", "/nonexistent").env("PATH", "/nonexistent").args(["demo"]).run();
    if bench::pg().is_some() {
        // Found in the usual places all the same.
        output.assert_code(0);
    } else {
        output.assert_code(4).assert_stderr_has("install");
    }
}
