//! A chain run up on a scratch database, each revision taken back and applied again before the next one.
//!
//! Upwards, not from the head down: a revision that cannot be taken back then does not hide those before it, and each
//! costs three steps instead of four.

use tokio::time::Instant;

use super::commands::Runner;
use super::scratch::Scratch;
use super::script::without_passwords;
use super::steps::{Answer, Steps, Way};
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::chain::Revision;
use crate::model::event::Event;
use crate::model::schema::{Difference, Schema};
use crate::model::scratch::{ChainTestPlan, Tested, Verdict};
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

impl Test<'_, '_> {
    async fn run(&mut self, tell: &mut Teller<'_>) -> Result<Vec<Tested>> {
        self.scratch.prepare(tell).await?;
        let ids: Vec<&str> = self.plan.scratch.revisions.iter().map(|revision| revision.id.as_str()).collect();
        // The name stays when the database is made anew, so one command serves the whole test.
        let name = self.scratch.name.clone();
        let plan = &self.plan.scratch;
        let runner = Runner { workplace: &plan.workplace, surroundings: self.surroundings, database: &name };
        let mut steps = Steps::start(&runner, &plan.command, &plan.directory, None, tell).await?;
        let mut tested = Vec::new();
        let (skipped, rest) = self.plan.scratch.revisions.split_at_checked(self.plan.skipped).unwrap_or_default();
        if let Some(last) = skipped.last() {
            let ids = ids.get(..skipped.len()).unwrap_or_default();
            fine(steps.run(Way::Up, ids, tell).await?, last)?;
        }
        let mut before = self.schema().await?;
        for (index, revision) in rest.iter().enumerate() {
            tell(Event::Revision {
                id: revision.id.clone(),
                message: revision.message.clone(),
                index: index + 1,
                total: rest.len(),
            });
            let below = ids.get(..=skipped.len() + index).unwrap_or_default();
            let (one, after) = self.one(&mut steps, revision, (before, below), tell).await?;
            tell(Event::Applied { id: revision.id.clone(), message: revision.message.clone(), took: one.took });
            tested.push(one);
            before = after;
        }
        steps.finish().await?;
        Ok(tested)
    }

    /// Applies one revision, takes it back and applies it again; leaves the database as it is after it, made anew
    /// where that is needed, and returns that schema.
    async fn one(
        &mut self,
        steps: &mut Steps<'_>,
        revision: &Revision,
        (before, below): (Schema, &[&str]),
        tell: &mut Teller<'_>,
    ) -> Result<(Tested, Schema)> {
        let started = Instant::now();
        let id = [revision.id.as_str()];
        fine(steps.run(Way::Up, &id, tell).await?, revision)?;
        let after = self.schema().await?;
        let down = steps.run(Way::Down, &id, tell).await?;
        let back = self.schema().await?;
        let (verdict, clean) = if down.ok {
            let differences = before.differences(&back);
            let again = steps.run(Way::Up, &id, tell).await?;
            let lasting = if again.ok { after.differences(&self.schema().await?) } else { Vec::new() };
            let clean = again.ok && lasting.is_empty();
            (judge(&down, differences, &again, lasting), clean)
        } else {
            (refused(&down), after.differences(&back).is_empty())
        };
        let after = if clean { after } else { self.renewed(steps, revision, below, tell).await? };
        let line = if down.line > 0 { down.line } else { revision.at.line };
        Ok((Tested { revision: revision.clone(), verdict, line, took: started.elapsed() }, after))
    }

    /// Makes the database anew up to and with this revision: what the last one left would be held against the next.
    async fn renewed(
        &mut self,
        steps: &mut Steps<'_>,
        revision: &Revision,
        below: &[&str],
        tell: &mut Teller<'_>,
    ) -> Result<Schema> {
        self.scratch.renew(tell).await?;
        fine(steps.run(Way::Up, below, tell).await?, revision)?;
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
    if down.deliberate || down.kind == "NotImplementedError" {
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
fn fine(answer: Answer, last: &Revision) -> Result<()> {
    if answer.ok {
        return Ok(());
    }
    if answer.kind == "_WrongDatabase" {
        return Err(Error::environment(format!("{}, not to the scratch database", visible(&answer.message)))
            .detail("state", "nothing was run")
            .hint("devdb explain alembic-url-diff"));
    }
    let id = if answer.revision.is_empty() { &last.id } else { &answer.revision };
    let place = if answer.line > 0 && *id == last.id {
        format!("{}:{}", last.at.file.display(), answer.line)
    } else {
        String::new()
    };
    Err(Error::failed(format!("revision `{id}` failed on an empty database"))
        .detail("where", place)
        .detail("statement", shortened(&visible(&without_passwords(&answer.statement)), 400))
        .detail("server says", visible(&answer.message))
        .detail("SQLSTATE", answer.sqlstate))
}
