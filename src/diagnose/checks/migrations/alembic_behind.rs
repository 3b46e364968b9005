//! `alembic-behind`

use super::super::prelude::*;

/// Pending revisions shown by name.
const SHOWN: usize = 5;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-behind",
    title: "The database is at the chain's head",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain, Need::Server],
    follows: &[
        "wrong-server",
        "db-missing",
        "alembic-unstamped",
        "alembic-unknown-revision",
        "alembic-unreadable-revision",
        "alembic-missing-parent",
        "alembic-cycle",
        "alembic-multiple-heads",
        "alembic-duplicate-id",
        "alembic-overlapping-rows",
        "extension-unavailable",
        "extension-not-created",
        "enum-new-value",
        "alembic-concurrently",
    ],
    explain: "Seen as: `Target database is not up to date.`, `column users.username does not exist`.\n\
        Cause: revisions came with a pull and were not run.\n\
        Proof: the version table's rows against the graph of the revision files.\n\
        Fix: runs what is pending, under devdb's lock.\n\
        Keeps: all rows that the revisions do not change themselves; `devdb snapshot save NAME` keeps a way back.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let first = sample::chain(picture).revisions[0].id.clone();
        sample::database(picture).versions = Observed::Known(vec![first]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let Some(database) = picture.server.known().and_then(|server| server.database.known()) else {
        return Ok(Vec::new());
    };
    let applied = database.versions.look()?.map_or(&[][..], Vec::as_slice);
    let pending = chain.pending(applied);
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let at = if applied.is_empty() { "empty".to_owned() } else { format!("at `{}`", applied.join("`, `")) };
    let message = format!("`{}` is {at}, {} behind", database.name, counted(pending.len(), "revision"));
    let mut finding = Finding::new(message);
    for revision in pending.iter().take(SHOWN) {
        finding = finding.at(&revision.at, format!("{}  {}", revision.id, revision.message));
    }
    if pending.len() > SHOWN {
        finding = finding.seen(format!("and {} more", pending.len() - SHOWN));
    }
    Ok(vec![finding.confirm(Step::Upgrade.describe(), vec![Step::Upgrade])])
}
