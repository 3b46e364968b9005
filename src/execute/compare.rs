//! The models compared with the chain: on a scratch database at the head, so that neither what was changed by hand in
//! the target nor what is pending there counts.

use super::commands::{Ran, Runner};
use super::reset::{StageLog, enter, schema};
use super::scratch::Scratch;
use super::{Surroundings, Teller, chain};
use crate::error::{Error, Kind, Result};
use crate::model::event::{Event, Stage};
use crate::model::plan::{Compared, MigratePlan, SchemaPlan};

/// Brings a scratch database to the head and runs the plan's command on it: `alembic check`, or `alembic revision
/// --autogenerate`. Returns what the models and the chain differ in.
pub async fn compare(
    head: &SchemaPlan,
    plan: &MigratePlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Compared> {
    tokio::pin!(cancelled);
    let target = &plan.workplace.target;
    tell(Event::Started { stage: Stage::Migrate, detail: "a scratch database at the head".to_owned() });
    let scratch = Scratch::create(target, "migrate", &mut cancelled, tell).await?;
    let compared = tokio::select! {
        biased;
        () = &mut cancelled => Err(Error::new(Kind::Cancelled, "the scratch database was removed")),
        compared = on_scratch(head, plan, surroundings, &scratch.name, tell) => compared,
    };
    scratch.remove(tell).await;
    let password = target.password.as_ref().map_or("", |password| password.reveal());
    compared.map_err(|error| error.detail("where", "on a scratch database; yours was not touched").hiding(password))
}

async fn on_scratch(
    head: &SchemaPlan,
    plan: &MigratePlan,
    surroundings: &Surroundings,
    scratch: &str,
    tell: &mut Teller<'_>,
) -> Result<Compared> {
    let runner = Runner { workplace: &plan.workplace, surroundings, database: scratch };
    let session = enter(&runner).await?;
    let built = schema(&runner, head, &session, &mut StageLog::default(), &mut |_event| {}).await;
    session.close().await;
    built?;
    tell(Event::Started { stage: Stage::Verify, detail: format!("`{}`", plan.command) });
    let ran = runner.run(&plan.command, &plan.directory, tell).await?;
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
