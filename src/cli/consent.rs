//! Who may say yes: a person at the terminal, `--yes`, or, for an AI coding agent, a token that a person made.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::context::Context;
use crate::error::{Error, Result};
use crate::model::picture::Picture;
use crate::model::plan::ResetPlan;
use crate::render::prompt;

/// Variables that coding agents set for the commands they run, and that people do not have.
const AGENTS: [(&str, &str); 8] = [
    ("CLAUDECODE", "Claude Code"),
    ("CURSOR_AGENT", "Cursor"),
    ("CODEX_SANDBOX", "Codex"),
    ("CODEX_THREAD_ID", "Codex"),
    ("GEMINI_CLI", "Gemini CLI"),
    ("OPENCODE", "opencode"),
    ("AUGMENT_AGENT", "Augment"),
    ("AI_AGENT", "an AI agent"),
];

/// Returns the name of the coding agent that runs this command, if one does.
pub(super) fn agent(context: &Context) -> Option<&'static str> {
    AGENTS.iter().find(|(key, _)| context.variable(key).is_some_and(|value| !value.is_empty())).map(|(_, name)| *name)
}

/// Returns the token of a plan. It holds for this server, this very database and these steps: once the database is
/// replaced, its object id differs and the token is spent.
pub(super) fn token(picture: &Picture, plan: &ResetPlan) -> String {
    let server = picture.server.known();
    let oid = server.and_then(|server| server.database.known()).map_or(0, |database| database.oid);
    let identifier = plan.proof.system_identifier().unwrap_or_default();
    let text = format!("{identifier} {oid} {} {}", plan.workplace.target, plan.describe().join("\n"));
    Sha256::digest(text.as_bytes()).iter().take(6).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}

/// Returns whether the reset may go on.
pub(super) fn given(
    context: &Context,
    picture: &Picture,
    plan: &ResetPlan,
    yes: bool,
    shown: Option<&str>,
) -> Result<()> {
    let name = plan.workplace.target.database();
    if let Some(agent) = agent(context) {
        if shown == Some(token(picture, plan).as_str()) {
            return Ok(());
        }
        let error = match shown {
            Some(_) => Error::refused("this token is for another plan, server or database, or was used already"),
            None => Error::refused(format!("{agent} runs this command; replacing `{name}` needs a person's token")),
        };
        return Err(error
            .detail("rule", "agent")
            .hint("ask the user to run `devdb reset --dry-run` in their own terminal, with the same options")
            .hint("then run it again with `--token TOKEN`"));
    }
    if plan.proof.typed_name_needed() {
        if !context.ui.interactive {
            return Err(Error::refused(format!(
                "`{}` is on another machine; its name has to be typed",
                plan.workplace.target
            ))
            .detail("rule", "remote")
            .hint("run it in a terminal"));
        }
        let typed = prompt::typed(&format!("Type the database's name ({name}) to replace it"), name);
        return if typed { Ok(()) } else { Err(Error::cancelled()) };
    }
    if yes {
        return Ok(());
    }
    if !context.ui.interactive {
        return Err(Error::refused(format!("nobody can be asked whether `{name}` may be replaced"))
            .detail("rule", "consent")
            .hint("add `--yes`, or run it in a terminal"));
    }
    let question = if plan.exists { format!("Replace `{name}`?") } else { format!("Create `{name}`?") };
    if prompt::confirm(&question) { Ok(()) } else { Err(Error::cancelled()) }
}
