//! `alembic-unstamped`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-unstamped",
    title: "The database says which revision it is at",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `relation \"users\" already exists` at the first revision; `column users.username does not exist` in the app, while\n\
        `alembic current` prints nothing.\n\
        Cause: the tables were made by `create_all()`, which adds no columns to tables that exist, and no version was stamped.\n\
        Proof: tables of your own, and no row in the version table.\n\
        Fix: rebuild from the chain; or, when its schema is a revision's exactly, which `devdb drift` says, stamp that.\n\
        Keeps: with a reset the old database, for `devdb undo`; with a stamp everything: only the version table is \
        written.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::database(picture).versions = Observed::Absent,
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(chain), Some(database)) =
        (picture.chain.known(), picture.server.known().and_then(|server| server.database.known()))
    else {
        return Ok(Vec::new());
    };
    let stamped = database.versions.look()?.is_some_and(|rows| !rows.is_empty());
    let tables = database.tables.look()?.copied().unwrap_or_default();
    let own = if database.versions == Observed::Absent { tables } else { tables.saturating_sub(1) };
    if stamped || own == 0 || chain.revisions.is_empty() {
        return Ok(Vec::new());
    }
    let table = &chain.config.version_table;
    let why = if database.versions == Observed::Absent {
        format!("there is no `{table}`")
    } else {
        format!("`{table}` is empty")
    };
    let finding =
        Finding::new(format!("`{}` has {} that no migration made", database.name, counted(own as usize, "table")))
            .seen(format!("{why}: `create_all()` made them, or a dump without its version"));
    let finding = match chain.heads().first() {
        Some(head) => finding
            .at(&head.at, format!("the chain has {} up to `{}`", counted(chain.revisions.len(), "revision"), head.id)),
        None => finding,
    };
    Ok(vec![finding.manual(
        "compare the tables with the chain, and record the revision that they are of, with which all rows stay; or rebuild",
        &[
            "devdb drift   # says which revision they are of, and the command that records it",
            "devdb reset   # the old database is kept for `devdb undo`",
        ],
    )])
}
