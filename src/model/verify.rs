//! A table, column by column, held against what the chain makes.

use super::schema::{ObjectId, PropertyChange};

/// One table of the database, or of the chain alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTable {
    pub table: ObjectId,
    pub mark: Option<Mark>,
    /// In the table's order; those that only the chain has come last.
    pub columns: Vec<VerifiedColumn>,
    /// Constraints, indexes, triggers, … that are not as the chain makes them.
    pub parts: Vec<(ObjectId, Mark)>,
    /// Nothing where the database lacks the table, or its role may not read it.
    pub extent: Option<Extent>,
}

/// How large a table is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    pub rows: u64,
    /// Counted; else the planner's estimate.
    pub exact: bool,
    /// With indexes and what is stored aside.
    pub bytes: u64,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedColumn {
    pub name: String,
    pub kind: String,
    pub not_null: bool,
    pub default: Option<String>,
    /// `primary key`, `unique`, `→ users.id`.
    pub keys: Vec<String>,
    pub mark: Option<Mark>,
    /// The revision that made it, or changed it last, where that is not the one that made the table.
    pub revision: Option<String>,
}

/// How something stands against the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// As the chain has it, by a later revision than the one that made the table.
    Fixed,
    /// The chain does not make it.
    Added,
    /// The chain makes it, and the database lacks it.
    Missing,
    /// Before: the chain; after: the database.
    Different(Vec<PropertyChange>),
}

impl Mark {
    /// Returns the mark's name, as it is shown.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fixed => "FIXED",
            Self::Added => "ADDED",
            Self::Missing => "MISSING",
            Self::Different(_) => "DIFFERENT",
        }
    }

    /// Returns whether the database is not as the chain has it.
    pub fn is_fault(&self) -> bool {
        *self != Self::Fixed
    }
}

impl VerifiedTable {
    /// Returns whether the table is as the chain makes it.
    pub fn is_right(&self) -> bool {
        let fault = |mark: &Option<Mark>| mark.as_ref().is_some_and(Mark::is_fault);
        !fault(&self.mark) && self.parts.is_empty() && !self.columns.iter().any(|column| fault(&column.mark))
    }
}
