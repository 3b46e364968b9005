//! `devdb migrate check`: the chain has no fault, and makes what the models say.

use super::{Context, surroundings};
use crate::diagnose;
use crate::discover::Depth;
use crate::error::Result;
use crate::execute;
use crate::model::finding::Severity;
use crate::model::picture::Picture;
use crate::model::plan::Compared;
use crate::plan::migrate;
use crate::plan::scratch;
use crate::render;
use crate::render::progress::Progress;

/// The checks of doctor that are about the chain alone, whatever database there is.
const CHAIN: [&str; 13] = [
    "alembic-unreadable-revision",
    "alembic-missing-parent",
    "alembic-cycle",
    "alembic-duplicate-id",
    "alembic-multiple-heads",
    "alembic-order",
    "alembic-needs-bootstrap",
    "alembic-rev-too-long",
    "alembic-enum-exists",
    "alembic-empty-down",
    "sql-chain-fault",
    "sql-checksum",
    "sql-dirty",
];

/// Check the chain for faults, and the models against what the chain makes; exit 1 when there is something
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Read the chain only; needs no server and no Python
    #[arg(long)]
    chain_only: bool,
    /// Print JSON (docs/migrate-check.schema.json)
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = Box::pin(context.look(Depth::Chain)).await;
    let history = migrate::history(&picture)?;
    let diagnosis = diagnose::diagnose(&picture, &CHAIN.map(str::to_owned));
    let faulty = diagnosis.count(Severity::Error) > 0;
    if !args.json {
        render::migrate::chain_checked(&context.ui, &history, &diagnosis);
    }
    // A chain with a fault cannot be run to its head.
    let compared = if faulty || args.chain_only { None } else { models(context, &picture, args.json).await? };
    let differ = compared.as_ref().is_some_and(|compared| !compared.differences.is_empty());
    if args.json {
        let report = render::json::migrate_check(&history, &diagnosis, compared.as_ref());
        context.ui.answer(&render::json::text(&report));
    } else if let Some(compared) = &compared {
        render::migrate::models_compared(&context.ui, compared);
    }
    Ok(u8::from(differ || faulty))
}

async fn models(context: &Context, picture: &Picture, quiet: bool) -> Result<Option<Compared>> {
    let Some(plan) = migrate::comparison(picture)? else { return Ok(None) };
    let head = scratch::scratch(picture)?;
    let mut progress = Progress::new(&context.ui, quiet);
    let mut tell = |event| progress.tell(&event);
    let surroundings = surroundings(context);
    let compared = execute::compare(&head, &plan, &surroundings, context.cancelled(), &mut tell);
    Box::pin(compared).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::CHAIN;
    use crate::diagnose;

    #[test]
    fn every_check_of_the_chain_is_there() {
        for id in CHAIN {
            assert_eq!(diagnose::find(id).map(|check| check.area), Some("migrations"), "{id}");
        }
    }
}
