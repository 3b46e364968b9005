//! Bodies written into a new revision file.

use crate::model::drift::WayBack;
use crate::parse::alembic::edit::bodies;
use std::path::Path;

const FILE: &str = "\"\"\"x\"\"\"\nfrom alembic import op\nimport sqlalchemy as sa\n\n\ndef upgrade() -> None:\n    \"\"\"Up.\"\"\"\n    pass\n\n\ndef downgrade() -> None:\n    pass\n";

fn written(source: &str, up: &[&str], down: &[&str]) -> String {
    let [up, down] = [up, down].map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
    bodies(Path::new("x.py"), source, &up, WayBack::By(&down)).unwrap()
}

#[test]
fn docstrings_stay_and_passes_go() {
    let text = written(FILE, &["select 1", "select 'a'::text"], &["drop \"x\""]);
    let expect = "def upgrade() -> None:\n    \"\"\"Up.\"\"\"\n    op.execute(\"select 1\")\n    op.execute(\"select 'a'::text\")\n\n\n\
                  def downgrade() -> None:\n    op.execute(\"\"\"drop \"x\\\"\"\"\")\n";
    assert!(text.ends_with(expect), "{text}");
    assert!(
        written(FILE, &[], &[]).ends_with("    \"\"\"Up.\"\"\"\n    pass\n\n\ndef downgrade() -> None:\n    pass\n")
    );
}

#[test]
fn what_alembic_would_take_for_a_parameter_is_given_as_it_stands() {
    let text = written(FILE, &["comment on x is 'at :noon: 100%'"], &[]);
    assert!(text.contains("op.execute(sa.DDL(\"comment on x is 'at :noon: 100%%'\"))"), "{text}");
    let without = FILE.replace("import sqlalchemy as sa\n", "");
    let text = written(&without, &["comment on x is ':noon'"], &[]);
    assert!(text.contains("op.execute(__import__(\"sqlalchemy\").DDL("), "{text}");
}

#[test]
fn one_line_functions_are_opened_and_absent_ones_named() {
    let text = written("def upgrade(): pass\ndef downgrade(): pass\n", &["select 1"], &[]);
    assert_eq!(text, "def upgrade(): \n    op.execute(\"select 1\")\ndef downgrade(): \n    pass\n");
    let none = bodies(Path::new("x.py"), "def upgrade():\n    pass\n", &[], WayBack::By(&[])).unwrap_err();
    assert!(none.reason.contains("downgrade"), "{}", none.reason);
}
