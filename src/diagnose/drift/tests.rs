use super::table::{Stand, TABLE};
use super::*;
use crate::model::drift::{Migrations, VERDICTS};
use crate::model::operation::{Action, Column, Name, Operation, PendingOperations};

fn id(kind: ObjectKind, parent: Option<&str>, name: &str) -> ObjectId {
    ObjectId { kind, schema: "public".to_owned(), parent: parent.map(str::to_owned), name: name.to_owned() }
}

/// A schema of columns, `users.email text`, and of what their tables are.
fn schema(columns: &[&str]) -> Schema {
    let mut schema = Schema::default();
    for column in columns {
        let (path, kind) = column.split_once(' ').unwrap();
        let (table, name) = path.split_once('.').unwrap();
        let said = Properties::from([(Property::Kind, "table".to_owned())]);
        schema.objects.insert(id(ObjectKind::Table, None, table), said);
        let said = Properties::from([(Property::Type, kind.to_owned())]);
        schema.objects.insert(id(ObjectKind::Column, Some(table), name), said);
        let order = schema.column_order.entry(("public".to_owned(), table.to_owned())).or_default();
        order.push(name.to_owned());
    }
    schema
}

fn models(columns: &[&str]) -> Observed<Models> {
    Observed::Known(Models { schema: schema(columns), compare_type: true, ..Models::default() })
}

fn sources(models: Observed<Models>, head: &[&str], applied: Option<&[&str]>, database: &[&str]) -> Sources {
    let migrations = Migrations { head: schema(head), applied: applied.map(schema) };
    Sources { models, migrations: Observed::Known(migrations), database: schema(database) }
}

#[track_caller]
fn check(sources: &Sources, position: &Position, expect: &[(&str, Verdict)]) -> Drift {
    let found = drift(sources, position, &Chronicle::default());
    let told: Vec<(String, Verdict)> = found.differences.iter().map(|it| (it.object.path(), it.verdict)).collect();
    let expect: Vec<(String, Verdict)> = expect.iter().map(|(path, verdict)| ((*path).to_owned(), *verdict)).collect();
    assert_eq!(told, expect);
    found
}

fn position(stand: Stand) -> Position {
    match stand {
        Stand::AtHead => Position::AtHead,
        Stand::Behind => Position::Behind(1),
        Stand::Elsewhere => Position::Unknown { rows: vec!["fedcba".to_owned()], found: None, switch: None },
        Stand::Unstamped => Position::Unstamped,
        Stand::NoChain => Position::NoChain,
    }
}

#[test]
fn each_row_of_the_table_has_its_verdict() {
    for (row, stand, expect) in TABLE {
        let position = position(*stand);
        let expect = *expect;
        let column = |at: usize| match row.as_bytes()[at] {
            b'?' => None,
            b'-' => Some(vec!["t.other text".to_owned()]),
            letter => Some(vec!["t.other text".to_owned(), format!("t.x {}", char::from(letter))]),
        };
        let text = |columns: &[String]| schema(&columns.iter().map(String::as_str).collect::<Vec<_>>());
        let models = column(0).map_or(Observed::Absent, |it| {
            Observed::Known(Models { schema: text(&it), compare_type: true, ..Models::default() })
        });
        let applied = column(2).map(|it| text(&it));
        let migrations = column(1).map_or(Observed::Unknown("broken".to_owned()), |it| {
            Observed::Known(Migrations { head: text(&it), applied })
        });
        let sources = Sources { models, migrations, database: text(&column(3).unwrap()) };
        let found = drift(&sources, &position, &Chronicle::default());
        let verdicts: Vec<Verdict> = found.differences.iter().map(|it| it.verdict).collect();
        assert_eq!(verdicts, Vec::from_iter(expect), "{row} {position:?}");
        assert_eq!(found.remedy.is_empty(), expect.is_none(), "{row} {position:?}");
    }
}

#[test]
fn each_verdict_stands_in_the_table_or_needs_git() {
    for (verdict, name, says) in VERDICTS {
        let there = TABLE.iter().any(|(_, _, expect)| *expect == Some(verdict));
        assert!(there || verdict == Verdict::EditedMigration, "{name}");
        assert!(!says.is_empty() && verdict.name() == name);
    }
}

#[test]
fn a_table_that_is_missing_is_said_once() {
    let both = ["a.id int", "b.id int", "b.x text"];
    let found =
        check(&sources(models(&both), &both, None, &["a.id int"]), &Position::AtHead, &[("b", Verdict::ChangedByHand)]);
    assert_eq!(found.compared, 5);
    // What its model says otherwise is said beside it.
    let sources = sources(models(&["a.id int", "b.id int"]), &both, None, &both);
    check(&sources, &Position::AtHead, &[("b.x", Verdict::RemovedFromModels)]);
}

#[test]
fn a_rename_is_suggested_where_one_column_went_and_one_of_its_type_came() {
    let sources = sources(models(&["t.b text"]), &["t.a text"], None, &["t.a text"]);
    let expect = [("t.a", Verdict::RemovedFromModels), ("t.b", Verdict::NotMigrated)];
    let found = check(&sources, &Position::AtHead, &expect);
    let renamed: Vec<Option<&str>> = found.differences.iter().map(|it| it.renamed_from.as_deref()).collect();
    assert_eq!(renamed, [None, Some("a")]);
}

#[test]
fn constraints_are_known_by_what_they_say_where_models_give_no_name() {
    let with = |name: &str| {
        let mut schema = schema(&["t.a text"]);
        let said = Properties::from([(Property::Definition, "UNIQUE (a)".to_owned())]);
        schema.objects.insert(id(ObjectKind::Constraint, Some("t"), name), said);
        let said =
            Properties::from([(Property::Definition, format!("CREATE INDEX i_{name} ON public.t USING btree (a)"))]);
        schema.objects.insert(id(ObjectKind::Index, Some("t"), &format!("i_{name}")), said);
        schema
    };
    let migrations = Observed::Known(Migrations { head: with("uq_t_a"), applied: None });
    let models = Observed::Known(Models { schema: with("t_a_key"), compare_type: true, ..Models::default() });
    let sources = Sources { models, migrations, database: with("uq_t_a") };
    check(&sources, &Position::AtHead, &[]);
}

#[test]
fn what_env_py_does_not_compare_is_no_difference() {
    let text = |default: Option<&str>, kind: &str| {
        let mut schema = schema(&["t.a text"]);
        let said = schema.objects.get_mut(&id(ObjectKind::Column, Some("t"), "a")).unwrap();
        said.insert(Property::Type, kind.to_owned());
        said.extend(default.map(|it| (Property::Default, it.to_owned())));
        schema
    };
    let of = |models: Models| Sources {
        models: Observed::Known(models),
        migrations: Observed::Known(Migrations { head: text(Some("0"), "varchar(20)"), applied: None }),
        database: text(Some("0"), "varchar(20)"),
    };
    let without = Models { schema: text(None, "varchar"), compare_type: true, ..Models::default() };
    check(&of(without.clone()), &Position::AtHead, &[]);
    check(
        &of(Models { compare_default: true, ..without.clone() }),
        &Position::AtHead,
        &[("t.a", Verdict::NotMigrated)],
    );
    let other = Models { schema: text(None, "integer"), ..without.clone() };
    check(&of(other.clone()), &Position::AtHead, &[("t.a", Verdict::NotMigrated)]);
    check(&of(Models { compare_type: false, ..other.clone() }), &Position::AtHead, &[]);
    let excluded = BTreeSet::from([id(ObjectKind::Table, None, "t")]);
    check(&of(Models { excluded, ..other }), &Position::AtHead, &[]);
}

#[test]
fn an_applied_revision_that_was_edited_is_no_change_by_hand() {
    let column = Column { name: "x".to_owned(), ..Column::default() };
    let action = Action::AddColumn { table: Name::new(None, "t"), column, unless_there: false };
    let operation = Operation { action, line: 7, source: String::new(), conditional: false };
    let ordered =
        [PendingOperations { revision: "ab".to_owned(), file: "v/ab.py".into(), operations: vec![operation] }];
    let chronicle = Chronicle { order: vec!["aa".to_owned(), "ab".to_owned()], makers: makers(&ordered) };
    let here = sources(Observed::Absent, &["t.a int", "t.x text"], None, &["t.a int"]);
    let found = drift(&here, &Position::AtHead, &chronicle);
    assert_eq!(found.differences[0].verdict, Verdict::ChangedByHand);
    assert_eq!(found.differences[0].maker.as_ref().map(|it| it.at.to_string()).as_deref(), Some("v/ab.py:7"));
    let edits = BTreeMap::from([(PathBuf::from("v/ab.py"), Edited { uncommitted: true, ..Edited::default() })]);
    let found = attributed(found, &chronicle, &edits);
    assert_eq!(found.differences[0].verdict, Verdict::EditedMigration);
    // Without a version, the revision before it is where the database stands.
    let found = drift(&here, &Position::Unstamped, &chronicle);
    assert_eq!(found.remedy[0].command, "devdb migrate stamp aa && devdb migrate up");
}

#[test]
fn a_schema_comes_back_from_json() {
    let schema = schema(&["t.a text", "t.b varchar(20)", "u.\"ä\" int"]);
    assert_eq!(Schema::from_json(&schema.to_json()), Some(schema));
    assert_eq!(Schema::from_json("{}"), None);
}

#[test]
fn what_autogenerate_does_not_see_is_written_by_hand() {
    let mut ours = schema(&["users.email text"]);
    let check = id(ObjectKind::Constraint, Some("users"), "positive");
    let definition = |text: &str| Properties::from([(Property::Definition, text.to_owned())]);
    ours.objects.insert(check.clone(), definition("CHECK ((length(email) > 0))"));
    let models =
        |schema: &Schema| Observed::Known(Models { schema: schema.clone(), compare_type: true, ..Models::default() });
    let there: &[&str] = &["users.email text"];
    let commands = |schema: &Schema| -> Vec<String> {
        let found = drift(&sources(models(schema), there, None, there), &Position::AtHead, &Chronicle::default());
        found.remedy.iter().map(|it| it.command.clone()).collect()
    };
    assert_eq!(commands(&ours), ["devdb migrate new \"…\""]);
    ours.objects.insert(check, definition("UNIQUE (email)"));
    assert_eq!(commands(&ours), ["devdb migrate new --autogenerate \"…\""]);
}
