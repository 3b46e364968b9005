use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(script: &str, expected: &[&str]) {
    let statements = split(script);
    let texts: Vec<&str> = statements.iter().map(|statement| statement.text(script)).collect();
    assert_eq!(texts, expected, "{script}");
}

#[test]
fn semicolons_split_outside_quotes_and_comments() {
    check("", &[]);
    check(" ;; -- nothing\n;", &[]);
    check("select 1; select 2", &["select 1", "select 2"]);
    check("-- a;\nselect 1 /* ; /* ; */ ; */ ; select 2 -- ;", &["select 1", "select 2"]);
    check("select ';', 'it''s;', \"a;\"\"b\"; x", &["select ';', 'it''s;', \"a;\"\"b\"", "x"]);
    check("select E'\\';' ; x", &["select E'\\';'", "x"]);
    check("select '\\'; x", &["select '\\'", "x"]);
    check("select e'a'\n  '\\';' ; x", &["select e'a'\n  '\\';'", "x"]);
    check("select made'\\'; x", &["select made'\\'", "x"]);
    check("select $$;$$, $a$ ; $$ ; $a$; x", &["select $$;$$, $a$ ; $$ ; $a$", "x"]);
    check("select $1; a$b$c; x", &["select $1", "a$b$c", "x"]);
    check("select $é$;$é$; x", &["select $é$;$é$", "x"]);
    check("select 1$$;$$; x", &["select 1$$;$$", "x"]);
    check("select 1\\; select 2;", &["select 1", "select 2"]);
    check("\u{feff}select 1;", &["select 1"]);
}

#[test]
fn parentheses_and_function_bodies_keep_their_semicolons() {
    check(
        "create rule r as on insert to t do (select 1; select 2); x",
        &["create rule r as on insert to t do (select 1; select 2)", "x"],
    );
    let body =
        "CREATE OR REPLACE FUNCTION f() RETURNS int\nBEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 END;\n SELECT 2;\nEND";
    check(&format!("{body}; x"), &[body, "x"]);
    check(
        "create procedure p() begin atomic select 1; end; x",
        &["create procedure p() begin atomic select 1; end", "x"],
    );
    check("begin; select 1; end;", &["begin", "select 1", "end"]);
    check("create table \"begin\" (a int); x", &["create table \"begin\" (a int)", "x"]);
}

#[test]
fn what_is_not_closed_goes_to_the_end() {
    for script in ["select 'a; b", "select \"a; b", "select $x$; $y$ b", "select (1; 2", "select E'\\"] {
        check(script, &[script]);
    }
    check("a; /* ; /* */ ;", &["a"]);
}

#[test]
fn dumps_of_psql_are_understood() {
    let script = "\\restrict abc\nSET x = 1;\nCOPY public.t (a, b) FROM stdin;\n1\tit's; fine\n2\t\\N\n\\.\n\n\
                  COPY u FROM STDIN WITH (FORMAT csv);\n\\.\nCOPY v FROM 'file';\nSELECT 1\n\\gexec\n  \\connect - \n";
    let statements = split(script);
    let shown: Vec<(usize, &str, Option<&str>)> = statements
        .iter()
        .map(|statement| {
            let more = match &statement.kind {
                StatementKind::Sql => None,
                StatementKind::MetaCommand => Some("psql"),
                StatementKind::CopyIn { data } => script.get(data.clone()),
            };
            (statement.line, statement.text(script), more)
        })
        .collect();
    assert_eq!(
        shown,
        [
            (1, "\\restrict abc", Some("psql")),
            (2, "SET x = 1", None),
            (3, "COPY public.t (a, b) FROM stdin", Some("1\tit's; fine\n2\t\\N\n")),
            (8, "COPY u FROM STDIN WITH (FORMAT csv)", Some("")),
            (10, "COPY v FROM 'file'", None),
            (11, "SELECT 1", None),
            (12, "\\gexec", Some("psql")),
            (13, "\\connect -", Some("psql")),
        ]
    );
    let unfinished = "copy t from stdin;\n1\n";
    assert_eq!(split(unfinished)[0].kind, StatementKind::CopyIn { data: 19..21 });
}

#[test]
fn lines_count_from_one() {
    assert_eq!(line_of("a\nb\n", 0), 1);
    assert_eq!(line_of("a\nb\n", 2), 2);
    assert_eq!(line_of("a\nb\n", 99), 3);
    assert_eq!(split("/*\n*/\n\n x")[0].line, 4);
}

proptest! {
    #[test]
    fn spans_are_ordered_and_nothing_else_is_lost(words in proptest::collection::vec(
        prop::sample::select(vec!["select", "'", "\"", "$$", "$a$", "E'", "--", "/*", "*/", ";", "(", ")", "\\", "\n",
            " ", "é", "copy t from stdin;", "\\.\n", "begin", "end", "create function", "case", "1"]), 0..60)) {
        let script = words.concat();
        let mut end = 0;
        for statement in split(&script) {
            prop_assert!(statement.span.start >= end && !statement.span.is_empty());
            prop_assert!(script.get(end..statement.span.start).is_some_and(is_separator), "{}", script);
            prop_assert!(!statement.text(&script).is_empty());
            prop_assert_eq!(statement.line, line_of(&script, statement.span.start));
            end = statement.span.end;
            if let StatementKind::CopyIn { data } = statement.kind {
                prop_assert!(data.start >= end && script.get(data.clone()).is_some());
                end = data.end;
            }
        }
        prop_assert!(script.get(end..).is_some_and(is_separator), "{}", script);
    }

    #[test]
    fn nothing_panics(script in "\\PC{0,200}") {
        split(&script);
    }
}

/// Between statements there is only what no server needs: no word stands outside of a comment there.
fn is_separator(gap: &str) -> bool {
    let plain = !gap.contains(|character: char| character.is_alphanumeric());
    plain || gap.contains("--") || gap.contains("/*") || gap.contains(';')
}
