//! `devdb migrate status`: where the database is, what is pending, what is wrong.

use super::{Context, look};
use crate::error::Result;
use crate::plan::migrate;
use crate::render;

/// Say where the database is and what is pending; exit 1 when it is not at the head
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Args {
    /// Print JSON (docs/migrate-status.schema.json)
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = look(context).await;
    let history = migrate::history(&picture)?;
    let state = migrate::state(&picture, &history);
    if args.json {
        context.ui.answer(&render::json::text(&render::json::migrate_status(&picture, &history, &state)));
    } else {
        render::migrate::status(&context.ui, &picture, &history, &state);
    }
    Ok(u8::from(!state.is_current()))
}
