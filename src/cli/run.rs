//! `devdb run`: a command, with its first database error explained under it.

use std::ffi::OsString;
use std::time::Duration;

use super::context::Context;
use super::explain;
use crate::error::{Error, Result};
use crate::model::text::without_secrets;
use crate::parse::error_text;
use crate::wire::watch::{Piece, Watched};

/// Run a command with its output passed through unchanged, and explain the first database error that it prints; the exit
/// code is the command's
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The command, after `--`
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Tracebacks come in pieces: the error is explained when nothing more of it has come for so long.
const QUIET: Duration = Duration::from_millis(400);
/// As a shell has it for a command that SIGPIPE ended.
const BROKEN_PIPE: u8 = 141;
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;
/// Bytes before the error that may belong to it.
const KEPT: usize = 64 << 10;

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let name = args.command.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let started = Watched::start(&args.command, &context.path(std::path::Path::new("")));
    let (mut watched, mut pieces) = match started {
        Ok(both) => both,
        Err(error) => {
            // As a shell has it.
            let code = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN };
            let error = Error::environment(format!("cannot run `{name}`")).because(error);
            let error = error.hint("is it installed, and is its environment (.venv) active?");
            crate::render::error::show(&context.ui, &error);
            return Ok(code);
        }
    };
    let mut seen = Seen::default();
    let status = loop {
        tokio::select! {
            biased;
            Some(piece) = pieces.recv() => {
                // Nobody reads it any more: the command learns it, as without us, by our end.
                if !context.ui.pass(piece.to_stderr, &piece.bytes) {
                    return Ok(BROKEN_PIPE);
                }
                seen.take(&piece);
            }
            status = watched.wait() => break status,
            () = tokio::time::sleep(QUIET), if seen.is_due() => seen.explain(context).await,
        }
    };
    // What it wrote last may still be on its way; a child of its own may hold the stream open.
    while let Ok(Some(piece)) = tokio::time::timeout(Duration::from_millis(100), pieces.recv()).await {
        if !context.ui.pass(piece.to_stderr, &piece.bytes) {
            return Ok(BROKEN_PIPE);
        }
        seen.take(&piece);
    }
    seen.end();
    if seen.is_due() {
        seen.explain(context).await;
    }
    let status = status.map_err(|error| Error::environment(format!("lost sight of `{name}`")).because(error))?;
    Ok(code(status))
}

#[cfg(unix)]
fn code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(not(unix))]
fn code(status: std::process::ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The output that went by, until an error was explained.
#[derive(Default)]
struct Seen {
    text: Vec<u8>,
    /// Where the line begins that is not whole yet.
    line: usize,
    found: bool,
    done: bool,
}

impl Seen {
    fn take(&mut self, piece: &Piece) {
        if self.done {
            return;
        }
        self.text.extend(&piece.bytes);
        let end = self.text.iter().rposition(|byte| *byte == b'\n').map_or(self.line, |at| at + 1).max(self.line);
        let fresh = self.text.get(self.line..end).unwrap_or_default();
        self.found = self.found
            || error_text::may_tell_of_error(fresh)
                && String::from_utf8_lossy(fresh).lines().any(error_text::is_error_line);
        self.line = end;
        if !self.found && self.text.len() > 2 * KEPT {
            let gone = self.text.len() - KEPT;
            self.text.drain(..gone);
            self.line = self.line.saturating_sub(gone);
        }
    }

    /// The last line may have no end.
    fn end(&mut self) {
        let line = String::from_utf8_lossy(self.text.get(self.line..).unwrap_or_default());
        self.found = self.found || !self.done && error_text::is_error_line(&line);
    }

    fn is_due(&self) -> bool {
        self.found && !self.done
    }

    async fn explain(&mut self, context: &Context) {
        self.done = true;
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.text)).into_owned();
        let Some(reported) = error_text::parse(&without_secrets(&text)) else { return };
        let ui = context.ui.aside();
        ui.say("");
        if let Err(error) = Box::pin(explain::explain(context, &ui, &reported)).await {
            ui.warning(&error.message);
        }
    }
}
