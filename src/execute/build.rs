//! From an empty database, or from a layer, to a seeded and verified one; on the way, layers are left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::admin::failed;
use super::chain::{self, run_command};
use super::clone::size;
use super::commands::Runner;
use super::layers::Layers;
use super::reset::StageLog;
use super::spare::LARGE;
use super::sql_chain::SqlRunner;
use super::steps::{Opened, Steps, Way};
use super::{Teller, seed, verify};
use crate::error::{Error, Result};
use crate::model::event::{Event, Stage};
use crate::model::plan::{ChainPlan, LayerStep, LayerStepKind, ResetPlan, SchemaPlan};
use crate::model::target::Target;
use crate::model::text::counted;
use crate::wire::files::read_text;
use crate::wire::postgres::Session;

const LOGIN: Duration = Duration::from_secs(10);

/// A database that is being filled.
pub(super) struct Build<'a> {
    pub plan: &'a ResetPlan,
    pub runner: &'a Runner<'a>,
    /// Nothing where none can be left.
    pub layers: Option<&'a Layers<'a>>,
    /// After how many steps a layer is left, ascending.
    pub stops: Vec<usize>,
    /// Returns the steps with what they read now; nothing where no layer is left.
    pub steps: Option<&'a dyn Fn() -> Vec<LayerStep>>,
    /// Whether a child follows, to which layers may be left.
    pub put_off: bool,
    /// How many steps are done.
    pub done: usize,
    session: Option<Session>,
    started: Instant,
    left: Vec<String>,
}

impl<'a> Build<'a> {
    /// Returns the filling of the runner's database, in which `done` steps are done; it leaves no layers yet.
    pub(super) fn new(plan: &'a ResetPlan, runner: &'a Runner<'a>, done: usize) -> Self {
        Self {
            plan,
            runner,
            layers: None,
            stops: Vec::new(),
            steps: None,
            put_off: false,
            done,
            session: None,
            started: Instant::now(),
            left: Vec::new(),
        }
    }

    /// Takes the steps that are left, leaves layers at the stops, and looks at the result.
    pub(super) async fn run(mut self, log: &mut StageLog, tell: &mut Teller<'_>) -> Result<()> {
        let all = self.plan.layers.steps.len();
        let cached = self.done == all;
        if self.done == 0 {
            self.foundation(log, tell).await?;
            self.arrive(1, tell).await?;
        }
        // A chain without revisions still makes its tool's table.
        let bare = self.plan.layers.head == 1 && !cached && !matches!(self.plan.schema.chain, ChainPlan::None);
        if self.done < self.plan.layers.head || bare {
            self.chain(log, tell).await?;
        }
        if self.done < all {
            self.seeds(log, tell).await?;
        }
        let started = log.start(Stage::Verify, "", tell);
        let root = self.runner.surroundings.root.clone();
        let (plan, last) = (self.plan, self.stops.last() == Some(&all));
        let session = self.session().await?;
        let said = verify::run(plan, session, (!cached).then_some(root.as_path()), tell).await?;
        log.finish(Stage::Verify, said, started, tell);
        if last {
            self.leave(all, tell).await?;
        }
        if !self.left.is_empty() {
            let detail = format!("{}: {}", counted(self.left.len(), "layer"), self.left.join(", "));
            tell(Event::Note { text: format!("kept for the next reset: {detail}") });
        }
        self.exit().await;
        Ok(())
    }

    /// Init files, and the command that comes before the chain.
    async fn foundation(&mut self, log: &mut StageLog, tell: &mut Teller<'_>) -> Result<()> {
        let SchemaPlan { init, bootstrap, stamp, chain } = &self.plan.schema;
        if !init.is_empty() {
            let started = log.start(Stage::Init, "", tell);
            let runner = self.runner;
            let session = self.session().await?;
            for path in init {
                init_file(runner, session, path).await?;
            }
            log.finish(Stage::Init, counted(init.len(), "file"), started, tell);
        }
        let Some(command) = bootstrap else { return Ok(()) };
        let folder = match chain {
            ChainPlan::Command { directory, .. } => directory.clone(),
            _ => PathBuf::new(),
        };
        let started = log.start(Stage::Bootstrap, command, tell);
        run_command(self.runner, command, Path::new(""), "bootstrap", tell).await?;
        if let Some(revision) = stamp {
            let stamp = format!("alembic stamp {revision}");
            run_command(self.runner, &stamp, &folder, "stamp", tell).await?;
        }
        log.finish(Stage::Bootstrap, format!("`{command}`"), started, tell);
        Ok(())
    }

    async fn chain(&mut self, log: &mut StageLog, tell: &mut Teller<'_>) -> Result<()> {
        let (plan, head) = (self.plan, self.plan.layers.head);
        let started = log.start(Stage::Migrate, "starting", tell);
        let between = cfg!(unix) && self.stops.iter().any(|stop| *stop > self.done && *stop < head);
        let said = match &plan.schema.chain {
            ChainPlan::None => "the project has no migrations".to_owned(),
            ChainPlan::Sql { chain } => {
                let from = self.done - 1;
                let mut ran = 0;
                loop {
                    let stop = self.stop_before(head);
                    let which: Vec<_> = chain.migrations.iter().skip(self.done - 1).take(stop - self.done).collect();
                    let session = self.session().await?;
                    ran += SqlRunner { session, chain, live: false }.up(&which, tell).await?;
                    if stop == head {
                        break;
                    }
                    self.arrive(stop, tell).await?;
                }
                if from == 0 { counted(ran, "migration") } else { format!("{} more", counted(ran, "migration")) }
            }
            ChainPlan::Command { command, directory, .. } if between => {
                self.revisions(command, directory, tell).await?
            }
            ChainPlan::Command { command, directory, .. } => {
                let ran = run_command(self.runner, command, directory, "migration", tell).await?;
                chain::told(command, &ran)
            }
        };
        if self.stops.contains(&head) {
            self.check_version().await?;
        }
        self.arrive(head, tell).await?;
        log.finish(Stage::Migrate, said, started, tell);
        Ok(())
    }

    /// Runs the project's own command, inside which the revisions stop where a layer is left.
    async fn revisions(&mut self, command: &str, directory: &Path, tell: &mut Teller<'_>) -> Result<String> {
        let (head, runner) = (self.plan.layers.head, self.runner);
        let from = self.done;
        let mut steps = match Steps::open(runner, command, directory, tell).await? {
            Opened::Asked(steps) => steps,
            // It does not upgrade by Alembic's own `upgrade`, and is done.
            Opened::Ended(ran) => {
                return chain::judged(runner, command, "migration", *ran).map(|ran| chain::told(command, &ran));
            }
        };
        while self.done < head {
            let stop = self.stop_before(head);
            let ids: Vec<&str> = self
                .plan
                .layers
                .steps
                .iter()
                .skip(self.done)
                .take(stop - self.done)
                .filter_map(|step| match &step.kind {
                    LayerStepKind::Revision { id, .. } => Some(id.as_str()),
                    _ => None,
                })
                .collect();
            steps.run(Way::Up, &ids, tell).await?;
            if stop == head {
                break;
            }
            self.arrive(stop, tell).await?;
        }
        steps.finish().await?;
        Ok(counted(head - from, "revision"))
    }

    async fn seeds(&mut self, log: &mut StageLog, tell: &mut Teller<'_>) -> Result<()> {
        let (all, runner, plan) = (self.plan.layers.steps.len(), self.runner, self.plan);
        let started = log.start(Stage::Seed, "", tell);
        let mut tables = std::collections::BTreeSet::new();
        while self.done < all {
            let stop = self.stop_before(all);
            let from = self.done - plan.layers.head;
            let seeds = plan.seeds.get(from..from + (stop - self.done)).unwrap_or_default();
            let session = self.session().await?;
            tables.extend(seed::run(runner, seeds, session, tell).await?);
            if stop == all {
                self.done = all;
                break;
            }
            self.arrive(stop, tell).await?;
        }
        let said = seed::describe(self.session().await?, &tables).await?;
        log.finish(Stage::Seed, said, started, tell);
        Ok(())
    }

    /// Returns the next stop, or `end`.
    fn stop_before(&self, end: usize) -> usize {
        self.stops.iter().copied().find(|stop| *stop > self.done).map_or(end, |stop| stop.min(end))
    }

    /// So many steps are done: where a layer is wanted, it is left. The last is left once it was verified.
    async fn arrive(&mut self, done: usize, tell: &mut Teller<'_>) -> Result<()> {
        self.done = done;
        if self.stops.contains(&done) && done < self.plan.layers.steps.len() {
            self.leave(done, tell).await?;
        }
        Ok(())
    }

    async fn leave(&mut self, done: usize, tell: &mut Teller<'_>) -> Result<()> {
        let Some(layers) = self.layers else { return Ok(()) };
        let planned = self.plan.layers.steps.get(..done);
        if self.steps.is_some_and(|steps| steps().get(..done) != planned) {
            let text = "no layer is kept: files that it was made from changed meanwhile".to_owned();
            tell(Event::Note { text });
            return Ok(());
        }
        self.exit().await;
        if self.put_off && self.is_dear(size(layers.admin, self.runner.database).await) {
            return Ok(());
        }
        let place = (self.runner.database, self.plan.proof.database());
        let left = match layers.leave(place, done, self.started.elapsed(), tell).await {
            Err(error) if !layers.admin.is_lost() => {
                // The database itself is as good without.
                let why = error.details.iter().find(|(label, _)| label == "server says");
                let why = why.map(|(_, text)| format!(": {text}")).unwrap_or_default();
                tell(Event::Warning { text: format!("no layer is kept: {}{why}", error.message) });
                None
            }
            left => left?,
        };
        self.left.extend(left.map(|contents| contents.last));
        Ok(())
    }

    /// Whether a copy would take more than a twentieth of what the steps took: then it is left to the child, which takes the
    /// steps again while nobody waits.
    fn is_dear(&self, bytes: u64) -> bool {
        const START: Duration = Duration::from_millis(30);
        /// Bytes in a millisecond, as an ordinary disk copies them.
        const PACE: u64 = 400_000;
        let copy = START + Duration::from_millis(bytes / PACE);
        let layers = &self.plan.layers;
        layers.known() >= layers.head
            && bytes <= LARGE
            && self.plan.layers.spare != Some(false)
            && copy > self.started.elapsed() / 20
    }

    /// The chain is complete: what follows may be kept as a layer, so it is looked at first.
    async fn check_version(&mut self) -> Result<()> {
        let plan = self.plan;
        verify::version(plan, self.session().await?).await.map(drop)
    }

    async fn session(&mut self) -> Result<&Session> {
        if self.session.is_none() {
            self.session = Some(enter(&self.runner.workplace.target, self.runner.database).await?);
        }
        self.session.as_ref().ok_or_else(|| Error::environment("nobody is on the new database"))
    }

    async fn exit(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}

/// Looks at a finished copy of what was verified before.
pub(super) async fn look_at(plan: &ResetPlan, database: &str, tell: &mut Teller<'_>) -> Result<()> {
    let session = enter(&plan.workplace.target, database).await?;
    let said = verify::run(plan, &session, None, tell).await;
    session.close().await;
    said.map(drop)
}

/// Logs in to the new database as the app would.
async fn enter(target: &Target, database: &str) -> Result<Session> {
    let session = Session::open(target, database, "devdb reset", LOGIN).await.map_err(|failure| {
        Error::environment(format!("role `{}` cannot enter the new database", target.user()))
            .detail("server says", failure.message)
    })?;
    unhurried(&session).await?;
    Ok(session)
}

/// Takes the role's and the database's time limits from a session, which waits while commands run beside it.
pub(super) async fn unhurried(session: &Session) -> Result<()> {
    session.unhurried().await.map_err(|error| failed("prepare the session", &error))
}

/// Runs an SQL file that comes before the chain.
pub(super) async fn init_file(runner: &Runner<'_>, session: &Session, path: &Path) -> Result<()> {
    let text = read_text(&runner.surroundings.root.join(path))
        .map_err(|why| Error::failed(format!("cannot read `{}`", path.display())).detail("why", why))?;
    super::script::Script { path, text: &text, offset: 0 }.run(session, "", "init file").await
}
