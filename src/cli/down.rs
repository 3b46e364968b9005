//! `devdb down`: stops what `devdb up` would start; no data is deleted.

use super::context::Context;
use super::up::WayName;
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::server;
use crate::model::local_server::{DownPlan, Way};
use crate::plan::server::down as plan_down;
use crate::render::progress::Progress;
use crate::render::style;

/// Stop the project's server; its data stay
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Stop only this one
    #[arg(long, value_enum, value_name = "WAY")]
    with: Option<WayName>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = Box::pin(context.look(Depth::All)).await;
    let tools = Box::pin(server::tools(&picture)).await;
    let plans = plan_down(&picture, &tools, args.with.map(Way::from))?;
    for plan in &plans {
        let mut progress = Progress::new(&context.ui, false);
        let stopped = Box::pin(server::down(plan, &tools.installations, &mut |event| progress.tell(&event))).await?;
        progress.clear();
        context.ui.answer(&format!("{} {stopped}", style::good("✓")));
        if let DownPlan::Container { name, volume: Some(volume), .. } = plan {
            context.ui.hint(&format!("to delete them for good: docker rm {name} && docker volume rm {volume}"));
        }
    }
    if plans.is_empty() {
        context.ui.answer("nothing to stop: no server of this project runs");
        if picture.server.known().is_some() {
            let address = picture.target().map(|candidate| candidate.target.address()).unwrap_or_default();
            context.ui.hint(&format!("the server at {address} was not started for this project, and is left alone"));
        }
    }
    Ok(0)
}
