//! Chains as they are found: every layout, every kind of broken file, and what real Alembic makes of the same files.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::doctor_report::Report;
use crate::support::cluster::Cluster;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};
use serde_json::Value;

const INI: &str = "[alembic]\nscript_location = %(here)s/alembic\nprepend_sys_path = .\npath_separator = os\n";

/// An `env.py` that real Alembic can load for commands that need no database.
const ENV_PY: &str = "from alembic import context\n";

fn project(ini: &str) -> Project {
    let project = Project::new();
    project.write("alembic.ini", ini);
    project.write("alembic/env.py", ENV_PY);
    project.write("alembic/script.py.mako", "");
    project
}

fn revision(project: &Project, file: &str, id: &str, down: &str) {
    let text = format!("\"\"\"{id}\"\"\"\nrevision = \"{id}\"\ndown_revision = {down}\n\n\ndef upgrade():\n    pass\n");
    project.write(file, &text);
}

#[track_caller]
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}: {value:#}"))
}

#[track_caller]
fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer}: {value:#}"))
}

/// What a command prints with `--json`.
#[track_caller]
fn json(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    sandbox.clone().args(arguments.iter().copied().chain(["--json"])).run().json()
}

#[track_caller]
fn ids(directory: &Path) -> Vec<String> {
    let history = json(&Sandbox::at(directory), &["migrate", "history"]);
    list(&history, "").iter().map(|entry| text(entry, "/revision").to_owned()).collect()
}

/// The files that doctor cannot read as revisions: place, and reason.
#[track_caller]
fn unreadable(project: &Project) -> Vec<(String, u64, String)> {
    let report = json(&Sandbox::new(project), &["doctor"]);
    let check = list(&report, "/checks").iter().find(|check| text(check, "/id") == "alembic-unreadable-revision");
    let evidence = list(check.unwrap(), "/findings").iter().map(|finding| finding.pointer("/evidence/0").unwrap());
    let line = |it: &Value| it.pointer("/line").and_then(Value::as_u64).unwrap_or(0);
    let mut found: Vec<_> =
        evidence.map(|it| (text(it, "/file").to_owned(), line(it), text(it, "/text").to_owned())).collect();
    found.sort();
    found
}

#[test]
fn broken_files_are_findings_and_the_rest_is_read() {
    let project = project(&format!("{INI}version_locations = %(here)s/alembic/versions:%(here)s/no_folder\n"));
    let in_versions = |name: &str| project.file(&format!("alembic/versions/{name}"));
    revision(&project, "alembic/versions/good1.py", "good1", "None");
    project.write("alembic/versions/bad_syntax.py", "revision = 'x'\ndown_revision = None\n\ndef upgrade(:\n");
    project.write("alembic/versions/no_revision.py", "import os\n");
    project.write("alembic/versions/computed.py", "revision = 'y'\n\ndown_revision = parent()\n");
    let byte = |number: u32| number.wrapping_mul(2_654_435_761).to_be_bytes()[1];
    let garbage: Vec<u8> = (0..10_000_000).map(byte).collect();
    std::fs::write(in_versions("garbage.py"), &garbage).unwrap();
    std::fs::write(in_versions("huge.py"), vec![b'#'; 13 << 20]).unwrap();
    std::fs::write(in_versions("zeros.py"), [0; 100]).unwrap();
    symlink("loop.py", in_versions("loop.py")).unwrap();
    symlink("gone.txt", in_versions("dangling.py")).unwrap();
    nix::unistd::mkfifo(&in_versions("pipe.py"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    project.write("no_folder", "a file in place of a folder");
    let report = unreadable(&project);
    let expected = [
        ("alembic/versions/bad_syntax.py", 4, "invalid Python: "),
        ("alembic/versions/computed.py", 3, "`down_revision` is computed: `parent()`"),
        ("alembic/versions/dangling.py", 0, "No such file or directory"),
        ("alembic/versions/garbage.py", 1, "invalid Python: not UTF-8"),
        ("alembic/versions/huge.py", 0, "it is larger than 12 MB"),
        ("alembic/versions/loop.py", 0, "symbolic links"),
        ("alembic/versions/no_revision.py", 0, "no `revision` variable"),
        ("alembic/versions/pipe.py", 0, "it is no regular file"),
        ("alembic/versions/zeros.py", 1, "invalid Python: "),
        ("no_folder", 0, "Not a directory"),
    ];
    assert_eq!(report.len(), expected.len(), "{report:#?}");
    for (found, (file, line, reason)) in report.iter().zip(expected) {
        assert_eq!((found.0.as_str(), found.1), (file, line), "{report:#?}");
        assert!(found.2.contains(reason), "{found:?}");
    }
    assert_eq!(ids(project.path()), ["good1"]);
}

#[test]
fn what_python_accepts_is_read() {
    let project = project(&format!("{INI}recursive_version_locations = true\n"));
    let write = |name: &[u8], text: &[u8]| {
        let folder = project.file("alembic/versions");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), text).unwrap();
    };
    write(b"a.py", b"\xef\xbb\xbfrevision = 'a'\r\ndown_revision = None\r\n");
    write(b"b.py", b"# -*- coding: latin-1 -*-\n'caf\xe9'\nrevision = 'b'\ndown_revision = 'a'\n");
    write(b"c\xff.py", b"revision = 'c'\ndown_revision = 'b'\n");
    write(b"__init__.py", b"(");
    write(b".#d.py", b"(");
    write(b"notes.txt", b"(");
    project.write("alembic/versions/e.py/x.py", "revision = 'x'\ndown_revision = 'c'\n");
    project.write("alembic/versions/__pycache__/y.py", "(");
    project.write("elsewhere/z.py", "(");
    symlink(project.file("elsewhere"), project.file("alembic/versions/linked.py")).unwrap();
    symlink("a.py", project.file("alembic/versions/same.py")).unwrap();
    assert_eq!(ids(project.path()), ["a", "b", "c", "x"]);
    let history = json(&Sandbox::new(&project), &["migrate", "history"]);
    assert_eq!(text(&history, "/1/message"), "caf\u{e9}");
    assert_eq!(heads_of_alembic(&project), ["x"]);
}

/// What real Alembic takes for the heads; nothing without it.
#[track_caller]
fn heads_of_alembic(project: &Project) -> Vec<String> {
    let Some(python) = bench::venv() else { return json_strings(&Sandbox::new(project), &["migrate", "heads"]) };
    let told = venv::run(&python, project, "alembic", &["heads"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let text = String::from_utf8(told.stdout).unwrap();
    text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[track_caller]
fn json_strings(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    list(&json(sandbox, arguments), "").iter().map(|id| text(id, "").to_owned()).collect()
}

#[test]
fn headers_come_from_other_files_of_the_chain() {
    let project = project(INI);
    project.write("alembic/versions/first.py", "revision = 'one'\ndown_revision = None\n");
    let second = "import sys, os\nsys.path.insert(0, os.path.dirname(__file__))\n\
                  from first import revision as down_revision\nrevision: str = ('t' 'w' u'o')\nrevision = '0.97.0'\n";
    project.write("alembic/versions/second.py", second);
    project.write("alembic/ids.py", "PARENTS = ['0.97.0']\n");
    let third = "from alembic_ids import PARENTS\nrevision = 'v3.0.0.a'\ndown_revision = PARENTS\n";
    project.write("alembic/versions/third.py", third);
    // A module that is none of the chain's cannot be told, though Python finds it.
    project.write("alembic_ids.py", "PARENTS = '0.97.0'\n");
    let report = unreadable(&project);
    let reason = "`down_revision` is imported: `PARENTS`".to_owned();
    assert_eq!(report, [("alembic/versions/third.py".to_owned(), 1, reason)]);
    assert_eq!(ids(project.path()), ["one", "0.97.0"]);
    let beside = "from alembic.ids import PARENTS\nrevision = 'v3.0.0.a'\ndown_revision = PARENTS\n";
    project.write("alembic/versions/third.py", beside);
    assert_eq!(ids(project.path()), ["one", "0.97.0", "v3.0.0.a"]);
    project.write("alembic/versions/third.py", third);
    assert_eq!(heads_of_alembic(&project), ["v3.0.0.a"]);
}

#[test]
fn several_chains_are_chosen_between() {
    let project = project("[alembic]\nscript_location = alembic\n[second]\nscript_location = alembic2\n");
    revision(&project, "alembic/versions/a.py", "main", "None");
    revision(&project, "alembic2/versions/b.py", "second", "None");
    project.write("services/billing/db.ini", "[alembic]\nscript_location = %(here)s/m\n[loggers]\n");
    revision(&project, "services/billing/m/versions/c.py", "billing", "None");
    project.write("tests/alembic.ini", "[alembic]\nscript_location = %(here)s/m\n");
    revision(&project, "tests/m/versions/d.py", "tests", "None");
    assert_eq!(ids(project.path()), ["main"]);
    project.write("devdb.toml", "[migrations]\nsection = \"second\"\n");
    assert_eq!(ids(project.path()), ["second"]);
    project.write("devdb.toml", "[migrations]\nconfig = \"services/billing/db.ini\"\n");
    assert_eq!(ids(project.path()), ["billing"]);
    project.write("devdb.toml", "[migrations]\nconfig = \"alembic.ini\"\nsection = \"second\"\n");
    assert_eq!(ids(project.path()), ["second"]);
    // A chain of another database system stands behind, and one of the tests last.
    project.remove("devdb.toml");
    project.write("alembic.ini", "[alembic]\nscript_location = alembic\nsqlalchemy.url = sqlite:///x.db\n");
    assert_eq!(ids(project.path()), ["billing"]);
    project.remove("services/billing/db.ini");
    assert_eq!(ids(project.path()), ["main"]);
}

#[test]
fn layouts_that_say_little_are_understood() {
    // Flask-Migrate: the ini file stands among the migrations and names no location.
    let flask = Project::new();
    flask.write("migrations/alembic.ini", "[alembic]\n# file_template = %%(rev)s\n[loggers]\nkeys = root\n");
    flask.write("migrations/env.py", ENV_PY);
    revision(&flask, "migrations/versions/a.py", "flask", "None");
    assert_eq!(ids(flask.path()), ["flask"]);
    // A location that holds at the root only.
    let deep = Project::new();
    deep.write("app/store/alembic.ini", "[alembic]\nscript_location = app/store/db\n");
    revision(&deep, "app/store/db/versions/a.py", "deep", "None");
    assert_eq!(ids(deep.path()), ["deep"]);
    // A package below `src`, and a folder for each database system, chosen by env.py.
    let package = Project::new();
    package.write("src/app/db/alembic.ini", "[alembic]\nscript_location = app:db:migrations\n");
    package
        .write("src/app/db/migrations/env.py", "from alembic import context\ncontext.script.version_locations = x()\n");
    revision(&package, "src/app/db/migrations/versions/postgresql/a.py", "pg", "None");
    revision(&package, "src/app/db/migrations/versions/sqlite/a.py", "lite", "None");
    assert_eq!(ids(package.path()), ["pg"]);
    // Alembic's newer layout: the locations in pyproject.toml, the rest in the ini file.
    let toml = Project::new();
    toml.write(
        "pyproject.toml",
        "[tool.alembic]\nscript_location = \"%(here)s/alembic\"\nversion_locations = [\"%(here)s/v\"]\n",
    );
    toml.write("alembic.ini", "[alembic]\nsqlalchemy.url = postgresql://localhost/x\n");
    toml.write("alembic/env.py", ENV_PY);
    revision(&toml, "v/a.py", "toml", "None");
    assert_eq!(ids(toml.path()), ["toml"]);
    assert_eq!(heads_of_alembic(&toml), ["toml"]);
}

/// A head that another one depends on loses its row, which Alembic itself prints nowhere.
#[test]
fn twelve_heads_are_eleven_rows() {
    let (Some(cluster), Some(python)) = (Cluster::shared(), bench::venv()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::from_fixture("alembic-sync");
    project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
    std::fs::remove_dir_all(project.file("alembic/versions")).unwrap();
    for number in 0..12 {
        let depends = if number == 11 { "\ndepends_on = 'r03'\n" } else { "" };
        let text = format!(
            "revision = 'r{number:02}'\ndown_revision = None\nbranch_labels = 'b{number}'\n{depends}\n\
             def upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"
        );
        project.write(&format!("alembic/versions/r{number:02}.py"), &text);
    }
    let sandbox = Sandbox::new(&project);
    assert_eq!(json_strings(&sandbox, &["migrate", "heads"]).len(), 12);
    let upgraded = venv::run(&python, &project, "alembic", &["upgrade", "heads"]);
    assert!(upgraded.status.success(), "{}", String::from_utf8_lossy(&upgraded.stderr));
    assert_eq!(database.value("select count(*)::text from alembic_version").as_deref(), Some("11"));
    assert_eq!(
        database.value("select count(*)::text from alembic_version where version_num = 'r03'").as_deref(),
        Some("0")
    );
    let history = json(&sandbox, &["migrate", "history"]);
    assert!(
        list(&history, "").iter().all(|entry| entry.pointer("/applied") == Some(&Value::Bool(true))),
        "{history:#}"
    );
    Report::of(&sandbox).is_healthy();
}

/// Where a wheel of the corpus is unpacked, once per target folder.
fn wheel(pin: &str) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/corpus-wheels").join(pin);
    let unpacked = folder.join("unpacked");
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let own = tempfile::tempdir_in(&folder).map_err(|error| error.to_string())?;
    let script = "pip download --quiet --no-deps --only-binary=:all: \"$0\" --dest \"$1\" && \
                  python3 -m zipfile -e \"$1\"/*.whl \"$1/content\"";
    let output = Command::new("sh").args(["-c", script, pin]).arg(own.path()).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    match std::fs::rename(own.path().join("content"), &unpacked) {
        Err(error) if !unpacked.is_dir() => Err(error.to_string()),
        _ => Ok(unpacked),
    }
}

/// Compares what devdb finds in an unpacked wheel with what Alembic says of the chain there.
#[track_caller]
fn compare_wheel(name: &str) {
    let Some(corpus) = bench::corpus() else { return };
    let truth = std::fs::read_to_string(corpus.join(format!("alembic/{name}.json"))).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let pin = text(&truth, "/commit").trim_start_matches("pypi:");
    let root = match wheel(pin) {
        Ok(root) => root,
        Err(error) if bench::in_ci() => panic!("{pin}: {error}"),
        Err(error) => return eprintln!("SKIPPED: {pin}: {error}"),
    };
    // It lies below this repository, and is a project of its own.
    std::fs::write(root.join("devdb.toml"), "").unwrap();
    let mut expected: Vec<&str> =
        list(&truth, "/chains/0/revisions").iter().map(|revision| text(revision, "/revision")).collect();
    expected.sort_unstable();
    let mut found = ids(&root);
    found.sort_unstable();
    assert_eq!(found, expected, "{name}");
    let heads: Vec<&str> = list(&truth, "/chains/0/heads").iter().map(|head| text(head, "")).collect();
    assert_eq!(json_strings(&Sandbox::at(&root), &["migrate", "heads"]), heads, "{name}");
}

#[test]
fn chains_of_real_projects_are_found() {
    compare_wheel("optuna");
    compare_wheel("argilla");
}

/// Without the two that configure Alembic in Python alone.
#[test]
#[ignore = "downloads large wheels"]
fn chains_of_large_projects_are_found() {
    for name in ["airflow", "indico", "langflow", "mlflow", "prefect"] {
        compare_wheel(name);
    }
}
