//! A diagnosis for a terminal: by area, causes first, the fix beside the finding.

use std::time::Duration;

use super::style;
use super::ui::{Ui, took};
use crate::model::finding::{CheckResult, Diagnosis, Evidence, Finding, Safety, Severity, Verdict};
use crate::model::picture::Picture;
use crate::model::text::{counted, visible};

/// Writes the whole diagnosis to stdout.
pub fn show(ui: &Ui, picture: &Picture, diagnosis: &Diagnosis, elapsed: Duration) {
    head(ui, picture);
    let mut areas: Vec<&str> = Vec::new();
    for check in &diagnosis.checks {
        if !areas.contains(&check.area) {
            areas.push(check.area);
        }
    }
    for wanted in ["env", "engine", "ports", "connection", "migrations"] {
        if areas.contains(&wanted) {
            let checks: Vec<&CheckResult> = diagnosis.checks.iter().filter(|check| check.area == wanted).collect();
            area(ui, wanted, &checks);
        }
    }
    ui.answer("");
    ui.answer(&summary(diagnosis, elapsed));
    if let Some(next) = next_command(diagnosis) {
        ui.answer(&format!("{} {}", style::faint("next:"), style::command(next)));
    }
}

fn head(ui: &Ui, picture: &Picture) {
    match picture.target() {
        Some(candidate) => {
            ui.answer(&format!("{}  {}", style::strong("target"), visible(&candidate.target.to_string())));
            ui.answer(&format!("        {}", style::faint(format!("named by {}", candidate.origin))));
        }
        None => ui.answer(&format!("{}  nothing names a database", style::strong("target"))),
    }
    ui.answer("");
}

fn area(ui: &Ui, name: &str, checks: &[&CheckResult]) {
    let worst = checks.iter().filter_map(|check| found(check)).max_by_key(|severity| *severity == Severity::Error);
    let silent = checks.iter().filter(|check| matches!(check.verdict, Verdict::Pass)).count();
    let unknown = checks.iter().filter(|check| matches!(check.verdict, Verdict::Unknown(_))).count();
    let mark = match worst {
        Some(Severity::Error) => style::bad("✗"),
        Some(Severity::Warning) => style::warn("!"),
        None if unknown > 0 => style::warn("?"),
        None if silent == 0 => style::faint("-"),
        None => style::good("✓"),
    };
    let detail = match (silent, unknown) {
        (0, 0) if worst.is_none() => "does not apply".to_owned(),
        (0, 0) => String::new(),
        (_, 0) => format!("{silent} passed"),
        (0, _) => format!("{unknown} could not be told"),
        _ => format!("{silent} passed, {unknown} could not be told"),
    };
    ui.answer(&format!("{mark} {name:<12}{}", style::faint(detail)));
    for check in checks {
        verdict(ui, check);
    }
    reasons(ui, checks);
}

fn found(check: &CheckResult) -> Option<Severity> {
    match &check.verdict {
        Verdict::Found { severity, .. } => Some(*severity),
        _ => None,
    }
}

fn verdict(ui: &Ui, check: &CheckResult) {
    match &check.verdict {
        Verdict::Found { severity, findings } => {
            for one in findings {
                finding(ui, check.id, *severity, one);
            }
        }
        Verdict::Pass if ui.verbose => ui.answer(&format!("  {} {}", style::good("✓"), style::faint(check.id))),
        Verdict::Skipped(why) if ui.verbose => {
            ui.answer(&ui.wrapped(&format!("  - {}  {}", style::faint(check.id), style::faint(why)), 4));
        }
        _ => {}
    }
}

/// One line for all checks that could not be told for the same reason.
fn reasons(ui: &Ui, checks: &[&CheckResult]) {
    let mut seen: Vec<(&str, Vec<&str>)> = Vec::new();
    for check in checks {
        let Verdict::Unknown(reason) = &check.verdict else { continue };
        match seen.iter_mut().find(|(known, _)| known == reason) {
            Some((_, ids)) => ids.push(check.id),
            None => seen.push((reason, vec![check.id])),
        }
    }
    for (reason, ids) in seen {
        let text = format!("  {} could not tell {}: {}", style::warn("?"), ids.join(", "), visible(reason));
        ui.answer(&ui.wrapped(&text, 4));
    }
}

fn finding(ui: &Ui, id: &str, severity: Severity, finding: &Finding) {
    let mark = match severity {
        Severity::Error => style::bad("✗"),
        Severity::Warning => style::warn("!"),
    };
    ui.answer("");
    let title = format!("  {mark} {}  {}", style::strong(visible(&finding.message)), style::faint(format!("[{id}]")));
    ui.answer(&ui.wrapped(&title, 4));
    let places: Vec<String> = finding.evidence.iter().map(place).collect();
    let column = places.iter().map(|place| textwrap::core::display_width(place)).max().unwrap_or(0).min(34);
    for (place, evidence) in places.iter().zip(&finding.evidence) {
        let gap = " ".repeat(column.saturating_sub(textwrap::core::display_width(place)));
        let bullet = if place.is_empty() { String::new() } else { style::faint(place) };
        let separator = if column == 0 { "" } else { "  " };
        let line = format!("    {bullet}{gap}{separator}{}", visible(&evidence.text));
        ui.answer(&ui.wrapped(&line, 4 + column + separator.len()));
    }
    fix(ui, finding);
    ui.answer("");
}

fn place(evidence: &Evidence) -> String {
    evidence.at.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn fix(ui: &Ui, finding: &Finding) {
    let Some(fix) = &finding.fix else { return };
    let who = match fix.safety {
        Safety::Auto => " (devdb doctor --fix does it)",
        Safety::Confirm => " (devdb doctor --fix asks, then does it)",
        Safety::Manual => "",
    };
    let line = format!("    {} {}{}", style::good("fix:"), visible(&fix.summary), style::faint(who));
    ui.answer(&ui.wrapped(&line, 9));
    if fix.safety == Safety::Manual {
        for step in &fix.steps {
            ui.answer(&format!("         {}", style::command(visible(&step.describe()))));
        }
    }
}

fn summary(diagnosis: &Diagnosis, elapsed: Duration) -> String {
    let tally = |wanted: fn(&Verdict) -> bool| diagnosis.checks.iter().filter(|check| wanted(&check.verdict)).count();
    let passed = tally(|verdict| matches!(verdict, Verdict::Pass));
    let unknown = tally(|verdict| matches!(verdict, Verdict::Unknown(_)));
    let skipped = tally(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let (errors, warnings) = (diagnosis.count(Severity::Error), diagnosis.count(Severity::Warning));
    let mut parts = vec![
        if errors > 0 { style::bad(counted(errors, "error")) } else { style::good("no errors") },
        if warnings > 0 { style::warn(counted(warnings, "warning")) } else { style::faint("no warnings") },
        style::faint(format!("{passed} passed")),
    ];
    if unknown > 0 {
        parts.push(style::warn(format!("{unknown} could not be told")));
    }
    if skipped > 0 {
        parts.push(style::faint(format!("{skipped} skipped")));
    }
    parts.push(style::faint(took(elapsed)));
    parts.join(&style::faint(" · "))
}

/// The one command to run after reading.
fn next_command(diagnosis: &Diagnosis) -> Option<&'static str> {
    let fixes = || diagnosis.findings().filter_map(|(_, _, finding)| finding.fix.as_ref());
    fixes().any(|fix| fix.safety != Safety::Manual).then_some("devdb doctor --fix")
}
