//! `devdb cache`: the layers that resets start from.

use super::context::Context;
use super::reset;
use crate::discover::{Depth, inputs};
use crate::error::Result;
use crate::execute::cache;
use crate::model::text::{counted, size};
use crate::plan;
use crate::render;
use crate::render::progress::Progress;
use crate::render::style;

/// Look after the layers that resets start from
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the layers: what made each, its size, what it saves, how often it was used
    List(List),
    /// Make the layers of this project now, so that its next reset is a clone
    Warm(Warm),
    /// Drop all layers of this role on the server
    Clear,
}

#[derive(Debug, Default, clap::Args)]
struct List {
    /// Print JSON (docs/cache-list.schema.json)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Warm {
    /// With the seeds of this profile too
    #[arg(long, value_name = "PROFILE")]
    seed: Option<String>,
}

impl Args {
    /// Returns whether the answer is to be JSON.
    pub(super) fn wants_json(&self) -> bool {
        matches!(&self.command, Some(Command::List(list)) if list.json)
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    match args.command {
        None => list(context, &List::default()).await,
        Some(Command::List(args)) => list(context, &args).await,
        Some(Command::Warm(args)) => Box::pin(warm(context, args)).await,
        Some(Command::Clear) => clear(context).await,
    }
}

async fn list(context: &Context, args: &List) -> Result<u8> {
    // Where commands run inside a container, that container is part of what they depend on.
    let inside = context.config.migrations.service.is_some();
    let picture = context.look(if inside { Depth::Proof } else { Depth::Files }).await;
    let target = plan::target(&picture)?.target.clone();
    let inputs = inputs::read(&context.root, &picture);
    let layers = plan::layers_of(&picture, &inputs).ok();
    let listing = cache::list(&target, layers.as_ref(), &reset::surroundings(context)).await?;
    if args.json {
        context.ui.answer(&render::json::text(&render::layers::list_report(&listing)));
    } else {
        render::layers::list(&context.ui, &listing);
    }
    Ok(0)
}

async fn warm(context: &Context, args: Warm) -> Result<u8> {
    let (picture, request, plan) = reset::planned(context, args.seed).await?;
    let steps = || reset::steps_now(context, &picture, &request);
    let mut progress = Progress::new(&context.ui, false);
    let mut tell = |event| progress.tell(&event);
    let asks = reset::asks(context, &picture, &steps);
    let more = Box::pin(cache::warm(&plan, &reset::surroundings(context), asks, &mut tell)).await?;
    progress.clear();
    let ui = &context.ui;
    match more {
        0 => ui.answer(&format!("{} every layer is there already", style::good("✓"))),
        more => {
            ui.answer(&format!("{} {} made; the database was not touched", style::good("✓"), counted(more, "layer")));
        }
    }
    ui.hint(&format!("{} lists them", style::command("devdb cache list")));
    Ok(0)
}

async fn clear(context: &Context) -> Result<u8> {
    let picture = context.look(Depth::Files).await;
    let target = plan::target(&picture)?.target.clone();
    let mut progress = Progress::new(&context.ui, false);
    let (count, bytes) = cache::clear(&target, &mut |event| progress.tell(&event)).await?;
    progress.clear();
    context.ui.answer(&match count {
        0 => "there was no layer".to_owned(),
        count => {
            format!("{} dropped, {} freed; the next reset starts from nothing", counted(count, "layer"), size(bytes))
        }
    });
    Ok(0)
}
