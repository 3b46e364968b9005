//! Differences in words, and what is no difference.

use super::*;

fn id(kind: ObjectKind, parent: Option<&str>, name: &str) -> ObjectId {
    ObjectId { kind, schema: "public".into(), parent: parent.map(str::to_owned), name: name.into() }
}

fn properties(said: &[(Property, &str)]) -> Properties {
    said.iter().map(|(property, text)| (*property, (*text).to_owned())).collect()
}

/// `users (id integer not null, name text)` with its version table.
fn users() -> Schema {
    let mut schema = Schema::default();
    let column = |name: &str| id(ObjectKind::Column, Some("users"), name);
    schema.objects.insert(id(ObjectKind::Table, None, "users"), properties(&[(Property::Kind, "table")]));
    let number = [(Property::Type, "integer"), (Property::NotNull, "not null")];
    schema.objects.insert(column("id"), properties(&number));
    schema.objects.insert(column("name"), properties(&[(Property::Type, "text")]));
    schema.column_order.insert(("public".into(), "users".into()), vec!["id".into(), "name".into()]);
    schema
}

#[track_caller]
fn check(before: &Schema, after: &Schema, expected: &[&str]) {
    let found: Vec<String> = before.differences(after).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn each_difference_is_one_line() {
    let before = users();
    check(&before, &before.clone(), &[]);
    let mut after = users();
    after.objects.remove(&id(ObjectKind::Column, Some("users"), "name"));
    let number = [(Property::Type, "bigint"), (Property::Default, "0")];
    after.objects.insert(id(ObjectKind::Column, Some("users"), "id"), properties(&number));
    after.objects.insert(id(ObjectKind::Index, Some("users"), "by_id"), Properties::new());
    check(
        &before,
        &after,
        &[
            "column `users.id`: type integer → bigint, no longer not null, default none → 0",
            "column `users.name`: only before",
            "index `users.by_id`: only after",
        ],
    );
}

#[test]
fn the_parts_of_a_lone_table_are_not_listed() {
    check(&users(), &Schema::default(), &["table `users`: only before"]);
    check(&Schema::default(), &users(), &["table `users`: only after"]);
}

#[test]
fn the_order_of_columns_is_noted_apart() {
    let mut after = users();
    after.column_order.insert(("public".into(), "users".into()), vec!["name".into(), "id".into()]);
    check(&users(), &after, &[]);
    assert_eq!(users().reordered(&after), [("public".to_owned(), "users".to_owned())]);
    assert!(users().reordered(&users()).is_empty());
}

#[test]
fn a_long_definition_shows_the_line_that_differs() {
    let view = |text: &str| {
        let mut schema = Schema::default();
        schema.objects.insert(id(ObjectKind::View, None, "v"), properties(&[(Property::Definition, text)]));
        schema
    };
    let (before, after) = (view("select a,\n  b\nfrom t"), view("select a,\n  c\nfrom t"));
    check(&before, &after, &["view `v`: definition differs: b → c"]);
}

#[test]
fn a_table_leaves_with_its_parts() {
    let mut schema = users();
    let owned = properties(&[(Property::OwnedBy, "users.id")]);
    schema.objects.insert(id(ObjectKind::Sequence, None, "users_id_seq"), owned);
    schema.objects.insert(id(ObjectKind::Table, None, "orders"), Properties::new());
    let left: Vec<String> = schema.without_table("public", "users").objects.keys().map(ObjectId::path).collect();
    assert_eq!(left, ["orders"]);
}

#[test]
fn names_are_read_back() {
    for (kind, name) in KINDS {
        assert_eq!(ObjectKind::parse(name), Some(kind));
        assert_eq!(kind.name(), name);
    }
    for (property, name) in PROPERTIES {
        assert_eq!(Property::parse(name), Some(property));
        assert_eq!(property.name(), name);
    }
}
