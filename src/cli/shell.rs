//! `devdb completions` and `devdb man`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;
use super::context::Context;
use crate::error::{Error, Result};

/// Print a completion script for your shell
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    shell: Shell,
}

pub(super) fn completions(context: &Context, args: &Completions) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "devdb", &mut script);
    context.ui.answer(String::from_utf8_lossy(&script).trim_end());
    0
}

/// Prints the manual page.
pub(super) fn man(context: &Context) -> Result<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Error::environment("cannot make the manual page").because(error))?;
    context.ui.answer(String::from_utf8_lossy(&page).trim_end());
    Ok(0)
}
