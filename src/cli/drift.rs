//! `devdb drift`: models, migrations and database, object by object.

mod adopt;
mod sql;

use std::path::PathBuf;

use super::context::{Context, DEADLINE};
use super::reset::surroundings;
use crate::diagnose::drift::{Chronicle, attributed, drift, makers};
use crate::discover::{Depth, git, inputs};
use crate::error::{Kind, Result};
use crate::execute;
use crate::execute::drift::Ahead;
use crate::model::drift::{Drift, DriftPlan, Sources, Verdict};
use crate::model::observed::Observed;
use crate::model::operation::{MigrationOperations, PendingOperations};
use crate::model::picture::Picture;
use crate::model::server::{LoginFailure, LoginFailureKind};
use crate::model::target::Target;
use crate::parse::sql_ddl;
use crate::plan;
use crate::render;
use crate::render::progress::Progress;

/// Compare the models, the migrations and the database object by object, and say which of them is behind; exit 1 when
/// they differ, 4 when one of them could not be read
#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Compare privileges too
    #[arg(long)]
    privileges: bool,
    /// Print the statements that make of the database what the migrations say; those that would lose rows as comments
    #[arg(long, conflicts_with = "json")]
    sql: bool,
    /// Write a migration of what was made by hand, prove it on a scratch database, and record it as applied
    #[arg(long, value_name = "MESSAGE", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["json", "sql"])]
    adopt: Option<String>,
    /// Print JSON (docs/drift.schema.json)
    #[arg(long)]
    pub json: bool,
}

/// What was compared, and what came of it.
pub(super) struct Compared {
    pub plan: DriftPlan,
    pub sources: Sources,
    pub drift: Drift,
    pub chronicle: Chronicle,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let (picture, ahead) = Box::pin(look(context, args.privileges)).await;
    if let Some(message) = args.adopt {
        return Box::pin(adopt::run(context, &picture, (args.privileges, ahead), &message)).await;
    }
    let has_chain = !picture.chain.is_absent() || !picture.recipe.sql_chain.is_absent();
    if args.sql && has_chain {
        // What the migrations say needs no Python.
        let compared = Box::pin(compare_without_models(context, &picture, (args.privileges, ahead), false)).await?;
        return sql::run(context, &compared).await;
    }
    let compared = Box::pin(compare(context, &picture, (args.privileges, ahead), args.json)).await?;
    if args.sql {
        return sql::run(context, &compared).await;
    }
    let (ui, drift) = (&context.ui, &compared.drift);
    if args.json {
        ui.answer(&render::json::text(&render::drift::report(drift)));
    } else {
        render::drift::show(ui, &compared.plan, &compared.sources, drift, context.elapsed());
    }
    Ok(match (drift.in_sync(), drift.unread.is_empty()) {
        (false, _) => 1,
        (true, true) => 0,
        // What could not be read did not agree.
        (true, false) => Kind::Environment.exit_code(),
    })
}

/// Takes the picture, and reads the catalog meanwhile.
pub(super) async fn look(context: &Context, privileges: bool) -> (Picture, Option<Ahead>) {
    let mut ahead = None;
    let begin = |_picture: &Picture, target: &Target| ahead = Some(Ahead::begin(target, privileges));
    let picture = context.look_and(Depth::Chain, begin).await;
    // On a full server, or for a role that may log in but once, ours was the one too many.
    let full = |failure: &LoginFailure| failure.kind == LoginFailureKind::TooManyClients;
    if let Some(ours) = &ahead
        && picture.login_failure.as_ref().is_some_and(full)
    {
        ours.abandon();
        return (context.look(Depth::Chain).await, None);
    }
    (picture, ahead)
}

/// Whether privileges are compared, and what was read of the catalog already.
pub(super) type Reading = (bool, Option<Ahead>);

/// Learns the three sources and compares them.
pub(super) async fn compare(context: &Context, picture: &Picture, reading: Reading, quiet: bool) -> Result<Compared> {
    let inputs = inputs::read(&context.root, picture);
    let plan = plan::drift::drift(picture, &inputs, reading.0)?;
    compare_by(context, picture, plan, (reading.1, quiet)).await
}

/// Compares the migrations and the database alone: no Python where the chain's schema is known.
pub(super) async fn compare_without_models(
    context: &Context,
    picture: &Picture,
    reading: Reading,
    quiet: bool,
) -> Result<Compared> {
    let inputs = inputs::read(&context.root, picture);
    let plan = plan::drift::drift(picture, &inputs, reading.0)?;
    compare_by(context, picture, DriftPlan { models: Observed::Absent, ..plan }, (reading.1, quiet)).await
}

async fn compare_by(
    context: &Context,
    picture: &Picture,
    plan: DriftPlan,
    (ahead, quiet): (Option<Ahead>, bool),
) -> Result<Compared> {
    let mut progress = Progress::new(&context.ui, quiet);
    let mut tell = |event| progress.tell(&event);
    let surroundings = surroundings(context);
    let sources = execute::drift::sources(&plan, ahead, &surroundings, context.cancelled(), &mut tell);
    let sources = Box::pin(sources).await?;
    progress.clear();
    let chronicle = chronicle(picture);
    let found = drift(&sources, &plan.position, &chronicle);
    let mut files: Vec<PathBuf> = found
        .differences
        .iter()
        .filter(|it| it.verdict == Verdict::ChangedByHand)
        .filter_map(|it| Some(it.maker.as_ref()?.at.file.clone()))
        .collect();
    files.sort();
    files.dedup();
    let edits = git::edits(&context.root, &files, DEADLINE).await;
    let drift = attributed(found, &chronicle, &edits);
    Ok(Compared { plan, sources, drift, chronicle })
}

/// Returns in which order the revisions run, and which of them makes what.
fn chronicle(picture: &Picture) -> Chronicle {
    let ordered: Vec<PendingOperations> = match (&picture.chain, &picture.recipe.sql_chain) {
        (Observed::Known(chain), _) => {
            let read = picture.operations.known().map_or(&[][..], Vec::as_slice);
            let by_id = |id: &str| read.iter().find(|it| it.revision == id);
            chain.pending(&[]).iter().filter_map(|it| by_id(&it.id)).map(MigrationOperations::going_up).collect()
        }
        (_, Observed::Known(chain)) => {
            let sections = chain.migrations.iter().flat_map(|it| it.up.iter().map(move |section| (it, section)));
            sections
                .map(|(migration, section)| PendingOperations {
                    revision: migration.version.clone(),
                    file: section.file.clone(),
                    operations: sql_ddl::of_sql(&section.text, section.line),
                })
                .collect()
        }
        _ => Vec::new(),
    };
    let mut order: Vec<String> = ordered.iter().map(|it| it.revision.clone()).collect();
    order.dedup();
    Chronicle { order, makers: makers(&ordered) }
}
