//! `devdb migrate up`: what is pending, run under the lock.

use std::time::Duration;

use super::{Context, look, preflight, surroundings};
use crate::error::{Error, Result};
use crate::execute::migrate::{Lock, along};
use crate::model::history::Entry;
use crate::model::operation::Trouble;
use crate::model::picture::Picture;
use crate::model::plan::{Move, SqlTask};
use crate::plan::migrate::{self, Direction};
use crate::render;
use crate::render::progress::Progress;
use crate::render::prompt;

/// Run what is pending, or up to a revision
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Args {
    /// `head`, `heads`, a revision (or the beginning of its id), a branch label, `+2`
    #[arg(value_name = "TARGET|+N", allow_hyphen_values = true)]
    target: Option<String>,
    /// Wait for the server first: `60s`, `2m`; for the entry point of a container
    #[arg(long, value_name = "TIME", value_parser = duration, num_args = 0..=1, default_missing_value = "60s")]
    wait: Option<Duration>,
    /// Show what would run, and what of it would fail on the data; do nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Print the SQL, and do nothing, as Alembic's `--sql`
    #[arg(long)]
    sql: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    if let Some(text) = args.target.as_deref().filter(|text| text.starts_with('-')) {
        let error = Error::usage(format!("`{text}` is neither a revision nor an option of `devdb migrate up`"));
        return Err(error.hint("devdb migrate down -1   (goes down)").hint("devdb migrate up --help"));
    }
    if args.sql {
        return super::sql::run(context, super::sql::Args::up(args.target)).await;
    }
    // A dry run takes none: nobody has to wait for somebody who only looks.
    let lock = if args.dry_run { None } else { Some(super::lock(context, args.wait).await?) };
    // The picture is taken while the lock is held: another replica may just have done the work.
    let done = locked(context, &args, lock.as_ref()).await;
    if let Some(lock) = lock {
        lock.release().await;
    }
    done
}

async fn locked(context: &Context, args: &Args, lock: Option<&Lock>) -> Result<u8> {
    let picture = look(context).await;
    let plan = migrate::along(&picture, Direction::Up, args.target.as_deref())?;
    let ui = &context.ui;
    if plan.steps().is_some_and(<[_]>::is_empty) {
        render::migrate::nothing(ui, &plan);
        return Ok(0);
    }
    render::migrate::plan(ui, &plan, false, args.dry_run);
    several_heads(context, &picture);
    let warnings = preflight::warnings(context, &picture, &plan, Direction::Up).await;
    render::migrate::warnings(ui, &warnings);
    let fails = warnings.iter().any(|warning| warning.trouble == Trouble::Fails);
    if fails {
        ui.hint(if unstamped(&picture) {
            "the database has tables and no version: `devdb drift` says which revision they are of, and how to record it"
        } else {
            "mend the rows first, or let the migration do it: a default, or an UPDATE before the constraint"
        });
    }
    let Some(lock) = lock else {
        ui.say("nothing was done (--dry-run)");
        return Ok(u8::from(fails));
    };
    // Somebody who is there to be asked may mend the data first; an entry point goes on, and fails as it would.
    if fails && ui.interactive && !prompt::confirm("Run it all the same?") {
        return Err(Error::cancelled());
    }
    carry_out(context, lock, &plan).await
}

/// Whether `create_all` or a dump made the tables, and nothing says of which revision they are.
fn unstamped(picture: &Picture) -> bool {
    let database = picture.server.known().and_then(|server| server.database.known());
    database.is_some_and(|database| {
        database.versions.known().is_none_or(Vec::is_empty) && database.tables.known().is_some_and(|tables| *tables > 0)
    })
}

/// A fork is run to all of its ends; it is better said before both authors' revisions are in the database.
fn several_heads(context: &Context, picture: &Picture) {
    let Some(chain) = picture.chain.known() else { return };
    let heads = chain.heads();
    if heads.len() > 1 && chain.bases().len() < heads.len() {
        let ids: Vec<&str> = heads.iter().map(|head| head.id.as_str()).collect();
        context.ui.warning(&format!("the chain has {} heads: {}", heads.len(), ids.join(", ")));
    }
}

/// Runs a plan with its revisions told one by one.
pub(super) async fn carry_out(context: &Context, lock: &Lock, plan: &Move) -> Result<u8> {
    let mut progress = Progress::of_revisions(&context.ui);
    let mut tell = |event| progress.tell(&event);
    let moved = along(lock, plan, &surroundings(context), context.cancelled(), &mut tell).await;
    progress.clear();
    let moved = moved?;
    arrived(context, plan).await?;
    render::migrate::moved(&context.ui, plan, &moved);
    Ok(0)
}

/// A command may succeed and do nothing: the version table has the last word.
async fn arrived(context: &Context, plan: &Move) -> Result<()> {
    let Some(steps) = plan.steps().filter(|steps| !steps.is_empty()) else { return Ok(()) };
    let history = migrate::history(&look(context).await)?;
    let now = |step: &&Entry| history.entry(&step.id).and_then(|entry| entry.applied);
    // Before, the steps of an upgrade were pending and those of a downgrade applied.
    let left: Vec<&str> = steps
        .iter()
        .filter(|step| now(step).is_some_and(|applied| Some(applied) == step.applied))
        .map(|step| step.id.as_str())
        .collect();
    if left.is_empty() || matches!(plan, Move::Sql(plan) if plan.task == SqlTask::Stamp) {
        return Ok(());
    }
    Err(Error::failed(format!("{} ran, and the database is not where it should be", plan.shown()))
        .detail("it is at", history.position())
        .detail("unchanged", left.join("\n"))
        .hint("devdb migrate status"))
}

/// Reads `60s`, `2m`, `1500ms`, `90`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let number: u64 = number.parse().map_err(|_invalid| format!("`{text}` is no time; write `60s` or `2m`"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" | "min" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err(format!("`{unit}` is no unit; write `60s` or `2m`")),
    }
}
