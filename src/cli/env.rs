//! `devdb env`: which file does the app read?

use super::context::Context;
use crate::diagnose::loaders;
use crate::discover::Depth;
use crate::error::Result;
use crate::render;

/// Show every key that names a database, in every file, as every loader reads it: who wins, and where loaders disagree
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON (docs/env.schema.json)
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = context.look(Depth::Files).await;
    let readings = loaders::readings(&picture);
    if args.json {
        context.ui.answer(&render::json::text(&render::env::report(&picture, &readings)));
    } else {
        render::env::show(&context.ui, &picture, &readings);
    }
    Ok(0)
}
