//! Who is in the way of a statement, and for whom it will be in the way itself.

use std::collections::BTreeSet;

use super::Met;
use super::look::Look;
use super::state::{State, Table};
use crate::model::operation::{Action, Name, Rule, Trouble};
use crate::model::text::{shortened, size, visible};

/// A table of this size takes the server noticeable time to read.
const LARGE: u64 = 256 << 20;

/// A transaction that is busy for this long is no passing one.
const PASSING_SECONDS: u64 = 2;

/// Table-level locks, in the order of PostgreSQL's table of conflicts (§13.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lock {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

use Lock::{
    AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share, ShareRowExclusive, ShareUpdateExclusive,
};

impl Lock {
    fn parse(mode: &str) -> Option<Self> {
        Some(match mode {
            "AccessShareLock" => AccessShare,
            "RowShareLock" => RowShare,
            "RowExclusiveLock" => RowExclusive,
            "ShareUpdateExclusiveLock" => ShareUpdateExclusive,
            "ShareLock" => Share,
            "ShareRowExclusiveLock" => ShareRowExclusive,
            "ExclusiveLock" => Exclusive,
            "AccessExclusiveLock" => AccessExclusive,
            _ => return None,
        })
    }

    fn conflicts(self, held: Self) -> bool {
        match self {
            AccessShare => held == AccessExclusive,
            RowShare => held >= Exclusive,
            RowExclusive => held >= Share,
            ShareUpdateExclusive => held >= ShareUpdateExclusive,
            // `SHARE` goes with itself, and with nothing else that writes.
            Share => held >= RowExclusive && held != Share,
            ShareRowExclusive => held >= RowExclusive,
            Exclusive => held >= RowShare,
            AccessExclusive => true,
        }
    }
}

/// The sessions that hold locks on tables.
#[derive(Debug, Default)]
pub(super) struct Holders {
    held: Vec<Held>,
    /// Whom a warning names already, on which table.
    told: BTreeSet<(Name, String)>,
}

#[derive(Debug)]
struct Held {
    table: Name,
    mode: Lock,
    pid: String,
    who: String,
}

impl Holders {
    pub(super) async fn read(look: &Look<'_>) -> Self {
        const QUERY: &str = "select n.nspname, c.relname, l.mode, l.pid, coalesce(a.state, ''), \
            coalesce(nullif(a.application_name, ''), 'an unnamed client'), \
            coalesce(extract(epoch from now() - a.xact_start)::bigint, 0) \
            from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace \
            left join pg_stat_activity a on a.pid = l.pid where l.locktype = 'relation' and l.granted \
            and l.database = (select oid from pg_database where datname = current_database()) \
            and l.pid <> pg_backend_pid() and c.relkind in ('r', 'p') \
            and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'";
        let rows = look.rows(QUERY).await.unwrap_or_default();
        Self { held: rows.into_iter().filter_map(held).collect(), told: BTreeSet::new() }
    }

    /// Returns the sessions for which an operation will wait.
    pub(super) fn in_the_way(&mut self, state: &State, action: &Action) -> Vec<Met> {
        let mut met = Vec::new();
        for (name, wanted) in wanted(action) {
            let table = state.table(name);
            if table.made || table.gone {
                continue;
            }
            for held in self.held.iter().filter(|held| held.table.fits(&table.now) && wanted.conflicts(held.mode)) {
                if self.told.insert((held.table.clone(), held.pid.clone())) {
                    let why = format!("waits for {}, which holds a lock on `{}`", held.who, table.now);
                    met.push(Met { trouble: Trouble::Blocks, why, count: Some(1) });
                }
            }
        }
        met
    }
}

fn held(row: Vec<Option<String>>) -> Option<Held> {
    let mut cells = row.into_iter();
    let mut cell = || cells.next().flatten();
    let table = Name::new(cell(), cell()?);
    let mode = Lock::parse(&cell()?)?;
    let (pid, state, application) = (cell()?, cell()?, cell()?);
    let seconds: u64 = cell()?.parse().unwrap_or_default();
    let idle = state.starts_with("idle in transaction");
    if !idle && seconds < PASSING_SECONDS {
        return None;
    }
    let doing = if state.is_empty() { "busy".to_owned() } else { state };
    let who =
        format!("`{}` (pid {pid}, {doing}, {seconds} s in its transaction)", shortened(&visible(&application), 40));
    Some(Held { table, mode, pid, who })
}

/// Returns the tables that an operation locks, and how (`AlterTableGetLockLevel`, and the manual's pages).
fn wanted(action: &Action) -> Vec<(&Name, Lock)> {
    match action {
        Action::AddConstraint { table, constraint } => match &constraint.rule {
            Rule::ForeignKey { to, .. } => vec![(table, ShareRowExclusive), (&to.table, ShareRowExclusive)],
            _ => vec![(table, AccessExclusive)],
        },
        Action::AddColumn { table, column, .. } => {
            let other = column.references.iter().map(|to| (&to.table, ShareRowExclusive));
            std::iter::once((table, AccessExclusive)).chain(other).collect()
        }
        Action::CreateTable { constraints, .. } => {
            let other = constraints.iter().filter_map(|constraint| match &constraint.rule {
                Rule::ForeignKey { to, .. } => Some((&to.table, ShareRowExclusive)),
                _ => None,
            });
            other.collect()
        }
        Action::CreateIndex(index) if index.concurrently => vec![(&index.table, ShareUpdateExclusive)],
        Action::CreateIndex(index) => vec![(&index.table, Share)],
        Action::Alter { table } => vec![(table, ShareRowExclusive)],
        Action::Write { table, .. } => vec![(table, RowExclusive)],
        other => other.table().map(|table| (table, AccessExclusive)).into_iter().collect(),
    }
}

/// Returns that an operation reads or rewrites a large table while others wait.
pub(super) async fn large(look: &Look<'_>, state: &State, action: &Action) -> Option<Met> {
    let (name, what) = match action {
        Action::CreateIndex(index) if !index.concurrently => {
            (&index.table, "writers wait while the index is built; `CONCURRENTLY` lets them on")
        }
        Action::SetType { table, .. } => (table, "readers and writers wait while it is rewritten"),
        Action::SetNullable { table, nullable: false, .. } => (table, "readers and writers wait while it is read"),
        Action::AddConstraint { table, constraint } if constraint.validated => {
            (table, "writers wait while it is read; `NOT VALID` and a later `VALIDATE CONSTRAINT` let them on")
        }
        _ => return None,
    };
    let table: Table = state.table(name);
    if table.made || table.gone {
        return None;
    }
    let there = look.table(&table.now).await.ok()?;
    let why = format!("`{name}` has {}: {what}", size(there.bytes));
    (there.bytes >= LARGE).then_some(Met { trouble: Trouble::Blocks, why, count: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_those_of_the_manual() {
        const ALL: [Lock; 8] = [
            AccessShare,
            RowShare,
            RowExclusive,
            ShareUpdateExclusive,
            Share,
            ShareRowExclusive,
            Exclusive,
            AccessExclusive,
        ];
        let table =
            ALL.map(|wanted| ALL.map(|held| if wanted.conflicts(held) { '#' } else { '.' }).iter().collect::<String>());
        assert_eq!(
            table,
            [".......#", "......##", "....####", "...#####", "..##.###", "..######", ".#######", "########"]
        );
        for one in ALL {
            assert!(ALL.iter().all(|other| one.conflicts(*other) == other.conflicts(one)));
        }
    }
}
