//! `alembic-multiple-heads`

use super::super::prelude::*;
use crate::model::chain::Revision;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-multiple-heads",
    title: "The chain has one end",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &["alembic-duplicate-id", "alembic-missing-parent", "alembic-cycle"],
    explain: "Seen as: `Multiple head revisions are present for given argument 'head'`.\n\
        Cause: two branches each added a revision on the same parent, and both were merged.\n\
        Proof: the revisions that no other follows, and who wrote them. Chains with labelled branches of their own bases\n\
        are meant to have several.\n\
        Fix: `devdb migrate rebase` puts your revisions behind the others, so that the chain is a line; once they have run \
        elsewhere, `devdb migrate merge` joins the ends by a revision.\n\
        Keeps: all data; only revision files are written.",
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
    let start = Finding::new(format!("the chain has {} heads", heads.len()));
    let finding = heads.iter().fold(start, |finding, head| {
        finding.at(&head.at, format!("{}  {}{}", head.id, head.message, author(picture, head)))
    });
    let command = "devdb migrate merge".to_owned();
    let finding = finding.seen("where yours have run nowhere else yet, `devdb migrate rebase` keeps the chain a line");
    Ok(vec![finding.confirm("write a merge revision", vec![Step::Run { command }])])
}

/// Returns who wrote a head's file, and when.
fn author(picture: &Picture, head: &Revision) -> String {
    let origins = picture.origins.known();
    let origin = origins.and_then(|origins| origins.heads.iter().find(|origin| origin.file == head.at.file));
    match origin.map(|origin| &origin.commit) {
        None => String::new(),
        Some(None) => " (not committed)".to_owned(),
        Some(Some(commit)) => {
            let on =
                if commit.branches.is_empty() { String::new() } else { format!(", on {}", commit.branches.join(", ")) };
            format!(" ({}, {}{on})", commit.author, commit.date)
        }
    }
}
