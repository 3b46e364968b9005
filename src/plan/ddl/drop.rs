//! What goes: what stands on others first, and at the end what nothing stands on any more.

use std::collections::BTreeSet;

use super::create::address;
use super::graph::Graph;
use super::{Writer, table_of, values_of};
use crate::model::ddl::{Loss, Statement};
use crate::model::schema::{ObjectId, ObjectKind, Property, ident};

impl<'s> Writer<'s> {
    pub(super) fn drop_what_stands_on_others(&mut self) {
        let lost: BTreeSet<&ObjectId> = self.gone.union(&self.again).copied().collect();
        let mut early: BTreeSet<&ObjectId> = lost
            .iter()
            .copied()
            .filter(|id| stands_on_others(id.kind) || self.again.contains(id))
            .filter(|id| self.is_computed(id) && !self.goes_with_another(id, &lost))
            .collect();
        early.extend(self.references_to(&early));
        for id in self.from.ordered(&early, Graph::needs).into_iter().rev() {
            let text = self.drop_text(id);
            self.push(id, text);
        }
    }

    pub(super) fn drop_the_rest(&mut self) {
        let rest: BTreeSet<&ObjectId> = self
            .gone
            .iter()
            .copied()
            .filter(|id| !stands_on_others(id.kind) && !self.goes_with_another(id, &self.gone))
            .collect();
        // What is left because of its data, and everything that it needs.
        let mut kept: Vec<(&ObjectId, BTreeSet<&ObjectId>)> = Vec::new();
        let ordered = self.from.ordered(&rest, Graph::needs_with_parts);
        for (place, id) in ordered.iter().enumerate().rev() {
            self.references_of_the_rest(id, ordered.get(..place).unwrap_or_default());
            let mut statement = Statement::new(id, self.drop_text(id));
            statement.loses = match id.kind {
                ObjectKind::Table => self.rows_of(id),
                ObjectKind::Column => Some(values_of(id)),
                _ => None,
            };
            let needs_it = |(_, needs): &&(&ObjectId, BTreeSet<&ObjectId>)| needs.contains(id);
            let extension = id.kind == ObjectKind::Extension;
            let holder = kept.iter().find(|it| extension || needs_it(it)).map(|(holder, _)| (*holder).clone());
            if statement.loses.is_some() || holder.is_some() {
                kept.push((id, self.from.needs_with_parts(id)));
            }
            statement.held_by = holder.filter(|_| statement.loses.is_none());
            self.script.statements.push(statement);
        }
    }

    /// Foreign keys of tables that are dropped at the end, where the key that they refer to goes before.
    fn references_to(&self, lost: &BTreeSet<&'s ObjectId>) -> Vec<&'s ObjectId> {
        let tables = self.gone.iter().filter(|it| it.kind == ObjectKind::Table);
        let parts = tables.flat_map(|it| self.from.parts(&it.schema, &it.name)).copied();
        let refers = |part: &&ObjectId| {
            self.from.is_reference(part)
                && self.from.needs(part).iter().any(|it| self.from.is_key(it) && lost.contains(it))
        };
        parts.filter(refers).collect()
    }

    /// Of columns, one that is computed is dropped before those that it is computed of change.
    fn is_computed(&self, id: &ObjectId) -> bool {
        id.kind != ObjectKind::Column || self.old(id).is_some_and(|old| old.contains_key(&Property::Generated))
    }

    /// Two tables may name each other: what those that are dropped later say of this one goes first.
    fn references_of_the_rest(&mut self, id: &ObjectId, rest: &[&'s ObjectId]) {
        for table in rest.iter().filter(|it| it.kind == ObjectKind::Table && id.kind == ObjectKind::Table) {
            for part in self.from.parts(&table.schema, &table.name).to_vec() {
                if self.from.is_reference(part) && self.from.needs(part).contains(id) && !self.dropped(part) {
                    let held_by = Some((*table).clone());
                    let text = self.drop_text(part);
                    self.script.statements.push(Statement { held_by, ..Statement::new(part, text) });
                }
            }
        }
    }

    fn dropped(&self, id: &ObjectId) -> bool {
        self.script.statements.iter().any(|it| it.object == *id)
    }

    /// A foreign table's rows are elsewhere.
    fn rows_of(&self, id: &ObjectId) -> Option<Loss> {
        let kind = self.old(id)?.get(&Property::Kind)?;
        (kind != "foreign table").then(|| Loss::Rows((id.schema.clone(), id.name.clone())))
    }

    /// Whether something else that goes takes it along.
    fn goes_with_another(&self, id: &ObjectId, lost: &BTreeSet<&'s ObjectId>) -> bool {
        if self.is_inherited(id) {
            return true;
        }
        let Some(properties) = self.old(id) else { return false };
        if let Some(parent) = &id.parent {
            let takes_along = |it: &&&ObjectId| {
                it.parent.is_none() && it.schema == id.schema && it.name == *parent && is_whole(it.kind)
            };
            let attached = properties.get(&Property::PartitionOf).filter(|_| id.kind == ObjectKind::Index);
            let above = attached.and_then(|above| super::graph::mentions(above).into_iter().next());
            let with_above = above.is_some_and(|(schema, name)| {
                lost.iter().any(|it| it.kind == ObjectKind::Index && it.schema == schema && it.name == name)
            });
            return with_above || lost.iter().any(|it| takes_along(&it));
        }
        let Some(owner) = properties.get(&Property::OwnedBy) else { return false };
        lost.iter().any(|it| {
            let table =
                it.kind == ObjectKind::Table && owner.strip_prefix(&it.name).is_some_and(|it| it.starts_with('.'));
            let column = it.kind == ObjectKind::Column
                && *owner == format!("{}.{}", it.parent.as_deref().unwrap_or_default(), it.name);
            (table || column) && it.schema == id.schema
        }) || self.implied.contains(id)
    }

    fn drop_text(&self, id: &ObjectId) -> String {
        match id.kind {
            ObjectKind::Column => format!("ALTER TABLE {} DROP COLUMN {}", table_of(id), ident(&id.name)),
            ObjectKind::Constraint => {
                let what = if self.from.is_of_domain(id) { "DOMAIN" } else { "TABLE" };
                format!("ALTER {what} {} DROP CONSTRAINT {}", table_of(id), ident(&id.name))
            }
            _ => format!("DROP {}", address(id, self.old(id))),
        }
    }
}

fn is_whole(kind: ObjectKind) -> bool {
    use ObjectKind as K;
    matches!(kind, K::Table | K::View | K::MaterializedView | K::Domain)
}

fn stands_on_others(kind: ObjectKind) -> bool {
    use ObjectKind as K;
    matches!(
        kind,
        K::View
            | K::MaterializedView
            | K::Rule
            | K::Trigger
            | K::Policy
            | K::Statistics
            | K::Index
            | K::Constraint
            | K::EventTrigger
    )
}
