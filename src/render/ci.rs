//! A diagnosis for machines that run the tests: annotations of GitHub's workflows, and the XML of `JUnit`.

use std::fmt::Write as _;

use crate::model::finding::{Diagnosis, Finding, Severity, Verdict};
use crate::model::text::visible;

/// Returns one workflow command a finding (GitHub documentation, "Workflow commands"); nothing where nothing is wrong.
pub fn github(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for (check, severity, finding) in diagnosis.findings() {
        let word = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let mut properties = Vec::new();
        if let Some(at) = finding.evidence.iter().find_map(|it| it.at.as_ref()) {
            properties.push(format!("file={}", property(&at.file.display().to_string())));
            if at.line > 0 {
                properties.push(format!("line={}", at.line));
            }
        }
        properties.push(format!("title={}", property(check.id)));
        let said = data(&said(finding));
        push(&mut text, format_args!("::{word} {}::{said}\n", properties.join(",")));
    }
    text
}

/// Returns a suite with one case a check: an error is a failure, what could not be told is skipped.
pub fn junit(diagnosis: &Diagnosis, seconds: f32) -> String {
    let mut cases = String::new();
    let (mut failures, mut skipped) = (0, 0);
    for check in &diagnosis.checks {
        let open = format!("  <testcase classname=\"devdb.{}\" name=\"{}\"", xml(check.area), xml(check.id));
        match &check.verdict {
            Verdict::Pass => push(&mut cases, format_args!("{open}/>\n")),
            Verdict::Found { severity: Severity::Error, findings } => {
                failures += 1;
                push(&mut cases, format_args!("{open}>\n"));
                for finding in findings {
                    let message = xml(&visible(&finding.message));
                    let body = xml(&said(finding));
                    push(
                        &mut cases,
                        format_args!("    <failure message=\"{message}\" type=\"error\">{body}</failure>\n"),
                    );
                }
                cases.push_str("  </testcase>\n");
            }
            Verdict::Found { severity, findings } => {
                let all: Vec<String> = findings.iter().map(said).collect();
                let body = xml(&format!("{}: {}", severity.name(), all.join("\n")));
                push(&mut cases, format_args!("{open}>\n    <system-out>{body}</system-out>\n  </testcase>\n"));
            }
            Verdict::Unknown(why) | Verdict::Skipped(why) => {
                skipped += 1;
                let why = xml(&visible(why));
                push(&mut cases, format_args!("{open}>\n    <skipped message=\"{why}\"/>\n  </testcase>\n"));
            }
        }
    }
    let counts =
        format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"", diagnosis.checks.len());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"devdb doctor\" {counts} time=\"{seconds:.3}\">\n{cases}</testsuite>\n</testsuites>\n"
    )
}

/// What was found, the evidence and the fix, line by line.
fn said(finding: &Finding) -> String {
    let mut lines = vec![visible(&finding.message)];
    for it in &finding.evidence {
        let at = it.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
        lines.push(format!("{at}{}", visible(&it.text)));
    }
    lines.extend(finding.fix.as_ref().map(|fix| format!("fix: {}", visible(&fix.summary))));
    lines.join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn xml(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\n' | '\t' => written.push(c),
            // XML has no word for the others.
            _ if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => written.push('\u{fffd}'),
            _ => written.push(c),
        }
    }
    written
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _infallible = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::CheckResult;
    use crate::model::place::Place;

    fn diagnosis() -> Diagnosis {
        let at = Place::new("a,b/.env", 3);
        let finding = Finding::new("100% <wrong>, \"twice\"").at(&at, "PORT=1\u{7}").manual("write it: so", &[]);
        let check = |id, verdict| CheckResult { id, title: "", area: "ports", verdict };
        Diagnosis {
            checks: vec![
                check("one", Verdict::Found { severity: Severity::Error, findings: vec![finding.clone()] }),
                check("two", Verdict::Pass),
                check("three", Verdict::Unknown("nobody & nothing".to_owned())),
                check("four", Verdict::Found { severity: Severity::Warning, findings: vec![Finding::new("hm")] }),
            ],
        }
    }

    #[test]
    fn annotations_escape_what_they_are_made_of() {
        let text = github(&diagnosis());
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some(
                "::error file=a%2Cb/.env,line=3,title=one::100%25 <wrong>, \"twice\"%0Aa,b/.env:3: PORT=1\\u{7}%0Afix: write it: so"
            )
        );
        assert_eq!(lines.next(), Some("::warning title=four::hm"));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn a_suite_counts_its_cases() {
        let text = junit(&diagnosis(), 0.25);
        assert!(text.contains("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"0.250\""), "{text}");
        assert!(text.contains("message=\"100% &lt;wrong&gt;, &quot;twice&quot;\""), "{text}");
        assert!(text.contains("<skipped message=\"nobody &amp; nothing\"/>"), "{text}");
        assert!(text.contains("<testcase classname=\"devdb.ports\" name=\"two\"/>"), "{text}");
    }
}
