//! Which revision makes an object, as far as the files tell.

use std::collections::BTreeMap;

use crate::model::drift::Maker;
use crate::model::operation::{Action, Column, Constraint, Name, Operation, PendingOperations};
use crate::model::place::Place;
use crate::model::schema::{ObjectId, ObjectKind};

/// Returns the last revision that changes each object; `ordered` is what runs, in order.
pub fn makers(ordered: &[PendingOperations]) -> BTreeMap<ObjectId, Maker> {
    let mut made = BTreeMap::new();
    for migration in ordered {
        for operation in &migration.operations {
            let maker = Maker {
                revision: migration.revision.clone(),
                at: Place::new(&migration.file, operation.line),
                edited: None,
                uncommitted: false,
            };
            for id in changed(operation) {
                made.insert(id, maker.clone());
            }
        }
    }
    made
}

fn changed(operation: &Operation) -> Vec<ObjectId> {
    match &operation.action {
        Action::CreateTable { table, columns, constraints, .. } => {
            let parts = columns.iter().flat_map(|it| of_column(table, it));
            let rules = constraints.iter().filter_map(|it| of_constraint(table, it));
            [object(ObjectKind::Table, table)].into_iter().chain(parts).chain(rules).collect()
        }
        Action::RenameTable { table, to } => vec![object(ObjectKind::Table, &Name::new(table.schema.clone(), to))],
        Action::AddColumn { table, column, .. } => of_column(table, column),
        Action::RenameColumn { table, to, .. } => vec![part(ObjectKind::Column, table, to)],
        Action::DropColumn { table, column }
        | Action::SetType { table, column, .. }
        | Action::SetNullable { table, column, .. }
        | Action::SetDefault { table, column, .. } => vec![part(ObjectKind::Column, table, column)],
        Action::AddConstraint { table, constraint } => of_constraint(table, constraint).into_iter().collect(),
        Action::DropConstraint { table, name } => vec![part(ObjectKind::Constraint, table, name)],
        Action::CreateIndex(index) => {
            index.name.iter().map(|name| part(ObjectKind::Index, &index.table, name)).collect()
        }
        Action::CreateEnum { name, .. } | Action::ExtendEnum { name } => vec![object(ObjectKind::Enum, name)],
        Action::CreateRelation { relation } => [ObjectKind::View, ObjectKind::MaterializedView, ObjectKind::Sequence]
            .map(|kind| object(kind, relation))
            .into(),
        Action::DropTable { table, .. } => vec![object(ObjectKind::Table, table)],
        Action::DropIndex { .. }
        | Action::DropType { .. }
        | Action::DropRelation { .. }
        | Action::Alter { .. }
        | Action::Write { .. }
        | Action::CreateExtension { .. }
        | Action::Other
        | Action::Opaque { .. } => Vec::new(),
    }
}

fn of_column(table: &Name, column: &Column) -> Vec<ObjectId> {
    let made = column.creates_enum.as_ref().map(|name| object(ObjectKind::Enum, name));
    [part(ObjectKind::Column, table, &column.name)].into_iter().chain(made).collect()
}

fn of_constraint(table: &Name, constraint: &Constraint) -> Option<ObjectId> {
    constraint.name.as_ref().map(|name| part(ObjectKind::Constraint, table, name))
}

fn object(kind: ObjectKind, name: &Name) -> ObjectId {
    ObjectId { kind, schema: schema(name), parent: None, name: name.name.clone() }
}

fn part(kind: ObjectKind, table: &Name, name: &str) -> ObjectId {
    ObjectId { kind, schema: schema(table), parent: Some(table.name.clone()), name: name.to_owned() }
}

fn schema(name: &Name) -> String {
    name.schema.clone().unwrap_or_else(|| "public".to_owned())
}
