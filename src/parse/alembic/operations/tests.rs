use std::path::Path;

use proptest::prelude::*;

use super::parse;
use crate::model::operation::{Action, MigrationOperations, Operation, WayBack};

fn read(source: &str) -> MigrationOperations {
    parse("a1", Path::new("versions/a1.py"), source).unwrap()
}

/// The body of an `upgrade`, and its operations as one line each.
fn up(body: &str) -> Vec<String> {
    let source =
        format!("import sqlalchemy as sa\nfrom alembic import op\nTABLE = \"users\"\n\ndef upgrade():\n{body}\n");
    read(&source).up.iter().map(told).collect()
}

fn told(it: &Operation) -> String {
    let mark = if it.conditional { "?" } else { "" };
    let action = match &it.action {
        Action::CreateTable { table, columns, constraints, .. } => {
            let column = |it: &crate::model::operation::Column| {
                format!(
                    "{} {} {}{}",
                    it.name,
                    it.sql_type.as_deref().unwrap_or("?"),
                    it.nullable,
                    if it.has_default { "=" } else { "" }
                )
            };
            format!(
                "create {table} [{}] {}",
                columns.iter().map(column).collect::<Vec<_>>().join(", "),
                constraints.len()
            )
        }
        Action::AddColumn { table, column, .. } => {
            format!("add {table}.{} {} {}", column.name, column.sql_type.as_deref().unwrap_or("?"), column.nullable)
        }
        Action::SetType { table, column, to, using } => format!("type {table}.{column} {to:?} {using:?}"),
        Action::SetNullable { table, column, nullable } => format!("nullable {table}.{column} {nullable}"),
        Action::RenameColumn { table, column, to } => format!("rename {table}.{column} {to}"),
        Action::DropColumn { table, column } => format!("drop {table}.{column}"),
        Action::DropTable { table, .. } => format!("drop {table}"),
        Action::AddConstraint { table, constraint } => format!("constrain {table} {:?}", constraint.rule),
        Action::CreateIndex(index) => {
            format!("index {} {:?} {} {:?}", index.table, index.keys, index.unique, index.predicate)
        }
        Action::Write { table, how } => format!("{how:?} {table}"),
        Action::Opaque { may_create } => format!("opaque {may_create}"),
        Action::CreateEnum { name, .. } => format!("enum {name}"),
        Action::DropType { name } => format!("untype {name}"),
        other => format!("{other:?}"),
    };
    format!("{}{mark} {action}", it.line)
}

#[test]
fn tables_and_columns() {
    let body = r#"    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("mail", sa.String(length=80), nullable=False, server_default="x"),
        sa.Column("kind", sa.Enum("a", "b", name="kind"), nullable=False),
        sa.Column("org", sa.UUID(), sa.ForeignKey("app.orgs.id")),
        sa.Column("own", custom.Type()),
        sa.UniqueConstraint("mail", name="u"),
        sa.PrimaryKeyConstraint("id"),
        schema="app",
    )
    op.add_column("users", sa.Column("at", sa.DateTime(timezone=True), nullable=False))
    op.drop_column("users", "old")
    op.drop_table("gone")"#;
    assert_eq!(
        up(body),
        [
            "6 enum kind",
            "6 create app.users [id integer false, mail varchar(80) false=, kind \"kind\" false, org uuid true, own ? true] 3",
            "17 add users.at timestamptz false",
            "18 drop users.old",
            "19 drop gone",
        ]
    );
}

#[test]
fn batches_and_alterations() {
    let body = r#"    with op.batch_alter_table("users", schema="s") as batch:
        batch.alter_column("a", existing_type=sa.Text(), type_=sa.Integer(), nullable=False, postgresql_using="a::integer",
                           new_column_name="b")
        batch.create_index(batch.f("i"), ["b", sa.text("lower(c)")], unique=True, postgresql_where=sa.text("d"))
        batch.create_foreign_key("f", "orgs", ["o"], ["id"])
        batch.add_column(sa.Column("x", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")))
    op.create_check_constraint("c", "users", "a > 0")"#;
    assert_eq!(
        up(body),
        [
            "7 type s.users.a Some(\"integer\") Some(\"a::integer\")",
            "7 nullable s.users.a false",
            "7 rename s.users.a b",
            "9 index s.users Some([Column(\"b\"), Expression(\"lower(c)\")]) true Some(\"d\")",
            "10 constrain s.users ForeignKey { columns: [\"o\"], to: Reference { table: Name { schema: None, name: \"orgs\" }, columns: [\"id\"] } }",
            "11 add s.users.x jsonb true",
            "12 constrain users Check { text: Some(\"a > 0\") }",
        ]
    );
}

#[test]
fn sql_keeps_its_lines() {
    let body = "    op.execute(\"\"\"\n        -- first\n        UPDATE users SET a = 1;\n        ALTER TABLE users DROP COLUMN b;\n    \"\"\")\n    \
                bind = op.get_bind()\n    bind.execute(sa.text(f\"DELETE FROM {TABLE}\"))\n    op.execute(sa.table(\"t\").update().values(a=1))\n    \
                op.execute(make())";
    assert_eq!(up(body), ["8 Update users", "9 drop users.b", "12 Delete users", "13 Update t", "14 opaque true"]);
}

#[test]
fn conditions_are_said_and_dialects_answered() {
    let body = "    bind = op.get_bind()\n    dialect = bind.dialect.name\n    if dialect == 'sqlite':\n        op.drop_table('lite')\n        return\n    \
                if bind.dialect.name != 'postgresql':\n        op.drop_table('other')\n    else:\n        op.drop_table('ours')\n    \
                if inspector.has_table('x'):\n        op.drop_table('x')\n    for name in NAMES:\n        op.drop_table(name)\n    \
                if done():\n        return\n    op.drop_table('late')";
    assert_eq!(up(body), ["14 drop ours", "16? drop x", "18? opaque false", "21? drop late"]);
}

#[test]
fn functions_of_the_same_file_are_followed() {
    let source = "from alembic import op\n\ndef drop(name, schema=None):\n    op.drop_table(name, schema=schema)\n\ndef loop():\n    loop()\n\n\
                  def upgrade():\n    drop('a')\n    drop(schema='s', name='b')\n    drop(computed())\n    loop()\n    helper()\n";
    let found: Vec<String> = read(source).up.iter().map(told).collect();
    assert_eq!(found[..3], ["4 drop a", "4 drop s.b", "4 opaque false"]);
    assert_eq!(found[3..], ["7 opaque true", "14 opaque true"]);
}

#[test]
fn enumerations() {
    let body = "    kind = postgresql.ENUM('a', name='kind', create_type=False)\n    kind.create(op.get_bind(), checkfirst=True)\n    \
                op.add_column('t', sa.Column('k', kind))\n    sa.Enum(name='old').drop(op.get_bind(), checkfirst=False)";
    assert_eq!(up(body), ["7 enum kind", "8 add t.k \"kind\" true", "9 untype old"]);
}

#[test]
fn ways_back() {
    let back = |text: &str| read(&format!("def upgrade():\n    pass\n{text}")).way_back;
    assert_eq!(back(""), WayBack::Missing);
    assert_eq!(back("def downgrade():\n    \"\"\"no\"\"\"\n    pass\n"), WayBack::Empty { line: 5 });
    assert_eq!(back("def downgrade():\n    raise NotImplementedError\n"), WayBack::Refuses { line: 4 });
    assert_eq!(back("def downgrade():\n    op.drop_table('x')\n"), WayBack::Written);
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "op.create_table", "op.execute", "op.alter_column", "batch.", "sa.Column", "(", ")", "\"t\"", "'a'", ",", "f'{x}'", "=", "x",
        "if x:", "\n    ", "return", "with op.batch_alter_table('t') as batch:", "for x in y:", "*x", "**x", "[", "]", "None",
        "sa.text", "type_", "nullable", "\"create table a (b int)\"", "é", "\\",
    ]), 0..30)) {
        parse("a", Path::new("a.py"), &format!("def upgrade():\n    {}\n", pieces.concat()));
        parse("a", Path::new("a.py"), &format!("def upgrade():\n    {}\n", pieces.join(" ")));
    }
}
