//! `devdb doctor --report FILE`, and `--from FILE` on another machine.

use std::os::unix::fs::PermissionsExt as _;

use crate::doctor_report::{Report, local_project};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

#[test]
fn a_report_is_judged_elsewhere_and_holds_no_secret() {
    let Some((project, database)) = local_project() else { return };
    database.sql("CREATE TABLE users (id serial PRIMARY KEY); INSERT INTO users VALUES (1)");
    let url = database.url();
    let old = crate::support::new_password();
    let text = format!(
        "# was: postgresql://app:{old}@localhost/app\nAPI_TOKEN=tok-{old}\nAPP_NAME=shop # not {old}\nDATABASE_URL={url}\nLOG_LEVEL=debug\r\n"
    );
    project.write(".env", &text);
    let sandbox = Sandbox::new(&project);
    let report = Report::of(&sandbox);
    assert_eq!(report.ids("warn"), ["env-crlf", "sequence-behind"], "{report}");
    let file = project.file("report.json");
    let told = sandbox.clone().scan_file(&file).args(["doctor", "--report", "report.json"]).run();
    told.assert_code(0).assert_stderr_has("devdb doctor --from report.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let written = project.read("report.json");
    for secret in [old.as_str(), &database.owner.password, "debug"] {
        assert!(!written.contains(secret), "the report has a value of `.env`");
    }
    assert!(written.contains(&database.name) && written.contains(&database.owner.name), "names are no secrets");
    // Two reports of one project do not mask alike.
    sandbox.clone().args(["doctor", "--report", "second.json"]).run().assert_code(0);
    assert_ne!(written, project.read("second.json"));
    // Elsewhere there is neither project nor server.
    let other = Project::new();
    other.write("theirs.json", &written);
    let elsewhere = Sandbox::new(&other);
    let json = elsewhere.clone().args(["doctor", "--json", "--from", "theirs.json"]).run().assert_code(0).json();
    assert_eq!(json.pointer("/checks"), report.json.pointer("/checks"));
    let shown = elsewhere.args(["doctor", "--from", "theirs.json"]).run();
    shown.assert_code(0).assert_stdout_has("[sequence-behind]").assert_stdout_has("[env-crlf]");
}

#[test]
fn what_is_no_report_is_refused() {
    let project = Project::new();
    for (text, why) in [
        ("", "it is no JSON"),
        ("{}", "it is no report"),
        ("[1]", "it is no report"),
        ("{\"version\": 99}", "it is of version 99"),
        ("{\"version\": 1, \"picture\": {\"root\": 3}}", "invalid type"),
    ] {
        project.write("report.json", text);
        let output = Sandbox::new(&project).args(["doctor", "--from", "report.json"]).run();
        output
            .assert_code(2)
            .assert_stderr_has("cannot judge `")
            .assert_stderr_has(why)
            .assert_stderr_has("--report FILE");
    }
    let output = Sandbox::new(&project).args(["doctor", "--report", "report.json"]).run();
    output.assert_code(2).assert_stderr_has("is there already, and is no report");
    let output = Sandbox::new(&project).args(["doctor", "--from", "nowhere.json"]).run();
    output.assert_code(2).assert_stderr_has("nowhere.json");
    let output = Sandbox::new(&project).args(["doctor", "--report", "no/such/folder/x.json"]).run();
    output.assert_code(4).assert_stderr_has("cannot write `");
}
