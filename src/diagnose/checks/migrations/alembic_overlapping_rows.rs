//! `alembic-overlapping-rows`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-overlapping-rows",
    title: "The version table names each branch once",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain, Need::Server],
    follows: &["wrong-server", "db-missing", "alembic-unknown-revision", "alembic-missing-parent", "alembic-cycle"],
    explain: "Seen as: `Requested revision … overlaps with other requested revisions`.\n\
        Cause: two heads were applied, and then one was put behind the other (a rebase, a changed `down_revision`): the \
        table still has a row for both.\n\
        Proof: a row of the version table that is an ancestor of another row.\n\
        Fix: stamp the later one alone; the schema is right, only the table says it twice.\n\
        Keeps: schema and rows; only the version table changes.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let ids: Vec<String> = sample::chain(picture).revisions.iter().map(|revision| revision.id.clone()).collect();
        sample::database(picture).versions = Observed::Known(ids);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((chain, applied)) = facts::applied(picture)? else { return Ok(Vec::new()) };
    let Some((row, enough)) = chain.overlapping(applied) else { return Ok(Vec::new()) };
    let message = format!("the version table holds `{row}` beside a revision that follows it");
    let mut finding = Finding::new(message);
    for revision in applied.iter().filter_map(|id| chain.find(id)) {
        finding = finding.at(&revision.at, format!("{}  {}", revision.id, revision.message));
    }
    let command = format!("devdb migrate stamp --purge {}", enough.join(" "));
    Ok(vec![finding.manual("tell the same revisions once", &[&command])])
}
