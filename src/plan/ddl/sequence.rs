//! Columns that are numbered: an identity in place of a sequence, and a sequence that goes on where the rows end.

use super::graph::mentions;
use super::table::{alter_column, identity};
use super::{Writer, table_of};
use crate::model::ddl::Statement;
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, ident, literal};

impl<'s> Writer<'s> {
    /// Gives a column an identity in place of a sequence, or the other way round.
    pub(super) fn exchange(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        let alter = alter_column(id);
        if old.contains_key(&Property::Default) {
            self.push(id, format!("{alter} DROP DEFAULT"));
        }
        if let Some((sequence, _)) = self.from.sequence_of(id, old).filter(|_| !old.contains_key(&Property::Identity)) {
            let owned = |said: &Properties| said.contains_key(&Property::OwnedBy);
            if self.new_of(sequence).is_some_and(|new| !owned(new)) {
                self.push(sequence, format!("ALTER SEQUENCE {} OWNED BY NONE", sequence.sql()));
            } else {
                for user in self.others_on(id, sequence) {
                    self.push(user, format!("{} DROP DEFAULT", alter_column(user)));
                }
                self.push(sequence, format!("DROP SEQUENCE {}", sequence.sql()));
            }
        }
        if let Some(when) = new.get(&Property::Identity) {
            let identity = identity(&self.to, id, new, when);
            self.push(id, format!("{alter} ADD {identity}"));
        } else if let Some((sequence, said)) = self.to.sequence_of(id, new) {
            self.create(sequence, said);
            if self.implied.contains(sequence) {
                self.owned_by(sequence, said);
            }
        }
        if let Some(default) = new.get(&Property::Default) {
            self.push(id, format!("{alter} SET DEFAULT {default}"));
        }
        self.count_on(id, new);
    }

    /// Returns the other columns whose default takes numbers from a sequence.
    fn others_on(&self, id: &ObjectId, sequence: &ObjectId) -> Vec<&'s ObjectId> {
        let named = (sequence.schema.clone(), sequence.name.clone());
        let takes = |said: &Properties| said.get(&Property::Default).is_some_and(|it| mentions(it).contains(&named));
        let objects = self.from.schema.objects.iter();
        let others = objects.filter(|(it, said)| it.kind == ObjectKind::Column && *it != id && takes(said));
        others.map(|(it, _)| it).collect()
    }

    /// Lets a new sequence begin behind the numbers that are there.
    pub(super) fn count_on(&mut self, id: &ObjectId, new: &Properties) {
        let Some((sequence, said)) = self.to.sequence_of(id, new) else { return };
        if said.get(&Property::Definition).is_some_and(|it| it.contains("increment -")) {
            return;
        }
        let whole = matches!(new.get(&Property::Type).map(String::as_str), Some("smallint" | "integer" | "bigint"));
        let plain = new.get(&Property::Default).is_none_or(|it| it.starts_with("nextval("));
        if !whole || !plain {
            return;
        }
        let (column, name) = (ident(&id.name), literal(&sequence.sql()));
        let highest = format!("FROM {} HAVING max({column}) > 0", table_of(id));
        let text = format!("SELECT pg_catalog.setval({name}, max({column})) {highest}");
        self.late.push(Statement::new(id, text));
    }

    /// Whether a column that was there already gets a sequence that was not.
    pub(super) fn is_numbered_anew(&self, id: &ObjectId, new: &Properties) -> bool {
        self.to.sequence_of(id, new).is_some_and(|(sequence, _)| self.come.contains(sequence))
            && id.kind == ObjectKind::Column
    }
}
