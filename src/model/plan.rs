//! What will be done, as data: `--dry-run` renders it, the prompt summarises it, `execute` carries it out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::place::Place;

use super::disposable::Disposable;
use super::git::FoundRevision;
use super::history::Entry;
use super::secret::Secret;
use super::server::Session;
use super::sql_chain::SqlChain;
use super::target::{Origin, Target};
use super::text::counted;

/// One step of a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Copies a file that is not there yet.
    CopyFile { from: PathBuf, to: PathBuf },
    /// Replaces the value of one assignment; `shown` is what may be printed of it.
    SetEnvValue { file: PathBuf, line: usize, key: String, value: Secret, shown: String },
    /// Adds an assignment at the end.
    AppendEnv { file: PathBuf, key: String, value: Secret, shown: String },
    /// Deletes one assignment.
    RemoveEntry { file: PathBuf, line: usize, key: String, value: Secret },
    /// Writes `\n` for `\r\n`.
    UnixLineEnds { file: PathBuf },
    /// Starts (or recreates) a service of the Compose project.
    ComposeUp { service: String, recreate: bool },
    /// Starts a container that exists.
    StartContainer { name: String },
    /// Sets a role's password through the local socket inside the container, as its superuser.
    SetRolePassword { container: String, superuser: String, role: String, password: Secret },
    /// Gives a role `CREATEDB` through the local socket inside the container, as its superuser.
    GrantCreateDatabase { container: String, superuser: String, role: String },
    /// Creates the target database, owned by the role that logs in.
    CreateDatabase { name: String },
    /// Ends the other sessions of the target database.
    EndSessions { database: String },
    /// Waits until a login succeeds.
    WaitForServer,
    /// Brings the target database to the chain's head by the project's own command.
    Upgrade { command: String },
    /// Takes revisions back, the first one first, whose files are not in the working tree; ends at `to`.
    DowngradeElsewhere(Borrowed),
    /// Runs a command of the project, shown as it is.
    Run { command: String },
    /// Something for a person to do.
    Tell(String),
}

/// A downgrade with revision files that are not in the working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Borrowed {
    /// In the order in which they are taken back.
    pub revisions: Vec<FoundRevision>,
    /// The revision to end at.
    pub to: String,
    /// The chain's configuration, its section, and its version folders.
    pub config: PathBuf,
    pub section: String,
    pub folders: Vec<PathBuf>,
}

impl Step {
    /// Returns what the step does, without secrets, as one line.
    pub fn describe(&self) -> String {
        match self {
            Self::CopyFile { from, to } => format!("copy `{}` to `{}`", from.display(), to.display()),
            Self::SetEnvValue { file, line, key, shown, .. } => {
                format!("set `{key}` in `{}:{line}` to {shown}", file.display())
            }
            Self::AppendEnv { file, key, shown, .. } => format!("add `{key}={shown}` to `{}`", file.display()),
            Self::RemoveEntry { file, line, key, .. } => {
                format!("delete `{}:{line}` (`{key}`, which is ignored)", file.display())
            }
            Self::UnixLineEnds { file } => format!("write `{}` with Unix line ends", file.display()),
            Self::ComposeUp { service, recreate: false } => format!("start the Compose service `{service}`"),
            Self::ComposeUp { service, recreate: true } => format!("recreate the Compose service `{service}`"),
            Self::StartContainer { name } => format!("start the container `{name}`"),
            Self::SetRolePassword { container, role, .. } => {
                format!("set the password of role `{role}` inside the container `{container}`")
            }
            Self::GrantCreateDatabase { container, role, .. } => {
                format!("give role `{role}` CREATEDB inside the container `{container}`")
            }
            Self::CreateDatabase { name } => format!("create the database `{name}`"),
            Self::EndSessions { database } => format!("end the other sessions on `{database}`"),
            Self::WaitForServer => "wait until the server accepts logins".to_owned(),
            Self::Upgrade { command } | Self::Run { command } => format!("run `{command}`"),
            Self::DowngradeElsewhere(Borrowed { revisions, to, .. }) => {
                let ids: Vec<&str> = revisions.iter().map(|it| it.revision.id.as_str()).collect();
                let place = revisions.first().map(|it| it.place.describe()).unwrap_or_default();
                format!("downgrade `{}` to `{to}` with the files of {place}", ids.join("`, `"))
            }
            Self::Tell(text) => text.clone(),
        }
    }

    /// Returns whether the step changes files of the project only.
    pub fn is_edit(&self) -> bool {
        matches!(
            self,
            Self::CopyFile { .. }
                | Self::SetEnvValue { .. }
                | Self::AppendEnv { .. }
                | Self::RemoveEntry { .. }
                | Self::UnixLineEnds { .. }
        )
    }
}

/// A reset, decided.
#[derive(Debug, Clone)]
pub struct ResetPlan {
    pub proof: Disposable,
    pub workplace: Workplace,
    /// Whether the target database exists yet.
    pub exists: bool,
    pub order: Order,
    pub schema: SchemaPlan,
    pub seeds: Vec<SeedPlan>,
    /// Named to the user, ended at the swap.
    pub sessions: Vec<Session>,
    /// How many replaced databases are kept.
    pub keep: usize,
    pub keep_failed: bool,
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

/// A move along an Alembic chain, decided.
#[derive(Debug, Clone)]
pub struct MigratePlan {
    pub workplace: Workplace,
    pub command: String,
    /// Where it is run, relative to the root.
    pub directory: PathBuf,
    /// Quoted for SQL.
    pub version_table: String,
    /// The rows of that table before.
    pub before: Vec<String>,
    /// The revisions that will run, in order; nothing where only Alembic can tell (`label@head`).
    pub steps: Option<Vec<Entry>>,
}

/// Files of an SQL chain to run or to take back, or a table to write as if they had been run.
#[derive(Debug, Clone)]
pub struct SqlMovePlan {
    pub workplace: Workplace,
    pub chain: SqlChain,
    pub task: SqlTask,
    /// Versions, in the order in which they run; for a stamp, all that count as applied then.
    pub versions: Vec<String>,
    pub before: Vec<String>,
    /// Where the database is: the last applied version.
    pub position: String,
    pub steps: Vec<Entry>,
}

/// What is done with the files of an SQL chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlTask {
    Up,
    Down,
    Stamp,
}

/// A move along a chain of either kind, decided.
#[derive(Debug, Clone)]
pub enum Move {
    Alembic(MigratePlan),
    Sql(SqlMovePlan),
}

impl Move {
    pub fn workplace(&self) -> &Workplace {
        match self {
            Self::Alembic(plan) => &plan.workplace,
            Self::Sql(plan) => &plan.workplace,
        }
    }

    /// Returns the rows of the version table before.
    pub fn before(&self) -> &[String] {
        match self {
            Self::Alembic(plan) => &plan.before,
            Self::Sql(plan) => &plan.before,
        }
    }

    /// Returns what will run, in order; nothing where only Alembic can tell.
    pub fn steps(&self) -> Option<&[Entry]> {
        match self {
            Self::Alembic(plan) => plan.steps.as_deref(),
            Self::Sql(plan) => Some(&plan.steps),
        }
    }

    /// Returns what runs, as it is shown: a command, or whose files.
    pub fn shown(&self) -> String {
        match self {
            Self::Alembic(plan) => format!("`{}`", plan.command),
            Self::Sql(plan) if plan.task == SqlTask::Stamp => {
                format!("nothing: the table of {} is written", plan.chain.tool)
            }
            Self::Sql(plan) => format!(
                "{} of {} (as {} does)",
                counted(plan.versions.len(), "file"),
                plan.chain.directory.display(),
                plan.chain.tool
            ),
        }
    }

    /// Returns what one step is called.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Alembic(_) => "revision",
            Self::Sql(_) => "migration",
        }
    }

    /// Returns where the database is before, as one line.
    pub fn position(&self) -> String {
        let before = self.before();
        match self {
            _ if before.is_empty() => "base (nothing applied)".to_owned(),
            Self::Sql(plan) => plan.position.clone(),
            Self::Alembic(_) => before.join(", "),
        }
    }
}

/// What a move along the chain did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Revisions that ran.
    pub ran: usize,
    /// The rows of the version table now.
    pub rows: Vec<String>,
    pub took: Duration,
}

impl Moved {
    /// Returns what was done, as one line.
    pub fn describe(&self, noun: &str) -> String {
        let at = if self.rows.is_empty() { "base".to_owned() } else { self.rows.join(", ") };
        match self.ran {
            0 => format!("at {at}"),
            ran => format!("at {at}, {}", counted(ran, noun)),
        }
    }
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
    /// A command of the project.
    Command(String),
}

impl SeedPlan {
    /// Returns how the seed is named to the user.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Command(command) => command.clone(),
        }
    }
}

impl ResetPlan {
    /// Returns the steps as sentences, in order.
    pub fn describe(&self) -> Vec<String> {
        let name = self.workplace.target.database();
        let mut steps = vec![match (self.order, self.exists) {
            (Order::Aside, _) => format!("create a new database beside `{name}`"),
            (Order::RenameFirst, true) => format!("rename `{name}` aside, create a new `{name}`"),
            (Order::RenameFirst, false) => format!("create `{name}`"),
            (Order::InPlace, _) => format!("drop and recreate every schema inside `{name}`"),
        }];
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
            steps.push(match (self.exists, self.sessions.len()) {
                (false, _) => format!("rename the new database to `{name}`"),
                (true, 0) => format!("swap the two in one transaction; the old `{name}` is kept for `devdb undo`"),
                (true, sessions) => format!(
                    "end {sessions} session{}, swap the two in one transaction; the old `{name}` is kept for `devdb undo`",
                    if sessions == 1 { "" } else { "s" }
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
