//! `devdb migrate`: the chain, read without Python and run by its own tool. One file a subcommand.

mod check;
mod down;
mod heads;
mod history;
mod merge;
mod new;
mod preflight;
mod rebase;
mod sql;
mod squash;
mod stamp;
mod status;
mod test;
mod up;

use std::path::PathBuf;
use std::time::Duration;

use super::context::Context;
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::Surroundings;
use crate::execute::migrate::Lock;
use crate::execute::server::wait;
use crate::model::picture::Picture;
use crate::render::progress::Progress;

/// Move the database along its chain of migrations, and look after the chain
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run what is pending, or up to a revision
    #[command(visible_alias = "upgrade")]
    Up(up::Args),
    /// Take the last revision back, or go down to one
    #[command(visible_alias = "downgrade")]
    Down(down::Args),
    /// Say where the database is and what is pending
    #[command(visible_alias = "current")]
    Status(status::Args),
    /// Draw the chain, with what is applied and what is pending
    History(history::Args),
    /// List the revisions that nothing follows
    Heads(heads::Args),
    /// Write a new migration
    #[command(visible_alias = "revision")]
    New(new::Args),
    /// Join several heads by a merge revision
    Merge(merge::Args),
    /// Try on a scratch database whether every revision can be taken back
    Test(test::Args),
    /// Replace the chain, or its older part, by one revision that is proven to make the same
    Squash(squash::Args),
    /// Put my branch's revisions behind the other head, instead of a merge
    Rebase(rebase::Args),
    /// Say that the database is at a revision, without running anything
    Stamp(stamp::Args),
    /// Print the SQL of migrations, without running anything
    Sql(sql::Args),
    /// Check the chain for faults, and the models against what the chain makes
    Check(check::Args),
}

impl Args {
    /// Returns whether the answer is to be JSON.
    pub(super) fn wants_json(&self) -> bool {
        match &self.command {
            Some(Command::Status(args)) => args.json,
            Some(Command::History(args)) => args.json,
            Some(Command::Heads(args)) => args.json,
            Some(Command::Check(args)) => args.json,
            Some(Command::Test(args)) => args.json,
            _ => false,
        }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    match args.command {
        None => status::run(context, status::Args::default()).await,
        Some(Command::Up(args)) => Box::pin(up::run(context, args)).await,
        Some(Command::Down(args)) => Box::pin(down::run(context, args)).await,
        Some(Command::Status(args)) => status::run(context, args).await,
        Some(Command::History(args)) => history::run(context, &args).await,
        Some(Command::Heads(args)) => heads::run(context, &args).await,
        Some(Command::New(args)) => Box::pin(new::run(context, args)).await,
        Some(Command::Merge(args)) => Box::pin(merge::run(context, args)).await,
        Some(Command::Test(args)) => Box::pin(test::run(context, args)).await,
        Some(Command::Squash(args)) => Box::pin(squash::run(context, args)).await,
        Some(Command::Rebase(args)) => Box::pin(rebase::run(context, args)).await,
        Some(Command::Stamp(args)) => Box::pin(stamp::run(context, args)).await,
        Some(Command::Sql(args)) => Box::pin(sql::run(context, args)).await,
        Some(Command::Check(args)) => Box::pin(check::run(context, args)).await,
    }
}

/// Runs everything that is pending.
pub(super) async fn up_all(context: &Context) -> Result<u8> {
    up::run(context, up::Args::default()).await
}

/// Says that the database is at a revision.
pub(super) async fn stamp_at(context: &Context, revision: &str) -> Result<u8> {
    stamp::run(context, stamp::Args::at(revision)).await
}

/// Writes a new revision file that does nothing yet, and returns where it is.
pub(super) async fn new_revision(context: &Context, picture: &Picture, message: &str) -> Result<PathBuf> {
    new::empty(context, picture, message).await
}

/// Returns the picture as far as migrations need it: the engine only where commands run inside a container.
async fn look(context: &Context) -> Picture {
    let inside = context.config.migrations.service.is_some();
    context.look(if inside { Depth::Chain } else { Depth::Server }).await
}

/// Takes the lock of the target's migrations, telling who holds it meanwhile; after `patience` for the server's login,
/// when there is one.
async fn lock(context: &Context, patience: Option<Duration>) -> Result<Lock> {
    let picture = context.look(Depth::Files).await;
    let target = &crate::plan::target(&picture)?.target;
    let mut progress = Progress::of_revisions(&context.ui);
    let mut tell = |event| progress.tell(&event);
    if let Some(patience) = patience {
        wait::until_login(target, patience, &mut tell).await?;
    }
    Lock::take(target, "migrate", context.cancelled(), &mut tell).await
}

fn surroundings(context: &Context) -> Surroundings {
    Surroundings { root: context.root.clone(), shell: context.shell.clone() }
}
