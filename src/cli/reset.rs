//! `devdb reset`: build aside, swap, keep the old.

use super::consent;
use super::context::Context;
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::{self, Outcome, Surroundings};
use crate::model::picture::Picture;
use crate::model::plan::ResetPlan;
use crate::plan::{self, ResetRequest};
use crate::render;
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;

/// Replace the development database by a new one: migrated, seeded, verified; the old one is kept for `devdb undo`
#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Load the seeds of this profile too (a folder of `seeds/`)
    #[arg(long, value_name = "PROFILE")]
    seed: Option<String>,
    /// Load no seeds
    #[arg(long, conflicts_with = "seed")]
    no_seed: bool,
    /// Stop the chain at this revision
    #[arg(long, value_name = "REVISION")]
    to: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Without the right to create databases: drop and recreate the schemas inside; no way back
    #[arg(long)]
    in_place: bool,
    /// When a migration or seed fails, keep the half-built database to look at
    #[arg(long)]
    keep_failed: bool,
    /// The token of `--dry-run`, by which a person lets an AI agent reset once
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Print JSON (docs/reset.schema.json)
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// Returns the arguments of the first filling of an empty database.
    pub(super) fn for_setup(seed: Option<String>, no_seed: bool) -> Self {
        Self { seed, no_seed, ..Self::agreed() }
    }

    /// Returns the arguments of a reset that was agreed to.
    pub(super) fn agreed() -> Self {
        Self { yes: true, ..Self::default() }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = context.look(Depth::All).await;
    let request = ResetRequest {
        profile: args.seed.clone(),
        no_seed: args.no_seed,
        to: args.to.clone(),
        keep_failed: args.keep_failed,
        in_place: args.in_place,
    };
    let plan = plan::reset(&picture, &request)?;
    if args.dry_run {
        dry_run(context, &picture, &plan, args.json);
        return Ok(0);
    }
    if !args.json {
        render::plan::show_reset(&context.ui, &plan);
    }
    consent::given(context, &consent::Request::reset(&picture, &plan), args.yes, args.token.as_deref())?;
    let outcome = carry_out(context, &plan, args.json).await?;
    if args.json {
        let report = render::json::reset(&plan, &outcome.stages, outcome.kept.as_deref(), context.elapsed());
        context.ui.answer(&render::json::text(&report));
    } else {
        summary(context, &plan, &outcome);
    }
    Ok(0)
}

/// Carries a plan out with progress on stderr; Ctrl-C cleans up.
pub(super) async fn carry_out(context: &Context, plan: &ResetPlan, quiet: bool) -> Result<Outcome> {
    let surroundings = Surroundings { root: context.root.clone(), shell: context.shell.clone() };
    let mut progress = Progress::new(&context.ui, quiet);
    let mut tell = |event| progress.tell(&event);
    Box::pin(execute::reset(plan, &surroundings, context.cancelled(), &mut tell)).await
}

fn dry_run(context: &Context, picture: &Picture, plan: &ResetPlan, json: bool) {
    let token = consent::agent(context).is_none().then(|| consent::Request::reset(picture, plan).token());
    if json {
        context.ui.answer(&render::json::text(&render::json::reset_plan(plan)));
        return;
    }
    render::plan::show_reset(&context.ui, plan);
    context.ui.say("");
    context.ui.say("nothing was done (--dry-run)");
    if let Some(token) = token {
        context.ui.say(&style::faint(format!("an AI agent may do this once with: --token {token}")));
    }
}

fn summary(context: &Context, plan: &ResetPlan, outcome: &Outcome) {
    let name = plan.workplace.target.database();
    let ui = &context.ui;
    let time: std::time::Duration = outcome.stages.iter().map(|(_, _, took)| *took).sum();
    ui.answer(&format!("{} `{name}` is ready {}", style::good("✓"), style::faint(format!("({})", took(time)))));
    if outcome.kept.is_some() {
        ui.answer(&format!("  the old one is kept: {}", style::command("devdb undo")));
    }
}
