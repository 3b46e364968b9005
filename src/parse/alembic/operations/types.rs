//! SQLAlchemy's types as PostgreSQL spells them.

use ruff_python_ast::{Arguments, Expr};

use super::scope::{Scope, called, keyword, last_name, number};
use crate::model::operation::Name;

/// Returns a type in SQL, when it can be told.
pub(super) fn sql_type(scope: &Scope<'_>, expression: &Expr) -> Option<String> {
    let (name, arguments) = match scope.resolve(expression) {
        // `sa.JSON().with_variant(postgresql.JSONB(), "postgresql")`
        Expr::Call(call) if called(call) == "with_variant" => {
            let Expr::Attribute(method) = &*call.func else { return None };
            let dialects = call.arguments.args.iter().skip(1);
            let for_us = dialects.filter_map(|it| scope.text(it)).any(|dialect| dialect == "postgresql");
            let chosen = if for_us { call.arguments.args.first()? } else { &*method.value };
            return sql_type(scope, chosen);
        }
        Expr::Call(call) => (called(call), Some(&call.arguments)),
        other => (last_name(other), None),
    };
    let argument =
        |position: usize, key: &str| arguments.and_then(|it: &Arguments| it.find_argument_value(key, position));
    let size = |position: usize, key: &str| argument(position, key).and_then(number);
    let zoned = matches!(argument(0, "timezone"), Some(Expr::BooleanLiteral(it)) if it.value);
    let sized = |base: &str, key: &str| size(0, key).map_or(base.to_owned(), |size| format!("{base}({size})"));
    let plain = |text: &str| Some(text.to_owned());
    match name {
        "String" | "VARCHAR" | "Unicode" | "AutoString" | "NVARCHAR" => Some(sized("varchar", "length")),
        "CHAR" | "NCHAR" => Some(sized("char", "length")),
        "Text" | "TEXT" | "UnicodeText" => plain("text"),
        "Integer" | "INTEGER" | "INT" => plain("integer"),
        "BigInteger" | "BIGINT" => plain("bigint"),
        "SmallInteger" | "SMALLINT" => plain("smallint"),
        "Boolean" | "BOOLEAN" => plain("boolean"),
        "Date" | "DATE" => plain("date"),
        "DateTime" | "TIMESTAMP" | "DATETIME" => plain(if zoned { "timestamptz" } else { "timestamp" }),
        "Time" | "TIME" => plain(if zoned { "timetz" } else { "time" }),
        "Interval" | "INTERVAL" => plain("interval"),
        "Float" | "FLOAT" | "Double" | "DOUBLE" | "DOUBLE_PRECISION" => plain("double precision"),
        "REAL" => plain("real"),
        "Numeric" | "NUMERIC" | "DECIMAL" => Some(match (size(0, "precision"), size(1, "scale")) {
            (Some(precision), Some(scale)) => format!("numeric({precision},{scale})"),
            (Some(precision), None) => format!("numeric({precision})"),
            (None, _) => "numeric".to_owned(),
        }),
        "JSON" => plain("json"),
        "JSONB" => plain("jsonb"),
        "UUID" | "Uuid" => plain("uuid"),
        "LargeBinary" | "BYTEA" => plain("bytea"),
        "INET" => plain("inet"),
        "CIDR" => plain("cidr"),
        "TSVECTOR" => plain("tsvector"),
        "ARRAY" => Some(format!("{}[]", sql_type(scope, argument(0, "item_type")?)?)),
        "Enum" | "ENUM" => enumeration(scope, expression).map(|name| quoted(&name)),
        _ => None,
    }
}

/// Returns the enumeration that an expression stands for, when it is one of the server's.
pub(super) fn enumeration(scope: &Scope<'_>, expression: &Expr) -> Option<Name> {
    let Expr::Call(call) = scope.resolve(expression) else { return None };
    let native = !matches!(keyword(&call.arguments, "native_enum"), Some(Expr::BooleanLiteral(it)) if !it.value);
    if !["Enum", "ENUM"].contains(&called(call)) || !native {
        return None;
    }
    let name = scope.text(keyword(&call.arguments, "name")?)?;
    let schema = keyword(&call.arguments, "schema").and_then(|schema| scope.text(schema));
    Some(Name::new(schema, name))
}

/// Returns the enumeration that comes into being together with a table that uses this type.
pub(super) fn created_enumeration(scope: &Scope<'_>, expression: &Expr) -> Option<Name> {
    let Expr::Call(call) = scope.resolve(expression) else { return None };
    let refused = matches!(keyword(&call.arguments, "create_type"), Some(Expr::BooleanLiteral(it)) if !it.value);
    if refused { None } else { enumeration(scope, expression) }
}

fn quoted(name: &Name) -> String {
    let quote = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    let schema = name.schema.as_deref().map(|schema| format!("{}.", quote(schema)));
    format!("{}{}", schema.unwrap_or_default(), quote(&name.name))
}
