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
            // One that nobody owns may have the name.
            let own = self.to.sequence_of(id, new).map(|(it, _)| it);
            if let Some(taken) = own.filter(|it| self.old(it).is_some() && !self.script_drops(it)) {
                for user in self.others_on(id, taken) {
                    self.push(user, format!("{} DROP DEFAULT", alter_column(user)));
                }
                self.push(taken, format!("DROP SEQUENCE {}", taken.sql()));
            }
            let identity = identity(&self.to, id, new, when);
            self.push(id, format!("{alter} ADD {identity}"));
        } else if let Some((sequence, said)) = self.to.sequence_of(id, new) {
            self.create(sequence, said);
            if self.implied.contains(sequence) {
                self.owned_by(sequence, said);
            }
        }
        if let Some(default) = new.get(&Property::Default) {
            // One that nobody owns went with the identity whose name it has.
            let named = mentions(default).into_iter().next().map(|(schema, name)| ObjectId {
                kind: ObjectKind::Sequence,
                schema,
                parent: None,
                name,
            });
            let of_identity = self.from.sequence_of(id, old).map(|(it, _)| it);
            let unowned = named.filter(|it| self.to.sequence_of(id, new).is_none() && of_identity == Some(it));
            if let Some((sequence, said)) = unowned.and_then(|it| self.to.schema.objects.get_key_value(&it)) {
                self.create(sequence, said);
            }
            self.push(id, format!("{alter} SET DEFAULT {default}"));
        }
        self.count_on(id, new);
    }

    /// Returns the sequence that a column takes its numbers from, whoever owns it.
    fn numbers_of(&self, id: &ObjectId, new: &Properties) -> Option<(&'s ObjectId, &'s Properties)> {
        self.to.sequence_of(id, new).or_else(|| {
            let (schema, name) = mentions(new.get(&Property::Default)?).into_iter().next()?;
            let named = ObjectId { kind: ObjectKind::Sequence, schema, parent: None, name };
            self.to.schema.objects.get_key_value(&named)
        })
    }

    fn script_drops(&self, sequence: &ObjectId) -> bool {
        let drop = format!("DROP SEQUENCE {}", sequence.sql());
        self.script.statements.iter().any(|it| it.text == drop)
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
        let Some((sequence, said)) = self.numbers_of(id, new) else { return };
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
        self.numbers_of(id, new).is_some_and(|(sequence, _)| self.come.contains(sequence))
            && id.kind == ObjectKind::Column
    }
}
