//! `devdb reset`: build aside, swap, keep the old.

use std::ffi::OsString;

use super::consent;
use super::context::{self, Context};
use crate::discover::{Depth, inputs};
use crate::error::Result;
use crate::execute::{self, Asks, Later, Outcome, Surroundings};
use crate::model::layer::Inputs;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::plan::{LayerStep, Order, ResetPlan};
use crate::model::server::{LoginFailure, LoginFailureKind};
use crate::model::target::Target;
use crate::plan::{self, ResetRequest};
use crate::render;
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;
use crate::wire::process;

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
    /// Start from an empty database, though a layer of an earlier reset would do
    #[arg(long)]
    cold: bool,
    /// Build once from the layers and once from nothing, compare the two, and replace nothing
    #[arg(long, conflicts_with_all = ["cold", "dry_run", "in_place", "keep_failed"])]
    check: bool,
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

/// What is done after a reset, in a process of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Spare {
    #[arg(long)]
    seed: Option<String>,
    #[arg(long)]
    no_seed: bool,
    #[arg(long)]
    to: Option<String>,
}

impl Args {
    fn request(&self, context: &Context) -> ResetRequest {
        // Nobody comes back to a database of a CI run.
        let alone = context.variable("CI").is_none_or(str::is_empty);
        ResetRequest {
            profile: self.seed.clone(),
            no_seed: self.no_seed,
            to: self.to.clone(),
            keep_failed: self.keep_failed,
            in_place: self.in_place,
            cold: self.cold,
            later: alone,
        }
    }

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
    let (mut ahead, mut reading) = (None, None);
    let at_once = args.yes && !args.dry_run && !args.check && consent::agent(context).is_none();
    let begin = |picture: &Picture, target: &Target| {
        ahead = at_once.then(|| execute::ahead(target)).flatten();
        reading = read_ahead(context, picture);
    };
    let mut picture = context.look_and(Depth::Proof, begin).await;
    // On a full server, or for a role that may log in but once or twice, ours was the one too many.
    let full = |failure: &LoginFailure| failure.kind == LoginFailureKind::TooManyClients;
    if ahead.is_some() && picture.login_failure.as_ref().is_some_and(full) {
        ahead = None;
        picture = context.look(Depth::Proof).await;
    }
    let request = args.request(context);
    let inputs = match reading {
        Some(reading) => reading.await.ok(),
        None => None,
    };
    let inputs = inputs.unwrap_or_else(|| inputs::read(&context.root, &picture));
    let plan = plan::reset(&picture, &inputs, &request)?;
    if args.check {
        return check(context, &plan, args.json).await;
    }
    if args.dry_run {
        dry_run(context, &picture, &plan, args.json).await;
        return Ok(0);
    }
    if !args.json {
        render::plan::show_reset(&context.ui, &plan);
    }
    if !args.json && !args.yes {
        show_start(context, &plan).await;
    }
    consent::given(context, &consent::Request::reset(&picture, &plan), args.yes, args.token.as_deref())?;
    let outcome = carry_out(context, &picture, (&plan, &args), ahead).await?;
    Box::pin(later(context, &picture, (&plan, &args))).await;
    if args.json {
        let about = (outcome.kept.as_deref(), outcome.started_from.as_deref());
        let report = render::json::reset(&plan, &outcome.stages, about, context.elapsed());
        context.ui.answer(&render::json::text(&report));
    } else {
        summary(context, &plan, &outcome);
    }
    Ok(0)
}

/// Begins to read what the steps depend on, where the files alone say it.
fn read_ahead(context: &Context, picture: &Picture) -> Option<tokio::task::JoinHandle<Inputs>> {
    let alone = picture.config.migrations.service.is_none();
    let (root, picture) = (context.root.clone(), picture.clone());
    alone.then(|| tokio::task::spawn_blocking(move || inputs::read(&root, &picture)))
}

/// Carries a plan out with progress on stderr; Ctrl-C cleans up.
async fn carry_out(
    context: &Context,
    picture: &Picture,
    (plan, args): (&ResetPlan, &Args),
    ahead: Option<execute::Ahead>,
) -> Result<Outcome> {
    let mut progress = Progress::new(&context.ui, args.json);
    let mut tell = |event| progress.tell(&event);
    let request = args.request(context);
    let steps = || steps_now(context, picture, &request);
    let asks = Asks { ahead, ..asks(context, picture, &steps) };
    Box::pin(execute::reset(plan, &surroundings(context), asks, &mut tell)).await
}

/// Returns what an execution may ask: whether the user gave up, what git says, what the steps read now.
pub(super) fn asks<'a>(
    context: &'a Context,
    picture: &'a Picture,
    steps: &'a dyn Fn() -> Vec<LayerStep>,
) -> Asks<'a, impl Future<Output = ()>, impl Future<Output = Option<usize>>> {
    let shared = inputs::shared(&context.root, picture, context::DEADLINE);
    Asks { cancelled: context.cancelled(), shared, steps, ahead: None }
}

/// Returns the steps of a reset as the files are now; none where there is no plan any more.
pub(super) fn steps_now(context: &Context, picture: &Picture, request: &ResetRequest) -> Vec<LayerStep> {
    let inputs = inputs::read(&context.root, picture);
    plan::reset(picture, &inputs, request).map(|plan| plan.layers.steps).unwrap_or_default()
}

/// Returns the picture, and the plan of a reset that nobody is asked about.
pub(super) async fn planned(context: &Context, seed: Option<String>) -> Result<(Picture, ResetRequest, ResetPlan)> {
    let picture = context.look(Depth::Proof).await;
    let inputs = inputs::read(&context.root, &picture);
    let request = Args { seed, ..Args::default() }.request(context);
    let plan = plan::reset(&picture, &inputs, &request)?;
    Ok((picture, request, plan))
}

/// Says what a reset would start from, as far as the server tells now.
async fn show_start(context: &Context, plan: &ResetPlan) {
    if plan.order == Order::InPlace {
        return;
    }
    let target = &plan.workplace.target;
    if let Ok(listing) = execute::cache::list(target, Some(&plan.layers), &surroundings(context)).await {
        render::layers::start(&context.ui, &plan.layers, &listing);
    }
}

/// Compares what the layers make with what nothing makes.
async fn check(context: &Context, plan: &ResetPlan, json: bool) -> Result<u8> {
    let mut progress = Progress::new(&context.ui, json);
    let mut tell = |event| progress.tell(&event);
    let checked = Box::pin(execute::check(plan, &surroundings(context), context.cancelled(), &mut tell)).await?;
    progress.clear();
    if json {
        context.ui.answer(&render::json::text(&render::layers::checked_report(&checked)));
    } else {
        render::layers::checked(&context.ui, &checked);
    }
    Ok(u8::from(!checked.is_equal()))
}

pub(super) fn surroundings(context: &Context) -> Surroundings {
    Surroundings { root: context.root.clone(), shell: context.shell.clone() }
}

/// Leaves the rest to a child; where none can be started, it is done here.
async fn later(context: &Context, picture: &Picture, (plan, args): (&ResetPlan, &Args)) {
    if !plan.later {
        return;
    }
    let mut words: Vec<OsString> = ["-C".into(), context.root.clone().into_os_string(), "__spare".into()].into();
    words.extend(args.seed.iter().flat_map(|profile| ["--seed".into(), profile.into()]));
    words.extend(args.to.iter().flat_map(|revision| ["--to".into(), revision.into()]));
    words.extend(args.no_seed.then(|| "--no-seed".into()));
    if let Err(error) = process::detach(&words) {
        tracing::debug!(%error, "no child can be started");
        let request = args.request(context);
        let steps = || steps_now(context, picture, &request);
        let asks = Later { shared: inputs::shared(&context.root, picture, context::DEADLINE), steps: &steps };
        if let Err(error) = execute::after_reset(plan, &surroundings(context), asks, &mut |_event| {}).await {
            tracing::debug!(error.message, "nothing was cleared away");
        }
    }
}

/// Clears away after a reset, and makes a spare.
pub(super) async fn spare(context: &Context, spare: Spare) -> Result<u8> {
    let args = Args { seed: spare.seed, no_seed: spare.no_seed, to: spare.to, ..Args::default() };
    let mut picture = context.look(Depth::Proof).await;
    // Whoever is on the database by now stays: nothing of this touches it.
    if let Observed::Known(server) = &mut picture.server
        && let Observed::Known(database) = &mut server.database
    {
        database.sessions.clear();
    }
    let inputs = inputs::read(&context.root, &picture);
    let request = args.request(context);
    let plan = plan::reset(&picture, &inputs, &request)?;
    let steps = || steps_now(context, &picture, &request);
    let asks = Later { shared: inputs::shared(&context.root, &picture, context::DEADLINE), steps: &steps };
    Box::pin(execute::after_reset(&plan, &surroundings(context), asks, &mut |_event| {})).await?;
    Ok(0)
}

async fn dry_run(context: &Context, picture: &Picture, plan: &ResetPlan, json: bool) {
    let token = consent::agent(context).is_none().then(|| consent::Request::reset(picture, plan).token());
    if json {
        context.ui.answer(&render::json::text(&render::json::reset_plan(plan)));
        return;
    }
    render::plan::show_reset(&context.ui, plan);
    show_start(context, plan).await;
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
