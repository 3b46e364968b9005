//! `alembic-stamped-empty`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-stamped-empty",
    title: "What the version says was made is there",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain, Need::Server],
    follows: &["wrong-server", "db-missing", "alembic-unknown-revision"],
    explain: "Seen as: `relation \"users\" does not exist` in the app, while `alembic upgrade head` finds nothing to do.\n\
        Cause: `alembic stamp head` on an empty database, or tables that were dropped with the version table left.\n\
        Proof: a row in the version table, no other table, and a chain that creates some up to there.\n\
        Fix: rebuild from the chain.\n\
        Keeps: the old database, for `devdb undo`; there is no table that could lose rows.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::database(picture).tables = Observed::Known(1),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(chain), Some(database)) =
        (picture.chain.known(), picture.server.known().and_then(|server| server.database.known()))
    else {
        return Ok(Vec::new());
    };
    let rows = database.versions.look()?.map_or(&[][..], Vec::as_slice);
    let tables = database.tables.look()?.copied().unwrap_or_default();
    if rows.is_empty() || tables > 1 {
        return Ok(Vec::new());
    }
    let pending: BTreeSet<&str> = chain.pending(rows).iter().map(|revision| revision.id.as_str()).collect();
    let read = picture.operations.known().map_or(&[][..], Vec::as_slice);
    let creates =
        |operation: &&crate::model::operation::Operation| matches!(operation.action, Action::CreateTable { .. });
    let made = read
        .iter()
        .filter(|migration| !pending.contains(migration.revision.as_str()))
        .find_map(|migration| Some((migration, migration.up.iter().find(creates)?)));
    let Some((migration, operation)) = made else { return Ok(Vec::new()) };
    let Action::CreateTable { table, .. } = &operation.action else { return Ok(Vec::new()) };
    let at = Place::new(&migration.file, operation.line);
    Ok(vec![
        Finding::new(format!("`{}` is at `{}` and has no table", database.name, rows.join("`, `")))
            .at(&at, format!("revision {} makes {}", migration.revision, table.name))
            .manual("rebuild from the chain", &["devdb reset"]),
    ])
}
