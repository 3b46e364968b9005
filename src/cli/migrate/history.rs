//! `devdb migrate history`: the graph, drawn.

use super::{Context, look};
use crate::discover::Depth;
use crate::error::Result;
use crate::plan::migrate;
use crate::render;

/// Draw the chain, newest first, with what is applied and what is pending
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Args {
    /// Print an array in run order
    #[arg(long, conflicts_with_all = ["mermaid", "dot"])]
    pub json: bool,
    /// Print a Mermaid flowchart
    #[arg(long, conflicts_with = "dot")]
    mermaid: bool,
    /// Print Graphviz's language
    #[arg(long)]
    dot: bool,
    /// Show this many of the newest revisions
    #[arg(short = 'n', long, value_name = "COUNT", conflicts_with_all = ["json", "mermaid", "dot"])]
    limit: Option<usize>,
    /// Read the files only; nothing is marked as applied
    #[arg(long)]
    offline: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<u8> {
    let picture = if args.offline { context.look(Depth::Files).await } else { look(context).await };
    let history = migrate::history(&picture)?;
    let ui = &context.ui;
    if args.json {
        ui.answer(&render::json::text(&render::json::history(&history)));
    } else if args.mermaid {
        ui.answer(render::graph::mermaid(&history).trim_end());
    } else if args.dot {
        ui.answer(render::graph::dot(&history).trim_end());
    } else {
        render::graph::show(ui, &history, args.limit);
        if !history.unknown.is_empty() {
            let ids = history.unknown.join("`, `");
            ui.warning(&format!("the database is at `{ids}`, which no file has: devdb migrate status"));
        }
        if history.rows.is_none() && !args.offline {
            ui.hint("the database did not answer, so nothing is marked as applied: devdb doctor");
        }
    }
    Ok(0)
}
