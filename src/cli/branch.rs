//! `devdb branch`: a database for every git branch, under the one name that the app knows. One file a subcommand.

mod install;
mod list;
mod remove;
mod switch;

use std::time::Duration;

use super::consent::{self, Request};
use super::context::Context;
use crate::error::Result;

/// How long git may take.
const GIT: Duration = Duration::from_secs(2);

/// Keep a database for every git branch (`[branches] mode = "database"`); the app's configuration stays as it is
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Give the name to the database of the branch that is checked out; the default
    Switch(switch::Args),
    /// List the branches that have a database
    List(list::Args),
    /// Remove the databases of branches
    Remove(remove::Args),
    /// Have git do it at every checkout, by a post-checkout hook
    Install(install::Args),
    /// Take devdb's lines out of the hook
    Uninstall(install::Args),
}

impl Args {
    /// Returns whether the answer is to be JSON.
    pub(super) fn wants_json(&self) -> bool {
        matches!(&self.command, Some(Command::List(args)) if args.json)
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    match args.command {
        None => Box::pin(switch::run(context, &switch::Args::default())).await,
        Some(Command::Switch(args)) => Box::pin(switch::run(context, &args)).await,
        Some(Command::List(args)) => list::run(context, &args).await,
        Some(Command::Remove(args)) => Box::pin(remove::run(context, args)).await,
        Some(Command::Install(_)) => Box::pin(install::install(context)).await,
        Some(Command::Uninstall(_)) => install::uninstall(context).await,
    }
}
