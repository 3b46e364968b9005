//! `devdb branch`: the database of the branch that is checked out takes the name.

use std::time::Duration;

use super::{Context, GIT, install};
use crate::discover::Depth;
use crate::discover::git::refs;
use crate::error::Result;
use crate::execute::branch::Switcher;
use crate::model::branch::{Shelf, SwitchPlan, Turn};
use crate::model::git::Checkout;
use crate::model::text::{size, visible};
use crate::plan::branch::{Refs, proof, switch, wanted};
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;

/// How long a checkout waits for another devdb.
const PATIENCE: Duration = Duration::from_secs(10);

/// Give the name to the database of the branch that is checked out. A branch that has none gets a copy of its parent's
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Args {
    /// As git's hook runs it: in one line, and never in the way of a checkout
    #[arg(long)]
    hook: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<u8> {
    if !args.hook {
        wanted(&context.config)?;
        return Box::pin(turn(context, false)).await.map(|()| 0);
    }
    if wanted(&context.config).is_ok()
        && let Err(error) = Box::pin(turn(context, true)).await
    {
        // The checkout is done; that the database did not follow is no reason to fail it.
        context.ui.say(&format!("devdb: {}; the database stays as it is (devdb branch)", visible(&error.message)));
    }
    Ok(0)
}

async fn turn(context: &Context, hook: bool) -> Result<()> {
    let root = &context.root;
    let to = match refs::checkout(root, GIT).await {
        Checkout::Branch(branch) => branch,
        Checkout::Detached(commit) => {
            say(context, hook, &format!("no branch is checked out ({commit}): the database stays as it is"));
            return Ok(());
        }
        Checkout::None => {
            say(context, hook, "there is no git branch here: the database stays as it is");
            return Ok(());
        }
    };
    let picture = context.look(Depth::Proof).await;
    let target = crate::plan::target(&picture)?.target.clone();
    let proof = proof(&picture)?;
    let mut progress = Progress::new(&context.ui, hook);
    let mut tell = |event| progress.tell(&event);
    let switcher = Switcher::open(&target, &proof, hook.then_some(PATIENCE), &mut tell).await?;
    let done = async {
        let shelf = switcher.shelf().await?;
        let refs = ask(context, &shelf, to, hook).await;
        let plan = switch(&picture, proof.clone(), &shelf, &refs)?;
        let took = Box::pin(switcher.carry_out(&plan, context.cancelled(), &mut tell)).await?;
        Ok((plan, took, refs))
    };
    let done = done.await;
    switcher.close().await;
    let (plan, took, refs) = done?;
    progress.clear();
    tell_turn(context, &plan, took, hook);
    if !hook {
        afterwards(context, &plan, &refs).await;
    }
    Ok(())
}

async fn ask(context: &Context, shelf: &Shelf, to: String, hook: bool) -> Refs {
    let root = &context.root;
    let (branches, worktrees, before) =
        tokio::join!(refs::branches(root, GIT), refs::worktrees(root, GIT), refs::before(root, GIT));
    // Of two that are equally near, the one that this working tree has left.
    let mut candidates = shelf.branches();
    candidates.sort_by_key(|branch| before.as_ref() != Some(branch));
    let nearest = refs::nearest(root, &candidates, GIT).await;
    // Nothing says whose the database is: after a checkout, it is that of the branch that was left.
    let owner = before.filter(|_| hook).unwrap_or_else(|| to.clone());
    Refs { to, owner, nearest, branches, worktrees, hook }
}

fn tell_turn(context: &Context, plan: &SwitchPlan, elapsed: Duration, hook: bool) {
    let (name, to) = (visible(plan.target.database()), visible(&plan.to));
    let time = took(elapsed);
    let text = match &plan.turn {
        Turn::Already if hook => return,
        Turn::Already => format!("`{name}` is the database of `{to}`"),
        Turn::Adopt { gone: None } => format!("`{name}` is the database of `{to}` from now on"),
        Turn::Adopt { gone: Some(gone) } => {
            format!("`{name}` is the database of `{to}`: it was that of `{}`, which is gone", visible(gone))
        }
        Turn::Fork { from } => format!("`{name}` is the database of `{to}`, a copy of `{}`'s ({time})", visible(from)),
        Turn::Copy { parent, .. } => {
            format!("`{name}` is the database of `{to}`, a copy of `{}`'s ({time})", visible(&parent.branch))
        }
        Turn::Bring { .. } => format!("`{name}` is the database of `{to}` again ({time})"),
        Turn::Missing => format!("there is no database `{name}` yet: devdb setup"),
        Turn::InUse { by, from } => format!(
            "`{name}` stays with `{}`, which is checked out in {}; devdb branch takes it",
            visible(from),
            visible(&by.display().to_string())
        ),
        Turn::Large { from, bytes } => {
            format!("`{name}` stays with `{}`: a copy of {} takes a while; devdb branch", visible(from), size(*bytes))
        }
    };
    say(context, hook, &text);
}

/// In a hook, one line among git's own.
fn say(context: &Context, hook: bool, text: &str) {
    if hook {
        context.ui.say(&format!("devdb: {text}"));
    } else {
        context.ui.answer(&format!("{} {text}", style::good("✓")));
    }
}

async fn afterwards(context: &Context, plan: &SwitchPlan, refs: &Refs) {
    let left = match &plan.turn {
        Turn::Fork { from } | Turn::Copy { from, .. } | Turn::Bring { from: Some(from), .. } => Some(from),
        _ => None,
    };
    if let Some(tree) = refs.worktrees.iter().find(|tree| left == Some(&tree.branch)) {
        let path = visible(&tree.path.display().to_string());
        context.ui.warning(&format!("{path} has `{}` checked out and uses the same name", visible(&tree.branch)));
    }
    if !install::is_installed(context).await {
        context.ui.hint(&format!("{} does this at every checkout", style::command("devdb branch install")));
    }
}
