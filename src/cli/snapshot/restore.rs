//! `devdb snapshot restore`: a copy of a snapshot takes the database's place.

use super::Context;
use crate::cli::consent::{self, Request};
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::snapshot;
use crate::model::text::visible;
use crate::plan::snapshot::{find, restore};
use crate::render;
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;

/// Put a copy of a snapshot in the database's place, in one transaction; the old one is kept for `devdb undo`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Which; by default the newest
    name: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// The token of `--dry-run`, by which a person lets an AI agent do it once
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = context.look(Depth::Proof).await;
    let target = crate::plan::target(&picture)?.target.clone();
    let all = snapshot::list(&target).await?;
    let chosen = find(&all, args.name.as_deref(), target.database())?;
    let plan = restore(&picture, chosen.clone())?;
    render::snapshot::restore(&context.ui, &plan);
    let request = Request {
        picture: &picture,
        target: &plan.target,
        proof: &plan.proof,
        steps: plan.describe(),
        command: "devdb snapshot restore",
        verb: if plan.exists { "replace" } else { "create" },
    };
    if args.dry_run {
        consent::dry_run(context, &request);
        return Ok(0);
    }
    consent::given(context, &request, args.yes, args.token.as_deref())?;
    let mut progress = Progress::new(&context.ui, false);
    let done = snapshot::restore(&plan, context.cancelled(), &mut |event| progress.tell(&event)).await?;
    progress.clear();
    context.ui.answer(&format!(
        "{} `{}` is the snapshot `{}` {}",
        style::good("✓"),
        visible(target.database()),
        visible(&plan.snapshot.note.name),
        style::faint(format!("({})", took(done.took)))
    ));
    if done.kept.is_some() {
        context.ui.answer(&format!("  the old one is kept: {}", style::command("devdb undo")));
    }
    render::snapshot::moved_on(&context.ui, &plan);
    Ok(0)
}
