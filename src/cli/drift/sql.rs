//! `devdb drift --sql`: the statements that make of the database what the migrations say.

use super::{Compared, Context};
use crate::cli::reset::surroundings;
use crate::error::{Error, Kind, Result};
use crate::execute;
use crate::execute::drift::Play;
use crate::model::ddl::{Rehearsal, Weighed};
use crate::model::drift::Meant;
use crate::model::schema::Schema;
use crate::plan::ddl;
use crate::render;
use crate::render::progress::Progress;

pub(super) async fn run(context: &Context, compared: &Compared) -> Result<u8> {
    let Compared { plan, sources, drift, .. } = compared;
    let Some(Meant { schema, by }) = sources.meant(&drift.position) else {
        let why: Vec<String> = drift.unread.iter().map(|(source, why)| format!("{source}: {why}")).collect();
        return Err(Error::environment(
            "it is not known what the database should be, so there are no statements for it",
        )
        .detail(
            "why",
            if why.is_empty() { "the project has neither migrations nor models".to_owned() } else { why.join("\n") },
        )
        .hint("devdb doctor"));
    };
    // What is dropped and made again gets back who may use it.
    let granted = execute::drift::granted(&plan.target).await?;
    let mut script = ddl::script_keeping(&sources.database, &schema, &granted);
    ddl::suggest_renames(&mut script, drift);
    let weighed = execute::drift::weigh(&plan.target, script, context.cancelled()).await?;
    let rehearsal = rehearse(context, compared, &schema, &weighed).await?;
    render::script::show(&context.ui, (&plan.target, by), drift, (&weighed, &rehearsal));
    match rehearsal {
        Rehearsal::Refused { .. } | Rehearsal::Lacks(..) => Ok(Kind::Failed.exit_code()),
        Rehearsal::Empty | Rehearsal::Passed | Rehearsal::ByHand | Rehearsal::Untried(_) => Ok(0),
    }
}

/// Runs the statements where no rows are.
async fn rehearse(context: &Context, compared: &Compared, to: &Schema, weighed: &Weighed) -> Result<Rehearsal> {
    if weighed.script.before.is_empty() && weighed.script.statements.is_empty() {
        return Ok(Rehearsal::Empty);
    }
    let mut progress = Progress::new(&context.ui, false);
    let mut tell = |event| progress.tell(&event);
    let surroundings = surroundings(context);
    let plan = (&compared.plan, &surroundings);
    let play = Play { from: &compared.sources.database, to, weighed, writer: ddl::script };
    let done = execute::drift::rehearse(plan, play, context.cancelled(), &mut tell);
    let done = Box::pin(done).await;
    progress.clear();
    done
}
