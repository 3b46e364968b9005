//! `devdb snapshot import`: a snapshot out of a file.

use std::path::PathBuf;

use super::Context;
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute::{Surroundings, snapshot};
use crate::model::text::visible;
use crate::plan::migrate::quoted;
use crate::plan::snapshot::{SaveRequest, import};
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;

/// Make a snapshot from a file in `pg_dump`'s custom format. The database itself stays as it is; everything in the
/// snapshot belongs to the database's own role, and privileges of other roles are left out
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What `devdb snapshot export` or `pg_dump -Fc` wrote
    file: PathBuf,
    /// What the snapshot is called; by default as the file, without its ending
    name: Option<String>,
    /// Replace the snapshot that has this name
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let stem = || args.file.file_stem().map(|stem| stem.to_string_lossy().trim().to_owned());
    let name = args.name.clone().or_else(stem).ok_or_else(|| Error::usage("the file has no name"))?;
    let picture = context.look(Depth::Proof).await;
    let plan = import(&picture, SaveRequest { name: Some(name), branch: None, force: args.force })?;
    let surroundings = Surroundings { root: context.root.clone(), shell: context.shell.clone() };
    let mut progress = Progress::new(&context.ui, false);
    let mut tell = |event| progress.tell(&event);
    let file = context.path(&args.file);
    let done = Box::pin(snapshot::import(&plan, &file, &surroundings, context.cancelled(), &mut tell)).await?;
    progress.clear();
    let name = &done.snapshot.note.name;
    context.ui.answer(&format!(
        "{} the snapshot `{}` is made {}",
        style::good("✓"),
        visible(name),
        style::faint(format!("({})", took(done.took)))
    ));
    let command = format!("devdb snapshot restore {}", quoted(name));
    context.ui.answer(&format!("  in the database's place by: {}", style::command(command)));
    Ok(0)
}
