//! `devdb branch list`.

use super::{Context, GIT};
use crate::discover::Depth;
use crate::discover::git::refs;
use crate::error::Result;
use crate::execute::branch;
use crate::plan;
use crate::render;

/// List the branches that have a database, the live one first
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Print JSON (docs/branch-list.schema.json)
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<u8> {
    plan::branch::wanted(&context.config)?;
    let picture = context.look(Depth::Files).await;
    let target = &plan::target(&picture)?.target;
    let root = &context.root;
    let (checkout, branches) = tokio::join!(refs::checkout(root, GIT), refs::branches(root, GIT));
    let shelf = branch::list(target).await?;
    let all = plan::branch::listed(&shelf, target.database(), branches.as_deref());
    if args.json {
        let report = render::branch::report(target.database(), checkout.branch(), &all);
        context.ui.answer(&render::json::text(&report));
    } else {
        render::branch::list(&context.ui, target.database(), checkout.branch(), &all);
    }
    Ok(0)
}
