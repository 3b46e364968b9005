//! `devdb snapshot export`: a file for a colleague, or for another machine.

use std::path::PathBuf;

use super::Context;
use crate::discover::Depth;
use crate::error::Result;
use crate::execute::{Surroundings, snapshot};
use crate::model::snapshot::Side;
use crate::model::text::{size, visible};
use crate::plan::migrate::quoted;
use crate::plan::snapshot::{export, side};
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;

/// Write the database, or a snapshot, to a file in `pg_dump`'s custom format, readable by you alone. The program is the
/// one inside the server's container, else one of this machine that is not older than the server
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Where to
    file: PathBuf,
    /// This snapshot, instead of the database as it is now
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
    /// Replace the file when it is there
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = context.look(Depth::Proof).await;
    let target = crate::plan::target(&picture)?.target.clone();
    let of = match &args.snapshot {
        None => Side::Live,
        Some(name) => side(&snapshot::list(&target).await?, name, target.database())?,
    };
    let plan = export(&picture, &of)?;
    let surroundings = Surroundings { root: context.root.clone(), shell: context.shell.clone() };
    let mut progress = Progress::new(&context.ui, false);
    let mut tell = |event| progress.tell(&event);
    let file = context.path(&args.file);
    let wanted = snapshot::ExportWanted { side: &of, file: &file, force: args.force };
    let done = Box::pin(snapshot::export(&plan, wanted, &surroundings, context.cancelled(), &mut tell)).await?;
    progress.clear();
    let shown = args.file.display().to_string();
    context.ui.answer(&format!(
        "{} {} {}",
        style::good("✓"),
        visible(&shown),
        style::faint(format!("({}, {})", size(done.bytes), took(done.took)))
    ));
    let command = format!("devdb snapshot import {}", quoted(&shown));
    context.ui.answer(&format!("  read elsewhere by: {}", style::command(command)));
    Ok(0)
}
