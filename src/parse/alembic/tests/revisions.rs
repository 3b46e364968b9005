use std::path::Path;

use proptest::prelude::*;

use crate::model::chain::Revision;
use crate::parse::alembic::revision::{self, parse};

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

/// Reads a revision of a chain whose other files are `modules`.
fn read_beside(source: &str, modules: &[(&str, &str)]) -> Result<Revision, String> {
    let find = |name: &str| {
        let found = modules.iter().find(|(module, _)| *module == name);
        found.map(|(_, text)| text.as_bytes().to_vec())
    };
    let read = revision::read(Path::new("x.py"), source.as_bytes(), &find);
    read.map(Option::unwrap).map_err(|unreadable| format!("{}: {}", unreadable.at, unreadable.reason))
}

#[test]
fn headers_are_imported_from_the_same_chain() {
    let modules = [
        ("db.first", "revision = 'one'\nids = ['a', 'b']"),
        ("db.second", "from db.first import revision as base\nrevision = base + '2'"),
        ("loop", "from loop import revision"),
        ("bad", "revision = = 1"),
    ];
    let parents = |source: &str| {
        read_beside(&format!("{source}\nrevision = 'x'"), &modules).map(|revision| revision.down_revisions.join(" "))
    };
    let ok = |text: &str| Ok(text.to_owned());
    assert_eq!(parents("from db.first import revision as down_revision"), ok("one"));
    assert_eq!(parents("from db.first import revision as r\ndown_revision = r"), ok("one"));
    assert_eq!(parents("from db.second import revision as r\ndown_revision = (r, 'y')"), ok("one2 y"));
    assert_eq!(parents("import db.first as f\ndown_revision = f.revision"), ok("one"));
    assert_eq!(parents("from db import first\ndown_revision = first.ids"), ok("a b"));
    let refused = |text: &str| Err(format!("x.py:1: `down_revision` is imported: `{text}`"));
    assert_eq!(parents("from .first import revision as down_revision"), refused("revision as down_revision"));
    assert_eq!(parents("from db.gone import down_revision"), refused("down_revision"));
    assert_eq!(parents("from loop import revision as down_revision"), refused("revision as down_revision"));
    assert_eq!(parents("from bad import revision as down_revision"), refused("revision as down_revision"));
    assert_eq!(
        parents("import db.first\ndown_revision = db.first.revision"),
        Err("x.py:2: `down_revision` is computed: `db.first.revision`".to_owned())
    );
    let conditional = parents("down_revision = None\nif x:\n  from db.first import revision as down_revision");
    assert_eq!(conditional, Err("x.py:3: `down_revision` depends on a condition".to_owned()));
}

#[test]
fn modules_that_import_each_other_many_times_end() {
    let sum = vec!["m.revision"; 50].join(" + ");
    let text = format!("import m\nrevision = {sum}\ndown_revision = None");
    assert!(read_beside(&text, &[("m", &text)]).is_err());
}

#[test]
fn bytes_are_decoded_as_python_decodes_them() {
    let read = |bytes: &[u8]| {
        let read = revision::read(Path::new("x.py"), bytes, &|_| None);
        read.map(|read| read.unwrap().message).map_err(|unreadable| (unreadable.at.line, unreadable.reason))
    };
    let rest = b"\nrevision = 'a'\ndown_revision = None\n".as_slice();
    assert_eq!(read(&[b"# coding: latin-1\n'caf\xe9'", rest].concat()), Ok("caf\u{e9}".to_owned()));
    assert_eq!(read(&[b"\xef\xbb\xbf'caf\xc3\xa9'\r", rest].concat()), Ok("caf\u{e9}".to_owned()));
    assert_eq!(read(&[b"\n'caf\xe9'", rest].concat()), Err((2, "invalid Python: not UTF-8".to_owned())));
    let odd = b"# coding: cp1252\nrevision = 'caf\xe9'\ndown_revision = None";
    assert!(read(odd).unwrap_err().1.starts_with("`revision` holds characters"));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(revision::read(Path::new("x.py"), &bytes, &|_| None));
    }

    #[test]
    fn nothing_like_a_header_panics(words in proptest::collection::vec(
        prop::sample::select(vec!["revision", "down_revision", "depends_on", " = ", ": str", "'a'", "(", ")", ",", "\n",
            "\n  ", "if x:", "from m import revision", " as ", "import m", "m.revision", "+", "None", "u'", "\"\"\"", "\r",
            "# coding: latin-1\n", "\u{e9}", "\u{feff}", ";", "del revision", "revision += "]), 0..40)) {
        let source = words.concat();
        let find = |module: &str| (module == "m").then(|| source.clone().into_bytes());
        let read = revision::read(Path::new("x.py"), source.as_bytes(), &find);
        let lines = source.matches('\n').count() + 1;
        match read {
            Ok(read) => prop_assert!(read.is_none_or(|read| read.at.line <= lines)),
            Err(unreadable) => prop_assert!(unreadable.at.line <= lines && !unreadable.reason.is_empty()),
        }
        drop(crate::parse::alembic::env::version_table(&source));
    }
}
