//! Who may say yes: a person at the terminal, `--yes`, or, for an AI coding agent, a token that a person made.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::context::Context;
use crate::error::{Error, Result};
use crate::model::disposable::Disposable;
use crate::model::picture::Picture;
use crate::model::plan::ResetPlan;
use crate::model::target::Target;
use crate::render::{prompt, style};

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

/// What is asked for: something that destroys data of one database.
pub(super) struct Request<'a> {
    pub picture: &'a Picture,
    pub target: &'a Target,
    pub proof: &'a Disposable,
    /// What would be done, as the dry run tells it.
    pub steps: Vec<String>,
    /// `devdb reset`, as it is typed.
    pub command: &'a str,
    /// What happens to the database: `replace`, `create`, `downgrade`.
    pub verb: &'a str,
}

impl<'a> Request<'a> {
    /// Returns what a reset asks for.
    pub(super) fn reset(picture: &'a Picture, plan: &'a ResetPlan) -> Self {
        Self {
            picture,
            target: &plan.workplace.target,
            proof: &plan.proof,
            steps: plan.describe(),
            command: "devdb reset",
            verb: if plan.exists { "replace" } else { "create" },
        }
    }

    /// Returns the token of the request. It holds for this server, this very database and these steps: once the
    /// database is replaced, its object id differs and the token is spent.
    pub(super) fn token(&self) -> String {
        let server = self.picture.server.known();
        let oid = server.and_then(|server| server.database.known()).map_or(0, |database| database.oid);
        let identifier = self.proof.system_identifier().unwrap_or_default();
        let text = format!("{identifier} {oid} {} {}", self.target, self.steps.join("\n"));
        Sha256::digest(text.as_bytes()).iter().take(6).fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _infallible = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Returns whether it may be done; `shown` is the token on the command line.
pub(super) fn given(context: &Context, request: &Request<'_>, yes: bool, shown: Option<&str>) -> Result<()> {
    let Request { target, command, verb, .. } = request;
    let name = target.database();
    if let Some(agent) = agent(context) {
        if shown == Some(request.token().as_str()) {
            return Ok(());
        }
        let error = match shown {
            Some(_) => Error::refused("this token is for another plan, server or database, or was used already"),
            None => Error::refused(format!("{agent} runs this command; to {verb} `{name}` it needs a person's token")),
        };
        return Err(error
            .detail("rule", "agent")
            .hint(format!("ask the user to run `{command} --dry-run` in their own terminal, with the same options"))
            .hint("then run it again with `--token TOKEN`"));
    }
    if request.proof.typed_name_needed() {
        if !context.ui.interactive {
            return Err(Error::refused(format!("`{target}` is on another machine; its name has to be typed"))
                .detail("rule", "remote")
                .hint("run it in a terminal"));
        }
        let typed = prompt::typed(&format!("Type the database's name ({name}) to {verb} it"), name);
        return if typed { Ok(()) } else { Err(Error::cancelled()) };
    }
    if yes {
        return Ok(());
    }
    if !context.ui.interactive {
        return Err(Error::refused(format!("nobody can be asked whether to {verb} `{name}`"))
            .detail("rule", "consent")
            .hint("add `--yes`, or run it in a terminal"));
    }
    let mut question = format!("{verb} `{name}`?");
    if let Some(first) = question.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if prompt::confirm(&question) { Ok(()) } else { Err(Error::cancelled()) }
}

/// Says that nothing was done, and by what an agent may do it.
pub(super) fn dry_run(context: &Context, request: &Request<'_>) {
    context.ui.say("");
    context.ui.say("nothing was done (--dry-run)");
    if agent(context).is_none() {
        context.ui.say(&style::faint(format!("an AI agent may do this once with: --token {}", request.token())));
    }
}
