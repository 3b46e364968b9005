//! `devdb migrate check`: the chain has no fault, and makes what the models say.

use super::{Context, surroundings};
use crate::discover::Depth;
use crate::error::Result;
use crate::execute;
use crate::model::picture::Picture;
use crate::model::plan::Compared;
use crate::plan::migrate;
use crate::plan::scratch;
use crate::render;
use crate::render::progress::Progress;

/// Check the chain for faults, and the models against what the chain makes; exit 1 when there is something
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Read the chain only; needs no server and no Python
    #[arg(long)]
    chain_only: bool,
    /// Print JSON (docs/migrate-check.schema.json)
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = Box::pin(context.look(Depth::All)).await;
    let history = migrate::history(&picture)?;
    let faults = migrate::all_faults(&picture);
    // A chain with a fault cannot be run to its head.
    let compared =
        if faults.is_empty() && !args.chain_only { models(context, &picture, args.json).await? } else { None };
    let differ = compared.as_ref().is_some_and(|compared| !compared.differences.is_empty());
    if args.json {
        let report = render::json::migrate_check(&history, &faults, compared.as_ref());
        context.ui.answer(&render::json::text(&report));
    } else {
        render::migrate::checked(&context.ui, &history, &faults, compared.as_ref());
    }
    Ok(u8::from(differ || !faults.is_empty()))
}

async fn models(context: &Context, picture: &Picture, quiet: bool) -> Result<Option<Compared>> {
    let Some(plan) = migrate::comparison(picture)? else { return Ok(None) };
    let head = scratch::scratch(picture)?;
    let mut progress = Progress::new(&context.ui, quiet);
    let mut tell = |event| progress.tell(&event);
    let surroundings = surroundings(context);
    let compared = execute::compare(&head, &plan, &surroundings, context.cancelled(), &mut tell);
    Box::pin(compared).await.map(Some)
}
