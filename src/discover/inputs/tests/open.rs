//! What makes a step open, and how that is said.

use super::*;

#[track_caller]
fn check(project: &Project, step: &str, expected: &str) {
    let why = project.why(step);
    assert!(why.as_deref().is_some_and(|why| why.contains(expected)), "{step}: {why:?}");
}

#[test]
fn a_revision_that_reads_elsewhere_is_open() {
    for (body, expected) in [
        ("text = open('x.sql').read()\n", "`migrations/versions/b.py:7` may read anything (`open`)"),
        ("import os\nx = os.environ['A']\n", "b.py:8` may read anything (`os.environ`)"),
        ("x = Path(__file__).parent\n", "(`__file__`)"),
        ("m = importlib.import_module(name)\n", "(`importlib.import_module`)"),
        ("import subprocess\n", "(`subprocess`)"),
    ] {
        let project = Project::alembic();
        project.revision("b", Some("a"), body);
        check(&project, "b", expected);
        assert_eq!((project.why("a"), project.why("c")), (None, None));
        project.write("devdb.toml", "[cache]\ninputs = []\n");
        assert_eq!(project.why("b"), None, "{body}");
    }
}

#[test]
fn so_is_one_whose_helper_does() {
    let project = Project::alembic();
    project.revision("b", Some("a"), "from app import one\n");
    project.write("app/one.py", "from .two import x\n");
    project.write("app/two.py", "import os\n\nx = os.getenv('X')\n");
    check(&project, "b", "`app/two.py:3` may read anything (`os.getenv`); list what in [cache] inputs");
    check(&project, "b", "(imported by `migrations/versions/b.py`)");
    project.revision("c", Some("b"), "from app import one\n");
    check(&project, "c", "(imported by `migrations/versions/c.py`)");
    project.write("devdb.toml", "[cache]\ninputs = []\n");
    assert_eq!(project.why("b"), None);
    assert_eq!(project.changed_by(|it| it.append("app/two.py", "# edited\n")), ["b", "c"]);
}

#[test]
fn commands_may_read_anything_until_they_say_what() {
    let project = Project::alembic();
    let toml = "[migrations]\nupgrade = 'make migrate'\nbootstrap = 'make tables'\nstamp = 'a'\n[[seeds]]\nrun = 'make seed'\n";
    project.write("devdb.toml", toml);
    check(&project, "tool", "`make migrate` may read anything; list what it reads in [cache] inputs");
    check(&project, "bootstrap", "`make tables` may read anything; list what it reads in [cache] inputs");
    check(&project, "seed 0", "`make seed` may read anything; list what it reads in [[seeds]] inputs");
    project.write("devdb.toml", format!("{toml}inputs = []\n[cache]\ninputs = []\n"));
    assert_eq!((project.why("tool"), project.why("bootstrap"), project.why("seed 0")), (None, None, None));
    let other = toml.replace("stamp = 'a'", "stamp = 'b'");
    let changed =
        project.changed_by(|it| it.write("devdb.toml", format!("{other}inputs = []\n[cache]\ninputs = []\n")));
    assert_eq!(changed, ["bootstrap"]);
}

#[test]
fn a_stamp_alone_is_known() {
    let project = Project::alembic();
    project.write("devdb.toml", "[migrations]\nstamp = 'a'\n");
    assert_eq!(project.why("bootstrap"), None);
}

#[test]
fn a_pattern_that_matches_nothing_is_a_mistake() {
    let project = Project::alembic();
    project.write("devdb.toml", "[cache]\ninputs = ['nothing/*.sql']\n[[seeds]]\nrun = 'x'\ninputs = ['[']\n");
    check(&project, "tool", "[cache] inputs names `nothing/*.sql`, which matches no file");
    check(&project, "seed 0", "[[seeds]] inputs has the pattern `[`");
}

#[test]
fn scripts_that_read_other_files_are_open() {
    let project = Project::alembic();
    project.write("devdb.toml", "[database]\ninit = ['init.sql']\n");
    project.write("init.sql", "select 1;\n\\i other.sql\n");
    project.write("seeds/1.sql", "\\copy t from 'x.csv'\n");
    check(&project, "init 0", "`init.sql:2` reads another file (`\\i`)");
    check(&project, "seed 0", "`seeds/1.sql:1` reads another file (`\\copy`)");
    project.write("devdb.toml", "[database]\ninit = ['init.sql']\n[cache]\ninputs = []\n");
    assert_eq!(project.why("init 0"), None);
    let chain = Project::empty();
    chain.write("db/migrations/1_a.sql", "-- migrate:up\n\ncopy t from '/tmp/x';\n-- migrate:down\n");
    check(&chain, "1", "1_a.sql:3` reads another file");
}

#[test]
fn files_that_cannot_be_read_are_open() {
    let project = Project::alembic();
    let before = project.picture();
    project.write("migrations/versions/b.py", b"\xff");
    project.remove("migrations/versions/c.py");
    project.remove("migrations/env.py");
    let steps = named(&read(project.root(), &before));
    let why = |step: &str| match &steps.iter().find(|(name, _)| name == step).unwrap().1 {
        Input::Open(why) => why.clone(),
        Input::Known(_) => String::new(),
    };
    assert_eq!(why("b"), "`migrations/versions/b.py` cannot be read: it is no Python source");
    assert!(why("c").starts_with("`migrations/versions/c.py` cannot be read: "));
    assert!(why("tool").starts_with("`migrations/env.py` cannot be read: "));
    assert_eq!(why("a"), "");
}

#[test]
fn a_chain_of_which_not_all_is_known_is_open() {
    let project = Project::alembic();
    project.write("migrations/versions/d.py", "revision = get()\ndown_revision = 'c'\n");
    check(&project, "tool", "`revision` is computed");
}

#[test]
fn commands_in_a_container_depend_on_it() {
    let project = Project::alembic();
    project.write("devdb.toml", "[migrations]\nservice = 'app'\n");
    project.write("compose.yaml", "name: x\nservices:\n  app:\n    image: a\n");
    check(&project, "tool", "the container of the Compose service `app` is not known");
    let with = |id: &str| {
        let mut picture = project.picture();
        let container = Container {
            id: id.to_owned(),
            compose_service: Some("app".to_owned()),
            compose_project: Some("x".to_owned()),
            ..Container::default()
        };
        let engine = Engine { containers: vec![container], ..Engine::default() };
        picture.engine.outcome = EngineOutcome::Answered(engine);
        read(project.root(), &picture).tool
    };
    assert!(with("1").digest().is_some());
    assert_ne!(with("1"), with("2"));
    assert_eq!(with("1"), with("1"));
}
