//! `devdb migrate merge`: one revision behind several heads.

use super::new::{show, written};
use super::{Context, look, surroundings};
use crate::error::Result;
use crate::execute::migrate::command;
use crate::plan::migrate;

/// Join several heads by a merge revision
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The heads to join; all of them when none is named
    #[arg(value_name = "REVISION")]
    revisions: Vec<String>,
    /// What the revision is called
    #[arg(short, long, default_value = "merge heads")]
    message: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = look(context).await;
    let plan = migrate::merge(&picture, &args.revisions, &args.message)?;
    let before = written(migrate::chain(&picture)?);
    let ran = command(&plan, &surroundings(context)).await;
    show(context, &plan, &before, ran).await
}
