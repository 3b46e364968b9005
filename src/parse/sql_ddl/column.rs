//! Columns and constraints as `CREATE TABLE` and `ALTER TABLE … ADD` write them.

use super::cursor::Cursor;
use crate::model::operation::{Column, Constraint, Reference, Rule};

/// The words that end a column's type.
const AFTER_TYPE: [&str; 15] = [
    "constraint",
    "not",
    "null",
    "default",
    "primary",
    "unique",
    "references",
    "check",
    "generated",
    "collate",
    "storage",
    "compression",
    "deferrable",
    "initially",
    "as",
];

/// Returns a column, and the constraints written beside it that are more than its own marks.
pub(super) fn column(mut at: Cursor<'_>) -> Option<(Column, Vec<Constraint>)> {
    let name = at.ident()?;
    let sql_type = at.until(&AFTER_TYPE).written();
    let serial = sql_type.as_deref().is_some_and(|it| it.to_ascii_lowercase().contains("serial"));
    let mut column = Column { name, sql_type, nullable: !serial, has_default: serial, ..Column::default() };
    let mut checks = Vec::new();
    let mut label = None;
    while !at.is_over() {
        if at.eat(&["constraint"]) {
            label = at.ident();
        } else if at.eat(&["not", "null"]) {
            column.nullable = false;
        } else if at.eat(&["primary", "key"]) {
            column.primary_key = true;
            column.nullable = false;
        } else if at.eat(&["unique"]) {
            column.unique = true;
        } else if at.eat(&["default"]) {
            column.has_default = !at.eat(&["null"]);
            // Names of casts aside, nothing in a default is a word that comes after one.
            at.skip();
        } else if at.eat(&["generated"]) || at.eat(&["as"]) {
            column.has_default = true;
        } else if at.eat(&["references"]) {
            column.references = reference(&mut at);
        } else if at.eat(&["check"]) {
            let text = at.group().and_then(|inside| inside.written());
            checks.push(Constraint { name: label.take(), rule: Rule::Check { text }, validated: true });
        } else if at.next_is_symbol(b'(') {
            at.group();
        } else {
            at.skip();
        }
    }
    Some((column, checks))
}

/// Reads `table [(columns)]`.
fn reference(at: &mut Cursor<'_>) -> Option<Reference> {
    let table = at.name()?;
    let columns = at.group().and_then(|inside| inside.columns()).unwrap_or_default();
    Some(Reference { table, columns })
}

/// Reads `[CONSTRAINT name] PRIMARY KEY (…) | UNIQUE (…) | FOREIGN KEY … | CHECK (…) | EXCLUDE …`; nothing when it is
/// none of them.
pub(super) fn constraint(mut at: Cursor<'_>) -> Option<Constraint> {
    let name = if at.eat(&["constraint"]) { Some(at.ident()?) } else { None };
    let rule = rule(&mut at)?;
    let mut validated = true;
    while !at.is_over() {
        if at.eat(&["not", "valid"]) {
            validated = false;
        } else {
            at.skip();
        }
    }
    Some(Constraint { name, rule, validated })
}

fn rule(at: &mut Cursor<'_>) -> Option<Rule> {
    if at.eat(&["primary", "key"]) {
        return Some(
            at.group().and_then(|inside| inside.columns()).map_or(Rule::Other, |columns| Rule::PrimaryKey { columns }),
        );
    }
    if at.eat(&["unique"]) {
        let same = at.eat(&["nulls", "not", "distinct"]);
        at.eat(&["nulls", "distinct"]);
        let columns = at.group().and_then(|inside| inside.columns()).filter(|_| !same);
        return Some(columns.map_or(Rule::Other, |columns| Rule::Unique { columns }));
    }
    if at.eat(&["foreign", "key"]) {
        let columns = at.group()?.columns()?;
        at.eat(&["references"]).then_some(())?;
        return Some(Rule::ForeignKey { columns, to: reference(at)? });
    }
    if at.eat(&["check"]) {
        return Some(Rule::Check { text: at.group().and_then(|inside| inside.written()) });
    }
    if at.eat(&["exclude"]) || at.eat(&["not", "null"]) {
        return Some(Rule::Other);
    }
    None
}
