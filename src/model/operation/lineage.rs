//! Whether every table and column that a chain uses was created before, in the order in which it runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Constraint, Key, MigrationOperations, Name, Operation, Rule};
use crate::model::chain::Chain;
use crate::model::place::Place;

/// Something that a revision uses before it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    pub table: Name,
    /// Nothing when the table itself is missing.
    pub column: Option<String>,
    pub user: Site,
    /// The later revision that creates it; nothing when none does.
    pub maker: Option<Site>,
}

/// An operation of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub revision: String,
    pub at: Place,
    pub source: String,
}

/// Returns what is used before it is created, each table or column once. `ordered` is what runs, in order.
///
/// Nothing is said of what stands behind a condition, and that no revision creates a table only where nothing before
/// could have created it unseen.
pub fn misplaced(ordered: &[&MigrationOperations]) -> Vec<Misplaced> {
    let mut world = World::default();
    for (position, migration) in ordered.iter().enumerate() {
        for (step, operation) in migration.up.iter().enumerate() {
            world.here = (position, step);
            world.check(ordered, migration, operation);
            world.apply(operation);
        }
    }
    world.found
}

/// A line that has to read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub at: Place,
    /// `down_revision = "…"`.
    pub line: String,
}

/// Returns the lines to change so that the creator of what is missing runs before its user, in a chain whose order is
/// wrong there; nothing when merges are involved, or when no such exchange puts the chain in order.
pub fn rewire(chain: &Chain, operations: &[&MigrationOperations], found: &Misplaced) -> Option<Vec<Edit>> {
    let order: Vec<&str> = operations.iter().map(|it| it.revision.as_str()).collect();
    let user = order.iter().position(|id| *id == found.user.revision)?;
    let maker = order.iter().position(|id| Some(*id) == found.maker.as_ref().map(|it| it.revision.as_str()))?;
    if maker <= user {
        return None;
    }
    let moved = |from: usize, to: usize| {
        let mut order = order.clone();
        let one = order.remove(from);
        order.insert(to, one);
        order
    };
    // The creator goes before the user; or else the user behind the creator.
    [moved(maker, user), moved(user, maker)].into_iter().find_map(|wanted| {
        let by_id = |id: &&str| operations.iter().copied().find(|it| it.revision == *id);
        let reordered: Vec<&MigrationOperations> = wanted.iter().filter_map(by_id).collect();
        let fewer = misplaced(&reordered).len() < misplaced(operations).len();
        fewer.then(|| edits(chain, &wanted)).flatten()
    })
}

/// Returns the lines that differ when the revisions follow each other in this order; nothing when the chain is no
/// single line.
fn edits(chain: &Chain, wanted: &[&str]) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut before: Option<&str> = None;
    for id in wanted {
        let revision = chain.revisions.iter().find(|revision| revision.id == *id)?;
        if revision.down_revisions.len() > 1 || !revision.depends_on.is_empty() {
            return None;
        }
        if revision.down_revisions.first().map(String::as_str) != before {
            let parent = before.map_or("None".to_owned(), |parent| format!("\"{parent}\""));
            let at = Place::new(&revision.at.file, revision.down_revision_line);
            edits.push(Edit { at, line: format!("down_revision = {parent}") });
        }
        before = Some(id);
    }
    // Two or three revisions change their parents; more means that the chain has branches.
    (edits.len() <= 3).then_some(edits)
}

/// What the chain has made so far.
#[derive(Default)]
struct World {
    /// The relations that are there, or may be, and the columns of those that are wholly known.
    relations: BTreeMap<String, Vec<Relation>>,
    /// Something ran that may have created anything.
    unseen: bool,
    here: (usize, usize),
    /// What was told already.
    told: BTreeSet<(Name, Option<String>)>,
    found: Vec<Misplaced>,
}

struct Relation {
    name: Name,
    columns: Option<BTreeSet<String>>,
}

impl World {
    fn relation(&mut self, name: &Name) -> Option<&mut Relation> {
        self.relations.get_mut(&name.name)?.iter_mut().rev().find(|relation| relation.name.fits(name))
    }

    fn add(&mut self, name: &Name, columns: Option<BTreeSet<String>>) {
        self.relations.entry(name.name.clone()).or_default().push(Relation { name: name.clone(), columns });
    }

    fn remove(&mut self, name: &Name) -> Option<Relation> {
        let list = self.relations.get_mut(&name.name)?;
        let position = list.iter().rposition(|relation| relation.name.fits(name))?;
        Some(list.remove(position))
    }

    fn check(&mut self, ordered: &[&MigrationOperations], migration: &MigrationOperations, operation: &Operation) {
        if operation.conditional || matches!(&operation.action, Action::DropTable { if_there: true, .. }) {
            return;
        }
        for (table, columns) in uses(&operation.action) {
            match self.relation(table).map(|relation| &relation.columns) {
                None => self.miss(ordered, migration, operation, (table, None)),
                Some(None) => {}
                Some(Some(known)) => {
                    let missing: Vec<&str> = columns.into_iter().filter(|column| !known.contains(*column)).collect();
                    for column in missing {
                        self.miss(ordered, migration, operation, (table, Some(column)));
                    }
                }
            }
        }
    }

    fn miss(
        &mut self,
        ordered: &[&MigrationOperations],
        migration: &MigrationOperations,
        operation: &Operation,
        (table, column): (&Name, Option<&str>),
    ) {
        let maker = maker(ordered, self.here, table, column);
        // A column that nothing creates may come from what cannot be read.
        let sure = maker.is_some() || (column.is_none() && !self.unseen);
        if !sure || !self.told.insert((table.clone(), column.map(str::to_owned))) {
            return;
        }
        if column.is_none() {
            // From here on it is taken for granted.
            self.add(table, None);
        }
        self.found.push(Misplaced {
            table: table.clone(),
            column: column.map(str::to_owned),
            user: site(migration, operation),
            maker,
        });
    }

    fn apply(&mut self, operation: &Operation) {
        match &operation.action {
            Action::CreateTable { table, columns, unless_there, .. } => {
                let named: BTreeSet<String> = columns.iter().map(|column| column.name.clone()).collect();
                let whole = !operation.conditional && !unless_there && !named.is_empty();
                self.add(table, whole.then_some(named));
            }
            Action::CreateRelation { relation } => self.add(relation, None),
            Action::RenameTable { table, to } => {
                let renamed = Name::new(table.schema.clone(), to.clone());
                let columns = self.remove(table).and_then(|relation| relation.columns);
                if operation.conditional {
                    self.add(table, None);
                }
                self.add(&renamed, columns.filter(|_| !operation.conditional));
            }
            Action::DropTable { table, .. } if !operation.conditional => {
                self.remove(table);
            }
            Action::CreateExtension { .. } => self.opaque(true),
            Action::Opaque { may_create } => self.opaque(*may_create),
            action => self.change(action, operation.conditional),
        }
    }

    /// After what cannot be read, no table's columns are wholly known.
    fn opaque(&mut self, may_create: bool) {
        self.unseen |= may_create;
        for relation in self.relations.values_mut().flatten() {
            relation.columns = None;
        }
    }

    fn change(&mut self, action: &Action, conditional: bool) {
        let Some(columns) = action.table().cloned().and_then(|table| self.relation(&table)?.columns.as_mut()) else {
            return;
        };
        match action {
            Action::AddColumn { column, .. } => {
                columns.insert(column.name.clone());
            }
            Action::RenameColumn { column, to, .. } => {
                columns.insert(to.clone());
                if !conditional {
                    columns.remove(column);
                }
            }
            Action::DropColumn { column, .. } if !conditional => {
                columns.remove(column);
            }
            _ => {}
        }
    }
}

/// Returns the tables and the columns of theirs that have to be there.
fn uses(action: &Action) -> Vec<(&Name, Vec<&str>)> {
    match action {
        Action::DropColumn { table, column }
        | Action::RenameColumn { table, column, .. }
        | Action::SetType { table, column, .. }
        | Action::SetNullable { table, column, .. }
        | Action::SetDefault { table, column, .. } => vec![(table, vec![column.as_str()])],
        Action::AddConstraint { table, constraint } => {
            let mut uses = vec![(table, constrained(constraint))];
            uses.extend(referred(constraint).filter(|(other, _)| *other != table));
            uses
        }
        Action::CreateTable { table, constraints, .. } => {
            constraints.iter().filter_map(|it| referred(it).next()).filter(|(other, _)| !other.fits(table)).collect()
        }
        Action::AddColumn { table, column, .. } => {
            let other = column.references.iter().map(|to| (&to.table, to.columns.iter().map(String::as_str).collect()));
            std::iter::once((table, Vec::new())).chain(other).collect()
        }
        Action::CreateIndex(index) => {
            let columns = index.keys.iter().flatten().filter_map(|key| match key {
                Key::Column(column) => Some(column.as_str()),
                Key::Expression(_) => None,
            });
            vec![(&index.table, columns.collect())]
        }
        other => other.table().map(|table| (table, Vec::new())).into_iter().collect(),
    }
}

fn constrained(constraint: &Constraint) -> Vec<&str> {
    match &constraint.rule {
        Rule::PrimaryKey { columns } | Rule::Unique { columns } | Rule::ForeignKey { columns, .. } => {
            columns.iter().map(String::as_str).collect()
        }
        Rule::Check { .. } | Rule::Other => Vec::new(),
    }
}

fn referred(constraint: &Constraint) -> impl Iterator<Item = (&Name, Vec<&str>)> {
    let to = match &constraint.rule {
        Rule::ForeignKey { to, .. } => Some((&to.table, to.columns.iter().map(String::as_str).collect())),
        _ => None,
    };
    to.into_iter()
}

/// Returns the operation after `here` that creates what is missing.
fn maker(
    ordered: &[&MigrationOperations],
    (position, step): (usize, usize),
    table: &Name,
    column: Option<&str>,
) -> Option<Site> {
    for (index, migration) in ordered.iter().enumerate().skip(position) {
        let from = if index == position { step + 1 } else { 0 };
        for operation in migration.up.iter().skip(from).filter(|operation| !operation.conditional) {
            let makes = match (&operation.action, column) {
                (Action::CreateTable { table: made, .. } | Action::CreateRelation { relation: made }, None) => {
                    made.fits(table)
                }
                (Action::RenameTable { table: from, to }, None) => {
                    *to == table.name && Name::new(from.schema.clone(), to.clone()).fits(table)
                }
                (Action::AddColumn { table: of, column: made, unless_there: false }, Some(column)) => {
                    of.fits(table) && made.name == column
                }
                (Action::RenameColumn { table: of, to, .. }, Some(column)) => of.fits(table) && to == column,
                _ => false,
            };
            if makes {
                return Some(site(migration, operation));
            }
        }
    }
    None
}

fn site(migration: &MigrationOperations, operation: &Operation) -> Site {
    Site {
        revision: migration.revision.clone(),
        at: Place::new(&migration.file, operation.line),
        source: operation.source.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::chain::Revision;
    use crate::parse::sql_ddl::of_sql;

    fn migration(revision: &str, sql: &str) -> MigrationOperations {
        MigrationOperations {
            autocommits: false,
            extensions: Vec::new(),
            creates_unknown_extensions: false,
            new_values: Vec::new(),
            revision: revision.to_owned(),
            file: format!("{revision}.sql").into(),
            up: of_sql(sql, 1),
            down: Vec::new(),
            way_back: super::super::WayBack::Missing,
        }
    }

    /// What is missing, as `table.column used by revision, made by revision`.
    #[track_caller]
    fn check(scripts: &[&str], expected: &[&str]) {
        let names = ["a", "b", "c", "d"];
        let all: Vec<_> = names.iter().zip(scripts).map(|(name, sql)| migration(name, sql)).collect();
        let found = misplaced(&all.iter().collect::<Vec<_>>());
        let told: Vec<String> = found
            .iter()
            .map(|it| {
                let column = it.column.as_deref().map(|column| format!(".{column}")).unwrap_or_default();
                format!(
                    "{}{column} {} {}",
                    it.table,
                    it.user.revision,
                    it.maker.as_ref().map_or("-", |it| &it.revision)
                )
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_used_before_it_is_made() {
        check(&["alter table t add x int", "create table t (id int)"], &["t a b"]);
        check(&["create table t (id int)", "create index on t (x)", "alter table t add x int"], &["t.x b c"]);
        check(&["create table t (id int references u)", "create table u (id int)"], &["u a b"]);
        check(&["alter table t add x int", "drop table t"], &["t a -"]);
        check(&["create table a.t (id int); alter table t add x int", "alter table b.t add y int"], &["b.t b -"]);
    }

    #[test]
    fn what_is_in_order_or_cannot_be_told() {
        check(&["create table t (id int)", "alter table t rename to u", "alter table u add x int; drop table u"], &[]);
        check(&["create table t (id int references t)", "alter table t rename id to x; alter table t drop x"], &[]);
        check(&["do $$ begin end $$", "alter table t add x int"], &[]);
        check(&["alter table if exists t add x int; drop table if exists t", "create table t (id int)"], &[]);
        check(&["create table t (id int)", "create function f() returns int as ''", "create index on t (x)"], &[]);
    }

    #[test]
    fn the_mend_is_tried_before_it_is_told() {
        let all = [
            migration("a", "create table o (id int)"),
            migration("b", "alter table t add x int"),
            migration("c", "create table p (id int)"),
            migration("d", "create table t (id int references p)"),
        ];
        let revision = |id: &str, parent: Option<&str>| Revision {
            id: id.to_owned(),
            down_revisions: parent.into_iter().map(str::to_owned).collect(),
            depends_on: Vec::new(),
            branch_labels: Vec::new(),
            message: String::new(),
            at: Place::new(format!("{id}.sql"), 1),
            down_revision_line: 2,
        };
        let revisions =
            vec![revision("a", None), revision("b", Some("a")), revision("c", Some("b")), revision("d", Some("c"))];
        let chain = Chain { revisions, ..Chain::default() };
        let ordered: Vec<_> = all.iter().collect();
        let found = misplaced(&ordered);
        // `d` before `b` would miss `p`: so `b` goes behind `d`.
        let edits: Vec<String> = rewire(&chain, &ordered, &found[0])
            .unwrap()
            .into_iter()
            .map(|edit| format!("{} {}", edit.at, edit.line))
            .collect();
        assert_eq!(edits, ["c.sql:2 down_revision = \"a\"", "b.sql:2 down_revision = \"d\""]);
    }
}
