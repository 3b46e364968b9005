//! The edge: one file a command, each its arguments and its composition of the stages.

mod branch;
mod cache;
mod consent;
mod context;
mod demo;
mod doctor;
mod down;
mod drift;
mod env;
mod explain;
mod fix;
mod logs;
mod migrate;
mod psql;
mod reference;
mod reset;
mod run;
mod setup;
mod shell;
mod snapshot;
mod status;
mod undo;
mod up;
mod url;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::error::{Error, Kind, Result};
use crate::render;
use context::{Context, block_on};

/// Says why your PostgreSQL development database is broken, and gets it back to a working state.
#[derive(Debug, Parser)]
#[command(name = "devdb", version, disable_help_subcommand = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Global {
    /// Work in this folder instead of the current one
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    directory: Option<PathBuf>,
    /// Show more: passing checks, commands' output, what devdb does
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is wrong, prove it, and offer the fix
    Doctor(doctor::Args),
    /// Replace the development database by a new one; the old one is kept
    Reset(reset::Args),
    /// Move the database along its chain of migrations, and look after the chain
    Migrate(migrate::Args),
    /// Compare the models, the migrations and the database, and say which is behind
    Drift(drift::Args),
    /// Show tables column by column, with a mark at each that is not as the migrations make it
    Verify(verify::Args),
    /// Look after the layers that resets start from
    Cache(cache::Args),
    /// Bring back the database that the last reset replaced
    Undo(undo::Args),
    /// Keep copies of the database under names, and bring them back
    Snapshot(snapshot::Args),
    /// Keep a database for every git branch
    Branch(branch::Args),
    /// From a fresh clone to a working database
    Setup(setup::Args),
    /// Explain a check, or an error: why, here, and what to run
    Explain(explain::Args),
    /// Run a command, and explain the first database error that it prints
    Run(run::Args),
    /// Say which file the app reads, and what each loader makes of it
    Env(env::Args),
    /// Print the database's URL, as a client writes it
    Url(url::Args),
    /// Open psql on the database
    Psql(psql::Args),
    /// Start the project's server, and wait until a login works
    Up(up::Args),
    /// Stop the project's server; its data stay
    Down(down::Args),
    /// Show what the project's server has logged
    Logs(logs::Args),
    /// See devdb find and mend a broken database, in a throw-away project
    Demo(demo::Args),
    /// Print a completion script
    Completions(shell::Completions),
    /// Print the manual page
    Man,
    /// Clear away after a reset
    #[command(name = "__spare", hide = true)]
    Spare(reset::Spare),
    /// Write the generated reference
    #[command(name = "__reference", hide = true)]
    Reference(reference::Args),
}

/// Runs the command line and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let context = match Context::new(cli.global) {
        Ok(context) => context,
        Err((ui, error)) => {
            render::error::show(&ui, &error);
            return error.kind.exit_code();
        }
    };
    let json = matches!(&cli.command, Some(command) if command.wants_json());
    match dispatch(cli.command, &context).map_err(Error::naming_a_full_disk) {
        Ok(code) => code,
        Err(error) => {
            if json {
                context.ui.answer(&render::json::text(&render::json::error(&error)));
            } else {
                render::error::show(&context.ui, &error);
            }
            error.kind.exit_code()
        }
    }
}

impl Command {
    fn wants_json(&self) -> bool {
        match self {
            Self::Doctor(args) => args.json,
            Self::Reset(args) => args.json,
            Self::Cache(args) => args.wants_json(),
            Self::Drift(args) => args.json,
            Self::Verify(args) => args.json,
            Self::Up(args) => args.json,
            Self::Env(args) => args.json,
            Self::Migrate(args) => args.wants_json(),
            Self::Snapshot(args) => args.wants_json(),
            Self::Branch(args) => args.wants_json(),
            _ => false,
        }
    }
}

fn dispatch(command: Option<Command>, context: &Context) -> Result<u8> {
    match command {
        None => block_on(status::run(context)),
        Some(Command::Doctor(args)) => block_on(doctor::run(context, args)),
        Some(Command::Reset(args)) => block_on(reset::run(context, args)),
        Some(Command::Spare(args)) => block_on(reset::spare(context, args)),
        Some(Command::Migrate(args)) => block_on(Box::pin(migrate::run(context, args))),
        Some(Command::Drift(args)) => block_on(Box::pin(drift::run(context, args))),
        Some(Command::Verify(args)) => block_on(Box::pin(verify::run(context, args))),
        Some(Command::Cache(args)) => block_on(cache::run(context, args)),
        Some(Command::Undo(args)) => block_on(undo::run(context, args)),
        Some(Command::Snapshot(args)) => block_on(Box::pin(snapshot::run(context, args))),
        Some(Command::Branch(args)) => block_on(Box::pin(branch::run(context, args))),
        Some(Command::Setup(args)) => block_on(setup::run(context, args)),
        Some(Command::Demo(args)) => block_on(demo::run(context, args)),
        Some(Command::Completions(args)) => Ok(shell::completions(context, &args)),
        Some(Command::Man) => shell::man(context),
        Some(Command::Reference(args)) => reference::run(&args),
        Some(Command::Explain(args)) => block_on(Box::pin(explain::run(context, &args))),
        Some(Command::Run(args)) => block_on(Box::pin(run::run(context, args))),
        Some(Command::Env(args)) => block_on(env::run(context, args)),
        Some(Command::Url(args)) => block_on(url::run(context, args)),
        Some(Command::Psql(args)) => block_on(psql::run(context, args)),
        Some(Command::Up(args)) => block_on(up::run(context, args)),
        Some(Command::Down(args)) => block_on(down::run(context, args)),
        Some(Command::Logs(args)) => block_on(logs::run(context, args)),
    }
}

/// clap prints its own help, versions and usage errors, and knows the streams for them.
fn usage(error: &clap::Error) -> u8 {
    let code = if error.use_stderr() { Kind::Usage.exit_code() } else { 0 };
    if let Err(closed) = error.print() {
        tracing::debug!(%closed, "nobody reads the output");
    }
    code
}

/// Returns the error of a fault that should be impossible.
fn bug(message: impl Into<String>) -> Error {
    Error::new(Kind::Bug, message).hint("please report it, with the command and its output")
}
