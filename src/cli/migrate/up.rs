//! `devdb migrate up`: what is pending, run under the lock.

use std::time::Duration;

use super::{Context, look, preflight, surroundings};
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute::migrate::{Lock, along};
use crate::execute::server::wait;
use crate::model::operation::Trouble;
use crate::model::plan::Move;
use crate::plan::migrate::{self, Direction};
use crate::render;
use crate::render::progress::Progress;
use crate::render::prompt;

/// Run what is pending, or up to a revision
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Args {
    /// `head`, `heads`, a revision (or the beginning of its id), a branch label, `+2`
    #[arg(value_name = "TARGET|+N")]
    target: Option<String>,
    /// Wait for the server first: `60s`, `2m`; for the entry point of a container
    #[arg(long, value_name = "TIME", value_parser = duration, num_args = 0..=1, default_missing_value = "60s")]
    wait: Option<Duration>,
    /// Show what would run, and what of it would fail on the data; do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the SQL, and do nothing, as Alembic's `--sql`
    #[arg(long)]
    sql: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    if args.sql {
        return super::sql::run(context, super::sql::Args::up(args.target)).await;
    }
    let picture = context.look(Depth::Files).await;
    let target = crate::plan::target(&picture)?.target.clone();
    let mut progress = Progress::of_revisions(&context.ui);
    let mut tell = |event| progress.tell(&event);
    if let Some(patience) = args.wait {
        wait::until_login(&target, patience, &mut tell).await?;
    }
    let lock =
        if args.dry_run { None } else { Some(Lock::take(&target, "migrate", context.cancelled(), &mut tell).await?) };
    drop(progress);
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
    render::migrate::plan(ui, &plan, false);
    let warnings = preflight::warnings(context, &picture, &plan, Direction::Up).await;
    render::migrate::warnings(ui, &warnings);
    let Some(lock) = lock else {
        ui.say("nothing was done (--dry-run)");
        return Ok(0);
    };
    // Somebody who is there to be asked may mend the data first; an entry point goes on, and fails as it would.
    let fails = warnings.iter().any(|warning| warning.trouble == Trouble::Fails);
    if fails && ui.interactive && !prompt::confirm("Run it all the same?") {
        return Err(Error::cancelled());
    }
    carry_out(context, lock, &plan).await
}

/// Runs a plan with its revisions told one by one.
pub(super) async fn carry_out(context: &Context, lock: &Lock, plan: &Move) -> Result<u8> {
    let mut progress = Progress::of_revisions(&context.ui);
    let mut tell = |event| progress.tell(&event);
    let moved = along(lock, plan, &surroundings(context), context.cancelled(), &mut tell).await;
    progress.clear();
    render::migrate::moved(&context.ui, plan, &moved?);
    Ok(0)
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
