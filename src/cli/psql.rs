//! `devdb psql`: a shell on the database that the project means.

use std::ffi::OsString;

use super::context::Context;
use super::reset::surroundings;
use super::url::meant;
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute::shell;

/// Open `psql` on the database that the project means; the container's own where there is none here
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Arguments for `psql`: `devdb psql -c 'select 1'`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = context.look(Depth::Files).await;
    let target = meant(&picture)?.target.clone();
    let surroundings = surroundings(context);
    if let Some(psql) = shell::here(&surroundings) {
        return shell::open(&psql, &target, &args.arguments);
    }
    // Only where it has to run inside is the engine asked.
    let picture = Box::pin(context.look(Depth::Proof)).await;
    let container = picture.database_container().filter(|it| it.is_running());
    let inside = container.and_then(|it| shell::inside(&it.name, &surroundings));
    let psql = inside.ok_or_else(|| {
        Error::environment("there is no `psql`")
            .detail("looked", "along PATH, where servers are installed, and into the database's container")
            .hint("apt-get install postgresql-client   or   brew install libpq")
            .hint("devdb url   (for another client)")
    })?;
    shell::open(&psql, &target, &args.arguments)
}
