//! `devdb migrate rebase`: one straight line instead of a merge.

use super::{Context, look};
use crate::discover::{self, Depth};
use crate::error::{Error, Result};
use crate::execute;
use crate::model::chain::Chain;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::rebase::RebasePlan;
use crate::plan::migrate;
use crate::plan::rebase::{RebaseRequest, rebase};
use crate::render;

/// Put my branch's revisions behind the other head, by changing the parents in their files
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The head that moves; the one whose file is not in the main branch when none is named
    #[arg(value_name = "HEAD")]
    head: Option<String>,
    /// The head that it is put behind
    #[arg(long, value_name = "OTHER")]
    onto: Option<String>,
    /// Show what would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Also where the database has applied my revisions and not the others'
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = look(context).await;
    if let Some(sql) = migrate::sql_chain(&picture)? {
        return Err(Error::usage(format!(
            "files of SQL ({}) follow each other by their versions, not by parents",
            sql.tool
        ))
        .hint("rename your files, so that their versions come after the others'"));
    }
    let chain = migrate::chain(&picture)?;
    let published = discover::published(&context.root, &chain.config.version_directories).await;
    let request = RebaseRequest { head: args.head, onto: args.onto, force: args.force };
    let plan = rebase(chain, &published, rows(&picture).as_deref(), &request)?;
    render::rebase::plan(&context.ui, &plan, args.dry_run);
    if args.dry_run {
        context.ui.say("nothing was done (--dry-run)");
        return Ok(0);
    }
    let originals = execute::rebase::rebase(&plan, &context.root)?;
    let after = context.look(Depth::Files).await;
    if let Err(why) = verify(migrate::chain(&after)?, chain, &plan) {
        execute::rebase::restore(originals)?;
        return Err(Error::failed("the chain read back is not the one that was meant")
            .detail("why", why)
            .detail("state", "the files are as they were"));
    }
    render::rebase::done(&context.ui, &plan);
    Ok(0)
}

/// The rows of the version table, where the database answered.
fn rows(picture: &Picture) -> Option<Vec<String>> {
    match &picture.server.known()?.database.known()?.versions {
        Observed::Known(rows) => Some(rows.clone()),
        Observed::Absent => Some(Vec::new()),
        Observed::Unknown(_) => None,
    }
}

/// One head fewer, no fault, the same revisions.
fn verify(now: &Chain, before: &Chain, plan: &RebasePlan) -> std::result::Result<(), String> {
    if let Some(fault) = now.faults().first() {
        return Err(migrate::describe(fault));
    }
    if now.heads().len() + 1 != before.heads().len() || now.heads().iter().any(|head| head.id == plan.onto) {
        return Err(format!("it has {} heads", now.heads().len()));
    }
    if now.revisions.len() != before.revisions.len() || now.unreadable.len() != before.unreadable.len() {
        return Err("a revision cannot be read any more".to_owned());
    }
    Ok(())
}
