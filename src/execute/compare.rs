//! The models compared with the chain: on a scratch database at the head, so that neither what was changed by hand in
//! the target nor what is pending there counts.

use super::commands::{Ran, Runner};
use super::scratch::Scratch;
use super::{Surroundings, Teller, chain};
use crate::error::{Error, Kind, Result};
use crate::model::event::{Event, Stage};
use crate::model::plan::{Compared, MigratePlan};
use crate::model::scratch::ScratchPlan;

/// Brings a scratch database to the head and runs the plan's command on it: `alembic check`, or `alembic revision
/// --autogenerate`. Returns what the models and the chain differ in.
pub async fn compare(
    head: &ScratchPlan,
    plan: &MigratePlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Compared> {
    tokio::pin!(cancelled);
    tell(Event::Started { stage: Stage::Migrate, detail: "a scratch database at the head".to_owned() });
    let scratch = tokio::select! {
        biased;
        () = &mut cancelled => return Err(Error::cancelled()),
        scratch = Scratch::create(head, surroundings, tell) => scratch,
    };
    let password = plan.workplace.target.password.as_ref().map_or("", |password| password.reveal());
    let scratch = scratch.map_err(|error| error.hiding(password))?;
    let compared = tokio::select! {
        biased;
        () = &mut cancelled => Err(Error::new(Kind::Cancelled, "the scratch database was removed")),
        compared = on_scratch(head, plan, &scratch, tell) => compared,
    };
    scratch.remove(tell).await;
    compared.map_err(|error| error.detail("database", "a scratch one; yours was not touched").hiding(password))
}

async fn on_scratch(
    head: &ScratchPlan,
    plan: &MigratePlan,
    scratch: &Scratch<'_>,
    tell: &mut Teller<'_>,
) -> Result<Compared> {
    let runner = scratch.runner();
    scratch.prepare(&mut |_event| {}).await?;
    chain::run_command(&runner, &head.command, &head.directory, "migration", &mut |_event| {}).await?;
    tell(Event::Started { stage: Stage::Verify, detail: format!("`{}`", plan.command) });
    let ran = runner.run(&plan.command, &plan.directory, tell).await?;
    if let Some(database) = &ran.stopped_at {
        return Err(chain::wrong_database(&runner, &plan.command, database));
    }
    // `alembic check` fails when it finds something; that is an answer.
    let found = ran.compared && !ran.differences.is_empty();
    if !ran.success && !found {
        return Err(refused(&runner, plan, &ran));
    }
    Ok(Compared { differences: ran.differences, unseen: ran.unseen })
}

fn refused(runner: &Runner<'_>, plan: &MigratePlan, ran: &Ran) -> Error {
    let error = chain::failure(runner, &plan.command, "comparison", ran);
    if ran.tail.iter().any(|line| line.contains("invalid choice: 'check'")) {
        return error.hint("`alembic check` came with Alembic 1.9.0: upgrade it in the project's environment");
    }
    error.hint("the models are found through `target_metadata` of the chain's env.py")
}
