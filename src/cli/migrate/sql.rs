//! `devdb migrate sql`: what a migration would run, as SQL on stdout.

use super::{Context, look, surroundings};
use crate::error::Result;
use crate::execute::migrate::statements;
use crate::plan::migrate::{self, Direction};

/// Print the SQL of migrations, without running anything
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// `FROM:TO`, `TO`; from where the database is to the head when it is left out
    #[arg(value_name = "FROM:TO")]
    range: Option<String>,
    /// Print the SQL of a downgrade; needs `FROM:TO`
    #[arg(long)]
    down: bool,
}

impl Args {
    /// Returns the arguments of `up --sql`.
    pub(super) fn up(range: Option<String>) -> Self {
        Self { range, down: false }
    }

    /// Returns the arguments of `down --sql`.
    pub(super) fn down(range: Option<String>) -> Self {
        Self { range, down: true }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = look(context).await;
    let direction = if args.down { Direction::Down } else { Direction::Up };
    if let Some(chain) = migrate::sql_chain(&picture)? {
        let pieces = migrate::sql_script(&picture, chain, direction, args.range.as_deref())?;
        for (migration, sections) in pieces {
            context.ui.answer(&format!("-- {}", migration.file.display()));
            for section in sections {
                context.ui.answer(section.text.trim_end());
            }
        }
        return Ok(0);
    }
    let plan = migrate::script(&picture, direction, args.range.as_deref())?;
    if picture.server.known().is_none() && !args.range.as_deref().is_some_and(|range| range.contains(':')) {
        context.ui.warning("the database did not answer, so this begins at base; FROM:TO says where to begin");
    }
    for line in statements(&plan, &surroundings(context)).await? {
        context.ui.answer(&line);
    }
    Ok(0)
}
