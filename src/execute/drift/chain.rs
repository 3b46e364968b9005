//! The chain run in the scratch database, and looked at where the database stands and at its end.

use super::models::{Relation, ask, ask_named, make, relations};
use super::saved::Saved;
use super::{Known, OfModels, without_version};
use crate::error::{Error, Kind, Result};
use crate::execute::Teller;
use crate::execute::chain::{judged, run_command};
use crate::execute::scratch::Scratch;
use crate::execute::sql_chain::SqlRunner;
use crate::execute::steps::{Opened, Steps, Way};
use crate::model::drift::{DriftPlan, Migrations, ModelsSource};
use crate::model::event::Event;
use crate::model::observed::Observed;
use crate::model::schema::Schema;
use crate::model::scratch::ScratchPlan;
use crate::model::sql_chain::{SqlChain, SqlMigration};
use crate::wire::catalog::Options;

/// What is made in a scratch database, and how it is looked at.
pub(super) struct Work<'w, 'p> {
    pub plan: &'w DriftPlan,
    pub scratch: &'w Scratch<'p>,
    /// It holds the chain's end already.
    pub layer: bool,
    pub options: Options,
}

/// The chain's schemas, where they were made here, and the models'.
type Found = (Option<Observed<Migrations>>, OfModels);

impl Work<'_, '_> {
    /// Makes what is lacking; a chain or models that fail are unknown, with the reason.
    pub(super) async fn run(
        &self,
        known: Known,
        saved: &Saved,
        database: &Schema,
        tell: &mut Teller<'_>,
    ) -> Result<Found> {
        let wanted = known.lacks_head || known.lacks_applied;
        let mut migrations = None;
        if wanted && self.plan.chain.known().is_some() {
            migrations = Some(match self.chain(&known, saved, tell).await {
                Ok(made) => Observed::Known(made),
                Err(error) => Observed::Unknown(reason(error)?),
            });
        }
        let head = migrations.as_ref().and_then(Observed::known).or((!wanted).then_some(&known.migrations));
        let models = match &self.plan.models {
            Observed::Absent => Observed::Absent,
            Observed::Unknown(why) => Observed::Unknown(why.clone()),
            Observed::Known(source) => match self.models(source, head, database, tell).await {
                Ok(found) => found,
                Err(error) => Observed::Unknown(reason(error)?),
            },
        };
        Ok((migrations, models))
    }

    async fn chain(&self, known: &Known, saved: &Saved, tell: &mut Teller<'_>) -> Result<Migrations> {
        let mut made = Migrations::default();
        if self.layer {
            made.head = self.look().await?;
            saved.keep(known.head.as_ref(), &made.head);
            return Ok(made);
        }
        self.scratch.prepare(tell).await?;
        let plan = self.scratch.plan();
        let all: Vec<&str> = plan.revisions.iter().map(|it| it.id.as_str()).collect();
        let applied = self.plan.chain.known().and_then(|source| source.applied.as_deref()).unwrap_or_default();
        let (first, rest): (Vec<&str>, Vec<&str>) = all.iter().partition(|id| applied.iter().any(|it| it == *id));
        let stop = known.lacks_applied.then_some(first.as_slice());
        made.applied = match &plan.sql {
            Some(chain) => self.by_wire(chain, stop, (&all, &rest), tell).await?,
            None => self.by_alembic(plan, stop, (&all, &rest), tell).await?,
        };
        if let Some(applied) = &made.applied {
            saved.keep(known.applied.as_ref(), applied);
        }
        made.head = self.look().await?;
        saved.keep(known.head.as_ref(), &made.head);
        Ok(made)
    }

    /// Runs SQL files; returns what the first part of them makes, where that is asked for.
    async fn by_wire(
        &self,
        chain: &SqlChain,
        stop: Option<&[&str]>,
        (all, rest): (&[&str], &[&str]),
        tell: &mut Teller<'_>,
    ) -> Result<Option<Schema>> {
        let runner = SqlRunner { session: self.scratch.session()?, chain, live: false };
        let which = |ids: &[&str]| -> Vec<&SqlMigration> {
            chain.migrations.iter().filter(|it| ids.contains(&it.version.as_str())).collect()
        };
        let Some(first) = stop else {
            runner.up(&which(all), tell).await?;
            return Ok(None);
        };
        runner.up(&which(first), tell).await?;
        let applied = self.look().await?;
        runner.up(&which(rest), tell).await?;
        Ok(Some(applied))
    }

    /// Runs the project's own command, and stops inside it where that is asked for.
    async fn by_alembic(
        &self,
        plan: &ScratchPlan,
        stop: Option<&[&str]>,
        (_all, rest): (&[&str], &[&str]),
        tell: &mut Teller<'_>,
    ) -> Result<Option<Schema>> {
        let runner = self.scratch.runner();
        let Some(first) = stop.filter(|_| plan.workplace.inside.is_none()) else {
            run_command(&runner, &plan.command, &plan.directory, "migration", tell).await?;
            return Ok(None);
        };
        match Steps::open(&runner, &plan.command, &plan.directory, tell).await? {
            Opened::Asked(mut steps) => {
                steps.run(Way::Up, first, tell).await?;
                let applied = self.look().await?;
                steps.run(Way::Up, rest, tell).await?;
                steps.finish().await?;
                Ok(Some(applied))
            }
            // It does not upgrade by Alembic's own `upgrade`, and is done.
            Opened::Ended(ran) => judged(&runner, &plan.command, "migration", *ran).map(|_ran| None),
        }
    }

    async fn look(&self) -> Result<Schema> {
        self.scratch.schema(self.options).await
    }

    /// Makes what the models say in the same scratch database, from which the chain's tables go.
    async fn models(
        &self,
        source: &ModelsSource,
        chain: Option<&Migrations>,
        database: &Schema,
        tell: &mut Teller<'_>,
    ) -> Result<OfModels> {
        let plan = self.scratch.plan();
        let relations: Vec<Relation> = relations(chain.map(|it| &it.head), database);
        tell(Event::Note { text: "reading the models".to_owned() });
        let answer = match source {
            ModelsSource::EnvPy if plan.workplace.inside.is_some() => {
                let why = "commands run inside a container, where devdb cannot ask `env.py` for the models";
                return Ok(Observed::Unknown(why.to_owned()));
            }
            ModelsSource::EnvPy => ask(self.scratch, plan, &relations, tell).await?,
            ModelsSource::Named(name) => ask_named(self.scratch, name, &relations, tell).await?,
        };
        let Some(mut answer) = answer.of_models()? else { return Ok(Observed::Absent) };
        let like = chain.map_or(database, |it| &it.head);
        make(self.scratch.session()?, &mut answer, like).await?;
        let schema = without_version(self.plan, self.look().await?);
        Ok(Observed::Known(answer.models(schema)))
    }
}

/// Returns why something is not known; the user's own Ctrl-C is no reason.
fn reason(error: Error) -> Result<String> {
    if error.kind == Kind::Cancelled { Err(error) } else { Ok(in_words(&error)) }
}

/// An error as one line.
pub(super) fn in_words(error: &Error) -> String {
    let detail = |label: &str| error.details.iter().find(|(it, _)| it == label).map(|(_, text)| text.as_str());
    let more = detail("server says").or_else(|| detail("error")).or_else(|| detail("why")).or_else(|| {
        let output = detail("output")?;
        output.lines().rev().find(|line| !line.trim().is_empty())
    });
    let at = detail("where").map(|at| format!(" ({at})")).unwrap_or_default();
    match more {
        Some(more) => format!("{}{at}: {}", error.message, more.trim()),
        None => format!("{}{at}", error.message),
    }
}
