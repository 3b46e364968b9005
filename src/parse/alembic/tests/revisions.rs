use std::path::Path;

use crate::model::chain::Revision;
use crate::parse::alembic::revision::parse;

fn read(source: &str) -> Revision {
    parse(Path::new("versions/x.py"), source).unwrap().unwrap()
}

#[track_caller]
fn check(source: &str, id: &str, down_revisions: &[&str]) {
    let revision = read(source);
    assert_eq!(revision.id, id);
    assert_eq!(revision.down_revisions, down_revisions);
}

#[track_caller]
fn check_refused(source: &str, line: usize, reason: &str) {
    let unreadable = parse(Path::new("x.py"), source).unwrap_err();
    assert_eq!((unreadable.at.line, unreadable.reason.as_str()), (line, reason));
}

#[test]
fn the_template_reads() {
    let revision = read(
        "\"\"\"add users\n\nRevision ID: wrong\nRevises: wrong\nCreate Date: 2024-01-01\n\n\"\"\"\n\
         from typing import Sequence, Union\n\n\
         # revision identifiers, used by Alembic.\n\
         revision: str = 'ae1027a6acf'\n\
         down_revision: Union[str, Sequence[str], None] = '1975ea83b712'\n\
         branch_labels: Union[str, Sequence[str], None] = ('core',)\n\
         depends_on: Union[str, Sequence[str], None] = [\"x\", 'y']\n\n\
         def upgrade() -> None:\n    revision = 'inner'\n",
    );
    assert_eq!(revision.id, "ae1027a6acf");
    assert_eq!(revision.down_revisions, ["1975ea83b712"]);
    assert_eq!(revision.branch_labels, ["core"]);
    assert_eq!(revision.depends_on, ["x", "y"]);
    assert_eq!(revision.message, "add users");
    assert_eq!(revision.at.to_string(), "versions/x.py:11");
    assert_eq!(revision.down_revision_line, 12);
}

#[test]
fn every_way_to_write_a_parent() {
    check("revision = 'a'\ndown_revision = None", "a", &[]);
    check("revision = 'a'\ndown_revision = ()", "a", &[]);
    check("revision = 'a'\ndown_revision = (None,)", "a", &[]);
    check("revision = 'a'\ndown_revision = ('b', \"c\")", "a", &["b", "c"]);
    check("revision = 'a'\ndown_revision = 'b', 'c'", "a", &["b", "c"]);
    check("revision = 'a'\ndown_revision = ('b')  # not a tuple", "a", &["b"]);
    check("revision, down_revision = u'a', 'b' 'c'", "a", &["bc"]);
    check("p = 'b'\nrevision = 'v1.2_é'\ndown_revision = p", "v1.2_é", &["b"]);
    check("\u{feff}revision = 'a'\r\ndown_revision = 'b'\r\n", "a", &["b"]);
    check("revision = 'a'\ndown_revision = 'x'\ndown_revision = ''", "a", &[""]);
}

#[test]
fn a_message_comes_from_the_docstring() {
    let message = |source: &str| read(&format!("{source}\nrevision = 'a'\ndown_revision = None")).message;
    assert_eq!(message("'''\n\n  one  \n  two\n'''"), "one");
    assert_eq!(message("# comment\n'one' ' two'"), "one two");
    assert_eq!(message("message = 'said'"), "said");
    assert_eq!(message("import a\n'''no docstring'''"), "");
}

#[test]
fn what_alembic_does_not_load_is_no_revision() {
    for name in ["__init__.py", "__init__old.py", ".#lock.py", "README", "a.pyc", "a.py.bak", ""] {
        assert_eq!(parse(Path::new(name), "garbage ("), Ok(None), "{name}");
    }
}

#[test]
fn a_name_can_be_the_id_of_a_file_without_one() {
    let parse = |name: &str| parse(Path::new(name), "down_revision = None").map(|read| read.unwrap().id);
    assert_eq!(parse("ae10.py"), Ok("ae10".to_owned()));
    assert_eq!(parse("ae10_x.py").unwrap_err().reason, "no `revision` variable");
}

#[test]
fn what_cannot_be_read_says_why_and_where() {
    check_refused("import os", 0, "no `revision` variable");
    check_refused("\nrevision = 'a'", 2, "no `down_revision` variable");
    check_refused("revision = 'a'\ndown_revision = get_parent()", 2, "`down_revision` is computed: `get_parent()`");
    check_refused("revision = 1\ndown_revision = None", 1, "`revision` is not a string: `1`");
    check_refused("revision = 'a', 'b'\ndown_revision = None", 1, "`revision` is not a string");
    check_refused("revision = 'a'\nif x:\n  down_revision = 'b'", 3, "`down_revision` depends on a condition");
    check_refused("from b import revision\ndown_revision = 'b'", 1, "`revision` is imported: `revision`");
    check_refused("revision = 'a-b'\ndown_revision = None", 1, "`revision` holds `-`, which Alembic refuses: `a-b`");
    check_refused("revision = ''\ndown_revision = None", 1, "`revision` is empty");
    check_refused(
        "revision = 'a'\ndown_revision = ['b', None]",
        2,
        "`down_revision` holds something else than strings",
    );
    let broken = parse(Path::new("x.py"), "revision = 'a'\ndown_revision = None\ndef upgrade(:\n").unwrap_err();
    assert_eq!(broken.at.line, 3);
}

#[test]
fn large_files_read() {
    let rows = "    op.execute(\"insert into t values (1, 'x')\")\n".repeat(200_000);
    check(&format!("revision = 'a'\ndown_revision = 'b'\ndef upgrade():\n{rows}"), "a", &["b"]);
    let garbage: String = (0..2_000_000_u32)
        .map(|number| char::from_u32(number.wrapping_mul(2_654_435_761) % 255 + 1).unwrap())
        .collect();
    assert!(parse(Path::new("x.py"), &garbage).is_err());
}
