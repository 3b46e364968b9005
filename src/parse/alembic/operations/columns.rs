//! `sa.Column(…)` and the constraints that stand beside columns.

use ruff_python_ast::{Arguments, Expr, ExprCall};

use super::scope::{Scope, called, elements, is_true, keyword, last_name};
use super::types::{created_enumeration, sql_type};
use crate::model::operation::{Column, Constraint, Name, Reference, Rule};

/// Returns the column that an expression declares, when its name can be told.
pub(super) fn column(scope: &Scope<'_>, expression: &Expr) -> Option<Column> {
    let Expr::Call(call) = scope.resolve(expression) else { return None };
    if called(call) != "Column" {
        return None;
    }
    let arguments = &call.arguments;
    let name = scope.text(arguments.find_argument_value("name", 0)?)?;
    let primary_key = is_true(arguments, "primary_key");
    let nullable = match keyword(arguments, "nullable") {
        Some(Expr::BooleanLiteral(it)) => it.value,
        _ => !primary_key,
    };
    let mut column = Column {
        name,
        nullable,
        primary_key,
        unique: is_true(arguments, "unique"),
        has_default: keyword(arguments, "server_default").is_some_and(|it| !it.is_none_literal_expr()),
        ..Column::default()
    };
    let own = arguments.args.iter().skip(1).chain(keyword(arguments, "type_"));
    for argument in own {
        describe(scope, argument, &mut column);
    }
    Some(column)
}

/// Reads a column's type, foreign key, identity or computation.
fn describe(scope: &Scope<'_>, argument: &Expr, column: &mut Column) {
    let resolved = scope.resolve(argument);
    let name = match resolved {
        Expr::Call(call) => called(call),
        other => last_name(other),
    };
    match (name, resolved) {
        ("Identity" | "Computed", _) => column.has_default = true,
        ("ForeignKey", Expr::Call(call)) => {
            // `use_alter` leaves the key to a statement of its own, which Alembic's `create_table` never issues.
            if is_true(&call.arguments, "use_alter") {
                return;
            }
            let target = call.arguments.args.first().and_then(|it| scope.text(it));
            column.references = target.and_then(|target| reference(&target));
        }
        ("Sequence" | "FetchedValue" | "CheckConstraint", _) => {}
        _ => {
            column.creates_enum = created_enumeration(scope, argument);
            column.sql_type = sql_type(scope, argument);
        }
    }
}

/// Returns what `"schema.table.column"` names.
fn reference(target: &str) -> Option<Reference> {
    let (table, column) = target.rsplit_once('.')?;
    let (schema, table) = match table.rsplit_once('.') {
        Some((schema, table)) => (Some(schema.to_owned()), table),
        None => (None, table),
    };
    Some(Reference { table: Name::new(schema, table), columns: vec![column.to_owned()] })
}

/// Returns the constraint that an argument of `create_table` declares.
pub(super) fn constraint(scope: &Scope<'_>, expression: &Expr) -> Option<Constraint> {
    let Expr::Call(call) = scope.resolve(expression) else { return None };
    let arguments = &call.arguments;
    if is_true(arguments, "use_alter") {
        return None;
    }
    let rule = match called(call) {
        "PrimaryKeyConstraint" => Rule::PrimaryKey { columns: names(scope, call)? },
        "UniqueConstraint" => Rule::Unique { columns: names(scope, call)? },
        "ForeignKeyConstraint" => foreign_key(scope, arguments)?,
        "CheckConstraint" => Rule::Check { text: arguments.args.first().and_then(|it| scope.text(it)) },
        "ExcludeConstraint" => Rule::Other,
        _ => return None,
    };
    let name = keyword(arguments, "name").and_then(|name| scope.text(name));
    Some(Constraint { name, rule, validated: true })
}

fn names(scope: &Scope<'_>, call: &ExprCall) -> Option<Vec<String>> {
    call.arguments.args.iter().map(|argument| scope.text(argument)).collect()
}

fn foreign_key(scope: &Scope<'_>, arguments: &Arguments) -> Option<Rule> {
    let columns = scope.texts(arguments.find_argument_value("columns", 0)?)?;
    let targets = scope.texts(arguments.find_argument_value("refcolumns", 1)?)?;
    let references: Vec<Reference> = targets.iter().map(|target| reference(target)).collect::<Option<_>>()?;
    let table = references.first()?.table.clone();
    let referred = references.into_iter().flat_map(|reference| reference.columns).collect();
    Some(Rule::ForeignKey { columns, to: Reference { table, columns: referred } })
}

/// Returns whether every element of a list is a text or an `sa.text(…)`, which stands for an expression.
pub(super) fn keys(scope: &Scope<'_>, expression: &Expr) -> Option<Vec<crate::model::operation::Key>> {
    use crate::model::operation::Key;
    let one = |element: &Expr| match scope.resolve(element) {
        Expr::Call(call) if ["text", "literal_column"].contains(&called(call)) => {
            scope.text(element).map(Key::Expression)
        }
        _ => scope.text(element).map(Key::Column),
    };
    elements(scope.resolve(expression))?.iter().map(one).collect()
}
