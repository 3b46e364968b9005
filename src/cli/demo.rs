//! `devdb demo`: the story of a broken morning, on a throw-away project with a real server, told by the real commands.

use std::path::Path;

use super::context::Context;
use super::{doctor, reset, status};
use crate::error::{Error, Result};
use crate::execute::demo::{self, Stage};
use crate::model::text::counted;
use crate::render::progress::Progress;
use crate::render::style;

/// See devdb find and mend a broken database, in a throw-away project
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep the project and its server to play with
    #[arg(long)]
    keep: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let ui = &context.ui;
    ui.answer(&style::strong(
        "It is 9 a.m. The app says: connection to server at \"localhost\" failed: Connection refused",
    ));
    ui.answer("");
    let stage = {
        let mut progress = Progress::new(ui, true);
        Box::pin(demo::set_up(&context.shell, &mut |event| progress.tell(&event))).await?
    };
    let told = tell(context, &stage).await;
    if args.keep && told.is_ok() {
        ui.answer("");
        ui.answer(&format!("kept: {}  (stop its server with: devdb -C '{0}' down)", stage.root.display()));
        return Ok(0);
    }
    let cleared = stage.clear_away().await;
    told.and(cleared).map(|()| 0)
}

async fn tell(context: &Context, stage: &Stage) -> Result<()> {
    let ui = &context.ui;
    let project = context.elsewhere(&stage.root)?;
    let say = |command: &str| ui.answer(&format!("\n{} {}", style::faint("$"), style::command(command)));
    say("devdb doctor");
    Box::pin(doctor::run(&project, doctor::Args::default())).await?;
    say("devdb doctor --fix --yes");
    Box::pin(doctor::run(&project, doctor::Args::agreed_fix())).await?;
    ui.answer(&format!("\nThe server is found. Now the app says: {}", style::strong(&stage.complaint().await?)));
    say("devdb reset --yes");
    Box::pin(reset::run(&project, reset::Args::agreed())).await?;
    say("devdb");
    Box::pin(status::run(&project)).await?;
    ui.answer("");
    ui.answer(&format!("{} select username, email, orders from the new database:", style::good("✓")));
    let rows = stage.proof().await?;
    if rows.is_empty() {
        return Err(Error::failed("the demo's database has no users after the reset"));
    }
    for [username, email, orders] in rows {
        let orders = counted(orders.parse().unwrap_or_default(), "order");
        ui.answer(&format!("    {username:<8} {email:<20} {orders}"));
    }
    Ok(())
}

impl Context {
    /// Returns the context of another project, on the same terminal.
    fn elsewhere(&self, root: &Path) -> Result<Self> {
        let mut shell = self.shell.clone();
        // The story has one project; what the developer's own shell says of others is not part of it.
        shell.retain(|key, _| !demo::CONFUSING.iter().any(|prefix| key.starts_with(prefix)));
        self.at(root.to_path_buf(), shell)
    }
}
