//! `devdb undo`: bring back what the last reset replaced.

use super::context::Context;
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute;
use crate::model::disposable::Disposable;
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;

/// Bring back the database that the last reset replaced; run it again to undo that
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(context: &Context, _args: Args) -> Result<u8> {
    let picture = context.look(Depth::Proof).await;
    let proof = Disposable::prove(&picture)
        .map_err(|refusal| Error::refused(refusal.message).detail("rule", refusal.rule).hint(refusal.remedy))?;
    if picture.server.known().is_none() {
        let why = picture.login_failure.map(|failure| failure.message).unwrap_or_default();
        return Err(Error::environment("cannot log in to the server").detail("server says", why).hint("devdb doctor"));
    }
    let Some(candidate) = picture.target() else { return Err(Error::environment("nothing names a database")) };
    let mut progress = Progress::new(&context.ui, false);
    let undone = execute::undo(&candidate.target, &proof, &mut |event| progress.tell(&event)).await?;
    progress.clear();
    let age = took(std::time::Duration::from_secs(undone.age_seconds.unsigned_abs()));
    context.ui.answer(&format!(
        "{} `{}` is the one that was replaced {age} ago {}",
        style::good("✓"),
        candidate.target.database(),
        style::faint(format!("({})", took(undone.took)))
    ));
    Ok(0)
}
