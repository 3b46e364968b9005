//! `devdb snapshot list`.

use super::Context;
use crate::error::Result;
use crate::execute::snapshot;
use crate::render;

/// List the snapshots of the database, newest first
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Args {
    /// Print JSON (docs/snapshot-list.schema.json)
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<u8> {
    let target = super::target(context).await?;
    let found = snapshot::list(&target).await?;
    if args.json {
        let report = render::snapshot::report(target.database(), &found);
        context.ui.answer(&render::json::text(&report));
    } else {
        render::snapshot::list(&context.ui, target.database(), &found);
    }
    Ok(0)
}
