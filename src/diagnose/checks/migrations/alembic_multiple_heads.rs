//! `alembic-multiple-heads`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-multiple-heads",
    title: "The chain has one end",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &["alembic-duplicate-id", "alembic-unreadable-revision", "alembic-missing-parent", "alembic-cycle"],
    explain: "Seen as: `Multiple head revisions are present for given argument 'head'`.\n\
        Cause: two branches each added a revision on the same parent, and both were merged.\n\
        Proof: the revisions that no other follows. Chains with labelled branches of their own bases are meant to have several.\n\
        Fix: a merge revision; or put the younger one behind the older by its `down_revision`.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let mut fork = sample::chain(picture).revisions.last().unwrap().clone();
        fork.id = "f0f0f0".to_owned();
        fork.at.file = "alembic/versions/fork.py".into();
        sample::chain(picture).revisions.push(fork);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let heads = chain.heads();
    let labelled = chain.revisions.iter().any(|revision| !revision.branch_labels.is_empty());
    let separate = labelled && chain.bases().len() >= heads.len();
    if heads.len() < 2 || separate {
        return Ok(Vec::new());
    }
    let finding = heads.iter().fold(Finding::new(format!("the chain has {} heads", heads.len())), |finding, head| {
        finding.at(&head.at, format!("{}  {}", head.id, head.message))
    });
    let ids: Vec<&str> = heads.iter().map(|head| head.id.as_str()).collect();
    let command = format!("alembic merge -m 'merge heads' {}", ids.join(" "));
    Ok(vec![finding.confirm("write a merge revision", vec![Step::Run { command }])])
}
