//! SQL scripts, split into statements.
#![no_main]

use devdb::parse::sql::{StatementKind, line_of, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut end = 0;
    for statement in split(text) {
        assert!(statement.span.start >= end, "statements overlap");
        assert!(text.get(statement.span.clone()).is_some_and(|found| !found.trim().is_empty()), "an empty statement");
        assert_eq!(statement.line, line_of(text, statement.span.start));
        end = statement.span.end;
        if let StatementKind::CopyIn { data } = statement.kind {
            assert!(data.start >= end && text.get(data.clone()).is_some(), "data before its statement");
            end = data.end;
        }
    }
});
