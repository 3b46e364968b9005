//! How a diagnosis looks: whole screens, at several widths, piped and in a terminal.

use crate::doctor_report::{CHECKS, Shop, local_project};
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, new_password};
use insta::assert_snapshot;

/// The answer with the time, and what else differs from run to run, replaced.
fn stable(text: &str, replaced: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (what, by) in replaced {
        text = text.replace(what, by);
    }
    // How many checks there are is no matter of how they look.
    let uncounted = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let is_count = |at: usize| words.get(at + 1).is_some_and(|next| matches!(*next, "passed" | "skipped"));
        let shown: Vec<&str> =
            words.iter().enumerate().map(|(at, word)| if is_count(at) { "N" } else { *word }).collect();
        shown.join(" ")
    };
    let without_time = |line: &str| match line.rsplit_once(" · ") {
        Some((rest, time)) if time.ends_with(" ms") || time.ends_with(" s") => format!("{rest} · TIME"),
        _ => line.to_owned(),
    };
    text.lines().map(uncounted).map(|line| without_time(&line)).collect::<Vec<_>>().join("\n")
}

/// A terminal's answer without colours and carriage returns.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain.replace('\r', "")
}

/// Two ports of five digits each, so that what is wrapped is wrapped alike in every run.
fn ports() -> (u16, u16) {
    let port = || std::iter::repeat_with(free_port).find(|port| *port >= 10_000).unwrap();
    (port(), port())
}

#[test]
fn a_mismatch_in_a_narrow_terminal() {
    let (Some(shop), Some(_)) = (Shop::new(), bench::compose()) else { return };
    let (published, dialled) = ports();
    shop.compose(&format!("ports: [\"{published}:5432\"]")).env(&format!("localhost:{dialled}"));
    let mut wanted = shop.wanted(Some(("0.0.0.0", published)));
    // Of the same length in every run.
    let name = format!("devdb-it-db-{:07}", std::process::id());
    wanted.name = Some(name.clone());
    let container = shop.engine.postgres(&wanted);
    container.wait_ready();
    let output = shop.sandbox().args(["doctor"]).in_terminal(70, 40).run();
    let (published, dialled) = (published.to_string(), dialled.to_string());
    let replaced = [(published.as_str(), "PUBLI"), (dialled.as_str(), "DIALL"), (name.as_str(), "CONTAINER")];
    assert_snapshot!(stable(&plain(&output.stdout), &replaced), @r#"
    target  postgresql://app:***@localhost:DIALL/app
            named by .env:2 DATABASE_URL

    ✓ env         N passed
    ✓ engine      N passed
    ✗ ports       N passed

      ✗ your app dials port DIALL, container `CONTAINER`
        (service `db`) publishes PUBLI  [port-mismatch]
        .env:2                DATABASE_URL says port DIALL
        docker-compose.yml:8  publishes "PUBLI:5432"
                              the engine says: PUBLI -> 5432/tcp
        fix: set `DATABASE_URL` in `.env:2` to
             `postgresql://app:***@localhost:PUBLI/app` (--fix does it)

    ✓ connection  N passed
    - migrations  does not apply

    1 error · no warnings · N passed · N skipped · TIME
    next: devdb doctor --fix
    "#);
}

#[test]
fn a_healthy_project() {
    let Some((project, database)) = local_project() else { return };
    let output = Sandbox::new(&project).args(["doctor"]).run();
    let shown = database.url().replace(&database.owner.password, "***").replace("%5F", "_");
    assert_snapshot!(stable(&output.stdout, &[(&shown, "postgresql://app:***@127.0.0.1:5432/app")]), @"
    target  postgresql://app:***@127.0.0.1:5432/app
            named by .env:2 DATABASE_URL

    ✓ env         N passed
    - engine      does not apply
    ✓ ports       N passed
    ✓ connection  N passed
    - migrations  does not apply

    no errors · no warnings · N passed · N skipped · TIME
    ");
}

#[test]
fn a_duplicate_and_a_refused_connection() {
    let project = Project::new();
    let port = free_port();
    let line = |port: u16| format!("DATABASE_URL=postgresql://app:{}@127.0.0.1:{port}/app\n", new_password());
    project.write(".env", &format!("{}APP_NAME=shop\n{}", line(5432), line(port)));
    let output = Sandbox::new(&project).args(["doctor"]).run();
    assert_snapshot!(stable(&output.stdout, &[(&port.to_string(), "PORT")]), @"
    target  postgresql://app:***@127.0.0.1:PORT/app
            named by .env:3 DATABASE_URL

    ! env         N passed

      ! `DATABASE_URL` stands twice with different values; your loader takes the last
        [env-duplicate-key]
        .env:3  this one counts
        .env:1  this one is ignored
        fix: delete line 1 (--fix asks, then does it)

    - engine      does not apply
    ✓ ports       N passed
    ✗ connection  N passed

      ✗ nobody listens on 127.0.0.1:PORT  [conn-refused]
        .env:3  leads to postgresql://app:***@127.0.0.1:PORT/app
                127.0.0.1:PORT: connection refused
        fix: start the server
             devdb up

    - migrations  does not apply

    1 error · 1 warning · N passed · N skipped · TIME
    next: devdb doctor --fix
    ");
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    let Some(shop) = Shop::new() else { return };
    let keys: String = (0..30).map(|number| format!("SETTING_NUMBER_{number}={number}")).collect::<Vec<_>>().join("\n");
    shop.project.write(".env.example", &keys);
    shop.compose(&format!("ports: [\"{}:5432\"]", free_port())).env(&format!("localhost:{}", free_port()));
    let sandbox = shop.sandbox().args(["doctor"]);
    for columns in [60, 80, 100] {
        for sandbox in [sandbox.clone(), sandbox.clone().env("CLICOLOR_FORCE", "1")] {
            let output = sandbox.env("COLUMNS", &columns.to_string()).run();
            let text = plain(&output.stdout);
            let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > columns).collect();
            assert!(wide.is_empty(), "wider than {columns}: {wide:?}{output}");
            assert!(!text.contains("\n\n\n"), "{output}");
            output.assert_stdout_has("and 24 more of `env-key-missing`");
        }
    }
}

#[test]
fn colours_go_to_terminals_and_where_they_are_asked_for() {
    let project = Project::new();
    let sandbox = Sandbox::new(&project).args(["doctor"]);
    let coloured = |sandbox: &Sandbox| sandbox.run().stdout.contains('\u{1b}');
    assert!(!coloured(&sandbox), "a pipe");
    assert!(coloured(&sandbox.clone().in_terminal(80, 24)), "a terminal");
    assert!(coloured(&sandbox.clone().env("CLICOLOR_FORCE", "1")), "asked for");
    assert!(!coloured(&sandbox.clone().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")), "asked not to");
    assert!(!coloured(&sandbox.in_terminal(80, 24).env("NO_COLOR", "1")), "a terminal, asked not to");
}

#[test]
fn a_reader_that_has_seen_enough_ends_nothing() {
    let project = Project::new();
    let devdb = env!("CARGO_BIN_EXE_devdb");
    let line = format!("{devdb} doctor --list | head -n 1; {devdb} doctor --list > /dev/full; true");
    let output = Sandbox::new(&project).program("bash").args(["-c", &line]).run();
    output.assert_code(0).assert_stdout_has("env-missing").assert_lacks("panicked");
}

/// What docs/checks.md says of every check: that a test shows it loud on the real thing.
#[test]
fn every_check_is_shown_loud_by_a_test() {
    let Some((project, _database)) = local_project() else { return };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tests: String =
        files.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let listed = Sandbox::new(&project).args(["doctor", "--list"]).run();
    for id in
        listed.stdout.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().nth(1))
    {
        let loud = ["only_error", "only_warning", "only_note", "only_error_beside", "the_finding"];
        let alone = format!("[\"doctor\", \"--only\", \"{id}\"]).run().assert_code(1)");
        // What runs inside of a container is read as it is shown.
        let named = format!("[{id}]\"), \"{{said}}\")");
        let recorded = devdb::diagnose::recorded::RECORDED.iter().any(|it| it.finds.contains(&id));
        let shown = loud.iter().any(|call| tests.contains(&format!("{call}(\"{id}\""))) || tests.contains(&alone);
        let shown = shown || tests.contains(&named) || (recorded && id == "port-reserved");
        assert!(shown, "no test shows {id}");
    }
}

#[test]
fn only_list_and_explain() {
    let Some((project, _database)) = local_project() else { return };
    let sandbox = Sandbox::new(&project);
    let only = sandbox.clone().args(["doctor", "--json", "--only", "db-missing,env-crlf"]).run();
    only.assert_code(0);
    let json = only.json();
    let ids: Vec<_> = json["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["env-crlf", "db-missing"]);
    assert_eq!(json["version"], 1);
    assert!(json["took_ms"].is_u64());
    let listed = sandbox.clone().args(["doctor", "--list"]).run();
    assert_eq!(listed.assert_code(0).stdout.lines().filter(|line| !line.starts_with(' ')).count(), CHECKS, "{listed}");
    for id in listed.stdout.lines().filter_map(|line| line.split_whitespace().nth(1)) {
        let page = sandbox.clone().args(["explain", id]).run();
        for part in ["Seen as:", "Cause:", "Proof:", "Fix:"] {
            page.assert_code(0).assert_stdout_has(part);
        }
    }
    sandbox.clone().args(["doctor", "--only", "no-such"]).run().assert_code(2).assert_stderr_has("no check `no-such`");
}

/// A project whose `.env` is missing, and a server that nobody has.
fn without_env() -> Project {
    let project = Project::new();
    project.write(".env.example", "DATABASE_URL=postgresql://app:example-pw@localhost:1/app\n");
    project
}

#[test]
fn a_workflow_gets_annotations_and_a_suite() {
    let project = without_env();
    let output = Sandbox::new(&project).args(["doctor", "--format", "github"]).run();
    output.assert_code(1);
    let first = output.stdout.lines().next().unwrap();
    assert!(first.starts_with("::error file=.env.example,line=1,title=env-missing::there is no `.env`"), "{first}");
    assert!(first.contains("%0Afix: "), "{first}");
    let output = Sandbox::new(&project).args(["doctor", "--junit"]).run();
    output.assert_code(1);
    let file = project.write("junit.xml", &output.stdout);
    let count = "import sys, xml.etree.ElementTree as t\n\
                 s = t.parse(sys.argv[1]).getroot().find('testsuite')\n\
                 assert int(s.get('tests')) == len(s.findall('testcase')), 'tests'\n\
                 assert int(s.get('failures')) == len(s.findall('testcase/failure')) == 1, 'failures'\n\
                 assert int(s.get('skipped')) == len(s.findall('testcase/skipped')) > 5, 'skipped'\n\
                 print(s.find('testcase/failure').get('message'))";
    let real = std::process::Command::new("python3").args(["-c", count]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&real.stdout);
    assert!(real.status.success() && said.starts_with("there is no `.env`"), "{said} {real:?}");
}

#[test]
fn watching_shows_what_changed_until_it_is_interrupted() {
    let project = without_env();
    let running = Sandbox::new(&project).args(["doctor", "--watch"]).spawn();
    running.wait_for("env-missing");
    project.write(".env", "DATABASE_URL=postgresql://app:example-pw@localhost:1/app\n");
    running.wait_for("conn-refused");
    running.interrupt();
    let output = running.wait();
    output.assert_code(0).assert_stdout_has("\n---\n");
    assert_eq!(output.stdout.matches("\n---\n").count(), 1, "{}", output.stdout);
}

#[test]
fn what_a_team_knows_of_is_left_out() {
    let Some((project, _database)) = local_project() else { return };
    project.write(
        "compose.yaml",
        "services:\n  db:\n    image: postgres:latest\n    environment: {POSTGRES_PASSWORD: a}\n",
    );
    let sandbox = Sandbox::new(&project);
    let report = crate::doctor_report::Report::of(&sandbox);
    assert!(report.ids("info").contains(&"image-unpinned"), "{report}");
    project.write("devdb.toml", "[doctor]\nignore = [\"image-unpinned\"]\n");
    let report = crate::doctor_report::Report::of(&sandbox);
    assert_eq!(report.reason("image-unpinned"), "devdb.toml ignores it");
    for (id, says) in [("image-unpined", "there is no check `image-unpined`"), ("port-mismatch", "cannot be ignored")] {
        project.write("devdb.toml", &format!("[doctor]\nignore = [\"{id}\"]\n"));
        let refused = sandbox.clone().args(["doctor"]).run();
        refused.assert_code(2).assert_stderr_has(says).assert_stderr_has("devdb.toml: `doctor.ignore`");
    }
}
