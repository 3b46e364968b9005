//! Which steps an edit makes others.

use super::*;

/// Returns a project whose `b` has this in its body, with these files beside it.
fn with(body: &str, files: &[(&str, &str)]) -> Project {
    let project = Project::alembic();
    project.revision("b", Some("a"), body);
    for (file, text) in files {
        project.write(file, text);
    }
    assert_eq!(project.why("b"), None);
    project
}

#[test]
fn revisions_come_in_run_order() {
    let inputs = Project::alembic().inputs();
    let ids: Vec<&str> = inputs.revisions.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert!(inputs.tool.digest().is_some() && inputs.revisions.iter().all(|(_, input)| input.digest().is_some()));
    assert_eq!((inputs.bootstrap, inputs.session), (None, None));
}

#[test]
fn a_comment_makes_another_revision_and_no_other() {
    let project = Project::alembic();
    let changed = project.changed_by(|it| it.append("migrations/versions/b.py", "# a comment\n"));
    assert_eq!(changed, ["b"]);
}

#[test]
fn line_ends_of_python_do_not_count() {
    let project = with("from app import helper\n", &[("app/helper.py", "x = '''a\nb'''\n")]);
    let changed = project.changed_by(|it| {
        for file in ["migrations/versions/b.py", "app/helper.py", "migrations/env.py", "alembic.ini"] {
            let text = std::fs::read_to_string(it.root().join(file)).unwrap();
            it.write(file, text.replace('\n', "\r\n"));
        }
    });
    assert_eq!(changed, [""; 0]);
}

/// The body, the files beside it, and the one that is edited.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

#[test]
fn an_edited_helper_makes_another_of_what_imports_it() {
    let cases: &[Case] = &[
        ("import app.helper\n", &[("app/helper.py", "")], "app/helper.py"),
        ("from app.helper import x\n", &[("app/helper.py", "")], "app/helper.py"),
        ("from app import helper\n", &[("app/helper.py", "")], "app/helper.py"),
        ("from app import helper as h\n", &[("app/helper/__init__.py", "")], "app/helper/__init__.py"),
        ("from app.x.y import z\n", &[("app/x/y.py", ""), ("app/x/__init__.py", "")], "app/x/__init__.py"),
        ("from app.x.y import z\n", &[("app/x/y.py", "")], "app/__init__.py"),
        ("if TYPE_CHECKING:\n    import app.helper\n", &[("app/helper.py", "")], "app/helper.py"),
        ("def f():\n    from app.helper import (\n        x,\n    )\n", &[("app/helper.py", "")], "app/helper.py"),
        ("import app\nx = app.helper.y\n", &[("app/helper.py", "")], "app/helper.py"),
        ("from app import *\n", &[("app/helper.py", "")], "app/helper.py"),
        // Through others.
        ("import app.one\n", &[("app/one.py", "import app.two"), ("app/two.py", "")], "app/two.py"),
        ("import app.one\n", &[("app/one.py", "from .two import x"), ("app/two.py", "")], "app/two.py"),
        ("import app.one\n", &[("app/one.py", "from . import two"), ("app/two.py", "")], "app/two.py"),
        ("import app.x.one\n", &[("app/x/one.py", "from ..two import x"), ("app/two.py", "")], "app/two.py"),
        ("import app\n", &[("app/__init__.py", "from .two import *"), ("app/two.py", "")], "app/two.py"),
        ("import app.one\n", &[("app/one.py", "import app.two"), ("app/two.py", "import app.one")], "app/two.py"),
        // From other places than the root.
        ("import lib\n", &[("src/lib.py", "")], "src/lib.py"),
        (
            "from versions import lib\n",
            &[("migrations/versions/lib/__init__.py", "")],
            "migrations/versions/lib/__init__.py",
        ),
        ("from migrations.lib import x\n", &[("migrations/lib.py", "")], "migrations/lib.py"),
        ("from lib.x import y\n", &[("migrations/lib/x.py", "")], "migrations/lib/x.py"),
        ("from migrations.versions import a\n", &[], "migrations/versions/a.py"),
    ];
    for (body, files, edited) in cases {
        let project = with(body, files);
        let mut changed = project.changed_by(|it| it.append(edited, "# edited\n"));
        changed.retain(|step| step != "a" || *edited != "migrations/versions/a.py");
        assert_eq!(changed, ["b"], "{body}{files:?}, {edited}");
        let before = project.inputs();
        project.write("app/unrelated.py", "import os");
        if !body.contains('*') {
            assert_eq!(project.inputs(), before, "{body}");
        }
    }
}

#[test]
fn a_helper_that_appears_or_goes_counts() {
    let project = with("from app import helper\n", &[]);
    assert_eq!(project.changed_by(|it| it.write("app/helper.py", "")), ["b"]);
    assert_eq!(project.changed_by(|it| it.remove("app/helper.py")), ["b"]);
}

#[test]
fn python_finds_modules_where_it_is_told() {
    let mut project = with("import lib\n", &[("elsewhere/lib.py", "")]);
    let edit = |it: &Project| it.append("elsewhere/lib.py", "# edited\n");
    assert_eq!(project.changed_by(edit), [""; 0]);
    project.write("alembic.ini", "[alembic]\nscript_location = migrations\nprepend_sys_path = .:elsewhere\n");
    assert_eq!(project.changed_by(edit), ["b"]);
    project.write("alembic.ini", "[alembic]\nscript_location = migrations\n");
    assert_eq!(project.changed_by(edit), [""; 0]);
    project.append("migrations/env.py", "sys.path.append(os.path.join(here, '..', 'elsewhere'))\n");
    assert_eq!(project.changed_by(edit), ["b"]);
    project.write("migrations/env.py", "");
    project.shell.push(("PYTHONPATH", project.root().join("elsewhere").display().to_string()));
    assert_eq!(project.changed_by(edit), ["b"]);
    project.shell.clear();
    project.write("devdb.toml", "[migrations]\nupgrade = 'PYTHONPATH=elsewhere alembic upgrade head'\n");
    assert_eq!(project.changed_by(edit), ["b"]);
    project.remove("devdb.toml");
    project.write(".venv/bin/python", "");
    let packages = ".venv/lib/python3.12/site-packages";
    project.write(&format!("{packages}/own.pth"), format!("{}\n", project.root().join("elsewhere").display()));
    assert_eq!(project.changed_by(edit), ["b"]);
    project.remove(&format!("{packages}/own.pth"));
    assert_eq!(project.changed_by(edit), [""; 0]);
    let mapping = format!("MAPPING: dict = {{'lib': '{}'}}\n", project.root().join("elsewhere/lib.py").display());
    project.write(&format!("{packages}/__editable___own_finder.py"), mapping);
    assert_eq!(project.changed_by(edit), ["b"]);
}

#[test]
fn what_nothing_reads_does_not_count() {
    let project = Project::alembic();
    let changed = project.changed_by(|it| {
        it.write("README.md", "x");
        it.append("app/models.py", "# what `env.py` imports\n");
        it.write("migrations/versions/__pycache__/a.pyc", "x");
        it.write("migrations/script.py.mako", "x");
        it.write("pyproject.toml", "[project]\nname = 'x'\n");
    });
    assert_eq!(changed, [""; 0]);
}

#[test]
fn what_the_tool_reads_counts() {
    let project = Project::alembic();
    project.write(".venv/bin/python", "");
    let packages = ".venv/lib/python3.12/site-packages";
    project.write(&format!("{packages}/alembic-1.13.0.dist-info/METADATA"), "");
    for (file, text) in [
        ("alembic.ini", "[alembic]\nscript_location = migrations\nprepend_sys_path = .\nx = y\n"),
        ("migrations/env.py", "from alembic import context\n"),
        (&*format!("{packages}/sqlalchemy-2.0.0.dist-info/METADATA"), ""),
        (&*format!("{packages}/alembic-1.13.0.dist-info/direct_url.json"), "{}"),
        (".venv/lib/python3.13/site-packages/x.egg-link", ""),
        ("devdb.toml", "[migrations]\nupgrade = 'uv run alembic upgrade head'\n"),
    ] {
        assert_eq!(project.changed_by(|it| it.write(file, text)), ["tool"], "{file}");
    }
}

#[test]
fn lock_files_stand_for_an_environment_that_is_elsewhere() {
    let project = Project::alembic();
    for file in ["uv.lock", "poetry.lock", "Pipfile.lock", "requirements.txt", "requirements-dev.txt"] {
        assert_eq!(project.changed_by(|it| it.write(file, "alembic==1")), ["tool"], "{file}");
    }
    project.write(".venv/bin/python", "");
    project.write(".venv/lib/python3.12/site-packages/x-1.dist-info/METADATA", "");
    assert_eq!(project.changed_by(|it| it.write("uv.lock", "alembic==2")), [""; 0]);
}

#[test]
fn models_count_where_tables_are_made_from_them() {
    let project = Project::alembic();
    project.append("migrations/env.py", "Base.metadata.create_all(bind)\n");
    assert_eq!(project.changed_by(|it| it.append("app/models.py", "y = 1\n")), ["tool"]);
}

#[test]
fn of_a_pyproject_the_own_table_counts() {
    let project = Project::alembic();
    project.remove("alembic.ini");
    let text = "[tool.alembic]\nscript_location = 'migrations'\n";
    project.write("pyproject.toml", text);
    assert_eq!(project.changed_by(|it| it.append("pyproject.toml", "[tool.ruff]\nx = 1\n")), [""; 0]);
    let longer = format!("{text}truncate_slug_length = 9\n");
    assert_eq!(project.changed_by(|it| it.write("pyproject.toml", longer)), ["tool"]);
}

#[test]
fn declared_inputs_count() {
    let project = Project::alembic();
    project.write("sql/a.sql", "select 1");
    project.write("devdb.toml", "[cache]\ninputs = ['sql/*.sql', 'views']\n");
    project.write("views/x/a.txt", "");
    assert_eq!(project.why("tool"), None);
    assert_eq!(project.changed_by(|it| it.append("sql/a.sql", " ")), ["tool"]);
    assert_eq!(project.changed_by(|it| it.write("sql/b.sql", "")), ["tool"]);
    assert_eq!(project.changed_by(|it| it.write("views/x/b.txt", "")), ["tool"]);
    assert_eq!(project.changed_by(|it| it.write("sql/c.txt", "")), [""; 0]);
    assert_eq!(project.changed_by(|it| it.write("views/__pycache__/x.pyc", "")), [""; 0]);
    assert_eq!(
        project.changed_by(|it| std::fs::rename(it.root().join("sql/b.sql"), it.root().join("sql/d.sql")).unwrap()),
        ["tool"]
    );
}

#[test]
fn seeds_are_read_as_the_recipe_has_them() {
    let project = Project::alembic();
    project.write("seeds/1.sql", "select 1;\n-- it's\n");
    project.write("seeds/2.sql", "select 'a\n';\n");
    project.write("seeds/demo/3.sql", "select 3;\n");
    assert_eq!(project.changed_by(|it| it.append("seeds/demo/3.sql", "-- x")), ["seed 2"]);
    // Within a string, a line end is content.
    let changed = project.changed_by(|it| {
        it.write("seeds/1.sql", "select 1;\r\n-- it's\r\n");
        it.write("seeds/2.sql", "select 'a\r\n';\r\n");
    });
    assert_eq!(changed, ["seed 1"]);
}

#[test]
fn commands_that_seed_say_what_they_read() {
    let project = Project::alembic();
    project.write("devdb.toml", "[[seeds]]\nrun = 'python seed.py'\ninputs = ['seed.py', 'data/*']\n");
    project.write("seed.py", "import json\nfrom app.models import x\nopen('data/a.json')\n");
    project.write("data/a.json", "{}");
    assert_eq!(project.why("seed 0"), None);
    assert_eq!(project.changed_by(|it| it.write("data/b.json", "")), ["seed 0"]);
    assert_eq!(project.changed_by(|it| it.append("app/models.py", "# edited\n")), ["seed 0"]);
    assert_eq!(project.changed_by(|it| it.append("seed.py", "\n")), ["seed 0"]);
    assert_eq!(project.changed_by(|it| it.write("data.json", "")), [""; 0]);
    assert_eq!(project.changed_by(|it| it.write("uv.lock", "")), ["seed 0", "tool"]);
}

#[test]
fn init_files_count_each() {
    let project = Project::alembic();
    project.write("devdb.toml", "[database]\ninit = ['init/*.sql']\n");
    project.write("init/1.sql", "create schema a;\n");
    project.write("init/2.sql", "create schema b;\n");
    assert_eq!(project.changed_by(|it| it.append("init/2.sql", "-- x")), ["init 1"]);
}

#[test]
fn sql_chains_are_read_migration_by_migration() {
    let project = Project::empty();
    let up = "-- migrate:up\ncreate table a (x int);\n-- migrate:down\ndrop table a;\n";
    project.write("db/migrations/1_a.sql", up);
    project.write("db/migrations/2_b.sql", "-- migrate:up\nselect $$\nx$$;\n-- migrate:down\n");
    assert_eq!(project.inputs().revisions.len(), 2);
    assert_eq!(project.changed_by(|it| it.write("db/migrations/1_a.sql", up.replace('\n', "\r\n"))), [""; 0]);
    assert_eq!(project.changed_by(|it| it.write("db/migrations/1_a.sql", up.replace("(x", "( x"))), ["1"]);
    let crlf = "-- migrate:up\r\nselect $$\r\nx$$;\r\n-- migrate:down\r\n";
    assert_eq!(project.changed_by(|it| it.write("db/migrations/2_b.sql", crlf)), ["2"]);
    let table = "[migrations]\ntable = 'other.versions'\n";
    assert_eq!(project.changed_by(|it| it.write("devdb.toml", table)), ["tool"]);
}

#[test]
fn a_checksum_in_the_table_counts_every_byte() {
    let project = Project::empty();
    project.write("Cargo.toml", "[dependencies]\nsqlx = '0.9'\n");
    project.write("migrations/1_a.sql", "create table a (x int);\n");
    assert!(project.picture().recipe.sql_chain.known().unwrap().migrations[0].checksum.is_some());
    assert_eq!(project.changed_by(|it| it.write("migrations/1_a.sql", "create table a (x int);\r\n")), ["1"]);
}
