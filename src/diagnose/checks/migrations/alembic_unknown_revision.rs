//! `alembic-unknown-revision`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-unknown-revision",
    title: "The database's revision is in the chain",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain, Need::Server],
    follows: &["wrong-server", "db-missing", "alembic-unreadable-revision", "alembic-missing-parent"],
    explain: "Seen as: `Can't locate revision identified by '3f2a…'`, from upgrade, downgrade and current alike.\n\
        Cause: the database was migrated on another git branch, whose revision files you do not have now.\n\
        Proof: a row of the version table that no revision file has.\n\
        Fix: go back to that branch and downgrade; or reset, which keeps the old database for `devdb undo`.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::database(picture).versions = Observed::Known(vec!["fedcba".to_owned()]),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((chain, applied)) = facts::applied(picture)? else { return Ok(Vec::new()) };
    let unknown = chain.unknown(applied);
    if unknown.is_empty() || chain.revisions.is_empty() {
        return Ok(Vec::new());
    }
    let mut finding =
        Finding::new(format!("the database is at `{}`, which no revision file has", unknown.join("`, `")));
    if let Some(head) = chain.heads().first() {
        finding = finding.at(&head.at, format!("the chain's head is `{}`", head.id));
    }
    let search = unknown.iter().map(|id| format!("git log --all --oneline -S '{id}'")).collect::<Vec<_>>().join("; ");
    Ok(vec![
        finding.manual("return to the branch that has it and downgrade there, or rebuild", &[&search, "devdb reset"]),
    ])
}
