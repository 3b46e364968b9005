//! What earlier pending operations make of the tables that are there now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::model::operation::{Action, Name, Operation, Write};
use crate::model::place::Place;

/// The database as it will be when the next pending operation runs.
#[derive(Debug, Default)]
pub(super) struct State {
    tables: Vec<Table>,
    /// The last operation that may do anything.
    opaque: Option<Place>,
}

/// What the pending operations did to one table so far.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// What it is called when the next operation runs, and what it is called now.
    name: Name,
    pub(super) now: Name,
    /// The pending operations create it.
    pub(super) made: bool,
    pub(super) gone: bool,
    /// A condition decides what becomes of it.
    pub(super) uncertain: bool,
    /// Its rows are changed.
    pub(super) rewritten: bool,
    /// It gets rows.
    pub(super) filled: bool,
    /// From the coming name of a column to the present one.
    renamed: BTreeMap<String, String>,
    /// New columns, and whether they hold nothing but NULL.
    added: BTreeMap<String, bool>,
    dropped: BTreeSet<String>,
    retyped: BTreeSet<String>,
    /// Columns that an earlier operation makes NOT NULL already, by their coming names.
    not_null: BTreeSet<String>,
}

/// A column as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Now {
    /// It has this name.
    There(String),
    /// It will be new and NULL in every row.
    Empty,
    /// It will be new and hold something, or it will be gone.
    Untold,
}

impl Table {
    fn new(name: &Name) -> Self {
        Self {
            name: name.clone(),
            now: name.clone(),
            made: false,
            gone: false,
            uncertain: false,
            rewritten: false,
            filled: false,
            renamed: BTreeMap::new(),
            added: BTreeMap::new(),
            dropped: BTreeSet::new(),
            retyped: BTreeSet::new(),
            not_null: BTreeSet::new(),
        }
    }

    /// Returns whether its present rows are those that the next operation meets.
    pub(super) fn has_its_rows(&self) -> bool {
        !(self.made || self.gone || self.uncertain || self.rewritten)
    }

    /// Returns whether an expression names no column that the run adds, renames, retypes or drops, so that it means the
    /// same on the present rows.
    pub(super) fn means_the_same(&self, expression: &str) -> bool {
        let part = |character: char| character.is_alphanumeric() || character == '_';
        let renamed = self.renamed.iter().flat_map(|(coming, present)| [coming, present]);
        let touched: Vec<&String> =
            renamed.chain(self.added.keys()).chain(&self.dropped).chain(&self.retyped).collect();
        expression.split(|character: char| !part(character)).all(|word| touched.iter().all(|name| *name != word))
    }

    /// Returns whether an earlier operation of the run makes the column NOT NULL, and fails there if it must.
    pub(super) fn is_not_null_by_then(&self, column: &str) -> bool {
        self.not_null.contains(column)
    }

    pub(super) fn column(&self, name: &str) -> Now {
        if let Some(empty) = self.added.get(name) {
            return if *empty { Now::Empty } else { Now::Untold };
        }
        if let Some(now) = self.renamed.get(name) {
            return if self.retyped.contains(now) { Now::Untold } else { Now::There(now.clone()) };
        }
        let moved = self.renamed.values().any(|now| now == name);
        if moved || self.dropped.contains(name) || self.retyped.contains(name) {
            return Now::Untold;
        }
        Now::There(name.to_owned())
    }

    /// Returns whether the run takes the column's present name away, so that another can have it.
    pub(super) fn freed(&self, column: &str) -> bool {
        self.dropped.contains(column) || self.renamed.values().any(|now| now == column)
    }
}

impl State {
    pub(super) fn opaque(&self) -> Option<&Place> {
        self.opaque.as_ref()
    }

    /// Returns what is known of a table that the next operation names.
    pub(super) fn table(&self, name: &Name) -> Table {
        let known = self.tables.iter().rev().find(|table| table.name.fits(name));
        known.cloned().unwrap_or_else(|| Table::new(name))
    }

    fn entry(&mut self, name: &Name) -> Option<&mut Table> {
        if !self.tables.iter().any(|table| table.name.fits(name)) {
            self.tables.push(Table::new(name));
        }
        self.tables.iter_mut().rev().find(|table| table.name.fits(name))
    }

    /// Takes note of what an operation will have done.
    pub(super) fn apply(&mut self, operation: &Operation, file: &Path) {
        if matches!(operation.action, Action::Opaque { .. }) {
            self.opaque = Some(Place::new(file, operation.line));
            return;
        }
        let made = match &operation.action {
            Action::CreateTable { table, .. } => Some(table),
            Action::CreateRelation { relation } => Some(relation),
            _ => None,
        };
        if let Some(name) = made {
            let mut table = Table::new(name);
            table.made = true;
            table.uncertain = operation.conditional;
            self.tables.push(table);
            return;
        }
        let Some(name) = operation.action.table().cloned() else { return };
        let Some(table) = self.entry(&name) else { return };
        if operation.conditional {
            table.uncertain = true;
        } else {
            change(table, &operation.action);
        }
    }
}

fn change(table: &mut Table, action: &Action) {
    match action {
        Action::DropTable { .. } => table.gone = true,
        Action::RenameTable { to, .. } => table.name.name.clone_from(to),
        Action::AddColumn { column, .. } => {
            table.dropped.remove(&column.name);
            table.added.insert(column.name.clone(), !column.has_default);
        }
        Action::DropColumn { column, .. } => {
            let was_new = table.added.remove(column).is_some();
            let now = table.renamed.remove(column).or_else(|| (!was_new).then(|| column.clone()));
            table.dropped.extend(now);
        }
        Action::RenameColumn { column, to, .. } => {
            if let Some(empty) = table.added.remove(column) {
                table.added.insert(to.clone(), empty);
            } else {
                let now = table.renamed.remove(column).unwrap_or_else(|| column.clone());
                table.renamed.insert(to.clone(), now);
            }
        }
        Action::SetNullable { column, nullable: false, .. } => {
            table.not_null.insert(column.clone());
        }
        Action::SetType { column, .. } => {
            let now = table.renamed.get(column).cloned().unwrap_or_else(|| column.clone());
            table.retyped.insert(now);
        }
        Action::Write { how: Write::Insert, .. } => table.filled = true,
        Action::Write { .. } => table.rewritten = true,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sql: &str) -> State {
        let mut state = State::default();
        for operation in crate::parse::sql_ddl::of_sql(sql, 1) {
            state.apply(&operation, Path::new("a.sql"));
        }
        state
    }

    fn name(name: &str) -> Name {
        Name::new(None, name)
    }

    #[test]
    fn renamed_things_are_found_under_their_present_names() {
        let state = after("alter table a rename to b; alter table b rename column x to y; alter table b rename y to z");
        let table = state.table(&name("b"));
        assert_eq!((table.now.clone(), table.column("z")), (name("a"), Now::There("x".to_owned())));
        assert_eq!((table.column("x"), table.column("w")), (Now::Untold, Now::There("w".to_owned())));
        assert!(table.has_its_rows() && !table.means_the_same("lower(x)") && !table.means_the_same("z > 1"));
        assert!(table.means_the_same("w::text"));
    }

    #[test]
    fn new_things_are_not_looked_for() {
        let state = after(
            "create table a (x int); alter table b add x int, add y int default 1; update c set x = 1; insert into d values (1)",
        );
        assert!(!state.table(&name("a")).has_its_rows() && !state.table(&name("c")).has_its_rows());
        assert!(state.table(&name("d")).has_its_rows() && state.table(&name("d")).filled);
        let table = state.table(&name("b"));
        assert_eq!((table.column("x"), table.column("y")), (Now::Empty, Now::Untold));
    }

    #[test]
    fn a_table_made_anew_is_new() {
        let state = after("drop table a; create table a (x int)");
        assert!(state.table(&name("a")).made);
        assert_eq!(after("do $$ begin end $$").opaque(), Some(&Place::new("a.sql", 1)));
    }
}
