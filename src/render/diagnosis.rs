//! A diagnosis for a terminal: by area, causes first, the fix beside the finding.

use std::time::Duration;

use textwrap::core::display_width;

use super::style;
use super::ui::{Ui, took};
use crate::model::finding::{CheckResult, Diagnosis, Evidence, Finding, Safety, Severity, Verdict};
use crate::model::picture::Picture;
use crate::model::text::{counted, visible};

/// Findings of one check that are shown without `-v`, and evidence of one finding.
const FINDINGS: usize = 6;
const EVIDENCE: usize = 10;
/// The widest that places are set in a column of their own; longer ones get a line each.
const PLACE: usize = 34;

/// Writes the whole diagnosis to stdout.
pub fn show(ui: &Ui, picture: &Picture, diagnosis: &Diagnosis, elapsed: Duration) {
    let mut page = Page { ui, lines: Vec::new() };
    head(&mut page, picture);
    // Beside errors, what is merely worth knowing waits.
    let notes = ui.verbose || diagnosis.is_ok();
    for wanted in ["env", "engine", "ports", "connection", "migrations"] {
        let checks: Vec<&CheckResult> = diagnosis.checks.iter().filter(|check| check.area == wanted).collect();
        if !checks.is_empty() {
            area(&mut page, wanted, &checks, notes);
        }
    }
    page.blank();
    if ui.verbose && !picture.took.is_empty() {
        let looks: Vec<String> = picture.took.iter().map(|(name, time)| format!("{name} {}", took(*time))).collect();
        page.wrapped(&style::faint(format!("looked at: {}", looks.join(" · "))), 11);
    }
    page.wrapped(&summary(diagnosis, elapsed, notes.then_some(ui.verbose)), 0);
    if let Some(next) = next_command(diagnosis) {
        page.line(format!("{} {}", style::faint("next:"), style::command(next)));
    }
    for line in page.lines {
        ui.answer(&line);
    }
}

/// Writes what was found to stdout, and nothing of what passed.
pub fn show_findings(ui: &Ui, diagnosis: &Diagnosis) {
    let mut page = Page { ui, lines: Vec::new() };
    let checks: Vec<&CheckResult> = diagnosis.checks.iter().collect();
    for check in &checks {
        verdict(&mut page, check);
    }
    reasons(&mut page, &checks);
    if let Some(next) = next_command(diagnosis) {
        page.blank();
        page.line(format!("{} {}", style::faint("next:"), style::command(next)));
    }
    page.blank();
    for line in page.lines {
        ui.answer(&line);
    }
}

/// The lines to write; never two blank ones in a row.
struct Page<'ui> {
    ui: &'ui Ui,
    lines: Vec<String>,
}

impl Page<'_> {
    fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    fn wrapped(&mut self, text: &str, indent: usize) {
        self.lines.push(self.ui.wrapped(text, indent));
    }

    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }
}

fn head(page: &mut Page<'_>, picture: &Picture) {
    match picture.target() {
        Some(candidate) => {
            page.line(format!("{}  {}", style::strong("target"), visible(&candidate.target.to_string())));
            let origin = visible(&candidate.origin.to_string());
            page.line(format!("        {}", style::faint(format!("named by {origin}"))));
        }
        None => page.line(format!("{}  nothing names a database", style::strong("target"))),
    }
    page.blank();
}

fn area(page: &mut Page<'_>, name: &str, checks: &[&CheckResult], notes: bool) {
    let worst = checks.iter().filter_map(|check| found(check)).min().filter(|severity| *severity != Severity::Info);
    let silent = checks.iter().filter(|check| matches!(check.verdict, Verdict::Pass)).count();
    let unknown = checks.iter().filter(|check| matches!(check.verdict, Verdict::Unknown(_))).count();
    let mark = match worst {
        Some(Severity::Error) => style::bad("✗"),
        Some(Severity::Warning | Severity::Info) => style::warn("!"),
        None if unknown > 0 => style::warn("?"),
        None if silent == 0 => style::faint("-"),
        None => style::good("✓"),
    };
    let detail = match (silent, unknown) {
        (0, 0) if worst.is_none() => left_out(checks).to_owned(),
        (0, 0) => String::new(),
        (_, 0) => format!("{silent} passed"),
        (0, _) => format!("{unknown} could not be told"),
        _ => format!("{silent} passed, {unknown} could not be told"),
    };
    page.line(format!("{mark} {name:<12}{}", style::faint(detail)).trim_end().to_owned());
    for check in checks {
        verdict(page, check);
    }
    if notes {
        for check in checks {
            note(page, check);
        }
    }
    if worst.is_some() {
        page.blank();
    }
    reasons(page, checks);
}

/// Why nothing of an area was judged.
fn left_out(checks: &[&CheckResult]) -> &'static str {
    let follows = |check: &&CheckResult| matches!(&check.verdict, Verdict::Skipped(why) if why.starts_with("follows"));
    if checks.iter().any(follows) { "not judged: it follows from the above" } else { "does not apply" }
}

fn found(check: &CheckResult) -> Option<Severity> {
    match &check.verdict {
        Verdict::Found { severity, .. } => Some(*severity),
        _ => None,
    }
}

fn verdict(page: &mut Page<'_>, check: &CheckResult) {
    match &check.verdict {
        Verdict::Found { severity, findings } if *severity != Severity::Info || page.ui.verbose => {
            let shown = if page.ui.verbose { findings.len() } else { FINDINGS };
            for one in findings.iter().take(shown) {
                finding(page, check.id, *severity, one);
            }
            if let Some(more) = findings.len().checked_sub(shown).filter(|more| *more > 0) {
                page.blank();
                let text = format!("    and {more} more of `{}`; `devdb doctor -v` shows all", check.id);
                page.wrapped(&style::faint(text), 4);
            }
        }
        Verdict::Pass if page.ui.verbose => page.line(format!("  {} {}", style::good("✓"), style::faint(check.id))),
        Verdict::Skipped(why) if page.ui.verbose => {
            page.wrapped(&format!("  - {}  {}", style::faint(check.id), style::faint(visible(why))), 4);
        }
        _ => {}
    }
}

/// One line for what is worth knowing; `-v` shows all of it.
fn note(page: &mut Page<'_>, check: &CheckResult) {
    let Verdict::Found { severity: Severity::Info, findings } = &check.verdict else { return };
    for finding in findings.iter().filter(|_| !page.ui.verbose) {
        let text = format!("  · {}  {}", visible(&finding.message), style::faint(format!("[{}]", check.id)));
        page.wrapped(&text, 4);
    }
}

/// One line for all checks that could not be told for the same reason.
fn reasons(page: &mut Page<'_>, checks: &[&CheckResult]) {
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
        page.wrapped(&text, 4);
    }
}

fn finding(page: &mut Page<'_>, id: &str, severity: Severity, finding: &Finding) {
    let mark = match severity {
        Severity::Error => style::bad("✗"),
        Severity::Warning => style::warn("!"),
        Severity::Info => "·".to_owned(),
    };
    page.blank();
    let title = format!("  {mark} {}  {}", style::strong(visible(&finding.message)), style::faint(format!("[{id}]")));
    page.wrapped(&title, 4);
    let shown = if page.ui.verbose { finding.evidence.len() } else { EVIDENCE };
    evidence(page, finding.evidence.get(..shown).unwrap_or(&finding.evidence));
    if let Some(more) = finding.evidence.len().checked_sub(shown).filter(|more| *more > 0) {
        page.line(format!("    {}", style::faint(format!("and {more} more"))));
    }
    fix(page, finding);
}

/// Places in a column beside their texts; above them where they are too long for that.
fn evidence(page: &mut Page<'_>, all: &[Evidence]) {
    let rows: Vec<(String, String)> = all.iter().map(|one| (place(one), visible(&one.text))).collect();
    let column = rows.iter().map(|(place, _)| display_width(place)).max().unwrap_or(0);
    let widest = rows.iter().map(|(_, text)| display_width(text)).max().unwrap_or(0);
    let beside = column <= PLACE.min(page.ui.width / 2) || 4 + column + 2 + widest <= page.ui.width;
    for (place, text) in rows {
        if place.is_empty() && (column == 0 || !beside) {
            page.wrapped(&format!("    {text}"), 4);
        } else if beside {
            let gap = " ".repeat(column - display_width(&place) + 2);
            page.wrapped(&format!("    {}{gap}{text}", style::faint(place)), 4 + column + 2);
        } else {
            page.line(format!("    {}", style::faint(place)));
            page.wrapped(&format!("      {text}"), 6);
        }
    }
}

fn place(evidence: &Evidence) -> String {
    evidence.at.as_ref().map(|at| visible(&at.to_string())).unwrap_or_default()
}

fn fix(page: &mut Page<'_>, finding: &Finding) {
    let Some(fix) = &finding.fix else { return };
    let who = match fix.safety {
        Safety::Auto => " (--fix does it)",
        Safety::Confirm => " (--fix asks, then does it)",
        Safety::Manual => "",
    };
    let line = format!("    {} {}{}", style::good("fix:"), visible(&fix.summary), style::faint(who));
    page.wrapped(&line, 9);
    if fix.safety == Safety::Manual {
        // Not wrapped: it is there to be copied.
        for step in &fix.steps {
            page.line(format!("         {}", style::command(visible(&step.describe()))));
        }
    }
}

/// One line; `notes` says whether those were shown, and whether in full.
fn summary(diagnosis: &Diagnosis, elapsed: Duration, notes: Option<bool>) -> String {
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
    let noted = diagnosis.count(Severity::Info);
    if let Some(in_full) = notes.filter(|_| noted > 0) {
        let more = if in_full { "" } else { " (-v says more)" };
        parts.push(style::faint(format!("{}{more}", counted(noted, "note"))));
    }
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
    let wrong = || diagnosis.findings().filter(|(_, severity, _)| *severity != Severity::Info);
    let fixes = || wrong().filter_map(|(_, _, finding)| finding.fix.as_ref());
    if fixes().any(|fix| fix.safety != Safety::Manual) {
        return Some("devdb doctor --fix");
    }
    let told = |command: &str| fixes().flat_map(|fix| &fix.steps).any(|step| step.describe() == command);
    ["devdb up", "devdb drift", "devdb reset"].into_iter().find(|command| told(command))
}
