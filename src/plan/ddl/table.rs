//! Tables, their columns, and the sequences that come with these.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::graph::{Graph, mentions};
use super::{Writer, table_of};
use crate::model::ddl::Statement;
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, ident, qualified};

impl<'s> Graph<'s> {
    /// Returns a column by `table.column`, as a sequence names its owner.
    pub(super) fn column_named(&self, schema: &str, owner: &str) -> Option<&'s ObjectId> {
        let at = owner.match_indices('.').map(|(at, _)| at);
        at.filter_map(|at| Some((owner.get(..at)?, owner.get(at + 1..)?))).find_map(|(table, column)| {
            let parts = self.parts(schema, table).iter();
            parts.copied().find(|it| it.kind == ObjectKind::Column && it.name == column)
        })
    }

    /// Whether a constraint is one of a domain.
    pub(super) fn is_of_domain(&self, id: &ObjectId) -> bool {
        let Some(parent) = &id.parent else { return false };
        let domain =
            ObjectId { kind: ObjectKind::Domain, schema: id.schema.clone(), parent: None, name: parent.clone() };
        self.schema.objects.contains_key(&domain)
    }

    /// Returns the sequence that a column has for itself, and whether an identity has it.
    pub(super) fn sequence_of(&self, id: &ObjectId, said: &Properties) -> Option<(&'s ObjectId, &'s Properties)> {
        let owner = format!("{}.{}", id.parent.as_deref()?, id.name);
        if !said.contains_key(&Property::Identity) && !said.contains_key(&Property::Default) {
            return None;
        }
        let named = said.get(&Property::Default).map(|default| mentions(default)).unwrap_or_default();
        if named.is_empty() && !said.contains_key(&Property::Identity) {
            return None;
        }
        let start = ObjectId::first(ObjectKind::Sequence);
        let sequences = self.schema.objects.range(start..).take_while(|(it, _)| it.kind == ObjectKind::Sequence);
        let owned = |(it, sequence): &(&ObjectId, &Properties)| {
            let of_column = sequence.get(&Property::OwnedBy) == Some(&owner) && it.schema == id.schema;
            of_column
                && (said.contains_key(&Property::Identity) || named.contains(&(it.schema.clone(), it.name.clone())))
        };
        let own_name =
            ObjectId { kind: ObjectKind::Sequence, schema: id.schema.clone(), parent: None, name: usual_name(id) };
        // Nearly always it has the name that the server gave it.
        let usual = self.schema.objects.get_key_value(&own_name).filter(owned);
        usual.or_else(|| sequences.into_iter().find(owned))
    }

    /// Returns `serial` for a column that is one.
    fn serial(&self, id: &ObjectId, said: &Properties) -> Option<&'static str> {
        let default = said.get(&Property::Default)?;
        let (sequence, of_sequence) = self.sequence_of(id, said)?;
        let kind = said.get(&Property::Type)?;
        let is_usual = of_sequence.get(&Property::Type) == Some(kind)
            && sequence.name == usual_name(id)
            && of_sequence.get(&Property::Definition).is_some_and(|it| *it == usual_definition(kind))
            && said.contains_key(&Property::NotNull)
            && !self.kept.contains(sequence)
            && *default == format!("nextval('{}'::regclass)", sequence.sql());
        let word = match kind.as_str() {
            "integer" => "serial",
            "bigint" => "bigserial",
            _ => "smallserial",
        };
        is_usual.then_some(word)
    }
}

impl<'s> Writer<'s> {
    /// Returns the sequences that need no statement of their own: those of identities, and of `serial` columns that come
    /// or go.
    pub(super) fn implied(&self) -> BTreeSet<&'s ObjectId> {
        let mut implied = BTreeSet::new();
        for (graph, fresh) in [(&self.from, &self.gone), (&self.to, &self.come)] {
            let sequences = fresh.iter().filter(|id| id.kind == ObjectKind::Sequence);
            for sequence in sequences {
                let owner = graph.schema.objects.get(*sequence).and_then(|it| it.get(&Property::OwnedBy));
                let column = owner.and_then(|owner| graph.column_named(&sequence.schema, owner));
                let Some((column, said)) = column.and_then(|it| Some((it, graph.schema.objects.get(it)?))) else {
                    continue;
                };
                let serial =
                    fresh.contains(column) && graph.serial(column, said).is_some() || self.exchanged.contains(column);
                if said.contains_key(&Property::Identity) || serial {
                    implied.insert(*sequence);
                }
            }
        }
        implied
    }

    /// Returns the columns that have an identity on one side, and a sequence by their default on the other.
    pub(super) fn exchanged(&self) -> BTreeSet<&'s ObjectId> {
        let columns = self.changed.iter().copied().filter(|id| id.kind == ObjectKind::Column);
        let exchanged = columns.filter(|id| {
            let (Some(old), Some(new)) = (self.old(id), self.new_of(id)) else { return false };
            let identity = [old, new].map(|said| said.contains_key(&Property::Identity));
            let by_sequence =
                |said: &Properties| said.get(&Property::Default).is_some_and(|it| it.starts_with("nextval("));
            identity[0] != identity[1] && (by_sequence(old) || by_sequence(new))
        });
        exchanged.collect()
    }

    /// Whether it is the sequence of such a column.
    pub(super) fn is_of_exchanged(&self, id: &ObjectId) -> bool {
        if id.kind != ObjectKind::Sequence || self.exchanged.is_empty() {
            return false;
        }
        [&self.from, &self.to].into_iter().any(|graph| {
            let owner = graph.schema.objects.get(id).and_then(|it| it.get(&Property::OwnedBy));
            let column = owner.and_then(|owner| graph.column_named(&id.schema, owner));
            column.is_some_and(|it| self.exchanged.contains(it))
        })
    }

    /// Whether a constraint stands inside of `CREATE TABLE`.
    pub(super) fn is_inlined(&self, id: &ObjectId) -> bool {
        let definition = self.new_of(id).and_then(|it| it.get(&Property::Definition));
        id.kind == ObjectKind::Constraint
            && self.come.contains(id)
            && !self.to.is_reference(id)
            && !self.to.is_of_domain(id)
            && definition.is_some_and(|it| !it.ends_with("NOT VALID"))
    }

    pub(super) fn table_around(&mut self, id: &ObjectId, new: &Properties) {
        let name = id.sql();
        if let Some(of) = new.get(&Property::PartitionOf) {
            self.last.push(Statement::new(id, attach(&name, of)));
        }
        self.row_security(id, None, new);
        if let Some(identity) = new.get(&Property::ReplicaIdentity) {
            self.last.push(Statement::new(id, replica_identity(&name, Some(identity))));
        }
    }

    pub(super) fn row_security(&mut self, id: &ObjectId, old: Option<&Properties>, new: &Properties) {
        let state =
            |said: Option<&Properties>| match said.and_then(|it| it.get(&Property::RowSecurity)).map(String::as_str) {
                Some("forced") => (true, true),
                Some("enabled") => (true, false),
                Some(_) => (false, true),
                None => (false, false),
            };
        let ((was_on, was_forced), (on, forced)) = (state(old), state(Some(new)));
        if on != was_on {
            let word = if on { "ENABLE" } else { "DISABLE" };
            self.push(id, format!("ALTER TABLE {} {word} ROW LEVEL SECURITY", id.sql()));
        }
        if forced != was_forced {
            let word = if forced { "FORCE" } else { "NO FORCE" };
            self.push(id, format!("ALTER TABLE {} {word} ROW LEVEL SECURITY", id.sql()));
        }
    }
}

/// `public.events FOR VALUES FROM (…) TO (…)`, or `public.events DEFAULT`.
pub(super) fn attach(name: &str, of: &str) -> String {
    let parent = mentions(of).into_iter().next().unwrap_or_default();
    let bound = [" FOR VALUES ", " DEFAULT"].iter().filter_map(|word| of.find(word)).min();
    let bound = bound.and_then(|at| of.get(at..)).unwrap_or_default();
    format!("ALTER TABLE {} ATTACH PARTITION {name}{bound}", qualified(&parent.0, &parent.1))
}

pub(super) fn replica_identity(name: &str, identity: Option<&String>) -> String {
    let how = match identity.map(String::as_str) {
        None => "DEFAULT".to_owned(),
        Some("full") => "FULL".to_owned(),
        Some("nothing") => "NOTHING".to_owned(),
        Some(index) => format!("USING INDEX {}", index.strip_prefix("index ").unwrap_or(index)),
    };
    format!("ALTER TABLE {name} REPLICA IDENTITY {how}")
}

/// Returns the statement of a table with its columns, its keys and its checks.
pub(super) fn create_table(graph: &Graph<'_>, id: &ObjectId, new: &Properties) -> Result<String, &'static str> {
    let kind = new.get(&Property::Kind).map_or("table", String::as_str);
    if kind == "foreign table" {
        return Err("devdb does not write foreign tables");
    }
    let order = graph.schema.column_order.get(&(id.schema.clone(), id.name.clone()));
    let place = |part: &ObjectId| order.and_then(|order| order.iter().position(|name| *name == part.name));
    let parts = graph.parts(&id.schema, &id.name);
    let mut columns: Vec<&ObjectId> = parts.iter().copied().filter(|it| it.kind == ObjectKind::Column).collect();
    columns.sort_by_key(|part| place(part));
    // What an heir says otherwise than its parents it says itself.
    let heirs = new.get(&Property::Inherits).map(|it| mentions(it)).unwrap_or_default();
    let inherited = |part: &ObjectId| {
        heirs.iter().any(|(schema, parent)| {
            let above = ObjectId { schema: schema.clone(), parent: Some(parent.clone()), ..part.clone() };
            let alike = |said: &Properties| -> Vec<(Property, String)> {
                let beside = [Property::Comment, Property::Privileges, Property::Options];
                said.iter().filter(|(it, _)| !beside.contains(it)).map(|(it, value)| (*it, value.clone())).collect()
            };
            let (Some(above), Some(own)) = (graph.schema.objects.get(&above), graph.schema.objects.get(part)) else {
                return false;
            };
            alike(above) == alike(own)
        })
    };
    columns.retain(|part| !inherited(part));
    // A partition takes its identities from its parent.
    let alone = !new.contains_key(&Property::PartitionOf);
    let said = |part: &&ObjectId| graph.schema.objects.get(*part);
    let mut lines: Vec<String> =
        columns.iter().filter_map(|part| Some(format!("    {}", column(graph, part, said(part)?, alone)))).collect();
    let mut constraints: Vec<&ObjectId> =
        parts.iter().copied().filter(|it| it.kind == ObjectKind::Constraint && !graph.is_reference(it)).collect();
    constraints.retain(|it| graph.is_key(it) || !inherited(it));
    constraints.sort_by_key(|it| !graph.is_key(it));
    for part in constraints {
        let definition = said(&part).and_then(|it| it.get(&Property::Definition));
        if let Some(definition) = definition.filter(|it| !it.ends_with("NOT VALID")) {
            lines.push(format!("    CONSTRAINT {} {definition}", ident(&part.name)));
        }
    }
    let unlogged = if new.contains_key(&Property::Unlogged) { "UNLOGGED " } else { "" };
    let partitioned = new.get(&Property::PartitionBy).map(|it| format!(" PARTITION BY {it}")).unwrap_or_default();
    let with = new.get(&Property::Options).map(|it| format!(" WITH ({it})")).unwrap_or_default();
    let body = if lines.is_empty() { "()".to_owned() } else { format!("(\n{}\n)", lines.join(",\n")) };
    let parents: Vec<String> = heirs.iter().map(|(schema, name)| qualified(schema, name)).collect();
    let inherits = if parents.is_empty() { String::new() } else { format!(" INHERITS ({})", parents.join(", ")) };
    Ok(format!("CREATE {unlogged}TABLE {} {body}{inherits}{partitioned}{with}", id.sql()))
}

/// Returns a column as `CREATE TABLE` and `ADD COLUMN` have it.
pub(super) fn column(graph: &Graph<'_>, id: &ObjectId, said: &Properties, with_identity: bool) -> String {
    let name = ident(&id.name);
    if let Some(serial) = graph.serial(id, said) {
        return format!("{name} {serial}");
    }
    let mut text = format!("{name} {}", said.get(&Property::Type).map_or("text", String::as_str));
    let mut add = |part: String| {
        text.push(' ');
        text.push_str(&part);
    };
    if let Some(collation) = said.get(&Property::Collation) {
        add(format!("COLLATE {collation}"));
    }
    if let Some(default) = said.get(&Property::Default) {
        add(format!("DEFAULT {default}"));
    }
    if let Some(generated) = said.get(&Property::Generated) {
        add(self::generated(generated));
    }
    if let Some(identity) = said.get(&Property::Identity).filter(|_| with_identity) {
        add(self::identity(graph, id, said, identity));
    }
    if said.contains_key(&Property::NotNull) {
        add("NOT NULL".to_owned());
    }
    text
}

/// `stored: lower(username)`.
fn generated(generated: &str) -> String {
    let (how, expression) = generated.split_once(": ").unwrap_or(("stored", generated));
    format!("GENERATED ALWAYS AS ({expression}) {}", how.to_uppercase())
}

/// Returns the clause of an identity, with what is not usual of its sequence.
pub(super) fn identity(graph: &Graph<'_>, id: &ObjectId, said: &Properties, when: &str) -> String {
    let mut text = format!("GENERATED {} AS IDENTITY", when.to_uppercase());
    let Some((sequence, of_sequence)) = graph.sequence_of(id, said) else { return text };
    let mut unusual = Vec::new();
    if sequence.name != usual_name(id) {
        unusual.push(format!("SEQUENCE NAME {}", sequence.sql()));
    }
    let kind = said.get(&Property::Type).map_or("", String::as_str);
    let definition = of_sequence.get(&Property::Definition).filter(|it| **it != usual_definition(kind));
    unusual.extend(definition.map(|it| it.to_uppercase()));
    if !unusual.is_empty() {
        // Writing to a String cannot fail.
        let _infallible = write!(text, " ({})", unusual.join(" "));
    }
    text
}

/// The name that the server gives to the sequence of a column, while it is short.
fn usual_name(id: &ObjectId) -> String {
    format!("{}_{}_seq", id.parent.as_deref().unwrap_or_default(), id.name)
}

fn usual_definition(kind: &str) -> String {
    let most: i64 = match kind {
        "smallint" => i64::from(i16::MAX),
        "integer" => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    format!("start 1 increment 1 minvalue 1 maxvalue {most} cache 1")
}

/// Returns a list of settings, one by one.
pub(super) fn options(list: Option<&String>) -> Vec<String> {
    list.map(|list| list.split(", ").map(str::to_owned).collect()).unwrap_or_default()
}

/// Returns `ALTER TABLE t ALTER COLUMN c`.
pub(super) fn alter_column(id: &ObjectId) -> String {
    format!("ALTER TABLE {} ALTER COLUMN {}", table_of(id), ident(&id.name))
}
