//! `devdb snapshot save`: a copy of the database under a name.

use super::Context;
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::snapshot;
use crate::model::text::visible;
use crate::plan::migrate::quoted;
use crate::plan::snapshot::{SaveRequest, save};
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;

/// Take a snapshot of the database. Nobody may be on it while the server copies it: its sessions are named and ended;
/// clients that connect meanwhile wait until the copy is made
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What it is called; by default the git branch and a number
    name: Option<String>,
    /// Replace the snapshot that has this name
    #[arg(long, requires = "name")]
    force: bool,
}

/// Takes a snapshot on the way to something else: nothing of it is the answer.
pub(super) async fn keep(context: &Context, name: String) -> Result<()> {
    let picture = context.look(Depth::Proof).await;
    let plan = save(&picture, SaveRequest { name: Some(name), branch: None, force: false })?;
    let mut progress = Progress::new(&context.ui, false);
    let saved = snapshot::save(&plan, context.cancelled(), &mut |event| progress.tell(&event)).await?;
    progress.clear();
    let command = format!("devdb snapshot restore {}", quoted(&saved.snapshot.note.name));
    context.ui.say(&format!("  {} a snapshot is kept: {}", style::good("✓"), style::command(command)));
    Ok(())
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let (picture, branch) = tokio::join!(context.look(Depth::Proof), super::branch(context));
    let plan = save(&picture, SaveRequest { name: args.name, branch, force: args.force })?;
    let mut progress = Progress::new(&context.ui, false);
    let saved = snapshot::save(&plan, context.cancelled(), &mut |event| progress.tell(&event)).await?;
    progress.clear();
    let name = &saved.snapshot.note.name;
    let verb = if saved.replaced { "replaces the snapshot" } else { "is kept as" };
    context.ui.answer(&format!(
        "{} `{}` {verb} `{}` {}",
        style::good("✓"),
        visible(plan.target.database()),
        visible(name),
        style::faint(format!("({})", took(saved.took)))
    ));
    let command = format!("devdb snapshot restore {}", quoted(name));
    context.ui.answer(&format!("  brought back by: {}", style::command(command)));
    Ok(0)
}
