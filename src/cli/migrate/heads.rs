//! `devdb migrate heads`.

use super::Context;
use crate::discover::Depth;
use crate::error::Result;
use crate::plan::migrate;
use crate::render;
use crate::render::style;

/// List the revisions that nothing follows
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Print an array of revision ids
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<u8> {
    let picture = context.look(Depth::Files).await;
    let history = migrate::history(&picture)?;
    let ui = &context.ui;
    if args.json {
        ui.answer(&render::json::text(&history.heads));
        return Ok(0);
    }
    let heads: Vec<_> = history.heads.iter().filter_map(|id| history.entry(id)).collect();
    render::migrate::entries(ui, &heads);
    if heads.len() > 1 {
        let merge = style::command("devdb migrate merge");
        let rebase = style::command("devdb migrate rebase");
        ui.hint(&format!("join them by {merge}, or put one behind the other by {rebase}"));
    }
    Ok(0)
}
