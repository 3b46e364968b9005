//! `devdb migrate test`: does every revision come back?

use super::{Context, surroundings};
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::chain_test::chain_test;
use crate::plan::scratch;
use crate::render;
use crate::render::progress::Progress;

/// Try on a scratch database whether every revision can be taken back: up, down, up again, comparing the schemas. The
/// target database is not touched. Exits 1 when a revision does not come back, 5 when one cannot be applied
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Begin with this revision; those before it are only applied
    #[arg(long, value_name = "REVISION")]
    from: Option<String>,
    /// Also exit 1 for revisions that say themselves that they are irreversible
    #[arg(long)]
    strict: bool,
    /// Print JSON (docs/migrate-test.schema.json)
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = Box::pin(context.look(Depth::Chain)).await;
    let plan = scratch::chain_test(&picture, args.from.as_deref())?;
    let mut progress = Progress::new(&context.ui, args.json);
    let mut tell = |event| progress.tell(&event);
    let tested = Box::pin(chain_test(&plan, &surroundings(context), context.cancelled(), &mut tell)).await?;
    progress.clear();
    let named = |name| tested.iter().any(|one| one.verdict.name() == name);
    let ok = tested.iter().all(|one| one.verdict.is_fine()) && !(args.strict && named("irreversible"));
    if args.json {
        let report = render::chain_test::report(&tested, ok, context.elapsed());
        context.ui.answer(&render::json::text(&report));
    } else {
        render::chain_test::show(&context.ui, &tested, context.elapsed());
    }
    Ok(u8::from(!ok))
}
