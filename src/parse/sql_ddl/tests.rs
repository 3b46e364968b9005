use proptest::prelude::*;

use super::of_sql;
use crate::model::operation::{Action, Key, Operation, Rule, Write};

#[track_caller]
fn one(sql: &str) -> Action {
    let found = of_sql(sql, 1);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].action.clone()
}

/// The operations in a short form.
fn told(operations: &[Operation]) -> Vec<String> {
    operations
        .iter()
        .map(|it| format!("{}{} {}", it.line, if it.conditional { "?" } else { "" }, short(&it.action)))
        .collect()
}

fn short(action: &Action) -> String {
    match action {
        Action::CreateTable { table, columns, constraints, .. } => {
            let columns: Vec<String> = columns
                .iter()
                .map(|it| {
                    let marks = [(!it.nullable, "!"), (it.has_default, "="), (it.primary_key, "#"), (it.unique, "~")];
                    let marks: String = marks.iter().filter(|mark| mark.0).map(|mark| mark.1).collect();
                    format!("{}:{}{marks}", it.name, it.sql_type.as_deref().unwrap_or("?"))
                })
                .collect();
            format!("create {table}({}) {}", columns.join(", "), constraints.len())
        }
        Action::AddColumn { table, column, .. } => {
            format!("add {table}.{} {:?} {} {}", column.name, column.sql_type, column.nullable, column.has_default)
        }
        Action::SetType { table, column, to, using } => format!("type {table}.{column} {to:?} {using:?}"),
        Action::SetNullable { table, column, nullable } => format!("nullable {table}.{column} {nullable}"),
        Action::SetDefault { table, column, present } => format!("default {table}.{column} {present}"),
        Action::RenameColumn { table, column, to } => format!("rename {table}.{column} {to}"),
        Action::RenameTable { table, to } => format!("rename {table} {to}"),
        Action::DropColumn { table, column } => format!("drop {table}.{column}"),
        Action::DropTable { table, .. } => format!("drop {table}"),
        Action::AddConstraint { table, constraint } => {
            format!("constrain {table} {:?} {}", constraint.rule, constraint.validated)
        }
        Action::DropConstraint { table, name } => format!("unconstrain {table} {name}"),
        Action::CreateIndex(index) => format!("index {} {:?} {}", index.table, index.keys, index.unique),
        Action::Write { table, how } => format!("{how:?} {table}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_table_with_everything() {
    let sql = "-- why\nCREATE TABLE IF NOT EXISTS app.\"Order Lines\" (\n  id bigserial PRIMARY KEY,\n  \
               price numeric(10, 2) DEFAULT 1 + (2) NOT NULL CHECK (price > 0),\n  \
               at timestamp with time zone DEFAULT now() NOT NULL,\n  note character varying(40) NULL,\n  \
               user_id int NOT NULL REFERENCES app.users (id) ON DELETE CASCADE,\n  code text UNIQUE,\n  \
               CONSTRAINT one UNIQUE (code, note), FOREIGN KEY (code) REFERENCES codes, EXCLUDE USING gist (code WITH =)\n);";
    assert_eq!(
        told(&of_sql(sql, 10)),
        ["11 create app.Order Lines(id:bigserial!=#, price:numeric(10, 2)!=, at:timestamp with time zone!=, \
          note:character varying(40), user_id:int!, code:text~) 5"]
    );
}

#[test]
fn alter_table_has_several_parts() {
    let sql = "ALTER TABLE IF EXISTS ONLY users ADD COLUMN a int NOT NULL, ADD b text DEFAULT 'x, y', DROP COLUMN c CASCADE,\n\
               ALTER COLUMN d SET NOT NULL, ALTER e TYPE integer USING (e::integer), ALTER f SET DATA TYPE varchar(5), \
               ALTER g DROP DEFAULT, RENAME h TO i, ADD CONSTRAINT k CHECK (l > 0 AND m(n, o)) NOT VALID, \
               DROP CONSTRAINT IF EXISTS p, OWNER TO q";
    assert_eq!(
        told(&of_sql(sql, 1)),
        [
            "1? add users.a Some(\"int\") false false",
            "1? add users.b Some(\"text\") true true",
            "1? drop users.c",
            "1? nullable users.d false",
            "1? type users.e Some(\"integer\") Some(\"(e::integer)\")",
            "1? type users.f Some(\"varchar(5)\") None",
            "1? default users.g false",
            "1? rename users.h i",
            "1? constrain users Check { text: Some(\"l > 0 AND m(n, o)\") } false",
            "1? unconstrain users p",
            "1? Alter { table: Name { schema: None, name: \"users\" } }",
        ]
    );
}

#[test]
fn indexes() {
    let Action::CreateIndex(index) = one(
        "create unique index concurrently if not exists u on only Users using btree (Email, lower(name) desc, \"Id\" text_ops) include (x) where a is null",
    ) else {
        panic!("no index");
    };
    assert_eq!((index.name.as_deref(), index.table.to_string().as_str()), (Some("u"), "users"));
    assert_eq!(
        index.keys.unwrap(),
        [Key::Column("email".to_owned()), Key::Expression("lower(name)".to_owned()), Key::Column("Id".to_owned())]
    );
    assert!(index.unique && index.concurrently && index.unless_there);
    assert_eq!(index.predicate.as_deref(), Some("a is null"));
}

#[test]
fn rows_and_the_rest() {
    assert!(matches!(one("UPDATE only users SET a = 1"), Action::Write { how: Write::Update, .. }));
    assert!(matches!(one("TRUNCATE TABLE users"), Action::Write { how: Write::Delete, .. }));
    assert_eq!(one("DO $$ BEGIN CREATE TABLE x (); END $$"), Action::Opaque { may_create: true });
    assert_eq!(one("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'"), Action::Other);
    assert!(matches!(one("CREATE TYPE mood AS ENUM ('a;b', 'c')"), Action::CreateEnum { .. }));
    assert!(matches!(one("ALTER TABLE t ADD PRIMARY KEY (a, b)"),
        Action::AddConstraint { constraint, .. } if matches!(&constraint.rule, Rule::PrimaryKey { columns } if columns == &["a", "b"])));
    assert_eq!(of_sql("SELECT 1; SET x = 1; COMMIT; -- nothing", 1), []);
    assert_eq!(told(&of_sql("select 1;\n\ndelete from a.b where c", 5)), ["7 Delete a.b"]);
}

#[test]
fn a_deep_statement_costs_no_stack() {
    let deep = format!("ALTER TABLE t ADD CHECK {}{}", "(".repeat(200_000), ")".repeat(200_000));
    assert!(matches!(one(&deep), Action::AddConstraint { .. }));
    let long = format!("ALTER TABLE t ALTER c TYPE int USING {}", "1+".repeat(400_000));
    assert!(matches!(one(&long), Action::SetType { .. }));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        of_sql(&text, 1);
    }

    #[test]
    fn no_pieces_of_sql_make_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "create", "table", "alter", "add", "column", "constraint", "primary key", "unique", "(", ")", ",", ".", "\"", "'", "$$",
        "--", "/*", "*/", "index", "on", "where", "using", "references", "check", "default", "not null", "x", "é", "rename", "to",
        "type", "set", "drop", "if exists", ";", "\n", "e'\\", "insert into", "copy", "from stdin", "$a$", "::", "[", "]",
    ]), 0..40)) {
        let text = pieces.join(" ");
        for operation in of_sql(&text, 1) {
            prop_assert!(operation.line <= text.lines().count().max(1));
        }
        of_sql(&pieces.concat(), 1);
    }
}
