//! What models say, as far as it can be compared with a database or a chain.

use std::collections::BTreeMap;

use super::Models;
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, Schema};

impl Models {
    /// Returns the models' schema as far as it can be compared with `other`: what models do not speak of is taken from
    /// there, names that SQLAlchemy leaves to the server are those that it has there, and settings of `env.py` hold.
    pub fn beside(&self, other: &Schema) -> Schema {
        let mut schema = Schema { objects: BTreeMap::new(), column_order: other.column_order.clone() };
        for (id, properties) in &other.objects {
            if !self.speaks_in(id, other) {
                schema.objects.insert(id.clone(), properties.clone());
            }
        }
        for (id, properties) in &self.schema.objects {
            if !self.speaks_of(id, properties) {
                continue;
            }
            let named = self.name_in(id, properties, other);
            let theirs = other.objects.get(&named);
            let mut compared = self.as_compared(id.kind, properties, theirs);
            if let Some(definition) = theirs.filter(|_| named != *id).and_then(|it| it.get(&Property::Definition)) {
                // It has the other name in it, and says the same.
                compared.insert(Property::Definition, definition.clone());
            }
            schema.objects.insert(named, compared);
        }
        schema
    }

    /// Returns the models' schema beside `other`, with the sequences of columns that are not there.
    pub(super) fn with_sequences(&self, other: &Schema) -> Schema {
        let mut schema = self.beside(other);
        for (id, said) in self.schema.objects.range(ObjectId::first(ObjectKind::Sequence)..) {
            let owner = said.get(&Property::OwnedBy).and_then(|owner| owner.rsplit_once('.'));
            let Some((table, column)) = owner.filter(|_| id.kind == ObjectKind::Sequence) else { continue };
            let column = ObjectId {
                kind: ObjectKind::Column,
                schema: id.schema.clone(),
                parent: Some(table.to_owned()),
                name: column.to_owned(),
            };
            if schema.objects.contains_key(&column) && !other.objects.contains_key(&column) {
                schema.objects.insert(id.clone(), said.clone());
            }
        }
        for (table, columns) in &self.schema.column_order {
            schema.column_order.entry(table.clone()).or_insert_with(|| columns.clone());
        }
        schema
    }

    /// Whether models say anything about an object of a schema.
    pub fn speaks_in(&self, id: &ObjectId, schema: &Schema) -> bool {
        let there = schema.objects.get(id);
        there.is_none_or(|properties| self.speaks_of(id, properties)) && !is_part_of_partition(id, schema)
    }

    fn speaks_of(&self, id: &ObjectId, properties: &Properties) -> bool {
        use ObjectKind as K;
        let kind = match id.kind {
            K::Column | K::Constraint | K::Index | K::Enum => true,
            K::Table => !properties.contains_key(&Property::PartitionOf),
            K::Sequence => !properties.contains_key(&Property::OwnedBy),
            _ => false,
        };
        // An exclusion constraint is seldom written into a model; where it is, it is compared.
        let exclusion = id.kind == K::Constraint
            && properties.get(&Property::Definition).is_some_and(|definition| definition.starts_with("EXCLUDE"));
        // A type that no column of theirs has, or a sequence, may serve something else; Alembic removes neither.
        let apart = matches!(id.kind, K::Enum | K::Sequence);
        let said = !(exclusion || apart) || self.schema.objects.contains_key(id);
        kind && said && !self.leaves_out(id) && self.has_schema(&id.schema)
    }

    fn leaves_out(&self, id: &ObjectId) -> bool {
        let table = |name: &str| ObjectId {
            kind: ObjectKind::Table,
            schema: id.schema.clone(),
            parent: None,
            name: name.to_owned(),
        };
        self.excluded.contains(id)
            || self.excluded.contains(&table(&id.name))
            || id.parent.as_deref().is_some_and(|parent| self.excluded.contains(&table(parent)))
    }

    /// A schema that the models never name is somebody else's.
    fn has_schema(&self, name: &str) -> bool {
        name == "public" || self.schema.objects.keys().any(|id| id.kind == ObjectKind::Table && id.schema == name)
    }

    /// Returns under which name the other side has the same constraint or index: names that the models do not give are
    /// made by the server, and chains often give others.
    fn name_in(&self, id: &ObjectId, properties: &Properties, other: &Schema) -> ObjectId {
        let named = matches!(id.kind, ObjectKind::Constraint | ObjectKind::Index);
        if !named || other.objects.contains_key(id) {
            return id.clone();
        }
        let ours = anonymous(id, properties);
        let start = ObjectId { name: String::new(), ..id.clone() };
        let of_table = other
            .objects
            .range(start..)
            .take_while(|(it, _)| it.kind == id.kind && it.schema == id.schema && it.parent == id.parent);
        let mut alike =
            of_table.filter(|(it, theirs)| !self.schema.objects.contains_key(it) && anonymous(it, theirs) == ours);
        alike.next().map_or_else(|| id.clone(), |(it, _)| it.clone())
    }

    fn as_compared(&self, kind: ObjectKind, ours: &Properties, theirs: Option<&Properties>) -> Properties {
        let mut properties = ours.clone();
        let Some(theirs) = theirs else { return properties };
        let mut take = |property: Property| match theirs.get(&property) {
            Some(value) => drop(properties.insert(property, value.clone())),
            None => drop(properties.remove(&property)),
        };
        for property in UNSAID_BY_MODELS {
            take(property);
        }
        if kind == ObjectKind::Table {
            take(Property::Unlogged);
            take(Property::PartitionBy);
        }
        if kind == ObjectKind::Enum {
            take(Property::Comment);
        }
        if kind == ObjectKind::Column {
            if !self.compare_default {
                take(Property::Default);
            }
            if !self.compare_type || looser(ours.get(&Property::Type), theirs.get(&Property::Type)) {
                take(Property::Type);
            }
        }
        properties
    }
}

/// Partitions follow their table, which is the one that models have.
fn is_part_of_partition(id: &ObjectId, schema: &Schema) -> bool {
    let Some(parent) = &id.parent else { return false };
    let table = ObjectId { kind: ObjectKind::Table, schema: id.schema.clone(), parent: None, name: parent.clone() };
    schema.objects.get(&table).is_some_and(|table| table.contains_key(&Property::PartitionOf))
}

/// What SQLAlchemy's models have no word for, or none that is usual.
const UNSAID_BY_MODELS: [Property; 8] = [
    Property::Kind,
    Property::RowSecurity,
    Property::ReplicaIdentity,
    Property::Options,
    Property::Privileges,
    Property::Invalid,
    Property::Inherits,
    Property::Enabled,
];

/// A model's `String()` says nothing of the length: Alembic does not compare it either.
fn looser(ours: Option<&String>, theirs: Option<&String>) -> bool {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return false };
    theirs.split_once('(').is_some_and(|(base, rest)| base == ours && !rest.contains(") "))
}

/// Returns what a constraint or an index is apart from its name.
fn anonymous(id: &ObjectId, properties: &Properties) -> Option<String> {
    let definition = properties.get(&Property::Definition)?;
    if id.kind != ObjectKind::Index {
        return Some(definition.clone());
    }
    let (head, rest) = definition.split_once(" INDEX ")?;
    let (_name, rest) = rest.split_once(" ON ")?;
    Some(format!("{head} INDEX ON {rest}"))
}
