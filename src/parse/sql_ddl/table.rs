//! `CREATE TABLE` and `ALTER TABLE`.

use super::Found;
use super::column::{column, constraint};
use super::cursor::Cursor;
use crate::model::operation::{Action, Column, Constraint, Name, Rule};

/// Reads what follows `CREATE TABLE`.
pub(super) fn create(mut at: Cursor<'_>) -> Option<Vec<Action>> {
    let unless_there = at.eat(&["if", "not", "exists"]);
    let table = at.name()?;
    let mut columns: Vec<Column> = Vec::new();
    let mut constraints = Vec::new();
    if let Some(inside) = at.group() {
        for piece in inside.pieces() {
            if let Some(found) = constraint(piece) {
                constraints.push(found);
            } else if piece.peek().is_some_and(|token| !token.is_word("like"))
                && let Some((column, checks)) = column(piece)
            {
                constraints.extend(own_key(&column));
                constraints.extend(checks);
                columns.push(column);
            }
        }
    }
    Some(vec![Action::CreateTable { table, columns, constraints, unless_there }])
}

fn own_key(column: &Column) -> Option<Constraint> {
    let to = column.references.clone()?;
    let rule = Rule::ForeignKey { columns: vec![column.name.clone()], to };
    Some(Constraint { name: None, rule, validated: true })
}

/// Reads what follows `ALTER TABLE`.
pub(super) fn alter(mut at: Cursor<'_>) -> Option<Found> {
    let conditional = at.eat(&["if", "exists"]);
    at.eat(&["only"]);
    let table = at.name()?;
    at.eat_symbol(b'*');
    let mut actions = Vec::new();
    for piece in at.pieces() {
        match change(piece, &table) {
            Some(found) => actions.extend(found),
            None => actions.push(Action::Alter { table: table.clone() }),
        }
    }
    Some(Found { actions, conditional })
}

/// Returns what one part of an `ALTER TABLE` does; nothing when it is none that is told apart.
fn change(mut at: Cursor<'_>, name: &Name) -> Option<Vec<Action>> {
    let table = name.clone();
    if at.eat(&["rename", "to"]) {
        return Some(vec![Action::RenameTable { table, to: at.ident()? }]);
    }
    if at.eat(&["rename", "constraint"]) {
        return None;
    }
    if at.eat(&["rename"]) {
        at.eat(&["column"]);
        let column = at.ident()?;
        at.eat(&["to"]).then_some(())?;
        return Some(vec![Action::RenameColumn { table, column, to: at.ident()? }]);
    }
    if at.eat(&["set", "schema"]) {
        let moved = Name::new(Some(at.ident()?), table.name.clone());
        return Some(vec![Action::Alter { table }, Action::CreateRelation { relation: moved }]);
    }
    if at.eat(&["add"]) {
        return add(at, table);
    }
    if at.eat(&["drop", "constraint"]) {
        at.eat(&["if", "exists"]);
        return Some(vec![Action::DropConstraint { table, name: at.ident()? }]);
    }
    if at.eat(&["drop"]) {
        at.eat(&["column"]);
        let if_there = at.eat(&["if", "exists"]);
        let column = at.ident()?;
        return Some(vec![if if_there { Action::Alter { table } } else { Action::DropColumn { table, column } }]);
    }
    if at.eat(&["alter"]) {
        at.eat(&["column"]);
        return alter_column(at, table);
    }
    None
}

fn add(mut at: Cursor<'_>, table: Name) -> Option<Vec<Action>> {
    if let Some(constraint) = constraint(at) {
        return Some(vec![Action::AddConstraint { table, constraint }]);
    }
    // `ADD CONSTRAINT … UNIQUE USING INDEX …` and the like.
    if at.peek()?.is_word("constraint") {
        return None;
    }
    at.eat(&["column"]);
    let unless_there = at.eat(&["if", "not", "exists"]);
    let (column, checks) = column(at)?;
    let checks = checks.into_iter().map(|constraint| Action::AddConstraint { table: table.clone(), constraint });
    let mut actions = vec![Action::AddColumn { table: table.clone(), column, unless_there }];
    actions.extend(checks);
    Some(actions)
}

fn alter_column(mut at: Cursor<'_>, table: Name) -> Option<Vec<Action>> {
    let column = at.ident()?;
    let action = if at.eat(&["set", "not", "null"]) {
        Action::SetNullable { table, column, nullable: false }
    } else if at.eat(&["drop", "not", "null"]) {
        Action::SetNullable { table, column, nullable: true }
    } else if at.eat(&["set", "default"]) {
        Action::SetDefault { table, column, present: true }
    } else if at.eat(&["drop", "default"]) {
        Action::SetDefault { table, column, present: false }
    } else if at.eat(&["set", "data", "type"]) || at.eat(&["type"]) {
        let to = at.until(&["collate", "using"]).written();
        at.until(&["using"]);
        let using = if at.eat(&["using"]) { at.written() } else { None };
        Action::SetType { table, column, to, using }
    } else {
        return None;
    };
    Some(vec![action])
}
