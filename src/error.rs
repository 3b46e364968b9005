//! One error on top of the stages' own: its kind picks the heading and the exit code, its hints say what to run.

use std::error::Error as StdError;
use std::fmt;

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line or a configuration file is wrong.
    Usage,
    /// Refused for safety.
    Refused,
    /// The machine lacks something: a server, a tool, a permission.
    Environment,
    /// A migration or a seed failed.
    Failed,
    /// A fault of devdb.
    Bug,
    /// Ctrl-C, or "no" to a question.
    Cancelled,
}

impl Kind {
    /// Returns the process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Environment => 4,
            Self::Failed => 5,
            Self::Bug => 70,
            Self::Cancelled => 130,
        }
    }

    /// Returns the kind's name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Environment => "environment",
            Self::Failed => "failed",
            Self::Bug => "bug",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What happened, to what, why, and what to run next.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    /// A fragment that names the subject.
    pub message: String,
    /// Labelled facts shown under the message: `statement`, `SQLSTATE`, `server says`.
    pub details: Vec<(String, String)>,
    /// What to do, in the imperative.
    pub hints: Vec<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of everything above the stages.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns an error of `kind`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: Vec::new(), hints: Vec::new(), source: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Kind::Environment, message)
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "nothing was changed")
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a labelled fact; empty ones are left out.
    #[must_use]
    pub fn detail(mut self, label: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.details.push((label.to_owned(), text));
        }
        self
    }

    /// Adds in what state things are, unless that was said already.
    #[must_use]
    pub fn state(self, text: &str) -> Self {
        if self.details.iter().any(|(label, _)| label == "state") { self } else { self.detail("state", text) }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the error with `secret` masked wherever a server or a program repeated it.
    #[must_use]
    pub fn hiding(mut self, secret: &str) -> Self {
        // A shorter word would mask half of the sentence, and protects nothing.
        if secret.len() >= 4 {
            self.message = self.message.replace(secret, "***");
            for (_label, text) in &mut self.details {
                *text = text.replace(secret, "***");
            }
        }
        self
    }

    /// Returns the error with a full disk named, where a server or a program said it in words of its own (SQLSTATE 53100
    /// is `disk_full`; PostgreSQL documentation, Appendix A).
    #[must_use]
    pub fn naming_a_full_disk(self) -> Self {
        let full = |(label, text): &(String, String)| {
            (label == "SQLSTATE" && text == "53100") || text.contains("No space left on device")
        };
        if !self.details.iter().any(full) {
            return self;
        }
        self.detail("why", "the server's disk is full: there is no room beside the old database for a new one")
            .hint("free some space on the server's disk, then run it again; it clears away what this run left")
    }

    /// Returns the causes, outermost first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = self.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
