//! `alembic-concurrently`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-concurrently",
    title: "Indexes are built concurrently outside of a transaction",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: `CREATE INDEX CONCURRENTLY cannot run inside a transaction block` (25001).\n\
        Cause: Alembic runs revisions in a transaction, and `postgresql_concurrently=True` asks for what none may hold.\n\
        Proof: the revision's text, which has no `autocommit_block()`, and an `env.py` that does not switch to AUTOCOMMIT.\n\
        Fix: by hand: `with op.get_context().autocommit_block():` around it.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let made = crate::parse::sql_ddl::of_sql("create index concurrently i on users (name)", 12);
        sample::operations(picture)[1].up.extend(made);
        sample::database(picture).versions = Observed::Known(vec!["a1".to_owned()]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(operations) = picture.operations.look()? else { return Ok(Vec::new()) };
    if picture.chain.known().is_some_and(|chain| chain.config.autocommits) {
        return Ok(Vec::new());
    }
    // What is applied went through somehow.
    let applied = facts::applied(picture)?.map(|(chain, rows)| {
        let pending = chain.pending(rows);
        chain
            .revisions
            .iter()
            .filter(|it| pending.iter().all(|other| other.id != it.id))
            .map(|it| it.id.clone())
            .collect::<Vec<_>>()
    });
    let is_applied = |id: &String| applied.as_ref().is_some_and(|ids| ids.contains(id));
    let mut findings = Vec::new();
    for migration in operations.iter().filter(|migration| !migration.autocommits && !is_applied(&migration.revision)) {
        let concurrent = |operation: &&crate::model::operation::Operation| {
            matches!(&operation.action, Action::CreateIndex(index) if index.concurrently) && !operation.conditional
        };
        let Some(operation) = migration.up.iter().find(concurrent) else { continue };
        findings.push(
            Finding::new(format!(
                "revision `{}` builds an index concurrently, inside of a transaction",
                migration.revision
            ))
            .at(&Place::new(&migration.file, operation.line), operation.source.clone())
            .manual("step out of the transaction for it", &["with op.get_context().autocommit_block():"]),
        );
    }
    Ok(findings)
}
