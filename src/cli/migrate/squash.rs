//! `devdb migrate squash`: many revisions become one.

use super::{Context, surroundings};
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute::squash;
use crate::model::chain::Chain;
use crate::model::squash::SquashPlan;
use crate::plan::migrate;
use crate::plan::squash::SquashRequest;
use crate::render;
use crate::render::progress::Progress;
use crate::render::prompt;
use crate::wire::files::exists;

/// Replace the chain, or its older part, by one revision that is proven on scratch databases to make the same. It takes
/// the id of the last one that it replaces, so databases that are there need nothing. The originals are moved aside
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What the new revision is called
    #[arg(short, long, value_name = "MESSAGE")]
    message: Option<String>,
    /// Leave the newest N revisions as they are
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep: usize,
    /// Leave out the rows that the chain puts into its tables
    #[arg(long)]
    without_data: bool,
    /// Prove it and show what would be done; change no file
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Also where the database lacks revisions that are squashed
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = Box::pin(context.look(Depth::Chain)).await;
    let request =
        SquashRequest { message: args.message, keep: args.keep, with_data: !args.without_data, force: args.force };
    let plan = plan(context, &picture, &request)?;
    if !args.dry_run && !args.yes && !context.ui.interactive {
        return Err(Error::refused("nobody can be asked whether the revisions may be replaced")
            .detail("rule", "consent")
            .hint("add `--yes`, or run it in a terminal"));
    }
    let mut progress = Progress::new(&context.ui, false);
    let mut tell = |event| progress.tell(&event);
    let proven = Box::pin(squash::prove(&plan, &surroundings(context), context.cancelled(), &mut tell)).await?;
    progress.clear();
    render::squash::proven(&context.ui, &plan, &proven);
    if args.dry_run {
        context.ui.say("nothing was done (--dry-run)");
        return Ok(0);
    }
    let question = format!("Replace {} revisions by one?", plan.squashed.len());
    if !args.yes && !prompt::confirm(&question) {
        return Err(Error::cancelled());
    }
    let moved = squash::carry_out(&plan, &proven, &context.root)?;
    let after = context.look(Depth::Files).await;
    let checked = migrate::chain(&after).map_err(|error| error.message).and_then(|chain| verify(chain, &plan));
    if let Err(why) = checked {
        squash::roll_back(&moved)?;
        return Err(Error::failed("the chain read back is not the one that was meant")
            .detail("why", why)
            .detail("state", "the files are as they were"));
    }
    render::squash::done(&context.ui, &plan);
    Ok(0)
}

/// The plan, with a folder for the originals that is not there yet.
fn plan(context: &Context, picture: &crate::model::picture::Picture, request: &SquashRequest) -> Result<SquashPlan> {
    let mut number = 1_u32;
    loop {
        let folder = if number == 1 { "squashed".to_owned() } else { format!("squashed_{number}") };
        let plan = crate::plan::squash::squash(picture, request, &folder)?;
        if !exists(&context.root.join(&plan.aside)) {
            return Ok(plan);
        }
        number += 1;
    }
}

/// One base, the same head, as many revisions as there should be.
fn verify(chain: &Chain, plan: &SquashPlan) -> std::result::Result<(), String> {
    if let Some(fault) = chain.faults().first() {
        return Err(migrate::describe(fault));
    }
    let head = plan.kept.last().map_or(plan.id(), |last| last.id.as_str());
    let heads: Vec<&str> = chain.heads().iter().map(|head| head.id.as_str()).collect();
    if heads != [head] || chain.bases().len() != 1 || chain.revisions.len() != plan.kept.len() + 1 {
        return Err(format!("it has {} revisions and ends at {}", chain.revisions.len(), heads.join(", ")));
    }
    Ok(())
}
