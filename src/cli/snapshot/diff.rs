//! `devdb snapshot diff`: what changed between two snapshots.

use super::Context;
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::snapshot;
use crate::plan::snapshot::{compare, side};
use crate::render;
use crate::render::progress::Progress;

/// Say how two snapshots differ: in their schemas, and in how many rows each table holds; exit 1 when they do
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A snapshot, or `.` for the database itself
    #[arg(value_name = "A")]
    before: String,
    /// Another
    #[arg(value_name = "B", default_value = ".")]
    after: String,
    /// Compare the rows themselves, not only their number
    #[arg(long)]
    data: bool,
    /// Print JSON (docs/snapshot-diff.schema.json)
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = context.look(Depth::Proof).await;
    let target = crate::plan::target(&picture)?.target.clone();
    let all = snapshot::list(&target).await?;
    let before = side(&all, &args.before, target.database())?;
    let after = side(&all, &args.after, target.database())?;
    let plan = compare(&picture, before, after, args.data)?;
    let mut progress = Progress::new(&context.ui, args.json);
    let found = snapshot::compare(&plan, context.cancelled(), &mut |event| progress.tell(&event)).await?;
    progress.clear();
    if args.json {
        context.ui.answer(&render::json::text(&render::snapshot::diff_report(&plan, &found)));
    } else {
        render::snapshot::diff(&context.ui, &plan, &found);
    }
    Ok(u8::from(!found.is_same()))
}
