//! What will be done, as data: `--dry-run` renders it, the prompt summarises it, `execute` carries it out.

mod layers;
mod moves;
mod step;

pub use layers::{LayerPlan, LayerStep, LayerStepKind};
pub use moves::{MigratePlan, Move, Moved, SqlMovePlan, SqlTask};
pub use step::{Borrowed, Step};

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::place::Place;

use super::disposable::Disposable;
use super::server::Session;
use super::sql_chain::SqlChain;
use super::target::{Origin, Target};
use super::text::counted;

/// A reset, decided.
#[derive(Debug, Clone)]
pub struct ResetPlan {
    pub proof: Disposable,
    pub workplace: Workplace,
    /// Whether the target database exists yet.
    pub exists: bool,
    pub order: Order,
    /// Why the schemas are replaced inside the database, where nobody asked for that; a copy is kept beforehand.
    pub fallback: Option<String>,
    pub schema: SchemaPlan,
    pub seeds: Vec<SeedPlan>,
    pub layers: LayerPlan,
    /// Named to the user, ended at the swap.
    pub sessions: Vec<Session>,
    /// How many replaced databases are kept.
    pub keep: usize,
    pub keep_failed: bool,
    /// Whether what need not happen now is left to a child: clearing away, and the spare.
    pub later: bool,
    /// What a person who agrees to the reset is told it would cost.
    pub blast: BlastRadius,
}

/// Where and with what the project's own commands run, and by what they know their database.
#[derive(Debug, Clone)]
pub struct Workplace {
    /// The app's own connection; connections to it are those that are pointed elsewhere.
    pub target: Target,
    pub origin: Origin,
    /// The container inside which commands run.
    pub inside: Option<Inside>,
    /// The project's virtual environment.
    pub python_environment: Option<PathBuf>,
    /// Keys of the environment that name the target, and what they are to say while another database is meant.
    pub pointers: Vec<Pointer>,
    /// The revisions by id, with their files, to name the line that failed; empty when the chain is not known.
    pub revisions: BTreeMap<String, Place>,
}

/// What a reset replaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlastRadius {
    /// `PostgreSQL 15.18 at localhost:5433`.
    pub server: String,
    /// How it was proven that this server may be written to.
    pub proof: String,
    pub size_bytes: u64,
    pub tables: Option<u32>,
    pub estimated_rows: u64,
}

/// In which order the new database takes the old one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Built under a private name, swapped in one transaction.
    Aside,
    /// For commands whose connections cannot be redirected: the old one is renamed aside first.
    RenameFirst,
    /// For roles without CREATEDB: schemas dropped and recreated inside the database.
    InPlace,
}

/// What the models and the chain differ in, as sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    pub differences: Vec<String>,
    /// What autogenerate does not compare: renames, CHECKs, enum values, server defaults.
    pub unseen: Vec<String>,
}

/// What a new database is given before its seeds.
#[derive(Debug, Clone)]
pub struct SchemaPlan {
    /// SQL files run before the chain.
    pub init: Vec<PathBuf>,
    pub bootstrap: Option<String>,
    /// Stamped after `bootstrap`.
    pub stamp: Option<String>,
    pub chain: ChainPlan,
}

/// How the schema is made.
#[derive(Debug, Clone)]
pub enum ChainPlan {
    /// The project's own command, expected to reach `heads`.
    Command {
        command: String,
        /// Where it is run, relative to the root.
        directory: PathBuf,
        /// Rows that the version table holds afterwards; empty when it is not known.
        heads: Vec<String>,
        /// How many revisions the command runs; nothing when the chain is not known.
        revisions: usize,
        /// Quoted for SQL; nothing when the chain is not known.
        version_table: Option<String>,
    },
    /// SQL files run by devdb: all that the chain still holds.
    Sql { chain: SqlChain },
    /// The project has no chain.
    None,
}

/// One seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedPlan {
    /// An SQL file, in one transaction.
    File(PathBuf),
    /// A command of the project, and the patterns of everything that it reads, where these are told.
    Command { run: String, inputs: Option<Vec<String>> },
}

impl SeedPlan {
    /// Returns how the seed is named to the user.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Command { run, .. } => run.clone(),
        }
    }
}

impl ResetPlan {
    /// Returns the steps as sentences, in order.
    pub fn describe(&self) -> Vec<String> {
        let name = self.workplace.target.database();
        let mut steps = vec![match (self.order, self.exists) {
            (Order::Aside, _) if self.layers.start => {
                format!("beside `{name}`: clone the nearest layer, or create an empty database; run what it lacks of:")
            }
            (Order::Aside, _) => format!("create a new database beside `{name}`"),
            (Order::RenameFirst, true) => format!("rename `{name}` aside, create a new `{name}`"),
            (Order::RenameFirst, false) => format!("create `{name}`"),
            (Order::InPlace, _) => format!("drop and recreate every schema inside `{name}`"),
        }];
        if self.fallback.is_some() {
            steps.insert(0, format!("copy `{name}`, which keeps its content for `devdb undo`"));
        }
        steps.extend(self.schema.init.iter().map(|file| format!("run `{}`", file.display())));
        steps.extend(self.schema.bootstrap.iter().map(|command| format!("run `{command}`")));
        steps.extend(self.schema.stamp.iter().map(|revision| format!("stamp revision `{revision}`")));
        match &self.schema.chain {
            ChainPlan::Command { command, revisions: 0, .. } => {
                steps.push(format!("run `{command}`"));
            }
            ChainPlan::Command { command, revisions, .. } => {
                steps.push(format!("run `{command}` ({revisions} revisions)"));
            }
            ChainPlan::Sql { chain } => {
                steps.push(format!("apply {} of {}", counted(chain.migrations.len(), "SQL migration"), chain.tool));
            }
            ChainPlan::None => {}
        }
        steps.extend(self.seeds.iter().map(|seed| format!("seed from `{}`", seed.name())));
        steps.push("verify: version, seeded tables, a query as the app's own role".to_owned());
        if self.order == Order::Aside {
            let old = if self.keep == 0 { "is dropped" } else { "is kept for `devdb undo`" };
            steps.push(match (self.exists, self.sessions.len()) {
                (false, _) => format!("rename the new database to `{name}`"),
                (true, 0) => format!("swap the two in one transaction; the old `{name}` {old}"),
                (true, sessions) => format!(
                    "end {}, swap the two in one transaction; the old `{name}` {old}",
                    counted(sessions, "session")
                ),
            });
        }
        steps
    }
}

/// A container in which the project's commands run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    pub container: String,
    pub engine: String,
}

/// A variable by which the project's commands find the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pointer {
    /// Holds a whole URL, with this scheme and driver.
    Url { key: String, target: Target },
    /// Holds the database's name alone.
    Name { key: String },
}
