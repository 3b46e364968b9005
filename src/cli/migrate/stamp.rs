//! `devdb migrate stamp`: the version table says another revision, and nothing runs.

use super::up::carry_out;
use super::{Context, look};
use crate::error::Result;
use crate::execute::migrate::Lock;
use crate::plan::migrate;
use crate::render;

/// Say that the database is at a revision, without running anything
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// `head`, `heads`, `base`, a revision or the beginning of its id
    #[arg(value_name = "REVISION", default_value = "heads")]
    revisions: Vec<String>,
    /// Empty the version table first: for rows that no revision file has
    #[arg(long)]
    purge: bool,
}

impl Args {
    /// Returns the arguments of a stamp at one revision.
    pub(super) fn at(revision: &str) -> Self {
        Self { revisions: vec![revision.to_owned()], purge: false }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let lock = super::lock(context, None).await?;
    let done = locked(context, &args, &lock).await;
    lock.release().await;
    done
}

async fn locked(context: &Context, args: &Args, lock: &Lock) -> Result<u8> {
    let picture = look(context).await;
    let plan = migrate::stamp(&picture, &args.revisions, args.purge)?;
    render::migrate::stamp(&context.ui, &plan);
    carry_out(context, lock, &plan).await
}
