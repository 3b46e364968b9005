//! What `devdb migrate test` found, for people and for programs.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::json::millis;
use super::style;
use super::ui::{Ui, took};
use crate::model::schema::Difference;
use crate::model::scratch::{Tested, Verdict};
use crate::model::text::{counted, visible};

/// Differences that are shown of one revision.
const SHOWN: usize = 12;

/// What `devdb migrate test --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChainTestReport {
    pub version: u32,
    /// Every revision comes back, or says itself that it does not.
    pub ok: bool,
    /// The first revision that does not; null when there is none.
    pub first: Option<String>,
    /// In the order in which they run.
    pub revisions: Vec<TestedReport>,
    pub took_ms: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct TestedReport {
    pub revision: String,
    pub message: String,
    pub file: String,
    /// The line of its `downgrade`, or the one that failed.
    pub line: usize,
    /// `reversible`, `irreversible`, `not_back`, `down_failed`, `up_again_failed`, `up_differs`.
    pub verdict: &'static str,
    /// Why it failed, or says that it is irreversible; null where nothing did.
    pub reason: Option<String>,
    /// Between the schema before the revision and the one after it was taken back (`up_differs`: between those after
    /// its first and its second run), one line an object.
    pub differences: Vec<String>,
    pub took_ms: u64,
}

/// Returns the report.
pub fn report(tested: &[Tested], ok: bool, elapsed: Duration) -> ChainTestReport {
    let revision = |one: &Tested| TestedReport {
        revision: one.id.clone(),
        message: one.message.clone(),
        file: one.at.file.display().to_string(),
        line: one.at.line,
        verdict: one.verdict.name(),
        reason: reason(&one.verdict).map(str::to_owned),
        differences: differences(&one.verdict).iter().map(ToString::to_string).collect(),
        took_ms: millis(one.took),
    };
    let first = tested.iter().find(|one| !one.verdict.is_fine());
    ChainTestReport {
        version: 1,
        ok,
        first: first.map(|one| one.id.clone()),
        revisions: tested.iter().map(revision).collect(),
        took_ms: millis(elapsed),
    }
}

/// Writes what was found, the first revision that does not come back first.
pub fn show(ui: &Ui, tested: &[Tested], elapsed: Duration) {
    let spoken: Vec<&Tested> = tested.iter().filter(|one| one.verdict != Verdict::Reversible).collect();
    for one in &spoken {
        revision(ui, one);
    }
    let count = |name: &str| tested.iter().filter(|one| one.verdict.name() == name).count();
    let wrong = tested.iter().filter(|one| !one.verdict.is_fine()).count();
    let time = style::faint(format!("({})", took(elapsed)));
    let declared = match count("irreversible") {
        0 => String::new(),
        some => format!(", {some} irreversible by their own word"),
    };
    if tested.is_empty() {
        ui.answer("there is no revision to test");
    } else if wrong == 0 {
        let back = counted(count("reversible"), "revision");
        let verb = if count("reversible") == 1 { "comes" } else { "come" };
        ui.answer(&format!("{} {back} {verb} back{declared} {time}", style::good("✓")));
    } else {
        let of = counted(tested.len(), "revision");
        ui.answer(&format!("{} {wrong} of {of} cannot be taken back{declared} {time}", style::bad("✗")));
    }
}

fn revision(ui: &Ui, one: &Tested) {
    let (mark, says) = match &one.verdict {
        Verdict::Reversible => return,
        Verdict::Irreversible { .. } => (style::warn("!"), "is irreversible"),
        Verdict::NotBack { .. } => (style::bad("✗"), "does not come back"),
        Verdict::DownFailed { .. } => (style::bad("✗"), "cannot be taken back: its downgrade fails"),
        Verdict::UpAgainFailed { .. } => (style::bad("✗"), "cannot be applied again after its downgrade"),
        Verdict::UpDiffers { .. } => (style::bad("✗"), "makes another schema the second time"),
    };
    let id = style::strong(visible(&one.id));
    ui.answer(&format!("{mark} {id}  {}  {says}", visible(&one.message)));
    ui.answer(&format!("    {}", style::faint(visible(&one.at.to_string()))));
    let all = differences(&one.verdict);
    for difference in all.iter().take(SHOWN) {
        ui.answer(&ui.wrapped(&format!("    {difference}"), 6));
    }
    if all.len() > SHOWN {
        ui.answer(&format!("    … and {} more", all.len() - SHOWN));
    }
    if let Some(reason) = reason(&one.verdict) {
        let label = if matches!(one.verdict, Verdict::NotBack { .. }) { "applied again: " } else { "" };
        ui.answer(&ui.wrapped(&format!("    {label}{}", visible(reason)), 6));
    }
}

fn differences(verdict: &Verdict) -> &[Difference] {
    match verdict {
        Verdict::NotBack { differences, .. } | Verdict::UpDiffers { differences } => differences,
        _ => &[],
    }
}

fn reason(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Irreversible { reason }
        | Verdict::DownFailed { reason }
        | Verdict::UpAgainFailed { reason }
        | Verdict::NotBack { again: Some(reason), .. } => Some(reason),
        _ => None,
    }
}
