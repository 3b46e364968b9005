//! Drift: what the models, the migrations and the database say of the same object, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use super::git::Commit;
use super::observed::Observed;
use super::place::Place;
use super::plan::LayerPlan;
use super::schema::{ObjectId, Properties, Property, Schema};
use super::scratch::ScratchPlan;
use super::target::Target;

mod models;

/// How the three sources are learned.
#[derive(Debug, Clone)]
pub struct DriftPlan {
    pub target: Target,
    pub position: Position,
    /// Where the chain and the models are made; nothing where there can be no scratch database, and why.
    pub scratch: Result<ScratchPlan, String>,
    /// What is known of the chain's layers, and how it runs; absent where the project has none.
    pub chain: Observed<ChainSource>,
    pub models: Observed<ModelsSource>,
    /// Schema and name of the table that holds the version, which is nobody's drift.
    pub version_table: Option<(String, String)>,
    pub privileges: bool,
}

/// The chain, as far as its schema may be known without running it.
#[derive(Debug, Clone)]
pub struct ChainSource {
    pub layers: Option<LayerPlan>,
    /// The revisions that the database has, in run order; all of them where nothing is pending.
    pub applied: Option<Vec<String>>,
}

/// Where the models are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelsSource {
    /// `target_metadata` of the chain's `env.py`.
    EnvPy,
    /// `[models] metadata`: `app.models:Base.metadata`.
    Named(String),
}

/// The three sources. A project may lack the first two; a source that cannot be had says why.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub models: Observed<Models>,
    pub migrations: Observed<Migrations>,
    pub database: Schema,
}

/// What the database should be made of, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    pub schema: Schema,
    pub by: MeantBy,
}

/// Who says what the database should be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeantBy {
    /// The migrations that are applied.
    Applied,
    /// All migrations.
    Head,
    /// The models, where there are no migrations.
    Models,
}

impl Sources {
    /// Returns what the database should be made of: what its applied migrations make, or all of them where it is not known
    /// which are; without migrations, what the models say.
    pub fn meant(&self, position: &Position) -> Option<Meant> {
        match &self.migrations {
            Observed::Known(made) => {
                let applied = made.applied.as_ref().filter(|_| matches!(position, Position::Behind(_)));
                let by = if applied.is_some() { MeantBy::Applied } else { MeantBy::Head };
                Some(Meant { schema: applied.unwrap_or(&made.head).clone(), by })
            }
            Observed::Absent => {
                let schema = self.models.known()?.with_sequences(&self.database);
                Some(Meant { schema, by: MeantBy::Models })
            }
            Observed::Unknown(_) => None,
        }
    }
}

/// How an adopted migration is taken back.
#[derive(Debug, Clone, Copy)]
pub enum WayBack<'a> {
    By(&'a [String]),
    /// By nothing: it fails with these words.
    Refused(&'a str),
}

/// What came of trying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// Down and up again made the schemas that were there before and after it.
    ComesBack,
    /// The tool has no place for it.
    HasNone,
    /// What was written did not do, for this reason, and was replaced by a refusal.
    Refused(String),
    /// Left as written, for it could not be tried.
    Untried(String),
}

/// A migration of what was made by hand.
#[derive(Debug, Clone)]
pub struct AdoptPlan {
    pub message: String,
    pub up: Vec<String>,
    pub down: Vec<String>,
    /// How many differences it takes over.
    pub adopted: usize,
    /// What it takes away where others run it, and what may have been meant.
    pub takes: Vec<String>,
    /// What the chain makes with it.
    pub after: Schema,
}

/// What the models would create in an empty database, and of what they do not speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Models {
    pub schema: Schema,
    /// Tables, or parts of them, that `include_object` and `include_name` leave to others.
    pub excluded: BTreeSet<ObjectId>,
    /// `compare_type` of `env.py`: on, unless it is switched off.
    pub compare_type: bool,
    /// `compare_server_default` of `env.py`: off, unless it is switched on.
    pub compare_default: bool,
    /// What could not be asked, in words.
    pub notes: Vec<String>,
}

/// What the chain makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrations {
    /// At the end of the chain.
    pub head: Schema,
    /// What those revisions make that the database says are applied; nothing where that is not known.
    pub applied: Option<Schema>,
}

/// Where the database is in the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Position {
    /// The project has no chain.
    #[default]
    NoChain,
    AtHead,
    Behind(usize),
    /// Rows of the version table that no file has, and where those were found.
    Unknown {
        rows: Vec<String>,
        found: Option<String>,
        /// What brings those files back.
        switch: Option<String>,
    },
    /// There are tables, and no version.
    Unstamped,
}

/// What one source says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The source does not speak of such objects, or could not be read.
    Unsaid,
    Absent,
    Present(Properties),
}

/// An object of which the sources say different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    pub object: ObjectId,
    pub models: Standing,
    pub migrations: Standing,
    pub database: Standing,
    pub verdict: Verdict,
    /// The properties in which they differ, where several have it.
    pub differing: Vec<Property>,
    /// The revision that makes it, where that is told.
    pub maker: Option<Maker>,
    /// What it was probably called before, in the same table.
    pub renamed_from: Option<String>,
}

/// A revision that makes an object, and what became of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maker {
    pub revision: String,
    pub at: Place,
    /// The commit that changed the file after the one that added it; nothing where there is none.
    pub edited: Option<Commit>,
    /// The file differs from what is committed.
    pub uncommitted: bool,
}

/// Which of the sources is behind, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The models are ahead: no migration makes it yet.
    NotMigrated,
    /// The models do not have it any more, the chain still makes it.
    RemovedFromModels,
    /// A revision that is not applied yet makes it.
    Pending,
    /// A revision that is not applied yet would make what the database has already.
    Early,
    /// In the models and the database, and in no migration: `create_all` made it.
    CreatedByModels,
    /// In the database alone.
    MadeByHand,
    /// An applied revision makes something else now: its file was edited afterwards.
    EditedMigration,
    /// An applied revision makes it, and the database has it otherwise or not at all.
    ChangedByHand,
    /// The database was migrated with revisions that are not here.
    OtherBranch,
    /// The database is older than the models or the chain, and has no version: `create_all` adds no columns.
    StaleVolume,
    /// Only the migrations could tell, and they could not be read.
    Undecided,
}

/// The verdicts in the order of the table in the docs, with their names and what each says.
pub const VERDICTS: [(Verdict, &str, &str); 11] = [
    (Verdict::NotMigrated, "not migrated", "in the models, in no migration"),
    (Verdict::RemovedFromModels, "removed from the models", "the migrations make it, and the models lack it"),
    (Verdict::Pending, "pending", "in a migration that is not applied"),
    (Verdict::Early, "made early", "a pending migration will find it there"),
    (Verdict::CreatedByModels, "made by create_all", "in models and database, in no migration"),
    (Verdict::MadeByHand, "made by hand", "in the database alone"),
    (Verdict::EditedMigration, "edited migration", "its revision was edited after it was applied"),
    (Verdict::ChangedByHand, "changed by hand", "an applied migration made it otherwise"),
    (Verdict::OtherBranch, "another branch's", "made by revisions that are not here"),
    (Verdict::StaleVolume, "stale volume", "the database is older than the code, and has no version"),
    (Verdict::Undecided, "undecided", "only the migrations could tell, and they could not be read"),
];

impl Verdict {
    /// Returns the verdict's name, as it is shown and as JSON has it.
    pub fn name(self) -> &'static str {
        VERDICTS.iter().find(|(verdict, _, _)| *verdict == self).map_or("", |(_, name, _)| name)
    }

    /// Returns the command for one difference.
    pub fn command(self) -> &'static str {
        match self {
            Self::NotMigrated | Self::RemovedFromModels | Self::CreatedByModels => "devdb migrate new --autogenerate",
            Self::Pending => "devdb migrate up",
            Self::MadeByHand => "devdb drift --adopt",
            Self::Early | Self::EditedMigration | Self::ChangedByHand | Self::StaleVolume => "devdb reset",
            Self::OtherBranch | Self::Undecided => "devdb doctor",
        }
    }

    /// Returns what the verdict says of an object.
    pub fn says(self) -> &'static str {
        VERDICTS.iter().find(|(verdict, _, _)| *verdict == self).map_or("", |(_, _, says)| says)
    }
}

/// The whole comparison.
#[derive(Debug, Clone, Default)]
pub struct Drift {
    pub differences: Vec<Drifted>,
    /// How many objects were compared.
    pub compared: usize,
    pub position: Position,
    /// The commands that bring the three together, in order, each with what it is for.
    pub remedy: Vec<Remedy>,
    /// Why a source is missing: its name and the reason.
    pub unread: Vec<(&'static str, String)>,
    /// Tables whose columns stand in another order than the chain makes them, which changes nothing.
    pub reordered: usize,
}

/// A command and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    pub command: String,
    /// What it does, keeps and loses.
    pub effect: &'static str,
}

impl Drift {
    /// Returns whether the sources that could be read agree.
    pub fn in_sync(&self) -> bool {
        self.differences.is_empty()
    }

    /// Returns how many differences have each verdict.
    pub fn counts(&self) -> BTreeMap<Verdict, usize> {
        let mut counts = BTreeMap::new();
        for difference in &self.differences {
            *counts.entry(difference.verdict).or_default() += 1;
        }
        counts
    }
}

impl Standing {
    /// Returns the properties, where it is there.
    pub fn properties(&self) -> Option<&Properties> {
        match self {
            Self::Present(properties) => Some(properties),
            Self::Unsaid | Self::Absent => None,
        }
    }
}
