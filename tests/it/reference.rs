//! What is generated from the code is as it is checked in, and true.

use std::path::Path;

use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

#[test]
fn the_generated_reference_is_up_to_date() {
    let project = Project::new();
    Sandbox::new(&project).args(["__reference", "docs"]).run().assert_code(0);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let generated = [
        "checks.md",
        "cli.md",
        "env-dialects.md",
        "doctor.schema.json",
        "reset.schema.json",
        "reset-plan.schema.json",
        "error.schema.json",
        "branch-list.schema.json",
        "snapshot-list.schema.json",
        "snapshot-diff.schema.json",
    ];
    for name in generated {
        let here = std::fs::read_to_string(committed.join(name)).unwrap_or_default();
        assert!(here == project.read(&format!("docs/{name}")), "docs/{name} is old: run `cargo xtask docs`");
    }
}

#[test]
fn every_command_has_help_and_no_panic_without_a_project() {
    let project = Project::new();
    for command in [
        "doctor",
        "reset",
        "undo",
        "snapshot",
        "branch",
        "setup",
        "up",
        "down",
        "logs",
        "demo",
        "explain",
        "completions",
    ] {
        Sandbox::new(&project).args([command, "--help"]).run().assert_code(0).assert_stdout_has("Usage: devdb");
    }
    Sandbox::new(&project).args(["--version"]).run().assert_code(0).assert_stdout_has("devdb 0.1");
    Sandbox::new(&project).args(["frobnicate"]).run().assert_code(2);
    Sandbox::new(&project)
        .args(["explain", "port-mismach"])
        .run()
        .assert_code(2)
        .assert_stderr_has("devdb explain port");
    Sandbox::new(&project)
        .args(["explain", "wrong-server"])
        .run()
        .assert_code(0)
        .assert_stdout_has("system_identifier");
    Sandbox::new(&project).args(["doctor", "--only", "nonsense"]).run().assert_code(2);
    Sandbox::new(&project).args(["reset", "--yes"]).run().assert_code(4).assert_stderr_has("devdb setup");
    Sandbox::new(&project).run().assert_code(0).assert_stdout_has("nothing names a database");
}

#[test]
fn a_wrong_configuration_is_named_with_its_line() {
    let project = Project::new();
    project.write("devdb.toml", "[database]\nurl_key = \"A\"\nprotcted = [\"x\"]\n");
    Sandbox::new(&project)
        .args(["doctor"])
        .run()
        .assert_code(2)
        .assert_stderr_has("devdb.toml:3")
        .assert_stderr_has("protcted");
}
