//! What happens while a plan is carried out, as it happens.

use std::time::Duration;

/// One happening. `execute` sends them, `render` tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another devdb holds this target's lock.
    Waiting { holder: String },
    /// What a killed run left behind was removed.
    Cleaned { what: String },
    /// A stage begins.
    Started { stage: Stage, detail: String },
    /// A revision begins.
    Revision { id: String, message: String, index: usize, total: usize },
    /// A revision was applied.
    Applied { id: String, message: String, took: Duration },
    /// A stage is over.
    Finished { stage: Stage, detail: String, took: Duration },
    /// A line that a command of the project printed.
    Output { line: String },
    /// Something worth knowing.
    Note { text: String },
    /// Something that the user should look at.
    Warning { text: String },
}

/// The stages of a reset and of the commands around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Server,
    Create,
    Init,
    Bootstrap,
    Migrate,
    Seed,
    Verify,
    Swap,
    Keep,
    Copy,
    Dump,
    Load,
}

impl Stage {
    /// Returns the stage's name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Create => "create",
            Self::Init => "init",
            Self::Bootstrap => "bootstrap",
            Self::Migrate => "migrate",
            Self::Seed => "seed",
            Self::Verify => "verify",
            Self::Swap => "swap",
            Self::Keep => "keep",
            Self::Copy => "copy",
            Self::Dump => "dump",
            Self::Load => "load",
        }
    }
}
