//! Enumerations: a label can be added, and never taken away; then the type is made anew.

use std::collections::BTreeSet;

use super::Writer;
use super::graph::{has_identifier, mentions};
use super::table::alter_column;
use crate::model::ddl::{Obstacle, Statement};
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, ident, qualified};

impl<'s> Writer<'s> {
    pub(super) fn alter_enum(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        let (was, is) = (labels(old), labels(new));
        if was == is || self.stuck.contains(id) {
            return;
        }
        if self.remade.contains(id) {
            return self.rebuild(id, (&was, &is));
        }
        for (place, label) in is.iter().enumerate().filter(|(_, label)| !was.contains(label)) {
            let before = is.get(place + 1..).unwrap_or_default().iter().find(|it| was.contains(it));
            let place = before.map(|it| format!(" BEFORE {it}")).unwrap_or_default();
            let text = format!("ALTER TYPE {} ADD VALUE {label}{place}", id.sql());
            self.script.before.push(Statement::new(id, text));
        }
    }

    /// Makes the type anew, and gives it to the columns that have it.
    fn rebuild(&mut self, id: &ObjectId, (was, is): (&[String], &[String])) {
        let name = id.sql();
        let renamed = ObjectId { name: self.aside(id), ..id.clone() };
        let aside = ident(&renamed.name);
        let removed: Vec<String> = was.iter().filter(|label| !is.contains(label)).cloned().collect();
        self.push(id, format!("ALTER TYPE {name} RENAME TO {aside}"));
        self.push(id, format!("CREATE TYPE {name} AS ENUM ({})", is.join(", ")));
        for column in self.columns_of(id) {
            let Some(said) = self.old(column) else { continue };
            let Some(kind) = said.get(&Property::Type) else { continue };
            let alter = alter_column(column);
            let array = if kind.ends_with("[]") { "[]" } else { "" };
            if said.contains_key(&Property::Default) {
                self.push(column, format!("{alter} DROP DEFAULT"));
            }
            let using = format!("{}::text{array}::{kind}", ident(&column.name));
            let statement = Statement::new(column, format!("{alter} TYPE {kind} USING {using}"));
            let table = (column.schema.clone(), column.parent.clone().unwrap_or_default());
            let met = Obstacle::Labels { table, column: column.name.clone(), labels: removed.clone() };
            let meets = array.is_empty() && !removed.is_empty();
            self.script.statements.push(if meets { statement.meeting(met) } else { statement });
            // A column that will go, and stays until then, keeps what it has.
            let default = self.new_of(column).or(Some(said)).and_then(|it| it.get(&Property::Default));
            if let Some(default) = default.filter(|_| !self.undefaulted.contains(column)) {
                self.push(column, format!("{alter} SET DEFAULT {default}"));
            }
        }
        self.late.push(Statement::new(id, format!("DROP TYPE {}", renamed.sql())));
        let comment = self.new_of(id).and_then(|it| it.get(&Property::Comment)).is_some();
        if let Some(new) = self.new_of(id).filter(|_| comment) {
            self.comment(id, new);
        }
    }

    /// Returns the enumerations that are made anew.
    pub(super) fn remade_enums(&self) -> BTreeSet<&'s ObjectId> {
        let enums = self.changed.iter().copied().filter(|id| id.kind == ObjectKind::Enum && !self.stuck.contains(*id));
        let remade = enums.filter(|id| {
            let (Some(old), Some(new)) = (self.old(id), self.new_of(id)) else { return false };
            let (was, is) = (labels(old), labels(new));
            !is_added_to(&was, &is) || self.at_once && self.holder_of(id).is_none() && self.uses_new(id, &was, &is)
        });
        remade.collect()
    }

    /// Whether something new names a label that comes with it.
    fn uses_new(&self, id: &ObjectId, was: &[String], is: &[String]) -> bool {
        let new: Vec<String> =
            is.iter().filter(|label| !was.contains(label)).map(|label| format!("{label}::{}", id.sql())).collect();
        self.come.iter().chain(&self.changed).any(|it| {
            let text = self.to.text(it);
            let in_array = text.contains(&format!("::{}[]", id.sql()));
            let inside = |label: &&String| !was.contains(label) && text.contains(label.trim_matches('\''));
            new.iter().any(|label| text.contains(label)) || in_array && is.iter().any(|label| inside(&label))
        })
    }

    /// Returns what has the type, and cannot be given another one.
    fn holder_of(&self, id: &ObjectId) -> Option<&'s ObjectId> {
        let (one, many) = (id.sql(), format!("{}[]", id.sql()));
        let is = |kind: &String| *kind == one || *kind == many;
        let typed = |said: &Properties| said.get(&Property::Type).is_some_and(is);
        let key = |column: &ObjectId| {
            let table = ObjectId {
                kind: ObjectKind::Table,
                schema: column.schema.clone(),
                parent: None,
                name: column.parent.clone().unwrap_or_default(),
            };
            let by = self.old(&table).and_then(|it| it.get(&Property::PartitionBy));
            by.is_some_and(|by| has_identifier(by, &column.name))
        };
        let named = |said: &Properties| {
            let mentioned = said.get(&Property::Definition).map(|it| mentions(it)).unwrap_or_default();
            mentioned.contains(&(id.schema.clone(), id.name.clone()))
        };
        let holds = |(it, said): &(&ObjectId, &Properties)| match it.kind {
            ObjectKind::Domain => typed(said),
            ObjectKind::Column => typed(said) && key(it),
            ObjectKind::CompositeType | ObjectKind::RangeType => named(said),
            _ => false,
        };
        self.from.schema.objects.iter().find(holds).map(|(it, _)| it)
    }

    /// Leaves to the developer what the server refuses, whatever is dropped and made again around it.
    pub(super) fn leave_what_is_stuck(&mut self) {
        for id in self.remade_enums() {
            if let Some(holder) = self.holder_of(id) {
                self.by_hand(id, &format!("a label cannot be taken from it while the {holder} has it"));
                self.stuck.insert(id);
            }
        }
        let of_domains = |id: &&&ObjectId| id.kind == ObjectKind::Constraint && self.from.is_of_domain(id);
        let checks: Vec<&ObjectId> = self.come.iter().chain(&self.changed).filter(of_domains).copied().collect();
        for id in checks {
            if let Some(holder) = self.container_of(&id.schema, id.parent.as_deref().unwrap_or_default()) {
                self.by_hand(id, &format!("a domain gets no new check while the {holder} has it inside of its type"));
                self.come.remove(id);
                self.changed.remove(id);
            }
        }
    }

    /// Returns a column that has a domain in an array, or in a composite type.
    pub(super) fn container_of(&self, schema: &str, domain: &str) -> Option<&'s ObjectId> {
        let objects = &self.from.schema.objects;
        let mentions_domain = |said: &Properties| {
            let mentioned = said.get(&Property::Definition).map(|it| mentions(it)).unwrap_or_default();
            mentioned.iter().any(|(space, name)| space == schema && name == domain)
        };
        let composites =
            objects.iter().filter(|(it, said)| it.kind == ObjectKind::CompositeType && mentions_domain(said));
        let mut inside: BTreeSet<String> =
            composites.flat_map(|(it, _)| [it.sql(), format!("{}[]", it.sql())]).collect();
        inside.insert(format!("{}[]", qualified(schema, domain)));
        let holds = |(it, said): &(&ObjectId, &Properties)| {
            it.kind == ObjectKind::Column && said.get(&Property::Type).is_some_and(|kind| inside.contains(kind))
        };
        objects.iter().find(holds).map(|(it, _)| it)
    }

    /// Returns the columns that have the type, and stay.
    pub(super) fn columns_of(&self, id: &ObjectId) -> Vec<&'s ObjectId> {
        let (one, many) = (id.sql(), format!("{}[]", id.sql()));
        let objects = self.from.schema.objects.iter();
        let of_type = objects.filter(|(it, said)| {
            let kind = said.get(&Property::Type);
            it.kind == ObjectKind::Column
                && !self.is_inherited_column(it)
                && self.new_of(it).is_none_or(|new| new.get(&Property::Type) == kind)
                && kind.is_some_and(|kind| *kind == one || *kind == many)
        });
        of_type.map(|(it, _)| it).collect()
    }

    /// A partition's column follows its parent's.
    fn is_inherited_column(&self, id: &ObjectId) -> bool {
        let parents = self.from.parents(&id.schema, id.parent.as_deref().unwrap_or_default());
        parents.into_iter().any(|(schema, parent)| {
            let above = ObjectId { schema, parent: Some(parent), ..id.clone() };
            self.from.schema.objects.contains_key(&above)
        })
    }
}

fn is_added_to(was: &[String], is: &[String]) -> bool {
    let kept: Vec<&String> = is.iter().filter(|label| was.contains(label)).collect();
    kept.into_iter().eq(was)
}

/// Returns the labels, each in its quotes: `'sad', 'it''s fine'`.
fn labels(said: &Properties) -> Vec<String> {
    let list = said.get(&Property::Labels).map_or("", String::as_str);
    let mut labels = Vec::new();
    let mut label = String::new();
    let mut inside = false;
    for c in list.chars() {
        match c {
            '\'' => {
                inside = !inside;
                label.push(c);
            }
            ',' if !inside => labels.push(std::mem::take(&mut label)),
            ' ' if !inside => {}
            _ => label.push(c),
        }
    }
    if !label.is_empty() {
        labels.push(label);
    }
    labels
}
