//! One call of a migration: what Alembic (1.20) does for it on PostgreSQL.

use ruff_python_ast::{Arguments, Expr};
use ruff_text_size::TextSize;

use super::columns::{column, constraint, keys};
use super::scope::{Scope, is_true, keyword, unpacks};
use super::statements::{execute, other, table_object};
use super::types::sql_type;
use crate::model::operation::{Action, Constraint, Index, Name, Reference, Rule, Write};

/// Whose method is called.
pub(super) enum Subject<'e> {
    Op,
    /// The `batch_op` of a table; nothing when that cannot be told.
    Batch(Option<Name>),
    Other(&'e Expr),
}

/// One action of a call.
pub(super) struct Done {
    pub(super) action: Action,
    /// Where it stands when that is not the call itself: a position and lines below it.
    pub(super) below: Option<(TextSize, usize)>,
    pub(super) source: Option<String>,
    pub(super) conditional: bool,
}

impl Done {
    pub(super) fn of(action: Action) -> Self {
        Self { action, below: None, source: None, conditional: false }
    }
}

pub(super) const OPAQUE: Action = Action::Opaque { may_create: false };
pub(super) const ANYTHING: Action = Action::Opaque { may_create: true };

/// Returns what a call of a free function does that the file does not define.
pub(super) fn free(name: &str) -> Option<Done> {
    const HARMLESS: [&str; 28] = [
        "print",
        "len",
        "str",
        "int",
        "list",
        "dict",
        "set",
        "tuple",
        "sorted",
        "range",
        "zip",
        "enumerate",
        "isinstance",
        "getattr",
        "any",
        "all",
        "Session",
        "sessionmaker",
        "inspect",
        "text",
        "select",
        "update",
        "insert",
        "delete",
        "Enum",
        "table",
        "column",
        "declarative_base",
    ];
    (!HARMLESS.contains(&name)).then(|| Done::of(ANYTHING))
}

/// Operations that change nothing.
const SILENT: [&str; 8] = [
    "get_bind",
    "get_context",
    "f",
    "inline_literal",
    "batch_alter_table",
    "implementation_for",
    "register_operation",
    "create_table_comment",
];

/// Returns what a method's call does.
pub(super) fn method(scope: &Scope<'_>, subject: &Subject<'_>, name: &str, arguments: &Arguments) -> Vec<Done> {
    let (table, known) = match subject {
        Subject::Op => (None, true),
        Subject::Batch(table) => (table.as_ref(), table.is_some()),
        Subject::Other(subject) => return other(scope, subject, name, arguments),
    };
    if SILENT.contains(&name) {
        return Vec::new();
    }
    if name == "execute" {
        return execute(scope, arguments);
    }
    let call = Call { scope, arguments, batch: table };
    match call.actions(name).filter(|_| known) {
        Some(actions) => actions.into_iter().map(Done::of).collect(),
        None => vec![Done::of(Action::Opaque { may_create: may_create(name) })],
    }
}

/// Returns whether an operation of this name could create a relation.
fn may_create(name: &str) -> bool {
    const NEVER: [&str; 17] = [
        "drop_table",
        "add_column",
        "drop_column",
        "alter_column",
        "create_index",
        "drop_index",
        "drop_constraint",
        "create_foreign_key",
        "create_unique_constraint",
        "create_check_constraint",
        "create_primary_key",
        "create_exclude_constraint",
        "bulk_insert",
        "drop_table_comment",
        "create_table_comment",
        "drop_entity",
        "invoke_drop",
    ];
    !NEVER.contains(&name)
}

/// A call of `op.…` or `batch_op.…`.
struct Call<'c, 'a> {
    scope: &'c Scope<'a>,
    arguments: &'c Arguments,
    batch: Option<&'c Name>,
}

impl Call<'_, '_> {
    /// Returns what the operation does; nothing when it is none that is known, or is not literal.
    fn actions(&self, name: &str) -> Option<Vec<Action>> {
        let one = |action: Action| Some(vec![action]);
        match name {
            "create_table" => self.create_table(),
            "drop_table" => {
                one(Action::DropTable { table: self.table(0, "table_name")?, if_there: self.is("if_exists") })
            }
            "rename_table" => {
                let table = self.table(0, "old_table_name")?;
                one(Action::RenameTable { table, to: self.text(1, "new_table_name")? })
            }
            "add_column" => {
                let table = self.table(0, "table_name")?;
                let column = column(self.scope, self.argument(self.after(1), "column")?)?;
                one(Action::AddColumn { table, column, unless_there: self.is("if_not_exists") })
            }
            "drop_column" => {
                let table = self.table(0, "table_name")?;
                one(Action::DropColumn { table, column: self.text(self.after(1), "column_name")? })
            }
            "alter_column" => self.alter_column(),
            "create_index" => self.create_index(),
            "drop_index" => one(Action::DropIndex {
                index: Name::new(self.schema("schema")?, self.text(0, "index_name")?),
                concurrently: self.is("postgresql_concurrently"),
            }),
            "drop_constraint" => {
                let name = self.text(0, "constraint_name")?;
                one(Action::DropConstraint { table: self.table(1, "table_name")?, name })
            }
            "drop_table_comment" | "create_table_comment" => one(Action::Alter { table: self.table(0, "table_name")? }),
            "bulk_insert" => {
                one(Action::Write { table: table_object(self.scope, self.argument(0, "table")?)?, how: Write::Insert })
            }
            _ => self.add_constraint(name),
        }
    }

    fn add_constraint(&self, operation: &str) -> Option<Vec<Action>> {
        let table_key = if operation == "create_foreign_key" { "source_table" } else { "table_name" };
        let name = match self.argument(0, "constraint_name")? {
            Expr::NoneLiteral(_) => None,
            name => self.scope.text(name),
        };
        let rule = match operation {
            "create_unique_constraint" => Rule::Unique { columns: self.texts(self.after(2), "columns")? },
            "create_primary_key" => Rule::PrimaryKey { columns: self.texts(self.after(2), "columns")? },
            "create_check_constraint" => {
                let condition = self.argument(self.after(2), "condition")?;
                Rule::Check { text: self.scope.text(condition) }
            }
            "create_exclude_constraint" => Rule::Other,
            "create_foreign_key" => {
                let schema = self.schema("referent_schema")?;
                let table = Name::new(schema, self.text(self.after(2), "referent_table")?);
                let columns = self.texts(self.after(3), "local_cols")?;
                Rule::ForeignKey {
                    columns,
                    to: Reference { table, columns: self.texts(self.after(4), "remote_cols")? },
                }
            }
            _ => return None,
        };
        let validated = !self.is("postgresql_not_valid");
        let table = self.table(1, table_key)?;
        Some(vec![Action::AddConstraint { table, constraint: Constraint { name, rule, validated } }])
    }

    fn create_table(&self) -> Option<Vec<Action>> {
        let table = self.table(0, "table_name")?;
        let parts = self.arguments.args.get(1..).unwrap_or_default();
        let columns: Vec<_> = parts.iter().filter_map(|part| column(self.scope, part)).collect();
        let mut constraints: Vec<_> = parts.iter().filter_map(|part| constraint(self.scope, part)).collect();
        let mut enums: Vec<Name> = Vec::new();
        for column in &columns {
            constraints.extend(column.references.iter().map(|to| Constraint {
                name: None,
                rule: Rule::ForeignKey { columns: vec![column.name.clone()], to: to.clone() },
                validated: true,
            }));
            if let Some(name) = column.creates_enum.as_ref().filter(|name| !enums.contains(name)) {
                enums.push(name.clone());
            }
        }
        let unless_there = self.is("if_not_exists");
        let mut actions: Vec<Action> =
            enums.into_iter().map(|name| Action::CreateEnum { name, unless_there: false }).collect();
        actions.push(Action::CreateTable { table, columns, constraints, unless_there });
        // `*common_columns()` adds what cannot be told.
        if unpacks(self.arguments) {
            actions.push(OPAQUE);
        }
        Some(actions)
    }

    /// The order is that of Alembic's PostgreSQL implementation: the type, then the rest, the new name last.
    fn alter_column(&self) -> Option<Vec<Action>> {
        let table = self.table(0, "table_name")?;
        let column = self.text(self.after(1), "column_name")?;
        let mut actions = Vec::new();
        if let Some(wanted) = keyword(self.arguments, "type_") {
            let using = keyword(self.arguments, "postgresql_using").filter(|it| !it.is_none_literal_expr());
            actions.push(Action::SetType {
                table: table.clone(),
                column: column.clone(),
                // A conversion that cannot be told makes the outcome untold as well.
                to: sql_type(self.scope, wanted).filter(|_| using.is_none_or(|it| self.scope.text(it).is_some())),
                using: using.and_then(|using| self.scope.text(using)),
            });
        }
        match keyword(self.arguments, "nullable") {
            None | Some(Expr::NoneLiteral(_)) => {}
            Some(Expr::BooleanLiteral(it)) => {
                actions.push(Action::SetNullable { table: table.clone(), column: column.clone(), nullable: it.value });
            }
            Some(_) => actions.push(OPAQUE),
        }
        match keyword(self.arguments, "server_default") {
            None | Some(Expr::BooleanLiteral(_)) => {}
            Some(default) => {
                let present = !default.is_none_literal_expr();
                actions.push(Action::SetDefault { table: table.clone(), column: column.clone(), present });
            }
        }
        match keyword(self.arguments, "new_column_name") {
            None | Some(Expr::NoneLiteral(_)) => {}
            Some(name) => actions.push(match self.scope.text(name) {
                Some(to) => Action::RenameColumn { table: table.clone(), column: column.clone(), to },
                None => OPAQUE,
            }),
        }
        if actions.is_empty() {
            actions.push(Action::Alter { table });
        }
        Some(actions)
    }

    fn create_index(&self) -> Option<Vec<Action>> {
        let columns = self.argument(self.after(2), "columns");
        let predicate = keyword(self.arguments, "postgresql_where");
        let written = predicate.map(|it| self.scope.text(it));
        // A condition that cannot be told: then neither can be what the index covers.
        let keys = columns.and_then(|it| keys(self.scope, it)).filter(|_| written != Some(None));
        Some(vec![Action::CreateIndex(Index {
            name: self.argument(0, "index_name").and_then(|name| self.scope.text(name)),
            table: self.table(1, "table_name")?,
            keys,
            unique: self.is("unique"),
            concurrently: self.is("postgresql_concurrently"),
            predicate: written.flatten(),
            unless_there: self.is("if_not_exists"),
        })])
    }

    /// Returns the position of an argument: `batch_op` leaves out the table.
    fn after(&self, position: usize) -> usize {
        if self.batch.is_some() { position.saturating_sub(1) } else { position }
    }

    fn argument(&self, position: usize, key: &str) -> Option<&Expr> {
        self.arguments.find_argument_value(key, position)
    }

    fn text(&self, position: usize, key: &str) -> Option<String> {
        self.scope.text(self.argument(position, key)?)
    }

    fn texts(&self, position: usize, key: &str) -> Option<Vec<String>> {
        self.scope.texts(self.argument(position, key)?)
    }

    fn is(&self, key: &str) -> bool {
        is_true(self.arguments, key)
    }

    fn table(&self, position: usize, key: &str) -> Option<Name> {
        if let Some(table) = self.batch {
            return Some(table.clone());
        }
        let schema_key = if key == "source_table" { "source_schema" } else { "schema" };
        Some(Name::new(self.schema(schema_key)?, self.text(position, key)?))
    }

    /// Returns the schema that a keyword names, if any; nothing when it is computed.
    #[expect(clippy::option_option, reason = "no schema, and a schema that cannot be told, are two things")]
    fn schema(&self, key: &str) -> Option<Option<String>> {
        match keyword(self.arguments, key).map(|it| self.scope.resolve(it)) {
            None | Some(Expr::NoneLiteral(_)) => Some(None),
            Some(schema) => self.scope.text(schema).map(Some),
        }
    }
}
