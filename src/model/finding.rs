//! What a check found, and the diagnosis that all of them make.

use super::place::Place;
use super::plan::Step;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The database cannot be used as it should.
    Error,
    /// It works, and something will bite.
    Warning,
    /// It works; worth knowing.
    Info,
}

impl Severity {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One fault, with what proves it and what mends it.
#[derive(Debug, Clone)]
pub struct Finding {
    /// A sentence without a full stop that names the subjects.
    pub message: String,
    pub evidence: Vec<Evidence>,
    pub fix: Option<Fix>,
}

/// Something that was read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub at: Option<Place>,
    pub text: String,
}

/// A mend.
#[derive(Debug, Clone)]
pub struct Fix {
    /// What a person would do, in the imperative.
    pub summary: String,
    pub safety: Safety,
    /// Steps that `doctor --fix` executes; a manual fix has only [`Step::Tell`].
    pub steps: Vec<Step>,
}

/// Whether devdb may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// Loses nothing and touches no data.
    Auto,
    /// Touches a service or data: asked for one by one.
    Confirm,
    /// Only a person can.
    Manual,
}

impl Finding {
    /// Returns a finding without evidence or fix.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), evidence: Vec::new(), fix: None }
    }

    /// Adds a line of a file as evidence.
    #[must_use]
    pub fn at(mut self, at: &Place, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence { at: Some(at.clone()), text: text.into() });
        self
    }

    /// Adds an observation as evidence.
    #[must_use]
    pub fn seen(mut self, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence { at: None, text: text.into() });
        self
    }

    /// Adds the mend that loses nothing.
    #[must_use]
    pub fn auto(self, summary: impl Into<String>, steps: Vec<Step>) -> Self {
        self.fix(Safety::Auto, summary, steps)
    }

    /// Adds a mend that has to be agreed to.
    #[must_use]
    pub fn confirm(self, summary: impl Into<String>, steps: Vec<Step>) -> Self {
        self.fix(Safety::Confirm, summary, steps)
    }

    /// Adds a mend that only a person can do; `commands` are what to type.
    #[must_use]
    pub fn manual(self, summary: impl Into<String>, commands: &[&str]) -> Self {
        let steps = commands.iter().map(|command| Step::Tell((*command).to_owned())).collect();
        self.fix(Safety::Manual, summary, steps)
    }

    fn fix(mut self, safety: Safety, summary: impl Into<String>, steps: Vec<Step>) -> Self {
        self.fix = Some(Fix { summary: summary.into(), safety, steps });
        self
    }
}

/// What came of one check.
#[derive(Debug, Clone)]
pub struct CheckResult {
    pub id: &'static str,
    pub title: &'static str,
    pub area: &'static str,
    pub verdict: Verdict,
}

#[derive(Debug, Clone)]
pub enum Verdict {
    Pass,
    Found {
        severity: Severity,
        findings: Vec<Finding>,
    },
    /// It could not be told, and why.
    Unknown(String),
    /// It does not apply, or follows from another finding; why.
    Skipped(String),
}

/// The whole answer of `devdb doctor`.
#[derive(Debug, Clone, Default)]
pub struct Diagnosis {
    pub checks: Vec<CheckResult>,
}

impl Diagnosis {
    /// Yields each finding with its check and severity.
    pub fn findings(&self) -> impl Iterator<Item = (&CheckResult, Severity, &Finding)> {
        self.checks.iter().flat_map(|check| match &check.verdict {
            Verdict::Found { severity, findings } => {
                findings.iter().map(|finding| (check, *severity, finding)).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        })
    }

    /// Returns how many findings have this severity.
    pub fn count(&self, wanted: Severity) -> usize {
        self.findings().filter(|(_, severity, _)| *severity == wanted).count()
    }

    /// Returns whether nothing is wrong: warnings and unknowns do not count.
    pub fn is_ok(&self) -> bool {
        self.count(Severity::Error) == 0
    }
}
