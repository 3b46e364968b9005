//! `devdb explain ID`: the manual page of one check.

use super::context::Context;
use crate::diagnose;
use crate::error::{Error, Result};
use crate::render::style;

/// Explain one check: what its fault looks like, what causes it, how it is proven, what mends it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A check's id, as `devdb doctor --list` shows it
    id: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<u8> {
    let Some(check) = diagnose::find(&args.id) else {
        return Err(unknown(&args.id));
    };
    context.ui.answer(&format!("{}  {}", style::strong(check.id), check.title));
    for line in check.explain.lines() {
        context.ui.answer(&context.ui.wrapped(&format!("  {}", line.trim()), 4));
    }
    Ok(0)
}

/// Returns the error for an id that no check has, with the nearest one.
pub(super) fn unknown(id: &str) -> Error {
    let alike = |known: &str| strsim::jaro_winkler(known, id);
    let nearest = diagnose::checks().iter().max_by(|one, other| alike(one.id).total_cmp(&alike(other.id)));
    let nearest = nearest.filter(|check| alike(check.id) > 0.7);
    let error = Error::usage(format!("there is no check `{id}`"));
    match nearest {
        Some(check) => error.hint(format!("devdb explain {}", check.id)),
        None => error.hint("devdb doctor --list"),
    }
}
