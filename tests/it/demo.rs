//! `devdb demo`: the whole story, for real, and nothing left of it.

use crate::support::bench;
use crate::support::engine::Engine;
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
fn without_server_programs_it_plays_in_a_container() {
    let Some(_engine) = Engine::get() else { return };
    let project = Project::new();
    let sandbox = Sandbox::new(&project).env("TMPDIR", project.path().to_str().unwrap()).with_docker();
    let output = sandbox.env("DEVDB_PG_BIN", "/nonexistent").args(["demo"]).run();
    output
        .assert_code(0)
        .assert_stdout_has("[port-mismatch]")
        .assert_stdout_has("`shop` is ready")
        .assert_stdout_has("grace");
    assert!(std::fs::read_dir(project.path()).unwrap().next().is_none());
}

#[test]
fn without_programs_and_engine_it_names_the_one_command() {
    let project = Project::new();
    let output = Sandbox::new(&project).env("DEVDB_PG_BIN", "/nonexistent").args(["demo"]).run();
    output
        .assert_code(4)
        .assert_stderr_has("neither PostgreSQL's server programs nor an image")
        .assert_stderr_has("install");
}
