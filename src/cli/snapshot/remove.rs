//! `devdb snapshot remove`.

use super::Context;
use crate::cli::consent::{self, Request};
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::snapshot;
use crate::model::snapshot::Snapshot;
use crate::model::text::{counted, size, visible};
use crate::plan::snapshot::{find, proof};
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::age;

/// Remove snapshots; there is no way back
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Which
    #[arg(required = true)]
    names: Vec<String>,
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
    let proof = proof(&picture)?;
    let all = snapshot::list(&target).await?;
    let mut chosen: Vec<Snapshot> = Vec::new();
    for name in &args.names {
        let found = find(&all, Some(name), target.database())?;
        if !chosen.contains(found) {
            chosen.push(found.clone());
        }
    }
    for one in &chosen {
        let about = format!("taken {} ago, {}", age(one.age_seconds), size(one.note.bytes));
        context.ui.say(&format!("{}    {}  {}", style::strong("remove"), visible(&one.note.name), style::faint(about)));
    }
    let verb = format!("remove {} of", counted(chosen.len(), "snapshot"));
    let request = Request {
        picture: &picture,
        target: &target,
        proof: &proof,
        // The database's own name: a snapshot that takes the name later is another one.
        steps: chosen.iter().map(|one| format!("remove `{}` ({})", one.note.name, one.database)).collect(),
        command: "devdb snapshot remove",
        verb: &verb,
    };
    if args.dry_run {
        consent::dry_run(context, &request);
        return Ok(0);
    }
    consent::given(context, &request, args.yes, args.token.as_deref())?;
    let mut progress = Progress::new(&context.ui, false);
    snapshot::remove(&target, &proof, &chosen, &mut |event| progress.tell(&event)).await?;
    progress.clear();
    context.ui.answer(&format!("{} {} removed", style::good("✓"), counted(chosen.len(), "snapshot")));
    Ok(0)
}
