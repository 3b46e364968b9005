//! `devdb doctor --deep`: what running the project's own code tells, in a real environment on a real server.

use crate::doctor_report::Report;
use crate::migrate::sync;
use crate::reset_common::Shop;

const MODELS: &str = "app/models.py";

#[track_caller]
fn deep(shop: &Shop<'_>) -> Report {
    let before = shop.before();
    let report = Report::asking(&shop.devdb([]), &["--deep"]);
    assert_eq!(shop.before(), before, "it changed the database");
    assert!(shop.beside().iter().all(|name| !name.contains("scratch")), "{:?}", shop.beside());
    report
}

#[test]
fn project_code_fails() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    deep(&shop).is_healthy();
    let models = shop.project.read(MODELS);
    shop.project.write(MODELS, &format!("import os\nKEY = os.environ['SHOP_SIGNING_KEY']\n{models}"));
    // Files alone do not tell, and are not run.
    let files = Report::of(&shop.devdb([]));
    files.is_healthy();
    assert_eq!(files.reason("project-code-fails"), "only `--deep` runs the project's own code");
    let report = deep(&shop);
    report
        .only_error("project-code-fails")
        .says("the project's migrations and models cannot be run")
        .seen("SHOP_SIGNING_KEY")
        .seen("app/models.py:2")
        .fix("manual", &["devdb doctor --deep"]);
    assert!(report.reason("schema-drift").contains("could not be read"), "{report}");
    report.text.assert_stderr_has("running the project's own code");
    let given = Report::asking(&shop.devdb([]).env("SHOP_SIGNING_KEY", "x"), &["--deep"]);
    given.is_healthy();
}

#[test]
fn a_module_of_the_project_that_python_does_not_find() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.project.edit("alembic.ini", "prepend_sys_path = .", "prepend_sys_path = elsewhere");
    let report = deep(&shop);
    report.only_error("project-code-fails").seen("No module named 'app'").fix("manual", &["prepend_sys_path = ."]);
    shop.project.edit("alembic.ini", "prepend_sys_path = elsewhere", "prepend_sys_path = .");
    deep(&shop).is_healthy();
}

#[test]
fn a_chain_that_does_not_run_from_empty() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    // It was edited after it ran here: nobody can build a database with it any more.
    let file = "alembic/versions/e07d58a2c3b6_cancel_orders.py";
    shop.project.edit(
        file,
        "def upgrade() -> None:\n",
        "def upgrade() -> None:\n    op.execute('select no_such_function()')\n",
    );
    let report = deep(&shop);
    let finding = report.the_finding("project-code-fails");
    finding.says("migrations do not run from empty").seen("no_such_function").seen(file);
    assert_eq!(report.ids("fail"), ["project-code-fails"], "{report}");
}

#[test]
fn schema_drift() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    shop.database.sql("alter table users add nick text; alter table users drop column username");
    let files = Report::of(&shop.devdb([]));
    files.is_healthy();
    let report = deep(&shop);
    report
        .only_error("schema-drift")
        .says("differ in 3 objects")
        .seen("column users.nick: made by hand")
        .seen("column users.username: changed by hand");
    shop.devdb(["reset", "--yes"]).run().assert_code(0);
    deep(&shop).is_healthy();
    // What waits is told once.
    shop.devdb(["migrate", "down", "--yes"]).run().assert_code(0);
    deep(&shop).only_error("alembic-behind");
}

/// What Python repeats of a URL, in its message or in the line that it quotes, is masked: every output is searched for the
/// password by the sandbox.
#[test]
fn what_the_code_says_of_a_url_is_masked() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "up"]).run().assert_code(0);
    let (env, url) = (shop.project.read("alembic/env.py"), shop.database.url());
    let literal = url.replacen("postgresql", "postgresql+foo", 1);
    for (line, said) in [
        (
            "config.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL'].replace('%', '%%') + '?a=%zz')"
                .to_owned(),
            "invalid interpolation",
        ),
        (format!("import psycopg; psycopg.connect('{literal}')"), "postgresql"),
        (format!("create_engine('{literal}')"), "postgresql"),
        ("raise RuntimeError('it was ' + os.environ['DATABASE_URL'])".to_owned(), "RuntimeError: it was"),
        (format!("raise SystemExit('bye {}')", shop.database.owner.password), "bye ***"),
        ("int(os.environ['DATABASE_URL'])".to_owned(), "invalid literal"),
    ] {
        let broken = env.replace("target_metadata = Base", &format!("{line}\ntarget_metadata = Base"));
        shop.project.write("alembic/env.py", &broken);
        for options in
            [&["doctor", "--deep"][..], &["doctor", "--deep", "--json"], &["doctor", "--deep", "--format", "github"]]
        {
            let output = shop.devdb(options.iter().copied()).run();
            output.assert_code(1).assert_stdout_has(said);
        }
        shop.devdb(["drift"]).run();
    }
}
