//! `devdb demo`: the story of a broken morning, on a throw-away project with a real server, told by the real commands.

use std::path::Path;

use super::context::Context;
use super::{doctor, reset, status};
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute::demo::{self, Stage};
use crate::execute::server as servers;
use crate::model::local_server::Way;
use crate::model::text::counted;
use crate::plan::server::{self, UpRequest};
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
    ui.answer(&style::strong("9 a.m. The app says: connection to server at \"localhost\" failed: Connection refused"));
    let mut stage = demo::Stage::prepare((5433, 5434))?;
    let mut ready = Box::pin(open(context, &stage)).await;
    if ready.as_ref().is_err_and(|error| error.message.contains("taken")) {
        // Somebody took the port in between: two demos at once, for example.
        stage.clear_away()?;
        stage = demo::Stage::prepare((0, 0))?;
        ready = Box::pin(open(context, &stage)).await;
    }
    let told = match ready {
        Ok(()) => Box::pin(tell(context, &stage)).await,
        Err(error) => Err(error),
    };
    if args.keep && told.is_ok() {
        ui.answer(&format!("\nkept: {0}  (its server stops with: devdb -C '{0}' down)", stage.root.display()));
        return Ok(0);
    }
    let closed = Box::pin(close(context, &stage)).await;
    let cleared = stage.clear_away();
    told.and(closed).and(cleared).map(|()| 0)
}

/// Brings the project's server up, as `devdb up` would: by server programs, or by an image that is there.
async fn open(context: &Context, stage: &Stage) -> Result<()> {
    let project = context.elsewhere(&stage.root)?;
    let picture = project.look(Depth::All).await;
    let tools = Box::pin(servers::tools(&picture)).await;
    let way = match (tools.installations.is_empty(), tools.images.is_empty()) {
        (false, _) => Way::Cluster,
        (true, false) => Way::Container,
        (true, true) => {
            return Err(Error::environment("this machine has neither PostgreSQL's server programs nor an image of it")
                .hint(tools.install_hint));
        }
    };
    let plan = server::up(&picture, &tools, &UpRequest { with: Some(way), image: None })?;
    let mut progress = Progress::new(&context.ui, true);
    Box::pin(servers::up(&plan, servers::wait::DEADLINE, &mut |event| progress.tell(&event))).await?;
    stage.break_it().await
}

async fn close(context: &Context, stage: &Stage) -> Result<()> {
    let project = context.elsewhere(&stage.root)?;
    let picture = project.look(Depth::All).await;
    let tools = Box::pin(servers::tools(&picture)).await;
    for plan in server::down(&picture, &tools, None)? {
        Box::pin(servers::remove(&plan, &tools.installations, &mut |_event| {})).await?;
    }
    Ok(())
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
    ui.answer(&format!("\n{} select username, email, orders from the new database:", style::good("✓")));
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
