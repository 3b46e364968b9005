//! How two schemas differ, in words.

use std::collections::BTreeSet;
use std::fmt;

use super::{ObjectId, ObjectKind, Properties, Property};
use crate::model::text::{shortened, visible};

/// One object that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub object: ObjectId,
    pub change: Change,
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The schema that was asked has it, the other has not.
    OnlyBefore,
    OnlyAfter,
    /// Both have it; in order of the properties, never empty.
    Differs(Vec<PropertyChange>),
}

/// A property with its two values; nothing where it is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyChange {
    pub property: Property,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// How much of a value is shown.
const SHOWN: usize = 80;

impl Change {
    /// Returns how the properties differ, if they do.
    pub fn of(before: &Properties, after: &Properties) -> Option<Self> {
        if before == after {
            return None;
        }
        let properties: BTreeSet<&Property> = before.keys().chain(after.keys()).collect();
        let differing = properties.into_iter().filter(|property| before.get(property) != after.get(property));
        let change = |property: &Property| PropertyChange {
            property: *property,
            before: before.get(property).cloned(),
            after: after.get(property).cloned(),
        };
        Some(Self::Differs(differing.map(change).collect()))
    }
}

impl Difference {
    /// Returns one line: "column `users.username`: only before", "column `users.id`: type integer → bigint". `before`
    /// and `after` are how the two sides are called.
    pub fn describe(&self, before: &str, after: &str) -> String {
        let object = visible(&self.object.to_string());
        match &self.change {
            Change::OnlyBefore => format!("{object}: only {before}"),
            Change::OnlyAfter => format!("{object}: only {after}"),
            Change::Differs(changes) => {
                let changes: Vec<String> = changes.iter().map(|change| change.describe(self.object.kind)).collect();
                format!("{object}: {}", changes.join(", "))
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe("before", "after"))
    }
}

impl PropertyChange {
    fn describe(&self, kind: ObjectKind) -> String {
        let name = self.property.name();
        match (&self.before, &self.after) {
            (None, None) => name.to_owned(),
            (Some(_), None) if self.is_mark() => format!("no longer {name}"),
            (None, Some(_)) if self.is_mark() => format!("now {name}"),
            (Some(before), None) => format!("{name} {} → none", one_line(before)),
            (None, Some(after)) => format!("{name} none → {}", one_line(after)),
            // Functions and views are long, and mostly the same: what differs first is what there is to see.
            (Some(before), Some(after)) if self.property == Property::Definition && is_long(kind) => {
                let (before, after) = first_difference(before, after);
                format!("{name} differs: {} → {}", one_line(before), one_line(after))
            }
            (Some(before), Some(after)) => format!("{name} {} → {}", one_line(before), one_line(after)),
        }
    }

    /// Properties that hold or do not, without a value.
    fn is_mark(&self) -> bool {
        matches!(self.property, Property::NotNull | Property::Unlogged | Property::Invalid)
    }
}

fn is_long(kind: ObjectKind) -> bool {
    use ObjectKind as K;
    matches!(kind, K::Function | K::Procedure | K::View | K::MaterializedView | K::Rule)
}

/// Returns the first line that the two texts do not share, of each.
fn first_difference<'t>(before: &'t str, after: &'t str) -> (&'t str, &'t str) {
    let (mut left, mut right) = (before.lines(), after.lines());
    loop {
        match (left.next(), right.next()) {
            (Some(one), Some(other)) if one == other => {}
            (one, other) => return (one.unwrap_or("(end)"), other.unwrap_or("(end)")),
        }
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return "''".to_owned();
    }
    shortened(&visible(&words.join(" ")), SHOWN)
}
