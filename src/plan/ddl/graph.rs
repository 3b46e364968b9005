//! What stands on what, read from the definitions.

use std::collections::{BTreeSet, HashMap};

use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, Schema};

/// A schema with its objects by name and by table.
pub(super) struct Graph<'s> {
    pub schema: &'s Schema,
    /// Sequences that the other schema has, too.
    pub kept: BTreeSet<&'s ObjectId>,
    names: Named<'s>,
    parts: Named<'s>,
}

/// Objects by schema and name.
type Named<'s> = HashMap<&'s str, HashMap<&'s str, Vec<&'s ObjectId>>>;

fn named<'n, 's>(named: &'n Named<'s>, schema: &str, name: &str) -> &'n [&'s ObjectId] {
    named.get(schema).and_then(|it| it.get(name)).map_or(&[], Vec::as_slice)
}

impl<'s> Graph<'s> {
    pub(super) fn new(schema: &'s Schema) -> Self {
        let (mut names, mut parts) = (Named::new(), Named::new());
        for id in schema.objects.keys() {
            let Some(parent) = &id.parent else {
                let arguments = id.name.split_once('(').filter(|_| id.kind.has_arguments());
                let name = arguments.map_or(id.name.as_str(), |(name, _)| name);
                names.entry(&id.schema).or_default().entry(name).or_default().push(id);
                continue;
            };
            parts.entry(&id.schema).or_default().entry(parent).or_default().push(id);
        }
        Self { schema, kept: BTreeSet::new(), names, parts }
    }

    /// Returns what belongs to a table, view or domain.
    pub(super) fn parts(&self, schema: &str, name: &str) -> &[&'s ObjectId] {
        named(&self.parts, schema, name)
    }

    fn said(&self, id: &ObjectId, property: Property) -> Option<&'s str> {
        Some(self.schema.objects.get(id)?.get(&property)?.as_str())
    }

    /// Returns everything that names other objects, as the server wrote it.
    pub(super) fn text(&self, id: &ObjectId) -> String {
        let Some(properties) = self.schema.objects.get(id) else { return String::new() };
        let mut text = String::new();
        add(&mut text, id.kind, properties);
        if id.kind.has_arguments() {
            text.push_str(&id.name);
        }
        if id.kind == ObjectKind::Table {
            let parts = self.parts(&id.schema, &id.name).iter().filter(|part| {
                let constraint = part.kind == ObjectKind::Constraint && !self.is_reference(part);
                part.kind == ObjectKind::Column || constraint
            });
            for part in parts {
                if let Some(properties) = self.schema.objects.get(*part) {
                    add(&mut text, part.kind, properties);
                }
            }
        }
        text
    }

    /// Returns the objects that have to be there for this one.
    pub(super) fn needs(&self, id: &ObjectId) -> BTreeSet<&'s ObjectId> {
        let mut needs = BTreeSet::new();
        let whole = |space: &str, name: &str| named(&self.names, space, name).iter().copied();
        needs.extend(whole("", &id.schema).filter(|it| it.kind == ObjectKind::Schema));
        if let Some(parent) = &id.parent {
            needs.extend(whole(&id.schema, parent));
            if id.kind != ObjectKind::Column {
                let columns = self.parts(&id.schema, parent).iter().filter(|it| it.kind == ObjectKind::Column);
                needs.extend(columns.copied());
            } else if self.said(id, Property::Generated).is_some() {
                let plain =
                    |it: &&&ObjectId| it.kind == ObjectKind::Column && self.said(it, Property::Generated).is_none();
                needs.extend(self.parts(&id.schema, parent).iter().filter(plain).copied());
            }
        }
        for (space, name) in mentions(&self.text(id)) {
            for named in whole(&space, &name) {
                needs.insert(named);
                if named.kind == ObjectKind::Table {
                    let of_table = self.parts(&named.schema, &named.name).iter();
                    let wanted = |part: &&&ObjectId| part.kind == ObjectKind::Column || self.is_key(part);
                    needs.extend(of_table.filter(wanted).copied());
                }
            }
        }
        needs.remove(id);
        needs
    }

    /// Returns what a table with all of its parts needs; foreign keys are parts.
    pub(super) fn needs_with_parts(&self, id: &ObjectId) -> BTreeSet<&'s ObjectId> {
        let mut needs = self.needs(id);
        if matches!(id.kind, ObjectKind::Table | ObjectKind::Domain) {
            for part in self.parts(&id.schema, &id.name) {
                needs.extend(self.needs(part));
            }
            needs.remove(id);
        }
        needs
    }

    /// Whether it is a primary key, a unique constraint, or a unique index.
    pub(super) fn is_key(&self, id: &ObjectId) -> bool {
        let definition = self.said(id, Property::Definition);
        definition.is_some_and(|it| match id.kind {
            ObjectKind::Constraint => it.starts_with("PRIMARY KEY") || it.starts_with("UNIQUE"),
            ObjectKind::Index => it.starts_with("CREATE UNIQUE "),
            _ => false,
        })
    }

    /// Whether it is a constraint with an index of its name.
    pub(super) fn is_indexed(&self, id: &ObjectId) -> bool {
        let exclusion = |it: &str| it.starts_with("EXCLUDE");
        id.kind == ObjectKind::Constraint
            && (self.is_key(id) || self.said(id, Property::Definition).is_some_and(exclusion))
    }

    /// Whether it is a foreign key.
    pub(super) fn is_reference(&self, id: &ObjectId) -> bool {
        let definition = self.said(id, Property::Definition).filter(|_| id.kind == ObjectKind::Constraint);
        definition.is_some_and(|it| it.starts_with("FOREIGN KEY"))
    }

    /// Returns the tables whose partition or heir a table is.
    pub(super) fn parents(&self, schema: &str, table: &str) -> Vec<(String, String)> {
        let id = ObjectId { kind: ObjectKind::Table, schema: schema.to_owned(), parent: None, name: table.to_owned() };
        if let Some(text) = self.said(&id, Property::PartitionOf) {
            return mentions(text).into_iter().take(1).collect();
        }
        self.said(&id, Property::Inherits).map(mentions).unwrap_or_default()
    }

    /// Returns the objects so that each stands behind what it needs. Where two need each other, the kind decides.
    pub(super) fn ordered(
        &self,
        wanted: &BTreeSet<&'s ObjectId>,
        needs: fn(&Self, &ObjectId) -> BTreeSet<&'s ObjectId>,
    ) -> Vec<&'s ObjectId> {
        let mut sorted: Vec<&ObjectId> = wanted.iter().copied().collect();
        sorted.sort_by_key(|id| (self.turn(id), *id));
        let mut seen = BTreeSet::new();
        let mut ordered = Vec::new();
        for id in sorted {
            self.visit(
                id,
                &|id| needs(self, id).into_iter().filter(|it| wanted.contains(it)).collect(),
                &mut seen,
                &mut ordered,
            );
        }
        ordered
    }

    fn visit(
        &self,
        id: &'s ObjectId,
        needs: &dyn Fn(&'s ObjectId) -> Vec<&'s ObjectId>,
        seen: &mut BTreeSet<&'s ObjectId>,
        ordered: &mut Vec<&'s ObjectId>,
    ) {
        // Each on the way with what it needs: chains of views may be longer than the stack.
        let mut way: Vec<(&ObjectId, Vec<&ObjectId>)> = Vec::new();
        let needs = |id: &'s ObjectId| {
            let mut needs = needs(id);
            needs.sort_by_key(|id| std::cmp::Reverse((self.turn(id), *id)));
            needs
        };
        if seen.insert(id) {
            way.push((id, needs(id)));
        }
        while let Some((_, left)) = way.last_mut() {
            match left.pop() {
                Some(need) => {
                    if seen.insert(need) {
                        way.push((need, needs(need)));
                    }
                }
                None => ordered.extend(way.pop().map(|(done, _)| done)),
            }
        }
    }

    fn turn(&self, id: &ObjectId) -> u8 {
        use ObjectKind as K;
        match id.kind {
            K::Schema => 0,
            K::Extension => 1,
            K::Collation => 2,
            K::Enum => 3,
            K::Domain | K::CompositeType | K::RangeType => 4,
            K::Sequence => 5,
            K::Function | K::Procedure => 6,
            K::Aggregate => 7,
            K::Table => 8,
            K::Column => 9,
            // Before a table has the domain in an array, where it cannot be altered any more.
            K::Constraint if self.is_of_domain(id) => 4,
            K::Constraint if !self.is_reference(id) => 10,
            // A partition's index is attached to its parent's.
            K::Index => 11,
            K::Constraint => 12,
            K::Statistics => 13,
            K::View => 14,
            K::MaterializedView => 15,
            K::Rule => 16,
            K::Trigger => 17,
            K::Policy => 18,
            K::EventTrigger => 19,
        }
    }
}

fn add(text: &mut String, kind: ObjectKind, properties: &Properties) {
    use Property as P;
    for property in
        [P::Type, P::Default, P::ColumnDefaults, P::Generated, P::Collation, P::PartitionOf, P::Inherits, P::Definition]
    {
        let Some(value) = properties.get(&property) else { continue };
        let function = matches!(kind, ObjectKind::Function | ObjectKind::Procedure);
        // What stands in quotes is read when it runs, and not before.
        let quoted = value.find("\nAS ").filter(|_| function && property == P::Definition);
        text.push_str(quoted.and_then(|at| value.get(..at)).unwrap_or(value));
        text.push('\n');
    }
}

/// Returns every `schema.name` of a text; also of constants, as in `nextval('public.users_id_seq')`.
pub(super) fn mentions(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut before: Option<String> = None;
    while let Some(first) = rest.chars().next() {
        if let Some(constant) = rest.strip_prefix('\'') {
            let (inside, after) = constant_of(constant);
            rest = after;
            before = None;
            // As in `nextval('public.users_id_seq')`: a name, and nothing else.
            found.extend(whole_name(&inside));
            continue;
        }
        let Some((name, after)) = identifier(rest) else {
            before = None;
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        };
        let after_dot = after.strip_prefix('.');
        rest = after_dot.unwrap_or(after);
        if let Some(schema) = before.take() {
            found.push((schema, name));
        } else if after_dot.is_some() && !name.is_empty() {
            before = Some(name);
        }
    }
    found
}

/// Whether a text has a name as an identifier of its own.
pub(super) fn has_identifier(text: &str, name: &str) -> bool {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(constant) = rest.strip_prefix('\'') {
            rest = constant_of(constant).1;
        } else if let Some((found, after)) = identifier(rest) {
            if found == name {
                return true;
            }
            rest = after;
        } else {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    false
}

/// Returns a constant up to its closing quote, and what follows that.
fn constant_of(text: &str) -> (String, &str) {
    let mut inside = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\'') {
        inside.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                inside.push('\'');
                rest = more;
            }
            None => return (inside, after),
        }
    }
    (inside, "")
}

/// Returns schema and name, where a text is just these.
fn whole_name(text: &str) -> Option<(String, String)> {
    let (schema, rest) = identifier(text)?;
    let (name, rest) = identifier(rest.strip_prefix('.')?)?;
    rest.is_empty().then_some((schema, name))
}

/// Reads an identifier, and returns what follows it.
pub(super) fn identifier(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut characters = quoted.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            if c != '"' {
                name.push(c);
            } else if characters.next_if(|(_, next)| *next == '"').is_some() {
                name.push('"');
            } else {
                return Some((name, quoted.get(at + 1..)?));
            }
        }
        return None;
    }
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let first = text.chars().next().filter(|c| part(*c))?;
    let end = text.find(|c| !part(c)).unwrap_or(text.len());
    // Numbers with a point are no names.
    let name = if first.is_ascii_digit() { String::new() } else { text.get(..end)?.to_owned() };
    Some((name, text.get(end..)?))
}
