//! Snapshots: copies of the development database that a person keeps under names.

use serde::{Deserialize, Serialize};

use super::disposable::Disposable;
use super::plan::{BlastRadius, Inside};
use super::schema::Difference;
use super::sql_chain::SqlChain;
use super::target::Target;

/// What a snapshot says of itself, in its database's comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// As the person named it.
    pub name: String,
    /// The rows of the chain's version table, when it was taken.
    pub revision: String,
    /// The git branch that was checked out; nothing without git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Bytes, when it was taken.
    pub bytes: u64,
}

/// A snapshot that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The name of its database on the server.
    pub database: String,
    pub note: Note,
    /// Since it was taken, by the server's clock.
    pub age_seconds: i64,
}

/// Where the revision that a database is at is read.
#[derive(Debug, Clone)]
pub enum VersionRows {
    /// Alembic's table, quoted for SQL.
    Alembic(String),
    Sql(SqlChain),
    /// The project has no chain that devdb can read.
    None,
}

/// What a new snapshot is to be.
#[derive(Debug, Clone)]
pub struct SavePlan {
    pub proof: Disposable,
    pub target: Target,
    /// Nothing: a name is made from the branch.
    pub name: Option<String>,
    pub branch: Option<String>,
    /// Replaces the snapshot that has the name.
    pub force: bool,
    pub version: VersionRows,
}

/// A snapshot that takes the place of the target.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    pub proof: Disposable,
    pub target: Target,
    pub snapshot: Snapshot,
    /// The chain's head, where the snapshot is at another revision, and whether the chain has that one.
    pub moved: Option<(String, bool)>,
    /// Whether the target database exists.
    pub exists: bool,
    /// The sessions that are ended.
    pub sessions: usize,
    /// How many replaced databases are kept.
    pub keep: usize,
    pub blast: BlastRadius,
}

/// How a file is written from a database, or read into a new snapshot.
#[derive(Debug, Clone)]
pub struct ArchivePlan {
    pub save: SavePlan,
    /// Where `pg_dump` and `pg_restore` of the server's own version are.
    pub container: Option<Inside>,
    /// The server's major version.
    pub major: u32,
}

/// Two databases that are to be compared.
#[derive(Debug, Clone)]
pub struct ComparePlan {
    pub proof: Disposable,
    pub target: Target,
    pub before: Side,
    pub after: Side,
    /// The rows themselves, not only their number.
    pub content: bool,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    Live,
    Snapshot(Snapshot),
}

/// How two databases differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    pub schema: Vec<Difference>,
    /// Tables that both have and whose rows differ.
    pub tables: Vec<TableRows>,
    /// Tables that both have.
    pub compared: usize,
}

/// The rows of one table on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRows {
    pub table: String,
    /// Nothing where the role may not read the table.
    pub before: Option<u64>,
    pub after: Option<u64>,
}

/// What a snapshot may be called at most, in characters.
const NAME_LIMIT: usize = 100;

/// Returns why a snapshot cannot be called so.
pub fn unfit(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("it is empty"),
        "." => Some("`.` stands for the database itself"),
        _ if name.trim() != name => Some("it begins or ends with a space"),
        _ if name.chars().any(char::is_control) => Some("it holds a control character"),
        _ if name.chars().count() > NAME_LIMIT => Some("it is longer than 100 characters"),
        _ => None,
    }
}

/// Returns a name that is not taken: the branch and the next number.
pub fn next_name(branch: Option<&str>, taken: &[Snapshot]) -> String {
    let base = branch.unwrap_or("snapshot");
    let base: String = base.chars().take(NAME_LIMIT - 10).collect();
    let number = |snapshot: &Snapshot| {
        snapshot
            .note
            .name
            .strip_prefix(base.as_str())?
            .strip_prefix('-')?
            .parse::<u32>()
            .ok()
            .filter(|it| *it < 1 << 30)
    };
    let last = taken.iter().filter_map(number).max().unwrap_or_default();
    format!("{base}-{}", last + 1)
}

impl Side {
    /// Returns how the side is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Live => ".",
            Self::Snapshot(snapshot) => &snapshot.note.name,
        }
    }
}

impl Comparison {
    /// Returns whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.schema.is_empty() && self.tables.is_empty()
    }
}

impl RestorePlan {
    /// Returns the steps as sentences, in order.
    pub fn describe(&self) -> Vec<String> {
        let name = self.target.database();
        let mut steps = vec![format!("clone the snapshot `{}` beside `{name}`", self.snapshot.note.name)];
        steps.push(match (self.exists, self.sessions) {
            (false, _) => format!("rename the clone to `{name}`"),
            (true, 0) => format!("swap the two in one transaction; the old `{name}` is kept for `devdb undo`"),
            (true, sessions) => format!(
                "end {}, swap the two in one transaction; the old `{name}` is kept for `devdb undo`",
                super::text::counted(sessions, "session")
            ),
        });
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Snapshot {
        let note = Note { name: name.to_owned(), revision: String::new(), branch: None, bytes: 0 };
        Snapshot { database: String::new(), note, age_seconds: 0 }
    }

    #[test]
    fn names_count_up() {
        let taken = [named("main-1"), named("main-9"), named("main-x"), named("feature-20"), named("main-4294967295")];
        assert_eq!(next_name(Some("main"), &taken), "main-10");
        assert_eq!(next_name(Some("fix/ü"), &taken), "fix/ü-1");
        assert_eq!(next_name(None, &[]), "snapshot-1");
    }

    #[test]
    fn free_text_is_a_name() {
        for name in ["before the \"big\" merge", "käse 🧀", "a'b\\c", "-x"] {
            assert_eq!(unfit(name), None, "{name}");
        }
        for name in ["", ".", " a", "a\nb", &"x".repeat(101)] {
            assert!(unfit(name).is_some(), "{name}");
        }
    }
}
