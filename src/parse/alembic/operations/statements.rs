//! What is done beside Alembic's own operations: SQL that is handed over, statements that SQLAlchemy builds, types and
//! tables that are created as objects.

use ruff_python_ast::{Arguments, Expr};
use ruff_text_size::{Ranged as _, TextSize};

use super::calls::{ANYTHING, Done, OPAQUE};
use super::scope::{Scope, called, elements, keyword, last_name};
use super::types::enumeration;
use crate::model::operation::{Action, Name, Operation, Write};
use crate::parse::sql_ddl;

pub(super) fn table_object(scope: &Scope<'_>, expression: &Expr) -> Option<Name> {
    let Expr::Call(call) = scope.resolve(expression) else { return None };
    if !["table", "Table"].contains(&called(call)) {
        return None;
    }
    let schema = keyword(&call.arguments, "schema").and_then(|schema| scope.text(schema));
    Some(Name::new(schema, scope.text(call.arguments.args.first()?)?))
}

/// What is called on anything else: a connection, a session, a type, a table.
pub(super) fn other(scope: &Scope<'_>, subject: &Expr, name: &str, arguments: &Arguments) -> Vec<Done> {
    let kind = enumeration(scope, subject);
    match (name, kind) {
        ("create", Some(name)) => {
            // `postgresql.ENUM` looks first, unless it is told not to.
            let dialects = matches!(scope.resolve(subject), Expr::Call(call) if called(call) == "ENUM");
            let told = match keyword(arguments, "checkfirst").or_else(|| arguments.args.get(1)) {
                Some(Expr::BooleanLiteral(it)) => Some(it.value),
                _ => None,
            };
            vec![Done::of(Action::CreateEnum { name, unless_there: told.unwrap_or(dialects) })]
        }
        ("drop", Some(name)) => vec![Done::of(Action::DropType { name })],
        ("create" | "create_all" | "run_async" | "invoke", None) => vec![Done::of(ANYTHING)],
        // A session's or a table's; what it writes cannot be told.
        (
            "update"
            | "insert"
            | "delete"
            | "add"
            | "add_all"
            | "commit"
            | "flush"
            | "merge"
            | "executemany"
            | "bulk_save_objects"
            | "bulk_insert_mappings"
            | "bulk_update_mappings",
            None,
        ) => vec![Done::of(OPAQUE)],
        ("execute" | "exec_driver_sql" | "scalar" | "scalars", _) => execute(scope, arguments),
        _ => Vec::new(),
    }
}

pub(super) fn execute(scope: &Scope<'_>, arguments: &Arguments) -> Vec<Done> {
    let Some(statement) = arguments.args.first().or_else(|| keyword(arguments, "sqltext")) else { return Vec::new() };
    let Some(text) = scope.text(statement) else { return built(scope, statement).into_iter().map(Done::of).collect() };
    let literal = innermost(scope.resolve(statement));
    let found = sql_ddl::of_sql(&text, 0);
    let done = |operation: Operation| Done {
        below: literal.map(|start| (start, operation.line)),
        action: operation.action,
        source: Some(operation.source),
        conditional: operation.conditional,
    };
    found.into_iter().map(done).collect()
}

/// Returns where a literal starts whose lines are the lines of its text.
fn innermost(expression: &Expr) -> Option<TextSize> {
    match expression {
        Expr::Call(call) => innermost(call.arguments.args.first()?),
        Expr::StringLiteral(it) if it.value.iter().count() == 1 => Some(it.range().start()),
        Expr::FString(it) => Some(it.range().start()),
        _ => None,
    }
}

/// Returns what a statement does that SQLAlchemy's functions build: `users.update().where(…).values(…)`.
fn built(scope: &Scope<'_>, statement: &Expr) -> Option<Action> {
    let mut at = scope.resolve(statement);
    // Built from `sa.update(table)` or `table.update()`: the innermost call says what it is.
    for _link in 0..32 {
        let Expr::Call(call) = at else { return Some(ANYTHING) };
        let how = match called(call) {
            "update" => Some(Write::Update),
            "insert" => Some(Write::Insert),
            "delete" => Some(Write::Delete),
            "select" | "exists" | "func" => return None,
            name if name.starts_with("Create") => return Some(ANYTHING),
            _ => None,
        };
        let owner = match &*call.func {
            Expr::Attribute(method) => Some(scope.resolve(&method.value)),
            _ => None,
        };
        if let Some(how) = how {
            let mut candidates = owner.into_iter().chain(call.arguments.args.first());
            let table = candidates.find_map(|it| table_object(scope, it));
            return Some(table.map_or(OPAQUE, |table| Action::Write { table, how }));
        }
        match owner {
            Some(owner) => at = owner,
            None => return (elements(at).is_none() && last_name(at).is_empty()).then_some(ANYTHING),
        }
    }
    Some(ANYTHING)
}
