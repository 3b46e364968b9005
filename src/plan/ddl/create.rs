//! What comes, kind by kind (PostgreSQL documentation, part VI, "SQL Commands").

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{identifier, mentions};
use super::table::{column, create_table, options};
use super::{Writer, table_of};
use crate::model::ddl::{Obstacle, Statement};
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, ident, literal, qualified};

impl Writer<'_> {
    pub(super) fn create(&mut self, id: &ObjectId, new: &Properties) {
        match self.created(id, new) {
            Ok(statement) => self.script.statements.push(statement),
            Err(why) => return self.by_hand(id, why),
        }
        self.create_around(id, new);
    }

    fn created(&self, id: &ObjectId, new: &Properties) -> Result<Statement, &'static str> {
        use ObjectKind as K;
        let said = |property: Property| new.get(&property).map(String::as_str);
        let definition = said(Property::Definition).unwrap_or_default();
        let (name, table) = (id.sql(), table_of(id));
        let with = |what: &str| {
            let with = said(Property::Options).map(|options| format!(" WITH ({options})")).unwrap_or_default();
            format!("CREATE {what} {name}{with} AS\n{}", definition.trim_end_matches(';'))
        };
        let text = match id.kind {
            K::Schema => format!("CREATE SCHEMA {name}"),
            K::Extension => {
                let into = definition.strip_prefix("schema ").map(ident).unwrap_or_default();
                let version = said(Property::Version).map(literal).unwrap_or_default();
                format!("CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA {into} VERSION {version}")
            }
            K::Collation => format!("CREATE COLLATION {name} ({})", collation(definition)),
            K::Enum => format!("CREATE TYPE {name} AS ENUM ({})", said(Property::Labels).unwrap_or_default()),
            K::Domain => domain(&name, new),
            K::CompositeType => format!("CREATE TYPE {name} AS ({definition})"),
            K::RangeType => format!("CREATE TYPE {name} AS RANGE ({})", range(id, definition)),
            K::Sequence => {
                let kind = said(Property::Type).unwrap_or("bigint");
                let unlogged = said(Property::Unlogged).map(|_| "UNLOGGED ").unwrap_or_default();
                format!("CREATE {unlogged}SEQUENCE {name} AS {kind} {}", definition.to_uppercase())
            }
            K::Table => return create_table(&self.to, id, new).map(|text| Statement::new(id, text)),
            K::Column => return Ok(self.added_column(id, new)),
            K::Constraint => return Ok(self.added_constraint(id, definition)),
            K::View => with("VIEW"),
            K::MaterializedView => with("MATERIALIZED VIEW"),
            K::Aggregate => {
                let parts = aggregate(definition).ok_or("devdb does not write aggregates of this kind")?;
                format!("CREATE {} ({parts})", address(id, None))
            }
            K::Policy => format!("CREATE POLICY {} ON {table} {definition}", ident(&id.name)),
            K::EventTrigger => format!("CREATE EVENT TRIGGER {name} {definition}"),
            K::Index => return Ok(self.index(id, definition)),
            K::Statistics | K::Rule | K::Function | K::Procedure | K::Trigger => {
                definition.trim_end().trim_end_matches(';').to_owned()
            }
        };
        Ok(Statement::new(id, text))
    }

    fn added_column(&self, id: &ObjectId, new: &Properties) -> Statement {
        let text = format!("ALTER TABLE {} ADD COLUMN {}", table_of(id), column(&self.to, id, new, true));
        let filled = [Property::Default, Property::Generated, Property::Identity];
        let empty = new.contains_key(&Property::NotNull) && !filled.iter().any(|it| new.contains_key(it));
        let statement = Statement::new(id, text);
        if !empty {
            return statement;
        }
        statement.meeting(Obstacle::AnyRow((id.schema.clone(), id.parent.clone().unwrap_or_default())))
    }

    fn added_constraint(&self, id: &ObjectId, definition: &str) -> Statement {
        let of_domain = self.to.is_of_domain(id);
        let what = if of_domain { "DOMAIN" } else { "TABLE" };
        let text = format!("ALTER {what} {} ADD CONSTRAINT {} {definition}", table_of(id), ident(&id.name));
        Statement { meets: self.obstacle(id, definition).filter(|_| !of_domain), ..Statement::new(id, text) }
    }

    fn index(&self, id: &ObjectId, definition: &str) -> Statement {
        let text = definition.trim_end().trim_end_matches(';');
        Statement { meets: self.unique_index(id, definition), ..Statement::new(id, text) }
    }

    /// Returns what a constraint may meet in the rows that are there (`pg_get_constraintdef`).
    fn obstacle(&self, id: &ObjectId, definition: &str) -> Option<Obstacle> {
        let name = id.parent.as_deref()?;
        if definition.ends_with("NOT VALID") {
            return None;
        }
        if let Some(check) = definition.strip_prefix("CHECK ") {
            let (condition, rest) = parenthesised(check)?;
            let only = if rest.contains("NO INHERIT") { "ONLY " } else { "" };
            let table = format!("{only}{}", qualified(&id.schema, name));
            return Some(Obstacle::Check { table, condition: condition.to_owned() });
        }
        let table = self.alone(&id.schema, name);
        if let Some(key) = definition.strip_prefix("FOREIGN KEY ") {
            let (columns, rest) = parenthesised(key)?;
            let (to, rest) = rest.trim_start().strip_prefix("REFERENCES ")?.split_once('(')?;
            let keys = rest.split_once(')')?.0;
            let list = |names: &str| names.split(", ").map(str::to_owned).collect::<Vec<_>>();
            let (space, other) = mentions(to).into_iter().next()?;
            return Some(Obstacle::Orphans {
                table,
                columns: list(columns),
                to: self.alone(&space, &other),
                keys: list(keys),
            });
        }
        let key = definition.strip_prefix("PRIMARY KEY ").or_else(|| definition.strip_prefix("UNIQUE "))?;
        Some(Obstacle::Twice { table, columns: parenthesised(key)?.0.to_owned() })
    }

    /// Returns what a unique index on plain columns may meet.
    fn unique_index(&self, id: &ObjectId, definition: &str) -> Option<Obstacle> {
        let (_, rest) = definition.strip_prefix("CREATE UNIQUE INDEX ")?.split_once(" USING btree ")?;
        let (columns, rest) = parenthesised(rest)?;
        let plain = columns.split(", ").all(|it| it.chars().all(|c| c.is_alphanumeric() || c == '_'));
        let table = self.alone(&id.schema, id.parent.as_deref()?);
        (plain && rest.is_empty()).then(|| Obstacle::Twice { table, columns: columns.to_owned() })
    }

    /// Returns a table as a key looks at it: without its heirs, and with its partitions.
    fn alone(&self, schema: &str, name: &str) -> String {
        let id = ObjectId { kind: ObjectKind::Table, schema: schema.to_owned(), parent: None, name: name.to_owned() };
        let parted = self.old(&id).is_some_and(|said| said.contains_key(&Property::PartitionBy));
        format!("{}{}", if parted { "" } else { "ONLY " }, id.sql())
    }

    /// Writes what no `CREATE` says: comments, what is switched off, what belongs together.
    pub(super) fn create_around(&mut self, id: &ObjectId, new: &Properties) {
        match id.kind {
            ObjectKind::Table => {
                self.table_around(id, new);
                let parts: Vec<&ObjectId> = self.to.parts(&id.schema, &id.name).to_vec();
                for part in parts {
                    let inlined = part.kind == ObjectKind::Column || self.is_inlined(part);
                    if let Some(said) = self.new_of(part).filter(|_| inlined) {
                        self.around(part, said);
                    }
                }
            }
            ObjectKind::View | ObjectKind::MaterializedView => self.view_columns(id, None, new),
            ObjectKind::Sequence if !self.implied.contains(id) => self.owned_by(id, new),
            ObjectKind::Index => {
                if let Some(above) = new.get(&Property::PartitionOf) {
                    let text = format!("ALTER INDEX {above} ATTACH PARTITION {}", id.sql());
                    self.last.push(Statement::new(id, text));
                }
            }
            _ => {}
        }
        self.around(id, new);
    }

    /// Writes the defaults and the comments of a view's columns.
    pub(super) fn view_columns(&mut self, id: &ObjectId, old: Option<&Properties>, new: &Properties) {
        let view = address(id, None);
        let of = |said: Option<&Properties>, property: Property| -> BTreeMap<String, String> {
            let list = said.and_then(|it| it.get(&property)).map_or("", String::as_str);
            let entries = list.split('\u{1f}').filter_map(identifier);
            entries.map(|(name, value)| (name, value.trim_start().to_owned())).collect()
        };
        for (property, comment) in [(Property::ColumnDefaults, false), (Property::ColumnComments, true)] {
            let (was, is) = (of(old, property), of(Some(new), property));
            let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            for name in names.into_iter().filter(|name| was.get(*name) != is.get(*name)) {
                let column = ident(name);
                let text = match (comment, is.get(name)) {
                    (true, said) => {
                        format!("COMMENT ON COLUMN {}.{column} IS {}", id.sql(), said.map_or("NULL", String::as_str))
                    }
                    (false, Some(default)) => format!("ALTER {view} ALTER COLUMN {column} SET DEFAULT {default}"),
                    (false, None) => format!("ALTER {view} ALTER COLUMN {column} DROP DEFAULT"),
                };
                self.push(id, text);
            }
        }
    }

    pub(super) fn around(&mut self, id: &ObjectId, new: &Properties) {
        if id.kind == ObjectKind::Column
            && let Some(settings) = new.get(&Property::Options)
        {
            self.push(id, format!("ALTER TABLE {} ALTER COLUMN {} SET ({settings})", table_of(id), ident(&id.name)));
        }
        self.enabled(id, new);
        if new.contains_key(&Property::Comment) {
            self.comment(id, new);
        }
        if self.again.contains(id) && id.kind != ObjectKind::Column {
            return self.granted_again(id);
        }
        self.granted(id, None, new.get(&Property::Privileges));
    }

    pub(super) fn owned_by(&mut self, id: &ObjectId, new: &Properties) {
        let owner = new.get(&Property::OwnedBy).and_then(|owner| self.to.column_named(&id.schema, owner));
        let owner = owner.map_or("NONE".to_owned(), |column| format!("{}.{}", table_of(column), ident(&column.name)));
        if owner != "NONE" || !self.come.contains(id) {
            self.late.push(Statement::new(id, format!("ALTER SEQUENCE {} OWNED BY {owner}", id.sql())));
        }
    }

    pub(super) fn comment(&mut self, id: &ObjectId, new: &Properties) {
        let text = new.get(&Property::Comment).map_or("NULL".to_owned(), |comment| literal(comment));
        let what = match id.kind {
            ObjectKind::Column => format!("COLUMN {}.{}", table_of(id), ident(&id.name)),
            ObjectKind::Constraint => {
                let domain = if self.to.is_of_domain(id) { "DOMAIN " } else { "" };
                format!("CONSTRAINT {} ON {domain}{}", ident(&id.name), table_of(id))
            }
            _ => address(id, Some(new)),
        };
        self.push(id, format!("COMMENT ON {what} IS {text}"));
    }

    /// Triggers and rules that are switched off, or on for replicas.
    pub(super) fn enabled(&mut self, id: &ObjectId, new: &Properties) {
        let state = new.get(&Property::Enabled).map(String::as_str);
        let fresh = self.old(id).is_none() || self.again.contains(id);
        let word = match state {
            None if fresh => return,
            None => "ENABLE",
            Some("disabled") => "DISABLE",
            Some("replica") => "ENABLE REPLICA",
            Some(_) => "ENABLE ALWAYS",
        };
        let name = ident(&id.name);
        let text = match id.kind {
            ObjectKind::Trigger => format!("ALTER TABLE {} {word} TRIGGER {name}", table_of(id)),
            ObjectKind::Rule => format!("ALTER TABLE {} {word} RULE {name}", table_of(id)),
            ObjectKind::EventTrigger => format!("ALTER EVENT TRIGGER {name} {word}"),
            _ => return,
        };
        self.push(id, text);
    }
}

fn domain(name: &str, new: &Properties) -> String {
    let said = |property: Property| new.get(&property);
    let collation = said(Property::Collation).map(|it| format!(" COLLATE {it}")).unwrap_or_default();
    let default = said(Property::Default).map(|it| format!(" DEFAULT {it}")).unwrap_or_default();
    let null = said(Property::NotNull).map(|_| " NOT NULL").unwrap_or_default();
    let kind = said(Property::Type).map_or("", String::as_str);
    format!("CREATE DOMAIN {name} AS {kind}{collation}{default}{null}")
}

/// Returns what stands in the parentheses at the beginning, and what follows them.
fn parenthesised(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    let mut quoted = None;
    for (at, c) in text.char_indices() {
        match (quoted, c) {
            (Some(quote), _) if c == quote => quoted = None,
            (None, '\'' | '"') => quoted = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(1..at)?, text.get(at + 1..)?));
        }
    }
    None
}

/// Returns an object as `DROP` and `COMMENT ON` name it.
pub(super) fn address(id: &ObjectId, said: Option<&Properties>) -> String {
    use ObjectKind as K;
    let foreign = said.and_then(|it| it.get(&Property::Kind)).is_some_and(|kind| kind == "foreign table");
    let word = match id.kind {
        K::Schema => "SCHEMA",
        K::Extension => "EXTENSION",
        K::Collation => "COLLATION",
        K::Enum | K::CompositeType | K::RangeType => "TYPE",
        K::Domain => "DOMAIN",
        K::Sequence => "SEQUENCE",
        K::Table if foreign => "FOREIGN TABLE",
        K::Table => "TABLE",
        K::Column => "COLUMN",
        K::Constraint => "CONSTRAINT",
        K::Index => "INDEX",
        K::Statistics => "STATISTICS",
        K::View => "VIEW",
        K::MaterializedView => "MATERIALIZED VIEW",
        K::Rule => "RULE",
        K::Function => "FUNCTION",
        K::Procedure => "PROCEDURE",
        K::Aggregate => "AGGREGATE",
        K::Trigger => "TRIGGER",
        K::Policy => "POLICY",
        K::EventTrigger => "EVENT TRIGGER",
    };
    match id.kind {
        K::Rule | K::Trigger | K::Policy => format!("{word} {} ON {}", ident(&id.name), table_of(id)),
        // One without arguments takes them all.
        K::Aggregate => format!("{word} {}", id.sql().replace("()", "(*)")),
        _ => format!("{word} {}", id.sql()),
    }
}

/// `provider i locale und-u-ks-level2 nondeterministic`.
fn collation(definition: &str) -> String {
    let rest = definition.strip_prefix("provider ").unwrap_or(definition);
    let (provider, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let rest = rest.strip_prefix("locale ").unwrap_or(rest);
    let (locale, loose) =
        rest.strip_suffix(" nondeterministic").map_or((rest, ""), |it| (it, ", deterministic = false"));
    let provider = match provider {
        "i" => "icu",
        "b" => "builtin",
        _ => "libc",
    };
    format!("provider = {provider}, locale = {}{loose}", literal(locale))
}

/// `subtype date opclass date_ops multirange period_multirange`.
fn range(id: &ObjectId, definition: &str) -> String {
    let words = [
        ("subtype", "SUBTYPE"),
        ("opclass", "SUBTYPE_OPCLASS"),
        ("collation", "COLLATION"),
        ("canonical", "CANONICAL"),
        ("diff", "SUBTYPE_DIFF"),
        ("multirange", "MULTIRANGE_TYPE_NAME"),
    ];
    let value = |word: &str, name: &str| {
        if word == "multirange" { qualified(&id.schema, name) } else { name.to_owned() }
    };
    let parts = clauses(definition, &words.map(|(word, _)| word));
    let written = parts.iter().filter_map(|(word, text)| {
        let (_, key) = words.iter().find(|(it, _)| it == word)?;
        Some(format!("{key} = {}", value(word, text)))
    });
    written.collect::<Vec<_>>().join(", ")
}

/// `returns text sfunc textcat stype text initcond '' kind n`.
fn aggregate(definition: &str) -> Option<String> {
    const WORDS: [&str; 10] =
        ["returns", "sfunc", "stype", "initcond", "finalfunc", "combinefunc", "kind", "sortop", "msfunc", "minvfunc"];
    let parts = clauses(definition, &WORDS);
    let plain = parts.iter().all(|(word, text)| match *word {
        "kind" => text == "n",
        "msfunc" | "minvfunc" => false,
        _ => true,
    });
    let written = parts.iter().filter_map(|(word, text)| match *word {
        "returns" | "kind" => None,
        "initcond" if text == "NULL" => None,
        "sortop" => Some(format!("SORTOP = OPERATOR({})", text.split('(').next().unwrap_or_default())),
        _ => Some(format!("{} = {text}", word.to_uppercase())),
    });
    plain.then(|| written.collect::<Vec<_>>().join(", "))
}

/// Splits `word text word text` at the words, in their order.
fn clauses<'w>(definition: &str, words: &[&'w str]) -> Vec<(&'w str, String)> {
    let padded = format!(" {definition} ");
    let starts: Vec<(usize, &str)> =
        words.iter().filter_map(|word| Some((padded.find(&format!(" {word} "))?, *word))).collect();
    let text = |at: usize, word: &str| {
        let from = at + word.len() + 2;
        let to = starts.iter().map(|(start, _)| *start).filter(|start| *start > at).min().unwrap_or(padded.len());
        padded.get(from..to).unwrap_or_default().trim().to_owned()
    };
    starts.iter().map(|(at, word)| (*word, text(*at, word))).filter(|(_, text)| !text.is_empty()).collect()
}

/// Returns `SET`'s list of settings, and the names of those that are `RESET`.
pub(super) fn settings(old: Option<&String>, new: Option<&String>) -> (Vec<String>, Vec<String>) {
    let (old, new) = (options(old), options(new));
    let name = |setting: &str| setting.split('=').next().unwrap_or_default().to_owned();
    let set = new.iter().filter(|it| !old.contains(it)).cloned().collect();
    let names: Vec<String> = new.iter().map(|it| name(it)).collect();
    let reset = old.iter().map(|it| name(it)).filter(|it| !names.contains(it)).collect();
    (set, reset)
}
