//! Judges: a [`Picture`] becomes a [`Diagnosis`]. Pure functions, one file a check.

pub mod answer;
mod check;
mod checks;
pub mod drift;
mod facts;
pub mod loaders;
pub mod recorded;
pub mod report;
mod symptom;
pub mod verify;

pub use check::{Check, Need, PARTS};

pub use symptom::by_symptom;

use crate::model::finding::{CheckResult, Diagnosis, Severity, Verdict};
use crate::model::observed::Observed;
use crate::model::picture::Picture;

/// Returns every check, in the order in which they are shown: causes before consequences.
pub fn checks() -> &'static [Check] {
    checks::CHECKS
}

/// Returns the check with this id.
pub fn find(id: &str) -> Option<&'static Check> {
    checks::CHECKS.iter().find(|check| check.id == id)
}

/// Returns what every check (or only those named) says of the picture.
///
/// A check is skipped when one of its causes was found: it would only repeat it; and a warning or a note where `[doctor] ignore` in
/// devdb.toml names it. It is unknown when what it needs could not be read.
pub fn diagnose(picture: &Picture, only: &[String]) -> Diagnosis {
    let mut loud: Vec<&str> = Vec::new();
    let mut results = Vec::new();
    for check in checks::CHECKS {
        let verdict = judge(check, picture, &loud);
        if let Verdict::Found { severity: Severity::Error, .. } = &verdict {
            loud.push(check.id);
        }
        if only.is_empty() || only.iter().any(|id| id == check.id) {
            results.push(CheckResult { id: check.id, title: check.title, area: check.area, verdict });
        }
    }
    // What could not be told as the login failed is the consequence of whatever says so.
    let cause = loud.iter().find(|id| Need::Server.hidden_by().contains(*id));
    if let (Some(cause), Observed::Unknown(why)) = (cause, &picture.server) {
        for result in &mut results {
            if matches!(&result.verdict, Verdict::Unknown(reason) if reason == why) {
                result.verdict = Verdict::Skipped(format!("follows from {cause}"));
            }
        }
    }
    Diagnosis { checks: results }
}

fn judge(check: &Check, picture: &Picture, loud: &[&str]) -> Verdict {
    let ignored = &picture.config.doctor.ignore;
    if check.severity != Severity::Error && ignored.iter().any(|id| id == check.id) {
        return Verdict::Skipped("devdb.toml ignores it".to_owned());
    }
    let follows = |cause: &&str| Verdict::Skipped(format!("follows from {cause}"));
    if let Some(cause) = check.follows.iter().find(|cause| loud.contains(*cause)) {
        return follows(cause);
    }
    for need in check.needs {
        match need.unmet(picture) {
            None => {}
            // What could not be read because of a fault that is told already is that fault's consequence.
            Some(Verdict::Unknown(reason)) => {
                let cause = loud.iter().find(|id| need.hidden_by().contains(*id));
                return cause.map_or(Verdict::Unknown(reason), follows);
            }
            Some(verdict) => return verdict,
        }
    }
    match (check.detect)(picture) {
        Ok(findings) if findings.is_empty() => passed(check, picture, loud),
        Ok(findings) => Verdict::Found { severity: check.severity, findings },
        Err(unknown) => Verdict::Unknown(unknown.0),
    }
}

/// A check that reads the Compose file does not pass on one that Compose refuses: what it found is told, what it did
/// not find may be missing.
fn passed(check: &Check, picture: &Picture, loud: &[&str]) -> Verdict {
    let compose = picture.compose.known().filter(|_| check.needs.contains(&Need::Compose));
    let refused = compose.and_then(|compose| compose.problems.iter().find(|problem| problem.fatal));
    match refused {
        Some(_) if loud.contains(&"compose-invalid") => Verdict::Skipped("follows from compose-invalid".to_owned()),
        Some(problem) => Verdict::Unknown(format!("Compose refuses {}: {}", problem.at, problem.message)),
        None => Verdict::Pass,
    }
}

#[cfg(test)]
mod sample;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_check_is_silent_on_a_healthy_project() {
        let mut of_files = sample::healthy();
        sample::sql(&mut of_files);
        let (revisions, files) = (diagnose(&sample::healthy(), &[]), diagnose(&of_files, &[]));
        for (first, second) in revisions.checks.iter().zip(&files.checks) {
            // A project has a chain of one sort; the checks of the other are skipped.
            let verdicts = [&first.verdict, &second.verdict];
            let quiet = verdicts.iter().all(|it| matches!(it, Verdict::Pass | Verdict::Skipped(_)));
            let passed = verdicts.iter().any(|it| matches!(it, Verdict::Pass));
            assert!(quiet && passed, "{}: {verdicts:?}", first.id);
        }
    }

    #[test]
    fn every_check_is_loud_on_its_counterexample() {
        for check in checks() {
            let mut picture = sample::healthy();
            (check.breaks)(&mut picture);
            let found = (check.detect)(&picture);
            assert!(found.as_ref().is_ok_and(|found| !found.is_empty()), "{}: {found:?}", check.id);
            assert!(found.unwrap().iter().all(|finding| finding.fix.is_some()), "{} offers no fix", check.id);
        }
    }

    #[test]
    fn a_counterexample_has_one_cause() {
        for check in checks() {
            let mut picture = sample::healthy();
            (check.breaks)(&mut picture);
            let loud: Vec<&str> =
                diagnose(&picture, &[]).findings().filter(|it| it.1 == Severity::Error).map(|it| it.0.id).collect();
            let expected: &[&str] = if check.severity == Severity::Error { &[check.id] } else { &[] };
            assert_eq!(loud, expected, "{}", check.id);
        }
    }

    /// Both are broken at once: the cause is told, and what it would bring with it is not.
    #[test]
    fn a_consequence_is_left_out_beside_its_cause() {
        for check in checks() {
            for id in check.follows {
                let cause = find(id).unwrap();
                // One of the two may take away what the other one breaks: then the other order does not.
                let broken = |order: [&Check; 2]| {
                    std::panic::catch_unwind(|| {
                        let mut picture = sample::healthy();
                        for it in order {
                            (it.breaks)(&mut picture);
                        }
                        picture
                    })
                };
                let pictures = [[check, cause], [cause, check]].into_iter().filter_map(|order| broken(order).ok());
                let mut orders = pictures.map(|picture| {
                    let diagnosis = diagnose(&picture, &[]);
                    let of = |id: &str| diagnosis.checks.iter().find(|it| it.id == id).unwrap().verdict.clone();
                    (of(cause.id), of(check.id))
                });
                // A login that fails and another server that lets one in are not to be had at once.
                let told = |it: &Verdict| matches!(it, Verdict::Found { .. });
                let left_out = |it: &Verdict| matches!(it, Verdict::Skipped(why) if why.starts_with("follows from "));
                assert_eq!(cause.severity, Severity::Error, "only errors suppress: {}", cause.id);
                assert!(
                    orders.all(|(of_cause, of_check)| !told(&of_cause) || left_out(&of_check)),
                    "{} beside {id}",
                    check.id
                );
            }
        }
    }

    #[test]
    fn ids_are_unique_and_name_their_files() {
        let mut ids = BTreeSet::new();
        for check in checks() {
            assert!(ids.insert(check.id), "{} stands twice", check.id);
            let file = format!("src/diagnose/checks/{}/{}.rs", check.area, check.id.replace('-', "_"));
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).is_file(), "{file}");
            assert!(check.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
    }

    #[test]
    fn every_page_has_its_parts() {
        for check in checks() {
            let lines = check.explain.lines().map(str::trim);
            let found: Vec<&str> =
                lines.filter_map(|line| PARTS.into_iter().find(|part| line.starts_with(part))).collect();
            assert_eq!(found, PARTS, "{}", check.id);
        }
    }

    #[test]
    fn causes_exist_and_stand_before_their_consequences() {
        let position = |id: &str| checks().iter().position(|check| check.id == id);
        for (index, check) in checks().iter().enumerate() {
            for cause in check.follows {
                assert!(position(cause).is_some_and(|at| at < index), "{} follows {cause}", check.id);
            }
        }
    }
}
