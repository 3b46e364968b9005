use super::*;

/// What drivers, tools and servers printed: produced by psycopg2, psycopg, asyncpg, SQLAlchemy, node-pg and psql on a real
/// server, in other languages by the server's own catalogs of messages; the rest as their projects' issues quote them.
const TEXTS: &str = include_str!("../../../tests/fixtures/error-texts.txt");

fn told(trouble: &Trouble) -> String {
    let of = |table: &Option<String>, column: &str| format!("{}.{column}", table.as_deref().unwrap_or_default());
    match trouble {
        Trouble::UndefinedColumn { table, column } => format!("UndefinedColumn {}", of(table, column)),
        Trouble::DuplicateColumn { table, column } => format!("DuplicateColumn {}", of(table, column)),
        Trouble::NotNull { table, column } => format!("NotNull {}", of(table, column)),
        Trouble::Violated { constraint, how } => format!("{how:?} {constraint}"),
        Trouble::Refused { port } => format!("Refused {}", port.map_or("-".to_owned(), |port| port.to_string())),
        other => format!("{other:?}").replace(['(', ')', '"'], " ").split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

#[test]
fn real_texts_are_recognised() {
    let (mut count, mut wrong) = (0, Vec::new());
    for text in TEXTS.split("\n=== ").skip(1) {
        let (head, body) = text.split_once('\n').unwrap();
        let (who, expect) = head.rsplit_once(": ").unwrap();
        let found = parse(body).map_or("nothing".to_owned(), |it| told(&it.trouble));
        count += 1;
        if found != expect {
            wrong.push(format!("{who}: {found} instead of {expect}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count >= 120, "{count}");
}

#[test]
fn what_is_said_stands_without_its_frame() {
    let text = "(psycopg.errors.UndefinedColumn) column users.username does not exist\nLINE 1: select 1\n\
                [SQL: select users.username\nfrom users]\n(Background on this error at: x)";
    let found = parse(text).unwrap();
    assert_eq!(found.said, "column users.username does not exist");
    assert_eq!(found.sqlstate.as_deref(), Some("42703"));
    assert_eq!(found.statement.as_deref(), Some("select users.username\nfrom users]"));
    let found = parse("2026-11-28 09:00 UTC [2] ERROR:  relation \"a b\" does not exist").unwrap();
    assert_eq!((found.said.as_str(), found.sqlstate), ("relation \"a b\" does not exist", None));
}

#[test]
fn other_texts_are_no_errors_of_a_database() {
    for text in
        ["", "hello", "KeyError: 'name'", "INFO: Uvicorn running on http://127.0.0.1:8000", "a table of contents"]
    {
        assert!(parse(text).is_none_or(|it| it.trouble == Trouble::Other), "{text}: {:?}", parse(text));
        assert!(!is_error_line(text) || text.starts_with("KeyError"), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in ".{0,400}") {
        drop(parse(&text));
    }
}
