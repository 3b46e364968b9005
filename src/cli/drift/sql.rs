//! `devdb drift --sql`: the statements that make of the database what the migrations say.

use super::{Compared, Context};
use crate::error::{Error, Result};
use crate::execute;
use crate::model::drift::Meant;
use crate::plan::ddl;
use crate::render;

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
    render::script::show(&context.ui, &plan.target, by, drift, &weighed);
    Ok(0)
}
