//! What goes: what stands on others first, and at the end what nothing stands on any more.

use std::collections::{BTreeMap, BTreeSet};

use super::create::address;
use super::graph::{Graph, mentions};
use super::{Writer, alter_default, table_of, values_of};
use crate::model::ddl::{Loss, Statement};
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, ident, qualified};

impl<'s> Writer<'s> {
    pub(super) fn drop_what_stands_on_others(&mut self) {
        let lost: BTreeSet<&ObjectId> = self.gone.union(&self.again).copied().collect();
        let mut early: BTreeSet<&ObjectId> = lost
            .iter()
            .copied()
            .filter(|id| {
                let others = stands_on_others(id.kind) || self.again.contains(id) || id.kind == ObjectKind::Column;
                others || self.is_replaced(id)
            })
            .filter(|id| (id.kind != ObjectKind::Column || self.is_computed(id)) && !self.goes_with_another(id, &lost))
            .collect();
        early.extend(self.references_to(&early));
        self.functions_on(&mut early);
        for id in self.undefaulted.clone() {
            let text = format!("{} DROP DEFAULT", alter_default(id));
            self.push(id, text);
        }
        self.make_room_for_names();
        // The index of a partition that is detached cannot go before that.
        let detached: BTreeSet<&ObjectId> =
            early.iter().copied().filter(|id| self.gone.contains(id) && self.is_detached(id)).collect();
        early.retain(|id| !detached.contains(id));
        for id in detached {
            let text = self.drop_text(id);
            self.late.push(Statement::new(id, text));
        }
        for id in self.from.ordered(&early, Graph::needs).into_iter().rev() {
            let text = self.drop_text(id);
            self.push(id, text);
        }
        self.early = early;
    }

    pub(super) fn drop_the_rest(&mut self) {
        let rest: BTreeSet<&ObjectId> = self
            .gone
            .iter()
            .copied()
            .filter(|id| !stands_on_others(id.kind) && !self.goes_with_another(id, &self.gone))
            .filter(|id| !self.is_computed(id) && !self.is_replaced(id) && !self.early.contains(id))
            .collect();
        let ordered = self.from.ordered(&rest, Graph::needs_with_parts);
        let references = self.references_between(&ordered);
        // What is needed by something that is left because of its data.
        let mut held: BTreeMap<&ObjectId, &ObjectId> = BTreeMap::new();
        for statement in self.script.statements.iter().filter(|it| it.loses.is_some()) {
            let Some((column, _)) = self.from.schema.objects.get_key_value(&statement.object) else { continue };
            for need in self.from.needs(column) {
                held.entry(need).or_insert(column);
            }
        }
        for (place, id) in ordered.iter().copied().enumerate().rev() {
            // Two tables may name each other: what those that are dropped later say of this one goes first.
            for (part, of) in references.get(id).into_iter().flatten().filter(|(_, of)| *of < place) {
                if !self.dropped(part) {
                    let held_by = ordered.get(*of).map(|table| (*table).clone());
                    let text = self.drop_text(part);
                    self.script.statements.push(Statement { held_by, ..Statement::new(part, text) });
                }
            }
            let mut statement = Statement::new(id, self.drop_text(id));
            statement.loses = match id.kind {
                ObjectKind::Table => self.rows_of(id),
                ObjectKind::Column => Some(values_of(id)),
                ObjectKind::Extension => Some(Loss::Extension),
                ObjectKind::Sequence => Some(Loss::Position((id.schema.clone(), id.name.clone()))),
                _ => None,
            };
            let holder = held.get(id).copied();
            if statement.loses.is_some() || holder.is_some() {
                for need in self.from.needs_with_parts(id) {
                    held.entry(need).or_insert(id);
                }
            }
            statement.held_by = holder.filter(|_| statement.loses.is_none()).cloned();
            self.script.statements.push(statement);
        }
    }

    /// Adds the functions that go and take or return what is dropped early.
    fn functions_on(&self, early: &mut BTreeSet<&'s ObjectId>) {
        loop {
            let functions = self.gone.iter().copied().filter(|id| id.kind.has_arguments() && !early.contains(id));
            let found: Vec<&ObjectId> =
                functions.filter(|id| self.from.needs(id).iter().any(|need| early.contains(need))).collect();
            if found.is_empty() {
                return;
            }
            early.extend(found);
        }
    }

    /// Renames the indexes of tables that go, and stay until the end, where a new one has the name.
    fn make_room_for_names(&mut self) {
        let is_index = |graph: &Graph<'_>, id: &ObjectId| id.kind == ObjectKind::Index || graph.is_indexed(id);
        let new: BTreeSet<(&str, &str)> = self
            .come
            .iter()
            .filter(|id| id.parent.is_none() || is_index(&self.to, id))
            .map(|id| (id.schema.as_str(), id.name.as_str()))
            .collect();
        let stays = |id: &&&ObjectId| {
            let table = ObjectId { kind: ObjectKind::Table, parent: None, name: parent_of(id), ..(**id).clone() };
            id.parent.is_some() && self.gone.contains(&table) && is_index(&self.from, id)
        };
        let taken = self.gone.iter().filter(stays).filter(|id| new.contains(&(id.schema.as_str(), id.name.as_str())));
        let taken: Vec<&ObjectId> = taken.copied().collect();
        for id in taken {
            let aside = ident(&self.aside(id));
            self.push(id, format!("ALTER INDEX {} RENAME TO {aside}", qualified(&id.schema, &id.name)));
        }
    }

    /// Returns a name for what steps aside, that nothing in its schema has; the server cuts names at 63 bytes.
    pub(super) fn aside(&mut self, id: &ObjectId) -> String {
        let objects = self.from.schema.objects.keys().chain(self.to.schema.objects.keys());
        let names: BTreeSet<&str> = objects.filter(|it| it.schema == id.schema).map(|it| it.name.as_str()).collect();
        let mut base = id.name.as_str();
        while base.len() > 63 - "__old99".len() {
            base = base.char_indices().next_back().map_or("", |(at, _)| base.get(..at).unwrap_or_default());
        }
        let numbered = (2..100).map(|number| format!("{base}__old{number}"));
        let mut all = std::iter::once(format!("{base}__old")).chain(numbered);
        let free = all.find(|name| !names.contains(name.as_str()) && !self.asides.contains(name)).unwrap_or_default();
        self.asides.insert(free.clone());
        free
    }

    /// Whether it is the index of a partition that becomes a table of its own.
    pub(super) fn is_detached(&self, id: &ObjectId) -> bool {
        let attached = |said: Option<&Properties>| said.is_some_and(|it| it.contains_key(&Property::PartitionOf));
        let table = ObjectId { kind: ObjectKind::Table, parent: None, name: parent_of(id), ..id.clone() };
        id.kind == ObjectKind::Index
            && attached(self.old(id))
            && attached(self.old(&table))
            && self.new_of(&table).is_some()
            && !attached(self.new_of(&table))
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

    /// Whether something without rows gives its name to another kind of object.
    pub(super) fn is_replaced(&self, id: &ObjectId) -> bool {
        id.parent.is_none() && id.kind != ObjectKind::Table && self.gone.contains(id) && named(&self.come, id).is_some()
    }

    /// A column that is computed is dropped before those that it is computed of change.
    fn is_computed(&self, id: &ObjectId) -> bool {
        self.old(id).is_some_and(|old| old.contains_key(&Property::Generated))
    }

    /// Returns the foreign keys between tables that go, by the table that they refer to; each with the place of its own.
    fn references_between(&self, ordered: &[&'s ObjectId]) -> BTreeMap<&'s ObjectId, Vec<(&'s ObjectId, usize)>> {
        let mut found: BTreeMap<&ObjectId, Vec<(&ObjectId, usize)>> = BTreeMap::new();
        for (place, table) in ordered.iter().enumerate().filter(|(_, it)| it.kind == ObjectKind::Table) {
            for part in self.from.parts(&table.schema, &table.name).iter().filter(|it| self.from.is_reference(it)) {
                for need in self.from.needs(part).into_iter().filter(|it| it.kind == ObjectKind::Table) {
                    found.entry(need).or_default().push((part, place));
                }
            }
        }
        found
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
            let whole = |kind| ObjectId { kind, schema: id.schema.clone(), parent: None, name: parent.clone() };
            let attached = properties.get(&Property::PartitionOf).filter(|_| id.kind == ObjectKind::Index);
            return WHOLE.iter().any(|kind| lost.contains(&whole(*kind)))
                || attached.is_some_and(|above| goes_with_index(above, lost));
        }
        let Some(owner) = properties.get(&Property::OwnedBy) else { return false };
        let column = self.from.column_named(&id.schema, owner);
        let table = column.and_then(|it| it.parent.clone()).map(|name| ObjectId {
            kind: ObjectKind::Table,
            schema: id.schema.clone(),
            parent: None,
            name,
        });
        column.is_some_and(|it| lost.contains(it))
            || table.is_some_and(|it| lost.contains(&it))
            || self.implied.contains(id)
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

fn parent_of(id: &ObjectId) -> String {
    id.parent.clone().unwrap_or_default()
}

/// Returns the object of another kind that has the same name.
pub(super) fn named(among: &BTreeSet<&ObjectId>, id: &ObjectId) -> Option<ObjectId> {
    let others = NAMED.iter().filter(|kind| **kind != id.kind);
    others.map(|kind| ObjectId { kind: *kind, ..id.clone() }).find(|other| among.contains(other))
}

/// The index of a partition goes with that of its parent.
fn goes_with_index(above: &str, lost: &BTreeSet<&ObjectId>) -> bool {
    let Some((schema, name)) = mentions(above).into_iter().next() else { return false };
    let start = ObjectId::first(ObjectKind::Index);
    let mut indexes = lost.range::<&ObjectId, _>(&start..).take_while(|it| it.kind == ObjectKind::Index);
    indexes.any(|it| it.schema == schema && it.name == name)
}

/// What shares its names with others: relations, types, routines.
const NAMED: [ObjectKind; 11] = [
    ObjectKind::Table,
    ObjectKind::View,
    ObjectKind::MaterializedView,
    ObjectKind::Sequence,
    ObjectKind::Enum,
    ObjectKind::Domain,
    ObjectKind::CompositeType,
    ObjectKind::RangeType,
    ObjectKind::Function,
    ObjectKind::Procedure,
    ObjectKind::Aggregate,
];

/// What has parts that go with it.
const WHOLE: [ObjectKind; 4] = [ObjectKind::Table, ObjectKind::View, ObjectKind::MaterializedView, ObjectKind::Domain];

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
