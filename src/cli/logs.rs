//! `devdb logs`: what the project's server has logged.

use super::context::Context;
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute::server;
use crate::plan::server::log_source;

/// Show what the project's server has logged
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go on as more is logged
    #[arg(short, long)]
    follow: bool,
    /// How many lines of the end
    #[arg(short = 'n', long, default_value_t = 50)]
    lines: usize,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = Box::pin(context.look(Depth::All)).await;
    let file = server::cluster::log_file(&picture.root.join(".devdb"));
    let running = server::cluster::look(&picture.root.join(".devdb")).is_some_and(|cluster| cluster.running);
    let source = log_source(&picture, file, running)?;
    let mut answer = |line: &str| context.ui.answer(line);
    let show = server::logs::show(&source, args.lines, args.follow, &mut answer);
    tokio::select! {
        shown = Box::pin(show) => shown?,
        _ = tokio::signal::ctrl_c() => return Err(Error::cancelled()),
    }
    Ok(0)
}
