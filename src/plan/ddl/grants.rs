//! Privileges, where they were asked for (PostgreSQL documentation, §5.8, table 5.1).

use std::collections::BTreeMap;

use super::Writer;
use super::create::address;
use crate::model::schema::{ObjectId, ObjectKind, Property, ident};

const PRIVILEGES: [(char, &str); 13] = [
    ('r', "SELECT"),
    ('a', "INSERT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('m', "MAINTAIN"),
    ('s', "SET"),
    ('A', "ALTER SYSTEM"),
];

impl Writer<'_> {
    /// Writes what has to be granted and revoked.
    pub(super) fn granted(&mut self, id: &ObjectId, old: Option<&String>, new: Option<&String>) {
        if old == new {
            return;
        }
        let fresh = self.old(id).is_none() || self.again.contains(id);
        let (Some(on), Some(new)) = (on(id), new) else {
            return self.by_hand(id, "its privileges are others");
        };
        if old.is_none() && !fresh {
            return self.by_hand(id, "its privileges are the usual ones, and should not be");
        }
        let (was, is) = (entries(old.map_or("", String::as_str)), entries(new));
        let column = if id.kind == ObjectKind::Column { format!(" ({})", ident(&id.name)) } else { String::new() };
        let mut write = |had: &BTreeMap<String, Vec<String>>, has: &BTreeMap<String, Vec<String>>, grant: bool| {
            for (role, privileges) in has {
                let known = had.get(role).map_or(&[][..], Vec::as_slice);
                for privilege in privileges.iter().filter(|it| !known.contains(it)) {
                    let (plain, option) = match privilege.strip_suffix('*') {
                        Some(plain) => (plain, if grant { " WITH GRANT OPTION" } else { "" }),
                        None => (privilege.as_str(), ""),
                    };
                    let (verb, word) = if grant { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
                    self.push(id, format!("{verb} {plain}{column} ON {on} {word} {role}{option}"));
                }
            }
        };
        write(&is, &was, false);
        write(&was, &is, true);
    }

    /// What is made again gets back who may use it. The owner has it by making it.
    pub(super) fn granted_again(&mut self, id: &ObjectId) {
        let list = self.granted.objects.get(id).and_then(|it| it.get(&Property::Privileges));
        let (Some(on), Some(list)) = (on(id), list) else { return };
        let all = entries(list);
        if id.kind.has_arguments() && !all.contains_key("PUBLIC") {
            self.push(id, format!("REVOKE ALL ON {on} FROM PUBLIC"));
        }
        for (role, privileges) in all {
            let (with, without): (Vec<String>, Vec<String>) = privileges.into_iter().partition(|it| it.ends_with('*'));
            if !without.is_empty() {
                self.push(id, format!("GRANT {} ON {on} TO {role}", without.join(", ")));
            }
            if !with.is_empty() {
                let with: Vec<&str> = with.iter().map(|it| it.trim_end_matches('*')).collect();
                self.push(id, format!("GRANT {} ON {on} TO {role} WITH GRANT OPTION", with.join(", ")));
            }
        }
    }
}

fn on(id: &ObjectId) -> Option<String> {
    use ObjectKind as K;
    Some(match id.kind {
        K::Table | K::View | K::MaterializedView => format!("TABLE {}", id.sql()),
        K::Column => format!("TABLE {}", id.parent_sql()),
        K::Sequence | K::Schema | K::Function | K::Procedure | K::Domain => address(id, None),
        K::Aggregate => format!("FUNCTION {}", id.sql()),
        K::Enum | K::CompositeType | K::RangeType => format!("TYPE {}", id.sql()),
        _ => return None,
    })
}

/// `shop=arwdDxt/shop, =X/shop`: who may do what; a star is the right to grant it.
fn entries(list: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in list.split(", ").filter(|entry| !entry.is_empty()) {
        let Some((role, rest)) = entry.rsplit_once('=') else { continue };
        let letters = rest.split('/').next().unwrap_or_default();
        // The server has quoted it where it needs quotes.
        let role = if role.is_empty() { "PUBLIC".to_owned() } else { role.to_owned() };
        let mut privileges: Vec<String> = Vec::new();
        for letter in letters.chars() {
            match PRIVILEGES.iter().find(|(it, _)| *it == letter) {
                Some((_, name)) => privileges.push((*name).to_owned()),
                None if letter == '*' => {
                    if let Some(last) = privileges.last_mut() {
                        last.push('*');
                    }
                }
                None => {}
            }
        }
        found.insert(role, privileges);
    }
    found
}
