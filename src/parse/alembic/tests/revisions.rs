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
