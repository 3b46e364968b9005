//! Enumerations: a label can be added, and never taken away; then the type is made anew.

use std::collections::BTreeSet;

use super::Writer;
use super::table::alter_column;
use crate::model::ddl::{Obstacle, Statement};
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, ident};

impl<'s> Writer<'s> {
    pub(super) fn alter_enum(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        let (was, is) = (labels(old), labels(new));
        if was == is {
            return;
        }
        if !is_added_to(&was, &is) {
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
        let aside = ident(&format!("{}__old", id.name));
        let renamed = ObjectId { name: format!("{}__old", id.name), ..id.clone() };
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
            if let Some(default) = default {
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
        let enums = self.changed.iter().copied().filter(|id| id.kind == ObjectKind::Enum);
        let remade = enums.filter(|id| {
            let (Some(old), Some(new)) = (self.old(id), self.new_of(id)) else { return false };
            !is_added_to(&labels(old), &labels(new))
        });
        remade.collect()
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
