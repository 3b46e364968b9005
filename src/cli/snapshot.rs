//! `devdb snapshot`: copies of the database, kept on its server under names. One file a subcommand.

mod diff;
mod export;
mod import;
mod list;
mod remove;
mod restore;
mod save;

use std::time::Duration;

use super::context::Context;
use crate::discover::{Depth, git};
use crate::error::{Kind, Result};
use crate::model::git::Checkout;
use crate::model::target::Target;

/// How long git may take.
const GIT: Duration = Duration::from_secs(2);

/// Keep copies of the database under names, on the same server, and bring them back
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Take a snapshot of the database; its sessions are ended for a moment
    Save(save::Args),
    /// Put a copy of a snapshot in the database's place; the old one is kept for `devdb undo`
    Restore(restore::Args),
    /// List the snapshots of the database
    List(list::Args),
    /// Remove snapshots
    Remove(remove::Args),
    /// Say how two snapshots differ, in schema and rows; `.` is the database itself
    Diff(diff::Args),
    /// Write the database or a snapshot to a file, as `pg_dump` does
    Export(export::Args),
    /// Make a snapshot from a file that `pg_dump` or `devdb snapshot export` wrote
    Import(import::Args),
}

impl Args {
    /// Returns whether the answer is to be JSON.
    pub(super) fn wants_json(&self) -> bool {
        match &self.command {
            Some(Command::List(args)) => args.json,
            Some(Command::Diff(args)) => args.json,
            _ => false,
        }
    }
}

/// How many snapshots of one name are kept beside each other.
const KEPT: usize = 20;

/// Keeps the database under this name, or under the next free number behind it, and says so.
pub(super) async fn keep(context: &Context, name: &str) -> Result<()> {
    let mut number = 1;
    loop {
        let wanted = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        match save::keep(context, wanted).await {
            Err(error) if error.kind == Kind::Usage && number < KEPT => number += 1,
            done => return done,
        }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    match args.command {
        None => list::run(context, &list::Args::default()).await,
        Some(Command::Save(args)) => Box::pin(save::run(context, args)).await,
        Some(Command::Restore(args)) => Box::pin(restore::run(context, args)).await,
        Some(Command::List(args)) => list::run(context, &args).await,
        Some(Command::Remove(args)) => Box::pin(remove::run(context, args)).await,
        Some(Command::Diff(args)) => Box::pin(diff::run(context, args)).await,
        Some(Command::Export(args)) => Box::pin(export::run(context, args)).await,
        Some(Command::Import(args)) => Box::pin(import::run(context, args)).await,
    }
}

/// Returns the database that the project's files name.
async fn target(context: &Context) -> Result<Target> {
    let picture = context.look(Depth::Files).await;
    Ok(crate::plan::target(&picture)?.target.clone())
}

/// Returns what is checked out, as far as a snapshot says it.
async fn branch(context: &Context) -> Option<String> {
    match git::refs::checkout(&context.root, GIT).await {
        Checkout::Branch(name) => Some(name),
        Checkout::Detached(commit) => Some(format!("({commit})")),
        Checkout::None => None,
    }
}
