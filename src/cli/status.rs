//! `devdb`: target, server, database and revision in four lines.

use super::context::Context;
use crate::discover::Depth;
use crate::error::Result;
use crate::render;

/// Looks at files and server only.
pub(super) async fn run(context: &Context) -> Result<u8> {
    let picture = context.look(Depth::Server).await;
    render::picture::show_status(&context.ui, &picture);
    Ok(0)
}
