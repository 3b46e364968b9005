//! Which statement it is.

use super::cursor::Cursor;
use super::tokens::tokens;
use super::{Found, table};
use crate::model::operation::{Action, Index, Key, Name, Write};

/// Returns what a statement does. Of one that was `cut` only the beginning is read.
pub(super) fn actions(text: &str, cut: bool) -> Found {
    let tokens = tokens(text);
    let at = Cursor::new(text, &tokens);
    let unknown = |may_create| Found { actions: vec![Action::Opaque { may_create }], conditional: false };
    let Some(first) = at.peek().and_then(|token| token.name()) else { return Found::default() };
    let rest = {
        let mut rest = at;
        rest.skip();
        rest
    };
    let found = match first {
        "create" => create(rest),
        "alter" => alter(rest),
        "drop" => Some(drop(rest)),
        "insert" | "update" | "delete" | "truncate" | "copy" | "merge" => return written(first, rest),
        "with" => return unknown(false),
        // They name no relation that the checks could follow, or change nothing.
        "select" | "values" | "table" | "show" | "set" | "reset" | "begin" | "start" | "commit" | "end"
        | "rollback" | "savepoint" | "release" | "analyze" | "vacuum" | "comment" | "grant" | "revoke" | "explain"
        | "lock" | "pragma" | "discard" | "listen" | "notify" | "unlisten" | "reindex" | "cluster" | "refresh"
        | "checkpoint" | "reassign" | "security" => return Found::default(),
        _ => return unknown(true),
    };
    match found {
        Some(found) if !cut => found,
        _ => unknown(true),
    }
}

fn plain(actions: Vec<Action>) -> Found {
    Found { actions, conditional: false }
}

fn create(mut at: Cursor<'_>) -> Option<Found> {
    at.eat(&["or", "replace"]);
    let unique = at.eat(&["unique"]);
    if at.eat(&["index"]) {
        return index(at, unique).map(|index| plain(vec![Action::CreateIndex(index)]));
    }
    at.eat_any(&["global", "local"]);
    at.eat_any(&["temp", "temporary", "unlogged"]);
    if at.eat(&["table"]) {
        return table::create(at).map(plain);
    }
    if at.eat(&["type"]) {
        let name = at.name()?;
        let is_enum = at.eat(&["as", "enum"]);
        return Some(plain(vec![if is_enum {
            Action::CreateEnum { name, unless_there: false }
        } else {
            Action::Other
        }]));
    }
    at.eat_any(&["materialized", "recursive", "foreign"]);
    if at.eat_any(&["view", "sequence", "table"]) {
        at.eat(&["if", "not", "exists"]);
        return Some(plain(vec![Action::CreateRelation { relation: at.name()? }]));
    }
    at.eat(&["constraint"]);
    if at.eat_any(&["trigger", "policy", "rule"]) {
        at.until(&["on", "to"]);
        at.skip();
        return Some(plain(vec![Action::Alter { table: at.name()? }]));
    }
    if at.eat(&["extension"]) {
        at.eat(&["if", "not", "exists"]);
        return Some(plain(vec![Action::CreateExtension { name: at.ident()? }]));
    }
    Some(plain(vec![Action::Other]))
}

/// Reads what follows `CREATE [UNIQUE] INDEX`.
fn index(mut at: Cursor<'_>, unique: bool) -> Option<Index> {
    let concurrently = at.eat(&["concurrently"]);
    let unless_there = at.eat(&["if", "not", "exists"]);
    let name = if at.peek()?.is_word("on") { None } else { Some(at.ident()?) };
    at.eat(&["on"]).then_some(())?;
    at.eat(&["only"]);
    let table = at.name()?;
    if at.eat(&["using"]) {
        at.skip();
    }
    let keys = at.group()?.pieces().into_iter().map(key).collect();
    let mut predicate = None;
    let mut nulls_are_equal = false;
    while !at.is_over() {
        if at.eat(&["where"]) {
            predicate = at.written();
            break;
        }
        if at.eat(&["nulls", "not", "distinct"]) {
            nulls_are_equal = true;
        } else {
            at.skip();
        }
    }
    let keys = if nulls_are_equal { None } else { keys };
    Some(Index { name, table, keys, unique, concurrently, predicate, unless_there })
}

/// Reads `column` or `(expression)`, with what follows it.
fn key(at: Cursor<'_>) -> Option<Key> {
    const AFTER: [&str; 5] = ["asc", "desc", "nulls", "collate", "include"];
    let mut column = at;
    if let Some(name) = column.ident()
        && (column.is_over() || AFTER.iter().any(|word| column.eat(&[word])) || column.ident().is_some())
    {
        return Some(Key::Column(name));
    }
    let mut expression = at;
    expression.until(&AFTER).written().map(Key::Expression)
}

fn alter(mut at: Cursor<'_>) -> Option<Found> {
    if at.eat(&["table"]) {
        return table::alter(at);
    }
    if at.eat(&["type"]) {
        let name = at.name()?;
        return Some(plain(if at.eat(&["add", "value"]) {
            vec![Action::ExtendEnum { name }]
        } else if at.eat(&["rename", "to"]) {
            let renamed = Name::new(name.schema.clone(), at.ident()?);
            vec![Action::DropType { name }, Action::CreateEnum { name: renamed, unless_there: false }]
        } else {
            vec![Action::Other]
        }));
    }
    at.eat(&["materialized"]);
    if at.eat_any(&["view", "sequence"]) {
        at.eat(&["if", "exists"]);
        let name = at.name()?;
        if at.eat(&["rename", "to"]) {
            let relation = Name::new(name.schema, at.ident()?);
            return Some(plain(vec![Action::CreateRelation { relation }]));
        }
    }
    Some(plain(vec![Action::Other]))
}

fn drop(mut at: Cursor<'_>) -> Found {
    let other = || plain(vec![Action::Other]);
    let foreign = at.eat_any(&["materialized", "foreign"]);
    let Some(what) = at.skip().and_then(|token| token.name()) else { return other() };
    let concurrently = at.eat(&["concurrently"]);
    let if_there = at.eat(&["if", "exists"]);
    let names = at.names().into_iter();
    plain(match what {
        "table" if !foreign => names.map(|table| Action::DropTable { table, if_there }).collect(),
        "index" => names.map(|index| Action::DropIndex { index, concurrently }).collect(),
        "type" => names.map(|name| Action::DropType { name }).collect(),
        "table" | "view" | "sequence" => names.map(|relation| Action::DropRelation { relation }).collect(),
        _ => return other(),
    })
}

/// Reads a statement that changes rows.
fn written(verb: &str, mut at: Cursor<'_>) -> Found {
    at.eat_any(&["into", "from", "table"]);
    at.eat(&["only"]);
    let how = match verb {
        "insert" | "copy" => Write::Insert,
        "update" | "merge" => Write::Update,
        _ => Write::Delete,
    };
    let names = if verb == "truncate" { at.names() } else { at.name().into_iter().collect() };
    let write = |table| Action::Write { table, how };
    if verb == "copy" && !at.is_over() && !copies_in(at) {
        return Found::default();
    }
    plain(names.into_iter().map(write).collect())
}

fn copies_in(mut at: Cursor<'_>) -> bool {
    at.group();
    at.eat(&["from"])
}
