use super::graph::mentions;
use super::script;
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, Schema, ident, literal, qualified};

/// Kind, table, name, what is said.
type Object<'o> = (ObjectKind, Option<&'o str>, &'o str, &'o [(Property, &'o str)]);

fn schema(objects: &[Object<'_>]) -> Schema {
    let mut schema = Schema::default();
    for (kind, parent, name, said) in objects {
        let id = ObjectId {
            kind: *kind,
            schema: "public".to_owned(),
            parent: parent.map(str::to_owned),
            name: (*name).to_owned(),
        };
        let said: Properties = said.iter().map(|(property, value)| (*property, (*value).to_owned())).collect();
        schema.objects.insert(id, said);
    }
    schema
}

#[test]
fn names_are_quoted_as_the_server_does() {
    assert_eq!(qualified("public", "users"), "public.users");
    assert_eq!(ident("Users"), "\"Users\"");
    assert_eq!(ident("user"), "\"user\"");
    assert_eq!(ident("a\"b"), "\"a\"\"b\"");
    assert_eq!(ident("grösse"), "\"grösse\"");
    assert_eq!(ident("1st"), "\"1st\"");
    assert_eq!(literal("it's"), "'it''s'");
    assert_eq!(literal("a\\b"), "E'a\\\\b'");
}

#[test]
fn names_with_their_schema_are_found_wherever_they_stand() {
    let found = |text: &str| -> Vec<String> {
        mentions(text).into_iter().map(|(schema, name)| format!("{schema}|{name}")).collect()
    };
    assert_eq!(found("nextval('public.users_id_seq'::regclass)"), ["public|users_id_seq"]);
    assert_eq!(found("\"My \"\"S\".\"T.x\" JOIN a.b ON 1.5 > c"), ["My \"S|T.x", "a|b"]);
    assert_eq!(found("a.b.c"), ["a|b"]);
    assert_eq!(found("\"open"), Vec::<String>::new());
}

#[test]
fn nothing_is_written_where_nothing_differs() {
    let one = schema(&[(ObjectKind::Enum, None, "mood", &[(Property::Labels, "'sad'")])]);
    assert!(script(&one, &one).is_empty());
}

#[test]
fn labels_are_added_where_they_belong() {
    let was = schema(&[(ObjectKind::Enum, None, "mood", &[(Property::Labels, "'sad', 'it''s, ok'")])]);
    let is = schema(&[(ObjectKind::Enum, None, "mood", &[(Property::Labels, "'sad', 'so so', 'it''s, ok', 'new'")])]);
    let texts = script(&was, &is).texts();
    assert_eq!(
        texts,
        ["ALTER TYPE public.mood ADD VALUE 'so so' BEFORE 'it''s, ok'", "ALTER TYPE public.mood ADD VALUE 'new'"]
    );
}

#[test]
fn what_a_table_with_rows_stands_on_is_held_by_it() {
    let text = [(Property::Type, "public.mood")];
    let was = schema(&[
        (ObjectKind::Enum, None, "mood", &[(Property::Labels, "'sad'")]),
        (ObjectKind::Table, None, "t", &[(Property::Kind, "table")]),
        (ObjectKind::Column, Some("t"), "feeling", &text),
    ]);
    let statements = script(&was, &Schema::default()).statements;
    let told: Vec<(&str, bool, bool)> =
        statements.iter().map(|it| (it.text.as_str(), it.loses.is_some(), it.held_by.is_some())).collect();
    assert_eq!(told, [("DROP TABLE public.t", true, false), ("DROP TYPE public.mood", false, true)]);
}

#[test]
fn a_foreign_table_is_left_to_the_developer() {
    let is = schema(&[(ObjectKind::Table, None, "far", &[(Property::Kind, "foreign table")])]);
    let script = script(&Schema::default(), &is);
    assert_eq!(script.statements, Vec::new());
    assert_eq!(script.by_hand, ["table `far`: devdb does not write foreign tables"]);
}
