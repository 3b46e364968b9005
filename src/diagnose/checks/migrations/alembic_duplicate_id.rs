//! `alembic-duplicate-id`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-duplicate-id",
    title: "Every revision has an id of its own",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: only a UserWarning, `Revision abc is present more than once`, then `Multiple head revisions`.\n\
        Cause: a revision file was copied as the start of another one. Alembic keeps one of the two: the other never runs.\n\
        Proof: both files.\n\
        Fix: a new id for one of them (and for what follows it). A merge would be wrong.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let mut copy = sample::chain(picture).revisions[1].clone();
        copy.at.file = "alembic/versions/copy.py".into();
        sample::chain(picture).revisions.push(copy);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for fault in chain.faults() {
        let (what, files) = match fault {
            ChainFault::DuplicateId { id, files } => {
                (format!("{} have the id `{id}`; only one of them runs", counted(files.len(), "file")), files)
            }
            ChainFault::DuplicateLabel { label, files } => {
                (format!("{} claim the label `{label}`", counted(files.len(), "file")), files)
            }
            ChainFault::MissingParent { .. } | ChainFault::Cycle { .. } => continue,
        };
        let finding = files.iter().fold(Finding::new(what), |finding, at| finding.at(at, "here"));
        findings
            .push(finding.manual("give one of the files a new `revision`, and follow it where it is a parent", &[]));
    }
    Ok(findings)
}
