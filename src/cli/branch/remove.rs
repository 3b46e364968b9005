//! `devdb branch remove`.

use super::{Context, GIT, Request, consent};
use crate::discover::Depth;
use crate::discover::git::refs;
use crate::error::Result;
use crate::execute::branch::{self, Switcher};
use crate::model::text::{counted, size, visible};
use crate::plan;
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::age;

/// Remove the databases of branches; there is no way back. The one in use stays
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Of these branches
    #[arg(required_unless_present = "prune")]
    names: Vec<String>,
    /// Of every branch that git does not have any more
    #[arg(long)]
    prune: bool,
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
    plan::branch::wanted(&context.config)?;
    let (picture, branches) = tokio::join!(context.look(Depth::Proof), refs::branches(&context.root, GIT));
    let target = plan::target(&picture)?.target.clone();
    let proof = plan::snapshot::proof(&picture)?;
    let all = plan::branch::listed(&branch::list(&target).await?, target.database(), branches.as_deref());
    let chosen = plan::branch::chosen(&all, &args.names, args.prune)?;
    if chosen.is_empty() {
        context.ui.answer("every database belongs to a branch that git has");
        return Ok(0);
    }
    for one in &chosen {
        let left = one.age_seconds.map(age).unwrap_or_default();
        let about = style::faint(format!("left {left} ago, {}", size(one.bytes)));
        context.ui.say(&format!("{}    {}  {about}", style::strong("remove"), visible(&one.branch)));
    }
    let verb = format!("remove {} beside", counted(chosen.len(), "database"));
    let request = Request {
        picture: &picture,
        target: &target,
        proof: &proof,
        steps: chosen.iter().map(|one| format!("remove the database of `{}` ({})", one.branch, one.database)).collect(),
        command: "devdb branch remove",
        verb: &verb,
    };
    if args.dry_run {
        consent::dry_run(context, &request);
        return Ok(0);
    }
    consent::given(context, &request, args.yes, args.token.as_deref())?;
    let mut progress = Progress::new(&context.ui, false);
    let switcher = Switcher::open(&target, &proof, None, &mut |event| progress.tell(&event)).await?;
    let removed = switcher.remove(&chosen).await;
    switcher.close().await;
    removed?;
    progress.clear();
    context.ui.answer(&format!("{} {} removed", style::good("✓"), counted(chosen.len(), "database")));
    Ok(0)
}
