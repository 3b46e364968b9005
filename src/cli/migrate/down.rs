//! `devdb migrate down`: revisions taken back, with the data of what they made.

use super::up::carry_out;
use super::{Context, preflight};
use crate::cli::consent;
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute::migrate::Lock;
use crate::model::disposable::Disposable;
use crate::model::picture::Picture;
use crate::model::plan::Move;
use crate::plan::migrate::{self, Direction};
use crate::render;
use crate::render::style;

/// Take the last revision back, or go down to one; asks first, because data of what is dropped are lost
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// `-1` (the default), `-2`, a revision (or the beginning of its id), `base`
    #[arg(value_name = "TARGET|-N|base", allow_hyphen_values = true)]
    target: Option<String>,
    /// Show what would be taken back, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// The token of `--dry-run`, by which a person lets an AI agent do this once
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Print the SQL, and do nothing, as Alembic's `--sql`; TARGET is then `FROM:TO`
    #[arg(long)]
    sql: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    if let Some(text) = args.target.as_deref().filter(|text| text.starts_with("--")) {
        return Err(Error::usage(format!("there is no option `{text}`")).hint("devdb migrate down --help"));
    }
    if args.sql {
        return super::sql::run(context, super::sql::Args::down(args.target)).await;
    }
    let lock = super::lock(context, None).await?;
    let done = locked(context, &args, &lock).await;
    lock.release().await;
    done
}

async fn locked(context: &Context, args: &Args, lock: &Lock) -> Result<u8> {
    let picture = Box::pin(context.look(Depth::Chain)).await;
    let plan = migrate::along(&picture, Direction::Down, args.target.as_deref())?;
    if plan.steps().is_some_and(<[_]>::is_empty) {
        render::migrate::nothing(&context.ui, &plan);
        return Ok(0);
    }
    let proof = Disposable::prove(&picture)
        .map_err(|refusal| Error::refused(refusal.message).detail("rule", refusal.rule).hint(refusal.remedy))?;
    render::migrate::plan(&context.ui, &plan, true, true);
    let warnings = preflight::warnings(context, &picture, &plan, Direction::Down).await;
    render::migrate::warnings(&context.ui, &warnings);
    let request = request(&picture, &plan, &proof);
    if args.dry_run {
        context.ui.say("nothing was done (--dry-run)");
        if consent::agent(context).is_none() {
            let token = request.token();
            context.ui.say(&style::faint(format!("an AI agent may do this once with: --token {token}")));
        }
        return Ok(0);
    }
    consent::given(context, &request, args.yes, args.token.as_deref())?;
    carry_out(context, lock, &plan).await
}

fn request<'a>(picture: &'a Picture, plan: &'a Move, proof: &'a Disposable) -> consent::Request<'a> {
    let ids = plan.steps().unwrap_or_default().iter().map(|step| step.id.clone());
    consent::Request {
        picture,
        target: &plan.workplace().target,
        proof,
        // The rows are part of it, so that a token is spent once the downgrade was done.
        steps: plan.before().iter().cloned().chain([plan.shown()]).chain(ids).collect(),
        command: "devdb migrate down",
        verb: "downgrade",
    }
}
