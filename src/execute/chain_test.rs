//! A chain run up on a scratch database, each revision taken back and applied again before the next one.
//!
//! Upwards, not from the head down: a revision that cannot be taken back then does not hide those before it, and each
//! costs three steps instead of four.

use tokio::time::Instant;

use super::commands::Runner;
use super::scratch::Scratch;
use super::script::without_passwords;
use super::sql_chain::SqlRunner;
use super::steps::{Answer, Steps, Way};
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::history::Entry;
use crate::model::place::Place;
use crate::model::schema::{Difference, Schema};
use crate::model::scratch::{ChainTestPlan, NO_WAY_BACK, Tested, Verdict};
use crate::model::sql_chain::{SqlChain, SqlMigration};
use crate::model::text::{shortened, visible};
use crate::wire::catalog::Options;

/// Tests every revision of the plan. `cancelled` resolves when the user gives up; the scratch database goes either way.
pub async fn chain_test(
    plan: &ChainTestPlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Vec<Tested>> {
    tokio::pin!(cancelled);
    let scratch = tokio::select! {
        biased;
        () = &mut cancelled => Err(Error::cancelled()),
        scratch = Scratch::create(&plan.scratch, surroundings, tell) => scratch,
    };
    let password = plan.scratch.workplace.target.password.as_ref().map_or("", |password| password.reveal());
    let mut scratch = scratch.map_err(|error| error.hiding(password))?;
    let mut test = Test { plan, surroundings, scratch: &mut scratch };
    let done = tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled()),
        done = Box::pin(test.run(tell)) => done,
    };
    scratch.remove(tell).await;
    done.map_err(|error| error.hiding(password))
}

struct Test<'a, 'p> {
    plan: &'a ChainTestPlan,
    surroundings: &'a Surroundings,
    scratch: &'a mut Scratch<'p>,
}

/// Who takes the steps.
enum Walker<'a> {
    Alembic(Steps<'a>),
    Sql(&'a SqlChain),
}

impl Walker<'_> {
    async fn walk(&mut self, scratch: &Scratch<'_>, way: Way, ids: &[&str], tell: &mut Teller<'_>) -> Result<Answer> {
        match self {
            Self::Alembic(steps) => steps.run(way, ids, tell).await,
            Self::Sql(chain) => by_wire(scratch, chain, way, ids).await,
        }
    }
}

/// Runs SQL migrations; what fails is an answer, as it is with Alembic.
async fn by_wire(scratch: &Scratch<'_>, chain: &SqlChain, way: Way, ids: &[&str]) -> Result<Answer> {
    let runner = SqlRunner { session: scratch.session()?, chain, live: false };
    let which: Vec<&SqlMigration> = chain.migrations.iter().filter(|it| ids.contains(&it.version.as_str())).collect();
    let down = which.last().and_then(|migration| migration.down.first());
    if way == Way::Down && down.is_none() {
        return Ok(Answer { deliberate: true, message: "it has no way back".to_owned(), ..Answer::default() });
    }
    let mut silently = |_event: Event| {};
    let done = match way {
        Way::Up => runner.up(&which, &mut silently).await,
        Way::Down => runner.down(&which, &mut silently).await,
    };
    let place = Answer {
        line: down.map_or(0, |section| section.line),
        file: down.map(|section| section.file.clone()),
        ..Answer::default()
    };
    Ok(match done {
        Ok(_) => Answer { ok: true, ..place },
        Err(error) => {
            let detail = |name: &str| {
                let found = error.details.iter().find(|(label, _)| label == name);
                found.map(|(_, text)| text.clone()).unwrap_or_default()
            };
            let said = detail("server says");
            let message = if said.is_empty() { error.message.clone() } else { said };
            Answer { message, sqlstate: detail("SQLSTATE"), told: Some(error), ..place }
        }
    })
}

impl Test<'_, '_> {
    async fn run(&mut self, tell: &mut Teller<'_>) -> Result<Vec<Tested>> {
        self.scratch.prepare(tell).await?;
        // The name stays when the database is made anew, so one command serves the whole test.
        let name = self.scratch.name.clone();
        let plan = &self.plan.scratch;
        let runner =
            Runner { workplace: &plan.workplace, surroundings: self.surroundings, database: &name, witness: None };
        let mut walker = match &plan.sql {
            Some(chain) => Walker::Sql(chain),
            None => Walker::Alembic(Steps::start(&runner, &plan.command, &plan.directory, None, tell).await?),
        };
        let tested = self.all(&mut walker, tell).await?;
        if let Walker::Alembic(steps) = walker {
            steps.finish().await?;
        }
        Ok(tested)
    }

    async fn all(&mut self, walker: &mut Walker<'_>, tell: &mut Teller<'_>) -> Result<Vec<Tested>> {
        let revisions = &self.plan.scratch.revisions;
        let ids: Vec<&str> = revisions.iter().map(|revision| revision.id.as_str()).collect();
        let (skipped, rest) = revisions.split_at_checked(self.plan.skipped).unwrap_or_default();
        let first = ids.get(..skipped.len()).unwrap_or_default();
        // Also without any: the tool's own table, and a schema that `env.py` makes, are no migration's work.
        fine(walker.walk(self.scratch, Way::Up, first, tell).await?, skipped.last())?;
        let mut before = self.schema().await?;
        let mut tested = Vec::new();
        for (index, revision) in rest.iter().enumerate() {
            let (id, message) = (revision.id.clone(), revision.message.clone());
            tell(Event::Revision { id: id.clone(), message: message.clone(), index: index + 1, total: rest.len() });
            let below = ids.get(..=skipped.len() + index).unwrap_or_default();
            let (one, after) = self.one(walker, revision, (before, below), tell).await?;
            // The verdict on one that does not come back is told at the end, and is no tick.
            if one.verdict.is_fine() {
                tell(Event::Applied { id, message, took: one.took });
            }
            tested.push(one);
            before = after;
        }
        Ok(tested)
    }

    /// Applies one revision, takes it back and applies it again; leaves the database as it is after it, made anew
    /// where that is needed, and returns that schema.
    async fn one(
        &mut self,
        walker: &mut Walker<'_>,
        revision: &Entry,
        (before, below): (Schema, &[&str]),
        tell: &mut Teller<'_>,
    ) -> Result<(Tested, Schema)> {
        let started = Instant::now();
        let id = [revision.id.as_str()];
        fine(walker.walk(self.scratch, Way::Up, &id, tell).await?, Some(revision))?;
        let after = self.schema().await?;
        let down = walker.walk(self.scratch, Way::Down, &id, tell).await?;
        let back = self.schema().await?;
        let (verdict, clean) = if down.ok {
            let differences = before.differences(&back);
            let again = walker.walk(self.scratch, Way::Up, &id, tell).await?;
            let lasting = if again.ok { after.differences(&self.schema().await?) } else { Vec::new() };
            let clean = again.ok && lasting.is_empty();
            (judge(&down, differences, &again, lasting), clean)
        } else {
            // A tool's own table may say now that a migration was left half done.
            let marked = down.told.is_some();
            (refused(&down), !marked && after.differences(&back).is_empty())
        };
        let after = if clean { after } else { self.renewed(walker, revision, below, tell).await? };
        let line = if down.line > 0 { down.line } else { revision.at.line };
        let at = Place::new(down.file.as_ref().unwrap_or(&revision.at.file), line);
        let (id, message) = (revision.id.clone(), revision.message.clone());
        Ok((Tested { id, message, at, verdict, took: started.elapsed() }, after))
    }

    /// Makes the database anew up to and with this revision: what the last one left would be held against the next.
    async fn renewed(
        &mut self,
        walker: &mut Walker<'_>,
        revision: &Entry,
        below: &[&str],
        tell: &mut Teller<'_>,
    ) -> Result<Schema> {
        self.scratch.renew(tell).await?;
        fine(walker.walk(self.scratch, Way::Up, below, tell).await?, Some(revision))?;
        self.schema().await
    }

    async fn schema(&self) -> Result<Schema> {
        self.scratch.schema(Options::default()).await
    }
}

fn judge(down: &Answer, differences: Vec<Difference>, again: &Answer, lasting: Vec<Difference>) -> Verdict {
    let failed = (!again.ok).then(|| reason(again));
    match (differences.is_empty(), failed) {
        (false, _) if down.empty => Verdict::Irreversible { reason: "its downgrade is empty".to_owned() },
        (false, again) => Verdict::NotBack { differences, again },
        (true, Some(reason)) => Verdict::UpAgainFailed { reason },
        (true, None) if lasting.is_empty() => Verdict::Reversible,
        (true, None) => Verdict::UpDiffers { differences: lasting },
    }
}

fn refused(down: &Answer) -> Verdict {
    let reason = reason(down);
    let says = down.sqlstate == "0A000" && down.message.starts_with(NO_WAY_BACK);
    if down.deliberate || down.kind == "NotImplementedError" || says {
        return Verdict::Irreversible { reason };
    }
    Verdict::DownFailed { reason }
}

/// The error in one line: the server's words with their code, else the exception's.
fn reason(answer: &Answer) -> String {
    let said = shortened(&visible(&answer.message), 200);
    match (said.is_empty(), answer.sqlstate.is_empty()) {
        (true, _) => visible(&answer.kind),
        (false, true) => format!("{}: {said}", visible(&answer.kind)),
        (false, false) => format!("{said} ({})", visible(&answer.sqlstate)),
    }
}

/// Fails where revisions that have to run did not: then it is the chain that is broken, not its way back.
fn fine(answer: Answer, last: Option<&Entry>) -> Result<()> {
    if answer.ok {
        return Ok(());
    }
    if let Some(error) = answer.told {
        return Err(error);
    }
    if answer.kind == "_WrongDatabase" {
        return Err(Error::environment(format!("{}, not to the scratch database", visible(&answer.message)))
            .detail("state", "nothing was run")
            .hint("devdb explain alembic-url-diff"));
    }
    if answer.revision.is_empty() {
        return Err(Error::failed("the chain's `env.py` failed")
            .detail("error", reason(&answer))
            .detail("where", visible(&answer.place))
            .hint("devdb migrate test -v   (shows what it prints)"));
    }
    let id = &answer.revision;
    let place = match last.filter(|last| answer.line > 0 && *id == last.id) {
        Some(last) => format!("{}:{}", last.at.file.display(), answer.line),
        None => visible(&answer.place),
    };
    Err(Error::failed(format!("revision `{id}` failed on an empty database"))
        .detail("where", place)
        .detail("statement", shortened(&visible(&without_passwords(&answer.statement)), 400))
        .detail("server says", visible(&answer.message))
        .detail("SQLSTATE", answer.sqlstate))
}
