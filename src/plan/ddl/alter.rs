//! What is altered where it is.

use super::create::settings;
use super::graph::mentions;
use super::table::{alter_column, attach, column, identity, replica_identity};
use super::{Writer, differ, table_of, values_of};
use crate::model::ddl::{Loss, Obstacle, Statement};
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, ident, literal, qualified};

impl Writer<'_> {
    pub(super) fn alter(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        use ObjectKind as K;
        match id.kind {
            K::Extension => self.alter_extension(id, old, new),
            K::Enum => self.alter_enum(id, old, new),
            K::Domain => self.alter_domain(id, old, new),
            K::CompositeType => self.alter_composite(id, old, new),
            K::RangeType if differ(old, new, &[Property::Definition]) => {
                self.by_hand(id, "the range is another, and a range type cannot be altered");
            }
            K::Collation if differ(old, new, &[Property::Definition]) => {
                self.by_hand(id, "the collation is another, and cannot be altered");
            }
            K::Sequence => self.alter_sequence(id, old, new),
            K::Table => self.alter_table(id, old, new),
            K::Column => self.alter_column(id, old, new),
            K::Function | K::Procedure if differ(old, new, &[Property::Definition]) => {
                let definition = new.get(&Property::Definition).map_or("", |it| it.trim_end());
                self.push(id, definition);
            }
            K::Index => self.alter_index(id, old, new),
            K::View | K::MaterializedView => self.view_columns(id, Some(old), new),
            _ => {}
        }
        if differ(old, new, &[Property::Enabled]) {
            self.enabled(id, new);
        }
        if differ(old, new, &[Property::Comment]) {
            self.comment(id, new);
        }
        self.granted(id, old.get(&Property::Privileges), new.get(&Property::Privileges));
    }

    fn alter_extension(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        let name = ident(&id.name);
        if let Some(version) = new.get(&Property::Version).filter(|_| differ(old, new, &[Property::Version])) {
            self.push(id, format!("ALTER EXTENSION {name} UPDATE TO {}", literal(version)));
        }
        let into = new.get(&Property::Definition).and_then(|it| it.strip_prefix("schema "));
        if let Some(into) = into.filter(|_| differ(old, new, &[Property::Definition])) {
            self.push(id, format!("ALTER EXTENSION {name} SET SCHEMA {}", ident(into)));
        }
    }

    fn alter_domain(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        if differ(old, new, &[Property::Type, Property::Collation]) {
            self.by_hand(id, "its type is another, and a domain's type cannot be altered");
        }
        let alter = format!("ALTER DOMAIN {}", id.sql());
        if differ(old, new, &[Property::Default]) {
            let what = new.get(&Property::Default).map_or("DROP DEFAULT".to_owned(), |it| format!("SET DEFAULT {it}"));
            self.push(id, format!("{alter} {what}"));
        }
        if differ(old, new, &[Property::NotNull]) {
            let word = if new.contains_key(&Property::NotNull) { "SET" } else { "DROP" };
            if let Some(holder) = self.container_of(&id.schema, &id.name).filter(|_| word == "SET") {
                return self
                    .by_hand(id, &format!("it cannot be NOT NULL while the {holder} has it inside of its type"));
            }
            self.push(id, format!("{alter} {word} NOT NULL"));
        }
    }

    fn alter_composite(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        let (old, new) = (attributes(old), attributes(new));
        let names = [id.sql(), format!("{}[]", id.sql())];
        let mut columns = self.from.schema.objects.iter().filter(|(it, _)| it.kind == ObjectKind::Column);
        let user = columns.find(|(_, said)| said.get(&Property::Type).is_some_and(|it| names.contains(it)));
        let user = user.map(|(column, _)| column.clone());
        let kind =
            |list: &[(String, String)], name: &str| list.iter().find(|(it, _)| it == name).map(|it| it.1.clone());
        let mut changes = Vec::new();
        let gone: Vec<String> = old.iter().filter(|it| kind(&new, &it.0).is_none()).map(|it| it.0.clone()).collect();
        for (name, now) in &new {
            match kind(&old, name) {
                None => changes.push(format!("ADD ATTRIBUTE {name} {now}")),
                Some(was) if was != *now && user.is_some() => {
                    return self.by_hand(id, "an attribute has another type, and a column has this one");
                }
                Some(was) if was != *now => changes.push(format!("ALTER ATTRIBUTE {name} TYPE {now}")),
                Some(_) => {}
            }
        }
        if !changes.is_empty() {
            self.push(id, format!("ALTER TYPE {} {}", id.sql(), changes.join(", ")));
        }
        // A column's values would lose it.
        for name in &gone {
            let statement = Statement::new(id, format!("ALTER TYPE {} DROP ATTRIBUTE {name}", id.sql()));
            self.script.statements.push(Statement { held_by: user.clone(), ..statement });
        }
        if changes.is_empty() && gone.is_empty() && old != new {
            self.by_hand(id, "its attributes stand in another order");
        }
    }

    fn alter_sequence(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        let mut what = Vec::new();
        if let Some(kind) = new.get(&Property::Type).filter(|_| differ(old, new, &[Property::Type])) {
            what.push(format!("AS {kind}"));
        }
        if let Some(definition) = new.get(&Property::Definition).filter(|_| differ(old, new, &[Property::Definition])) {
            what.push(definition.to_uppercase());
            if !definition.ends_with("cycle") {
                what.push("NO CYCLE".to_owned());
            }
        }
        if !what.is_empty() {
            self.push(id, format!("ALTER SEQUENCE {} {}", id.sql(), what.join(" ")));
        }
        if differ(old, new, &[Property::Unlogged]) {
            let word = if new.contains_key(&Property::Unlogged) { "UNLOGGED" } else { "LOGGED" };
            self.push(id, format!("ALTER SEQUENCE {} SET {word}", id.sql()));
        }
        if differ(old, new, &[Property::OwnedBy]) {
            self.owned_by(id, new);
        }
    }

    fn alter_table(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        use Property as P;
        let name = id.sql();
        if new.get(&P::Kind).is_some_and(|kind| kind == "foreign table") && differ(old, new, &[P::Options]) {
            return self.by_hand(id, "devdb does not write the options of foreign tables");
        }
        if differ(old, new, &[P::Kind, P::PartitionBy]) {
            return self.by_hand(id, "it is another kind of table, or partitioned otherwise, and has to be made anew");
        }
        if differ(old, new, &[P::PartitionOf]) {
            if let Some((space, parent)) = old.get(&P::PartitionOf).and_then(|it| mentions(it).into_iter().next()) {
                self.push(id, format!("ALTER TABLE {} DETACH PARTITION {name}", qualified(&space, &parent)));
            }
            if let Some(of) = new.get(&P::PartitionOf) {
                self.last.push(Statement::new(id, attach(&name, of)));
            }
        }
        let heirs = |said: &Properties| said.get(&P::Inherits).map(|it| mentions(it)).unwrap_or_default();
        let (was, is) = (heirs(old), heirs(new));
        for (space, parent) in was.iter().filter(|it| !is.contains(it)) {
            self.push(id, format!("ALTER TABLE {name} NO INHERIT {}", qualified(space, parent)));
        }
        for (space, parent) in is.iter().filter(|it| !was.contains(it)) {
            let text = format!("ALTER TABLE {name} INHERIT {}", qualified(space, parent));
            self.last.push(Statement::new(id, text));
        }
        if differ(old, new, &[P::Unlogged]) {
            let word = if new.contains_key(&P::Unlogged) { "UNLOGGED" } else { "LOGGED" };
            self.push(id, format!("ALTER TABLE {name} SET {word}"));
        }
        self.set_options(id, &format!("ALTER TABLE {name}"), old, new);
        self.row_security(id, Some(old), new);
        if differ(old, new, &[P::ReplicaIdentity]) {
            self.last.push(Statement::new(id, replica_identity(&name, new.get(&P::ReplicaIdentity))));
        }
    }

    fn set_options(&mut self, id: &ObjectId, alter: &str, old: &Properties, new: &Properties) {
        let (set, reset) = settings(old.get(&Property::Options), new.get(&Property::Options));
        if !set.is_empty() {
            self.push(id, format!("{alter} SET ({})", set.join(", ")));
        }
        if !reset.is_empty() {
            self.push(id, format!("{alter} RESET ({})", reset.join(", ")));
        }
    }

    fn alter_index(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        match new.get(&Property::PartitionOf).filter(|_| differ(old, new, &[Property::PartitionOf])) {
            Some(above) => {
                let text = format!("ALTER INDEX {above} ATTACH PARTITION {}", id.sql());
                self.last.push(Statement::new(id, text));
            }
            None if differ(old, new, &[Property::PartitionOf]) && !self.is_detached(id) => {
                self.by_hand(id, "it is attached to its parent's index, and an index cannot be detached");
            }
            None => {}
        }
    }

    fn alter_column(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        use Property as P;
        if self.again.contains(id) && old.contains_key(&P::Generated) {
            // It is gone already; what was computed is computed again.
            return self.create(id, new);
        }
        if self.again.contains(id) {
            let definition = column(&self.to, id, new, true);
            let text = format!("ALTER TABLE {} DROP COLUMN {}, ADD COLUMN {definition}", table_of(id), ident(&id.name));
            self.script.statements.push(Statement::new(id, text).losing(values_of(id)));
            return self.around(id, new);
        }
        if self.exchanged.contains(id) {
            let rest = |said: &Properties| {
                let mut said = said.clone();
                said.remove(&P::Identity);
                said.remove(&P::Default);
                said
            };
            // An identity holds its column NOT NULL.
            if old.contains_key(&P::Identity) {
                self.push(id, format!("{} DROP IDENTITY", alter_column(id)));
            }
            self.alter_plain(id, &rest(old), &rest(new));
            return self.exchange(id, old, new);
        }
        self.alter_plain(id, old, new);
        if self.is_numbered_anew(id, new) {
            self.count_on(id, new);
        }
    }

    fn alter_plain(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        use Property as P;
        let alter = alter_column(id);
        if old.contains_key(&P::Generated) && !new.contains_key(&P::Generated) {
            self.push(id, format!("{alter} DROP EXPRESSION"));
        }
        if old.contains_key(&P::Identity) && !new.contains_key(&P::Identity) {
            self.push(id, format!("{alter} DROP IDENTITY"));
        }
        self.retype(id, old, new);
        self.set_default(id, old, new);
        if differ(old, new, &[P::NotNull]) {
            let table = (id.schema.clone(), id.parent.clone().unwrap_or_default());
            let null = Obstacle::Null { table, column: id.name.clone() };
            let statement = if new.contains_key(&P::NotNull) {
                Statement::new(id, format!("{alter} SET NOT NULL")).meeting(null)
            } else {
                Statement::new(id, format!("{alter} DROP NOT NULL"))
            };
            self.script.statements.push(statement);
        }
        if let Some(when) = new.get(&P::Identity).filter(|_| differ(old, new, &[P::Identity])) {
            let what = if old.contains_key(&P::Identity) {
                format!("SET GENERATED {}", when.to_uppercase())
            } else {
                format!("ADD {}", identity(&self.to, id, new, when))
            };
            self.push(id, format!("{alter} {what}"));
        }
        self.set_options(id, &alter, old, new);
    }

    /// Changes the type. A default that is of the old type stands in the way of it.
    fn retype(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        use Property as P;
        if !differ(old, new, &[P::Type, P::Collation]) {
            return;
        }
        let (Some(was), Some(is)) = (old.get(&P::Type), new.get(&P::Type)) else { return };
        let alter = alter_column(id);
        let column = format!("ALTER COLUMN {}", ident(&id.name));
        let other_family = family(was) != family(is);
        let collation = new.get(&P::Collation).map(|it| format!(" COLLATE {it}")).unwrap_or_default();
        // Without `USING`, text that does not fit is an error instead of being cut off.
        let array = if was.ends_with("[]") && is.ends_with("[]") { "[]" } else { "" };
        let through = if self.is_enum(was) || self.is_enum(is) { format!("::text{array}") } else { String::new() };
        let using = if other_family { format!(" USING {}{through}::{is}", ident(&id.name)) } else { String::new() };
        let retyped = format!("TYPE {is}{collation}{using}");
        // A default of the old type stands in the way; all is one statement, which is done or left as a whole.
        let dropped = old.get(&P::Default).filter(|_| other_family).map(|_| format!(" {column} DROP DEFAULT,"));
        let default = new.get(&P::Default).filter(|_| other_family || differ(old, new, &[P::Default]));
        let set = default.map(|default| format!(", {column} SET DEFAULT {default}")).unwrap_or_default();
        let text = match dropped {
            Some(dropped) => format!("ALTER TABLE {}{dropped} {column} {retyped}{set}", table_of(id)),
            None => format!("{alter} {retyped}{set}"),
        };
        let statement = Statement::new(id, text);
        let table = (id.schema.clone(), id.parent.clone().unwrap_or_default());
        self.script.statements.push(if was == is || is_wider(was, is) {
            statement
        } else if family(was) == "text" && family(is) == "text" {
            // Blanks at the end are cut off without an error.
            let met = Obstacle::TooLong { table: table.clone(), column: id.name.clone(), to: is.clone() };
            let (from, to) = (was.clone(), is.clone());
            statement.meeting(met).losing(Loss::Conversion { table, column: id.name.clone(), from, to })
        } else {
            let (from, to) = (was.clone(), is.clone());
            statement.losing(Loss::Conversion { table, column: id.name.clone(), from, to })
        });
    }

    /// Whether a type is an enumeration of either side: one cannot be cast to another, but by way of text.
    fn is_enum(&self, kind: &str) -> bool {
        let base = kind.trim_end_matches("[]");
        let is = |id: &ObjectId| id.kind == ObjectKind::Enum && id.sql() == base;
        self.from.schema.objects.keys().chain(self.to.schema.objects.keys()).any(is)
    }

    fn set_default(&mut self, id: &ObjectId, old: &Properties, new: &Properties) {
        let dropped = differ(old, new, &[Property::Type, Property::Collation]) && new.contains_key(&Property::Default);
        // With its type, a column got its default.
        if !differ(old, new, &[Property::Default]) || self.rebuilt.contains(id) || dropped {
            return;
        }
        let what = new.get(&Property::Default).map_or("DROP DEFAULT".to_owned(), |it| format!("SET DEFAULT {it}"));
        self.push(id, format!("{} {what}", alter_column(id)));
    }
}

/// What can be assigned to each other without a cast: types of different lengths, and those that hold text.
fn family(kind: &str) -> String {
    let array = if kind.ends_with("[]") { "[]" } else { "" };
    let base = match kind.trim_end_matches("[]").split('(').next().unwrap_or(kind) {
        "character varying" | "character" => "text",
        other => other,
    };
    format!("{base}{array}")
}

/// Whether every value of the one type is one of the other as it is.
fn is_wider(was: &str, is: &str) -> bool {
    let length = |kind: &str| kind.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')?.parse::<u32>().ok());
    let varies = |kind: &str| kind == "text" || kind.starts_with("character varying") && !kind.ends_with("[]");
    let digits = |kind: &str| {
        let (precision, scale) = kind.strip_prefix("numeric(")?.strip_suffix(')')?.split_once(',')?;
        Some((precision.parse::<u32>().ok()?, scale.parse::<i32>().ok()?))
    };
    match (was, is) {
        ("smallint", "integer" | "bigint" | "numeric") | ("integer", "bigint" | "numeric") | ("bigint", "numeric") => {
            true
        }
        (_, "numeric") if was.starts_with("numeric(") => !was.ends_with("[]"),
        _ if digits(was).zip(digits(is)).is_some_and(|(was, is)| was.1 == is.1 && was.0 <= is.0) => true,
        _ if varies(was) && varies(is) => length(is).is_none_or(|is| length(was).is_some_and(|was| was <= is)),
        _ => false,
    }
}

/// Returns the attributes of a composite type with their types.
fn attributes(said: &Properties) -> Vec<(String, String)> {
    let definition = said.get(&Property::Definition).map_or("", String::as_str);
    let mut found = Vec::new();
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    let mut add = |text: &str| {
        let text = text.trim();
        let quoted = text.starts_with('"');
        let end = if quoted { text.get(1..).and_then(|it| it.find("\" ")).map(|at| at + 2) } else { text.find(' ') };
        if let Some((name, kind)) = end.and_then(|at| text.split_at_checked(at)) {
            found.push((name.to_owned(), kind.trim().to_owned()));
        }
    };
    for (at, c) in definition.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                add(definition.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    add(definition.get(start..).unwrap_or_default());
    found
}
