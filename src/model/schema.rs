//! What a database is made of: one list of objects, each a kind, a name and what is said of it.
//!
//! All kinds have one shape, so that two schemas are compared, shown and serialised by the same few lines, and a kind
//! that is added is compared at once. Left out on purpose: oids, owners, physical order, dropped columns, current
//! values of sequences, statistics. Names inside definitions are qualified, as with an empty `search_path`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod difference;
mod name;
mod saved;
#[cfg(test)]
mod tests;

pub use difference::{Change, Difference, PropertyChange};
pub use name::{ident, literal, qualified};

/// A database's objects, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    pub objects: BTreeMap<ObjectId, Properties>,
    /// The columns of each table in their order, which is shown and not compared.
    pub column_order: BTreeMap<TableName, Vec<String>>,
}

/// What is said of an object: `type`, `default`, `definition`, `comment`, …
pub type Properties = BTreeMap<Property, String>;

/// Schema and name.
pub type TableName = (String, String);

/// An object's kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    pub kind: ObjectKind,
    /// Empty for what lies in no schema (extensions, schemas themselves, event triggers).
    pub schema: String,
    /// The table, view or domain that it is part of.
    pub parent: Option<String>,
    /// Functions with their argument types: `total(integer, text)`.
    pub name: String,
}

/// The kinds of objects, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    Schema,
    Extension,
    Collation,
    Enum,
    Domain,
    CompositeType,
    RangeType,
    Sequence,
    Table,
    Column,
    Constraint,
    Index,
    Statistics,
    View,
    MaterializedView,
    Rule,
    Function,
    Procedure,
    Aggregate,
    Trigger,
    Policy,
    EventTrigger,
}

/// What can be said of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// Of a table: `table`, `partitioned table`, `foreign table`.
    Kind,
    Type,
    /// `not null`, said only where it holds.
    NotNull,
    Default,
    /// `always` or `by default`.
    Identity,
    /// `stored` or `virtual`, with its expression.
    Generated,
    /// Where it is not the type's own.
    Collation,
    Labels,
    Definition,
    Version,
    OwnedBy,
    PartitionBy,
    PartitionOf,
    Inherits,
    RowSecurity,
    ReplicaIdentity,
    Unlogged,
    Options,
    /// Said only where it is not the usual `enabled`.
    Enabled,
    /// `invalid`, of an index whose concurrent build failed.
    Invalid,
    Comment,
    /// Only where they were asked for.
    Privileges,
    /// Of a view's columns: `name default`, each ended by a unit separator.
    ColumnDefaults,
    /// Of a view's columns: `name 'comment'`, each ended by a unit separator.
    ColumnComments,
}

const KINDS: [(ObjectKind, &str); 22] = [
    (ObjectKind::Schema, "schema"),
    (ObjectKind::Extension, "extension"),
    (ObjectKind::Collation, "collation"),
    (ObjectKind::Enum, "enum"),
    (ObjectKind::Domain, "domain"),
    (ObjectKind::CompositeType, "composite type"),
    (ObjectKind::RangeType, "range type"),
    (ObjectKind::Sequence, "sequence"),
    (ObjectKind::Table, "table"),
    (ObjectKind::Column, "column"),
    (ObjectKind::Constraint, "constraint"),
    (ObjectKind::Index, "index"),
    (ObjectKind::Statistics, "statistics"),
    (ObjectKind::View, "view"),
    (ObjectKind::MaterializedView, "materialized view"),
    (ObjectKind::Rule, "rule"),
    (ObjectKind::Function, "function"),
    (ObjectKind::Procedure, "procedure"),
    (ObjectKind::Aggregate, "aggregate"),
    (ObjectKind::Trigger, "trigger"),
    (ObjectKind::Policy, "policy"),
    (ObjectKind::EventTrigger, "event trigger"),
];

const PROPERTIES: [(Property, &str); 24] = [
    (Property::Kind, "kind"),
    (Property::Type, "type"),
    (Property::NotNull, "not null"),
    (Property::Default, "default"),
    (Property::Identity, "identity"),
    (Property::Generated, "generated"),
    (Property::Collation, "collation"),
    (Property::Labels, "labels"),
    (Property::Definition, "definition"),
    (Property::Version, "version"),
    (Property::OwnedBy, "owned by"),
    (Property::PartitionBy, "partition by"),
    (Property::PartitionOf, "partition of"),
    (Property::Inherits, "inherits"),
    (Property::RowSecurity, "row security"),
    (Property::ReplicaIdentity, "replica identity"),
    (Property::Unlogged, "unlogged"),
    (Property::Options, "options"),
    (Property::Enabled, "enabled"),
    (Property::Invalid, "invalid"),
    (Property::Comment, "comment"),
    (Property::Privileges, "privileges"),
    (Property::ColumnDefaults, "column defaults"),
    (Property::ColumnComments, "column comments"),
];

impl ObjectKind {
    /// Returns the kind's name, as it is shown and as JSON has it.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("object", |(_, name)| name)
    }

    /// Returns whether the argument types are part of the name.
    pub fn has_arguments(self) -> bool {
        matches!(self, Self::Function | Self::Procedure | Self::Aggregate)
    }

    /// Returns the kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

impl Property {
    /// Returns the property's name.
    pub fn name(self) -> &'static str {
        PROPERTIES.iter().find(|(property, _)| *property == self).map_or("property", |(_, name)| name)
    }

    /// Returns the property of that name.
    pub fn parse(name: &str) -> Option<Self> {
        PROPERTIES.iter().find(|(_, known)| *known == name).map(|(property, _)| *property)
    }
}

/// `column users.username`, `table billing.invoices`; `public.` is not said.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind.name(), self.path())
    }
}

impl ObjectId {
    /// Returns what stands before every object of a kind.
    pub fn first(kind: ObjectKind) -> Self {
        Self { kind, schema: String::new(), parent: None, name: String::new() }
    }

    /// Returns the name with its parent and its schema, `public` left out.
    pub fn path(&self) -> String {
        let schema = Some(self.schema.as_str()).filter(|schema| !schema.is_empty() && *schema != "public");
        let parts = schema.into_iter().chain(self.parent.as_deref()).chain([self.name.as_str()]);
        parts.collect::<Vec<_>>().join(".")
    }
}

impl Schema {
    /// Returns the schema without one table and everything that is part of it: the tool's own version table is no
    /// work of the migrations.
    #[must_use]
    pub fn without_table(mut self, schema: &str, table: &str) -> Self {
        let column_prefix = format!("{table}.");
        self.objects.retain(|id, properties| {
            let owned = properties.get(&Property::OwnedBy).is_some_and(|column| column.starts_with(&column_prefix));
            let itself = id.parent.is_none() && id.name == table && id.kind == ObjectKind::Table;
            id.schema != schema || !(itself || id.parent.as_deref() == Some(table) || owned)
        });
        self.column_order.remove(&(schema.to_owned(), table.to_owned()));
        self
    }

    /// Returns what differs, object by object and in their order. The parts of an object that only one side has are
    /// not listed again.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let ids: BTreeSet<&ObjectId> = self.objects.keys().chain(other.objects.keys()).collect();
        let is_lone = |id: &&ObjectId| self.objects.contains_key(id) != other.objects.contains_key(id);
        let whole = ids.iter().copied().filter(|id| id.parent.is_none());
        let lone: BTreeSet<(&str, &str)> =
            whole.filter(is_lone).map(|id| (id.schema.as_str(), id.name.as_str())).collect();
        let part_of_lone =
            |id: &ObjectId| id.parent.as_deref().is_some_and(|parent| lone.contains(&(id.schema.as_str(), parent)));
        let differs = |id: &ObjectId| {
            let change = match (self.objects.get(id), other.objects.get(id)) {
                (Some(_), None) => Change::OnlyBefore,
                (None, Some(_)) => Change::OnlyAfter,
                (Some(before), Some(after)) => Change::of(before, after)?,
                (None, None) => return None,
            };
            Some(Difference { object: id.clone(), change })
        };
        ids.into_iter().filter(|id| !part_of_lone(id)).filter_map(differs).collect()
    }

    /// Returns the tables that both have, with the same columns in another order.
    pub fn reordered(&self, other: &Self) -> Vec<TableName> {
        let sorted = |columns: &Vec<String>| columns.iter().cloned().collect::<BTreeSet<_>>();
        let moved = |(table, columns): (&TableName, &Vec<String>)| {
            let theirs = other.column_order.get(table)?;
            (columns != theirs && sorted(columns) == sorted(theirs)).then(|| table.clone())
        };
        self.column_order.iter().filter_map(moved).collect()
    }
}
