//! JSON for programs. Its shape is a promise: the schemas under `docs/` are generated from these types.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Error;
use crate::model::event::Stage;
use crate::model::finding::{CheckResult, Diagnosis, Evidence, Finding, Fix, Safety, Severity, Verdict};
use crate::model::history::{ChainState, History};
use crate::model::picture::Picture;
use crate::model::plan::{Compared, ResetPlan};
use crate::model::target::{Candidate, Origin};

/// What `devdb doctor --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DoctorReport {
    /// Changes when a field changes its meaning or goes away.
    pub version: u32,
    /// No check failed; warnings and unknowns do not count.
    pub ok: bool,
    /// The database that the app uses; null when nothing names one.
    pub target: Option<TargetReport>,
    pub checks: Vec<CheckReport>,
    pub took_ms: u64,
}

/// A database, without its password.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TargetReport {
    /// The URL with `***` for the password.
    pub url: String,
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub origin: OriginReport,
}

/// Who named it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OriginReport {
    /// Null for a variable of the shell.
    pub file: Option<String>,
    pub line: Option<usize>,
    pub key: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckReport {
    pub id: &'static str,
    pub title: &'static str,
    pub status: Status,
    /// Why it is unknown or skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub findings: Vec<FindingReport>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    Fail,
    Warn,
    /// Nothing is wrong; worth knowing.
    Info,
    Unknown,
    Skipped,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingReport {
    pub message: String,
    pub evidence: Vec<EvidenceReport>,
    pub fix: Option<FixReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct EvidenceReport {
    /// Null for what was observed rather than read in a file.
    pub file: Option<String>,
    pub line: Option<usize>,
    pub text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct FixReport {
    pub summary: String,
    pub safety: SafetyReport,
    pub steps: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SafetyReport {
    Auto,
    Confirm,
    Manual,
}

/// What any command prints with `--json` when it fails.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorReport {
    pub version: u32,
    pub ok: bool,
    pub error: ErrorBody,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// `usage`, `refused`, `environment`, `failed`, `bug`, `cancelled`.
    pub kind: &'static str,
    pub message: String,
    pub causes: Vec<String>,
    pub details: std::collections::BTreeMap<String, String>,
    pub hints: Vec<String>,
}

/// Returns the report of a diagnosis.
pub fn doctor(picture: &Picture, diagnosis: &Diagnosis, elapsed: Duration) -> DoctorReport {
    DoctorReport {
        version: 1,
        ok: diagnosis.is_ok(),
        target: picture.target().map(target),
        checks: diagnosis.checks.iter().map(check).collect(),
        took_ms: millis(elapsed),
    }
}

/// Returns the report of an error.
pub fn error(error: &Error) -> ErrorReport {
    ErrorReport {
        version: 1,
        ok: false,
        error: ErrorBody {
            kind: error.kind.name(),
            message: error.message.clone(),
            causes: error.causes(),
            details: error.details.iter().cloned().collect(),
            hints: error.hints.clone(),
        },
    }
}

/// Returns a report as one pretty-printed text.
pub fn text(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).unwrap_or_else(|error| format!("{{\"ok\": false, \"bug\": \"{error}\"}}"))
}

/// Returns whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the report of a target.
pub fn target(candidate: &Candidate) -> TargetReport {
    let target = &candidate.target;
    TargetReport {
        url: target.to_string(),
        host: target.host().to_string(),
        port: target.port(),
        database: target.database().to_owned(),
        user: target.user().to_owned(),
        origin: origin(&candidate.origin),
    }
}

fn origin(origin: &Origin) -> OriginReport {
    let place = origin.place();
    OriginReport {
        file: place.map(|place| place.file.display().to_string()),
        line: place.map(|place| place.line),
        key: origin.key().to_owned(),
    }
}

fn check(check: &CheckResult) -> CheckReport {
    let (status, reason, findings) = match &check.verdict {
        Verdict::Pass => (Status::Pass, None, &[][..]),
        Verdict::Unknown(reason) => (Status::Unknown, Some(reason.clone()), &[][..]),
        Verdict::Skipped(reason) => (Status::Skipped, Some(reason.clone()), &[][..]),
        Verdict::Found { severity: Severity::Error, findings } => (Status::Fail, None, findings.as_slice()),
        Verdict::Found { severity: Severity::Warning, findings } => (Status::Warn, None, findings.as_slice()),
        Verdict::Found { severity: Severity::Info, findings } => (Status::Info, None, findings.as_slice()),
    };
    CheckReport { id: check.id, title: check.title, status, reason, findings: findings.iter().map(finding).collect() }
}

fn finding(finding: &Finding) -> FindingReport {
    FindingReport {
        message: finding.message.clone(),
        evidence: finding.evidence.iter().map(evidence).collect(),
        fix: finding.fix.as_ref().map(fix),
    }
}

fn evidence(evidence: &Evidence) -> EvidenceReport {
    let place = evidence.at.as_ref();
    EvidenceReport {
        file: place.map(|place| place.file.display().to_string()),
        line: place.map(|place| place.line).filter(|line| *line > 0),
        text: evidence.text.clone(),
    }
}

fn fix(fix: &Fix) -> FixReport {
    FixReport {
        summary: fix.summary.clone(),
        safety: match fix.safety {
            Safety::Auto => SafetyReport::Auto,
            Safety::Confirm => SafetyReport::Confirm,
            Safety::Manual => SafetyReport::Manual,
        },
        steps: fix.steps.iter().map(crate::model::plan::Step::describe).collect(),
    }
}

/// What `devdb reset --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResetReport {
    pub version: u32,
    pub ok: bool,
    /// The URL with `***` for the password.
    pub target: String,
    /// The name under which the old database is kept; null when nothing is.
    pub kept: Option<String>,
    /// The last step that the layer or the spare held from which it started; null when it started from nothing.
    pub started_from: Option<String>,
    pub stages: Vec<StageReport>,
    pub took_ms: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct StageReport {
    /// `keep`, `create`, `init`, `bootstrap`, `migrate`, `seed`, `verify`, `swap`.
    pub stage: &'static str,
    pub detail: String,
    pub took_ms: u64,
}

/// What `devdb reset --dry-run --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResetPlanReport {
    pub version: u32,
    pub ok: bool,
    pub target: String,
    pub named_by: String,
    pub server: String,
    /// How it was proven that the server may be written to.
    pub proof: String,
    pub exists: bool,
    pub size_bytes: u64,
    pub steps: Vec<String>,
    /// Process ids of the sessions that would be ended.
    pub sessions: Vec<i32>,
}

/// Returns the report of a reset that was carried out.
pub fn reset(
    plan: &ResetPlan,
    stages: &[(Stage, String, Duration)],
    (kept, started_from): (Option<&str>, Option<&str>),
    elapsed: Duration,
) -> ResetReport {
    let stage = |(stage, detail, took): &(Stage, String, Duration)| StageReport {
        stage: stage.name(),
        detail: detail.clone(),
        took_ms: millis(*took),
    };
    ResetReport {
        version: 1,
        ok: true,
        target: plan.workplace.target.to_string(),
        kept: kept.map(str::to_owned),
        started_from: started_from.map(str::to_owned),
        stages: stages.iter().map(stage).collect(),
        took_ms: millis(elapsed),
    }
}

/// Returns the report of a reset that would be carried out.
pub fn reset_plan(plan: &ResetPlan) -> ResetPlanReport {
    ResetPlanReport {
        version: 1,
        ok: true,
        target: plan.workplace.target.to_string(),
        named_by: plan.workplace.origin.to_string(),
        server: plan.blast.server.clone(),
        proof: plan.blast.proof.clone(),
        exists: plan.exists,
        size_bytes: plan.blast.size_bytes,
        steps: plan.describe(),
        sessions: plan.sessions.iter().map(|session| session.pid).collect(),
    }
}

/// One revision in what `devdb migrate history --json` prints: an array in run order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryEntryReport {
    pub revision: String,
    pub down_revisions: Vec<String>,
    pub depends_on: Vec<String>,
    pub branch_labels: Vec<String>,
    pub message: String,
    pub file: String,
    /// Null when the database did not answer.
    pub applied: Option<bool>,
}

/// What `devdb migrate status --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MigrateStatusReport {
    pub version: u32,
    /// The database is at the head of a chain without a fault.
    pub ok: bool,
    /// `current`, `behind`, `unknown`, `faulty`, `unstamped`, `no-database`, `unreachable`.
    pub state: &'static str,
    /// `Alembic`, `dbmate`…
    pub tool: &'static str,
    /// The configuration or folder that the chain was read from.
    pub from: String,
    pub target: Option<TargetReport>,
    /// The rows of the version table; null when the database did not answer.
    pub at: Option<Vec<String>>,
    pub heads: Vec<String>,
    /// In the order in which an upgrade runs them.
    pub pending: Vec<String>,
    /// Rows that no file has.
    pub unknown: Vec<String>,
    /// What is wrong with the chain, one sentence a fault.
    pub faults: Vec<String>,
    /// Other chains of the project, which this is not about.
    pub others: Vec<String>,
}

/// Returns the report of a history.
pub fn history(history: &History) -> Vec<HistoryEntryReport> {
    let entry = |entry: &crate::model::history::Entry| HistoryEntryReport {
        revision: entry.id.clone(),
        down_revisions: entry.down_revisions.clone(),
        depends_on: entry.depends_on.clone(),
        branch_labels: entry.branch_labels.clone(),
        message: entry.message.clone(),
        file: entry.at.file.display().to_string(),
        applied: entry.applied,
    };
    history.entries.iter().map(entry).collect()
}

/// Returns the report of where a database is on its chain.
pub fn migrate_status(picture: &Picture, history: &History, state: &ChainState) -> MigrateStatusReport {
    MigrateStatusReport {
        version: 1,
        ok: state.is_current(),
        state: state.name(),
        tool: history.tool,
        from: history.from.display().to_string(),
        target: picture.target().map(target),
        at: history.rows.clone(),
        heads: history.heads.clone(),
        pending: history.pending().iter().map(|entry| entry.id.clone()).collect(),
        unknown: history.unknown.clone(),
        others: history.others.clone(),
        faults: if let ChainState::Faulty(faults) = state { faults.clone() } else { Vec::new() },
    }
}

/// What `devdb migrate check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MigrateCheckReport {
    pub version: u32,
    pub ok: bool,
    /// What is wrong with the chain, or should be looked at: the checks of doctor that found something.
    pub findings: Vec<CheckReport>,
    /// What the models have and the chain does not make, or the reverse; null when they were not compared.
    pub differences: Option<Vec<String>>,
    /// What autogenerate does not compare and is different: renames, CHECKs, enum values, server defaults. These do not
    /// count for `ok`.
    pub unseen: Vec<String>,
    pub heads: Vec<String>,
}

/// Returns the report of a check of the chain.
pub fn migrate_check(history: &History, diagnosis: &Diagnosis, compared: Option<&Compared>) -> MigrateCheckReport {
    let found = |check: &&CheckResult| matches!(check.verdict, Verdict::Found { .. } | Verdict::Unknown(_));
    let differ = compared.is_some_and(|compared| !compared.differences.is_empty());
    MigrateCheckReport {
        version: 1,
        ok: diagnosis.is_ok() && !differ,
        findings: diagnosis.checks.iter().filter(found).map(check).collect(),
        differences: compared.map(|compared| compared.differences.clone()),
        unseen: compared.map(|compared| compared.unseen.clone()).unwrap_or_default(),
        heads: history.heads.clone(),
    }
}
