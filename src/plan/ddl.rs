//! The statements that make one schema of another, in an order in which the server takes them.
//!
//! First goes what stands on other objects and is dropped or made again (views, triggers, keys), those that stand on most
//! before the others; then everything is made or altered, the other way round; what nothing stands on any more is dropped
//! last. What depends on what is read from the definitions: the server writes every name in them with its schema.

use std::collections::BTreeSet;

use crate::model::ddl::{Loss, Script, Statement};
use crate::model::drift::Drift;
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, Schema, ident, qualified};

mod alter;
mod create;
mod drop;
mod enums;
mod grants;
mod graph;
mod sequence;
mod table;
#[cfg(test)]
mod tests;

use graph::Graph;

/// Returns the statements that make `to` of `from`.
pub fn script(from: &Schema, to: &Schema) -> Script {
    script_keeping(from, to, &Schema::default())
}

/// Returns the same, where what is made again gets the privileges that it has in `granted`.
pub fn script_keeping(from: &Schema, to: &Schema, granted: &Schema) -> Script {
    if from.objects == to.objects {
        return Script { equal: true, ..Script::default() };
    }
    Writer { granted, ..Writer::new(from, to) }.written()
}

/// Returns the same for a migration, all of which runs in one transaction.
pub fn script_at_once(from: &Schema, to: &Schema, granted: &Schema) -> Script {
    if from.objects == to.objects {
        return Script { equal: true, ..Script::default() };
    }
    Writer { granted, at_once: true, ..Writer::new(from, to) }.written()
}

/// Says beside a column that goes, and one that comes in its place, that it may have been given another name.
pub fn suggest_renames(script: &mut Script, drift: &Drift) {
    for renamed in drift.differences.iter().filter(|it| it.object.kind == ObjectKind::Column) {
        let Some(other) = &renamed.renamed_from else { continue };
        let of = |name: &str| ObjectId { name: name.to_owned(), ..renamed.object.clone() };
        // Either of them may be the one that the database has.
        let (one, two) = (renamed.object.clone(), of(other));
        let drops = |id: &ObjectId, script: &Script| {
            script.statements.iter().any(|it| it.object == *id && matches!(it.loses, Some(Loss::Values { .. })))
        };
        let (was, is) = if drops(&one, script) { (one, two) } else { (two, one) };
        if !drops(&was, script) {
            continue;
        }
        let text = format!("ALTER TABLE {} RENAME COLUMN {} TO {}", table_of(&was), ident(&was.name), ident(&is.name));
        let adds = |it: &&mut Statement| it.object == is && it.text.contains(" ADD COLUMN ");
        if let Some(statement) = script.statements.iter_mut().find(adds) {
            statement.instead = Some(text);
        }
    }
}

struct Writer<'s> {
    from: Graph<'s>,
    to: Graph<'s>,
    gone: BTreeSet<&'s ObjectId>,
    come: BTreeSet<&'s ObjectId>,
    changed: BTreeSet<&'s ObjectId>,
    /// On both sides, and dropped and made again.
    again: BTreeSet<&'s ObjectId>,
    /// Columns whose type changes, and what stands on them goes before.
    retyped: BTreeSet<&'s ObjectId>,
    /// Those of them whose enumeration is made anew.
    rebuilt: BTreeSet<&'s ObjectId>,
    /// Those enumerations.
    remade: BTreeSet<&'s ObjectId>,
    /// Columns with an identity on one side and a sequence on the other.
    exchanged: BTreeSet<&'s ObjectId>,
    /// Sequences that come and go with a column.
    implied: BTreeSet<&'s ObjectId>,
    /// Columns and domains that are without their default while what it calls is made again.
    undefaulted: BTreeSet<&'s ObjectId>,
    /// The names of what stepped aside.
    asides: BTreeSet<String>,
    /// Enumerations whose labels no statement changes.
    stuck: BTreeSet<&'s ObjectId>,
    /// What goes and was dropped before the rest.
    early: BTreeSet<&'s ObjectId>,
    /// Nothing can be committed before the rest: new labels are used at once.
    at_once: bool,
    /// Who may use what, where that is known.
    granted: &'s Schema,
    script: Script,
    /// What has to wait until everything is there.
    late: Vec<Statement>,
    /// What ties tables and indexes to others, when their columns are what they should be.
    last: Vec<Statement>,
}

impl<'s> Writer<'s> {
    fn new(from: &'s Schema, to: &'s Schema) -> Self {
        let (old, new) = (&from.objects, &to.objects);
        let gone = old.keys().filter(|id| !new.contains_key(*id)).collect();
        let come = new.keys().filter(|id| !old.contains_key(*id)).collect();
        let changed = old.iter().filter(|(id, said)| new.get(*id).is_some_and(|other| other != *said));
        let changed: BTreeSet<&ObjectId> = changed.map(|(id, _)| id).collect();
        let mut writer = Self {
            from: Graph::new(from),
            to: Graph::new(to),
            gone,
            come,
            changed,
            again: BTreeSet::new(),
            retyped: BTreeSet::new(),
            rebuilt: BTreeSet::new(),
            remade: BTreeSet::new(),
            exchanged: BTreeSet::new(),
            implied: BTreeSet::new(),
            undefaulted: BTreeSet::new(),
            asides: BTreeSet::new(),
            stuck: BTreeSet::new(),
            early: BTreeSet::new(),
            at_once: false,
            granted: from,
            script: Script::default(),
            late: Vec::new(),
            last: Vec::new(),
        };
        let sequences = new.keys().filter(|id| id.kind == ObjectKind::Sequence && old.contains_key(*id));
        writer.to.kept = sequences.collect();
        writer.exchanged = writer.exchanged();
        writer.implied = writer.implied();
        writer
    }

    fn written(mut self) -> Script {
        self.leave_what_is_stuck();
        self.again();
        self.write();
        self.script
    }

    fn old(&self, id: &ObjectId) -> Option<&'s Properties> {
        self.from.schema.objects.get(id)
    }

    fn new_of(&self, id: &ObjectId) -> Option<&'s Properties> {
        self.to.schema.objects.get(id)
    }

    /// Finds what cannot be altered where it is, and what stands on it.
    fn again(&mut self) {
        for id in self.changed.clone() {
            let (Some(old), Some(new)) = (self.old(id), self.new_of(id)) else { continue };
            if is_made_again(id.kind, old, new) {
                self.again.insert(id);
            }
            if id.kind == ObjectKind::Column && differ(old, new, &[Property::Type, Property::Collation]) {
                self.retyped.insert(id);
            }
        }
        self.remade = self.remade_enums();
        self.rebuilt = self.remade.iter().flat_map(|id| self.columns_of(id)).collect();
        self.retyped.extend(&self.rebuilt);
        loop {
            let found: Vec<&ObjectId> = self
                .from
                .schema
                .objects
                .iter()
                .filter(|(id, properties)| {
                    !self.again.contains(*id) && !self.gone.contains(*id) && self.stands_on_lost(id, properties)
                })
                .map(|(id, _)| id)
                .collect();
            if found.is_empty() {
                break;
            }
            self.again.extend(found);
        }
        self.undefaulted = self.undefaulted();
    }

    /// Returns what stays with a default that calls a function which is made again.
    fn undefaulted(&self) -> BTreeSet<&'s ObjectId> {
        let replaced = self.gone.iter().filter(|id| self.is_replaced(id));
        let functions: Vec<&ObjectId> =
            self.again.iter().chain(replaced).copied().filter(|id| id.kind.has_arguments()).collect();
        if functions.is_empty() {
            return BTreeSet::new();
        }
        let calls = |default: &str| {
            let named = graph::mentions(default);
            functions.iter().any(|id| {
                let name = id.name.split('(').next().unwrap_or_default();
                named.iter().any(|(space, it)| *space == id.schema && it == name)
            })
        };
        let objects = self.from.schema.objects.iter().filter(|(id, said)| {
            matches!(id.kind, ObjectKind::Column | ObjectKind::Domain)
                && !self.again.contains(*id)
                && said.get(&Property::Default).is_some_and(|it| calls(it))
        });
        objects.map(|(id, _)| id).collect()
    }

    fn stands_on_lost(&self, id: &ObjectId, properties: &Properties) -> bool {
        use ObjectKind as K;
        let generated = id.kind == K::Column && properties.contains_key(&Property::Generated);
        let soft = matches!(id.kind, K::View | K::MaterializedView | K::Rule | K::Trigger | K::Policy) || generated;
        let part = matches!(id.kind, K::Index | K::Constraint | K::Statistics);
        if !soft && !part && !id.kind.has_arguments() {
            return false;
        }
        if self.again.is_empty() && self.gone.is_empty() && self.retyped.is_empty() {
            return false;
        }
        let text = self.from.text(id);
        let reference = self.from.is_reference(id);
        // What the server follows by itself stays.
        let follows = part && !reference;
        self.from.needs(id).into_iter().any(|need| {
            let column = need.kind == ObjectKind::Column;
            let named = !column || text.contains(&ident(&need.name));
            let lost = self.again.contains(need) || self.gone.contains(need) && !column || self.remade.contains(need);
            let unique = matches!(need.kind, ObjectKind::Constraint | ObjectKind::Index);
            let key = !unique || self.from.is_key(need) && reference;
            named && key && (lost || !follows && self.retyped.contains(need))
        })
    }

    /// An index that is made again is the replica identity again.
    fn identities(&mut self) {
        let tables = self.from.schema.objects.iter().filter(|(id, _)| id.kind == ObjectKind::Table);
        for (id, old) in tables {
            let identity = old.get(&Property::ReplicaIdentity).filter(|it| it.starts_with("index "));
            let Some(identity) = identity
                .filter(|it| self.new_of(id).is_some_and(|new| new.get(&Property::ReplicaIdentity) == Some(it)))
            else {
                continue;
            };
            let parts = self.from.parts(&id.schema, &id.name);
            if parts.iter().any(|part| self.again.contains(part) && format!("index {}", ident(&part.name)) == *identity)
            {
                self.last.push(Statement::new(id, table::replica_identity(&id.sql(), Some(identity))));
            }
        }
    }

    fn write(&mut self) {
        self.drop_what_stands_on_others();
        self.make();
        if !self.again.is_empty() {
            self.identities();
        }
        self.give_defaults_back();
        let late = std::mem::take(&mut self.late);
        self.script.statements.extend(late);
        self.drop_the_rest();
        let last = std::mem::take(&mut self.last);
        self.script.statements.extend(last);
    }

    fn give_defaults_back(&mut self) {
        for id in self.undefaulted.clone() {
            let default = |said: Option<&'s Properties>| said.and_then(|it| it.get(&Property::Default));
            let (old, new) = (default(self.old(id)), default(self.new_of(id)));
            // Another one is set where the column is altered; one that goes keeps its own until then, where it can.
            let calls_gone = |default: &&String| {
                let named = graph::mentions(default);
                let mut gone = self.gone.iter().filter(|id| id.kind.has_arguments());
                gone.any(|id| {
                    named.contains(&(id.schema.clone(), id.name.split('(').next().unwrap_or_default().to_owned()))
                })
            };
            let set = old.filter(|old| new.is_none_or(|new| new == *old) && !calls_gone(old));
            let set = new.filter(|_| self.rebuilt.contains(id)).or(set);
            if let Some(set) = set.filter(|_| new.is_some() || self.gone.contains(id)) {
                let text = format!("{} SET DEFAULT {set}", alter_default(id));
                self.late.push(Statement::new(id, text));
            }
        }
    }

    fn make(&mut self) {
        let tables: BTreeSet<(&str, &str)> = self
            .come
            .iter()
            .filter(|id| id.kind == ObjectKind::Table)
            .map(|id| (id.schema.as_str(), id.name.as_str()))
            .collect();
        let inlined = |id: &ObjectId| {
            let of_new = id.parent.as_deref().is_some_and(|parent| tables.contains(&(id.schema.as_str(), parent)));
            of_new && (id.kind == ObjectKind::Column || self.is_inlined(id))
        };
        let work: BTreeSet<&ObjectId> = self
            .come
            .iter()
            .chain(&self.again)
            .chain(&self.changed)
            .copied()
            .filter(|id| !inlined(id) && !self.is_inherited(id) && !self.is_of_exchanged(id) && !self.is_kept(id))
            .collect();
        for id in self.to.ordered(&work, Graph::needs) {
            let Some(new) = self.new_of(id) else { continue };
            let in_the_way = drop::named(&self.gone, id).filter(|it| it.kind == ObjectKind::Table);
            if let Some(table) = in_the_way.filter(|_| id.parent.is_none() && self.come.contains(id)) {
                self.by_hand(id, &format!("its name is that of the {table}, which has to be dropped first"));
                continue;
            }
            match self.old(id).filter(|_| !self.again.contains(id) || id.kind == ObjectKind::Column) {
                Some(old) => self.alter(id, old, new),
                None if self.implied.contains(id) => self.create_around(id, new),
                None => self.create(id, new),
            }
        }
    }

    /// Returns whether a partition keeps a constraint of its parent when it is detached.
    fn is_kept(&self, id: &ObjectId) -> bool {
        let Some(table) = id.parent.as_deref().filter(|_| id.kind == ObjectKind::Constraint) else { return false };
        let whole =
            ObjectId { kind: ObjectKind::Table, schema: id.schema.clone(), parent: None, name: table.to_owned() };
        let partition = |said: Option<&Properties>| said.is_some_and(|it| it.contains_key(&Property::PartitionOf));
        if !self.come.contains(id) || !partition(self.old(&whole)) || partition(self.new_of(&whole)) {
            return false;
        }
        let definition = |said: Option<&Properties>| said.and_then(|it| it.get(&Property::Definition)).cloned();
        let own = definition(self.new_of(id));
        self.from.parents(&id.schema, table).iter().any(|(space, parent)| {
            let parts = self.from.parts(space, parent).iter();
            parts.filter(|it| it.kind == ObjectKind::Constraint).any(|it| definition(self.old(it)) == own)
        })
    }

    /// Returns whether a part of a child table follows the same part of its parent.
    fn is_inherited(&self, id: &ObjectId) -> bool {
        if !matches!(id.kind, ObjectKind::Column | ObjectKind::Constraint) {
            return false;
        }
        let Some(table) = id.parent.as_deref() else { return false };
        let parents = |graph: &Graph<'s>| graph.parents(&id.schema, table);
        let (old, new) = (parents(&self.from), parents(&self.to));
        old.iter().filter(|parent| new.contains(parent)).any(|(space, parent)| {
            let above = ObjectId { schema: space.clone(), parent: Some(parent.clone()), ..id.clone() };
            let (old, new) = (self.old(&above), self.new_of(&above));
            let alike = old.is_some() == self.old(id).is_some() && new.is_some() == self.new_of(id).is_some();
            // Foreign keys and unique ones of a parent are not listed with its children.
            alike
                && old != new
                && (old.is_none() || new.is_none() || same_change((old, new), (self.old(id), self.new_of(id))))
        })
    }

    fn push(&mut self, id: &ObjectId, text: impl Into<String>) {
        self.script.statements.push(Statement::new(id, text));
    }

    fn by_hand(&mut self, id: &ObjectId, why: &str) {
        self.script.by_hand.push(format!("{id}: {why}"));
    }
}

/// Returns how the default of a column or a domain is altered.
fn alter_default(id: &ObjectId) -> String {
    if id.kind == ObjectKind::Domain { format!("ALTER DOMAIN {}", id.sql()) } else { table::alter_column(id) }
}

/// Whether both change the same properties to the same values.
fn same_change(
    (old, new): (Option<&Properties>, Option<&Properties>),
    (other_old, other_new): (Option<&Properties>, Option<&Properties>),
) -> bool {
    let changed = |old: Option<&Properties>, new: Option<&Properties>| -> Vec<(Property, Option<String>)> {
        let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
        let all: BTreeSet<Property> = old.keys().chain(new.keys()).copied().collect();
        all.into_iter().filter(|it| old.get(it) != new.get(it)).map(|it| (it, new.get(&it).cloned())).collect()
    };
    changed(old, new) == changed(other_old, other_new)
}

fn differ(old: &Properties, new: &Properties, which: &[Property]) -> bool {
    which.iter().any(|property| old.get(property) != new.get(property))
}

/// What has no `ALTER` that would do.
fn is_made_again(kind: ObjectKind, old: &Properties, new: &Properties) -> bool {
    use ObjectKind as K;
    use Property as P;
    let definition = differ(old, new, &[P::Definition]);
    match kind {
        K::View | K::MaterializedView => differ(old, new, &[P::Definition, P::Options]),
        K::Rule | K::Trigger | K::Policy | K::Constraint | K::Statistics | K::Aggregate | K::EventTrigger => definition,
        K::Index => differ(old, new, &[P::Definition, P::Invalid]),
        K::Function | K::Procedure => head(old) != head(new),
        // An expression can be taken from a column, and not be given to it.
        K::Column => new.contains_key(&P::Generated) && differ(old, new, &[P::Generated]),
        _ => false,
    }
}

/// A function's names, arguments and result, which `CREATE OR REPLACE` does not change.
fn head(function: &Properties) -> Option<String> {
    let definition = function.get(&Property::Definition)?;
    Some(definition.lines().take(2).collect::<Vec<_>>().join("\n"))
}

/// Returns the name of the table that an object is part of, as SQL has it.
fn table_of(id: &ObjectId) -> String {
    qualified(&id.schema, id.parent.as_deref().unwrap_or(&id.name))
}

fn values_of(id: &ObjectId) -> Loss {
    Loss::Values { table: (id.schema.clone(), id.parent.clone().unwrap_or_default()), column: id.name.clone() }
}
