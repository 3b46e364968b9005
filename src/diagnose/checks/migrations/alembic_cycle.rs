//! `alembic-cycle`

use super::super::prelude::*;
use crate::model::chain::Revision;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-cycle",
    title: "No revision is its own ancestor",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: `Cycle is detected in revisions (…)`.\n\
        Cause: a `down_revision` was edited by hand, or two branches were rebased onto each other.\n\
        Proof: the revisions, each of which names the next.\n\
        Fix: give one of them its right parent; git shows what it was.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let last = sample::chain(picture).revisions.last().unwrap().id.clone();
        sample::chain(picture).revisions[0].down_revisions = vec![last];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for fault in chain.faults() {
        let ChainFault::Cycle { revisions } = fault else { continue };
        let mut finding =
            Finding::new(format!("these revisions follow each other in a circle: {}", revisions.join(" -> ")));
        for revision in chain.revisions.iter().filter(|revision| revisions.contains(&revision.id)) {
            let at = Place::new(&revision.at.file, revision.down_revision_line);
            finding = finding.at(&at, format!("`{}` follows {}", revision.id, revision.down_revisions.join(", ")));
        }
        let past: Vec<String> = chain.revisions.iter().filter(|it| revisions.contains(&it.id)).map(history).collect();
        let past: Vec<&str> = past.iter().map(String::as_str).collect();
        findings
            .push(finding.manual("give one of them the parent that it had; git shows which line was edited", &past));
    }
    Ok(findings)
}

/// Returns the command that shows what a revision's `down_revision` line was before.
fn history(revision: &Revision) -> String {
    let line = revision.down_revision_line.max(1);
    format!("git log -L {line},{line}:'{}'", revision.at.file.display())
}
