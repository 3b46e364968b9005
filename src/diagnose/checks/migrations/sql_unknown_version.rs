//! `sql-unknown-version`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "sql-unknown-version",
    title: "Every applied SQL migration has its file",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::SqlChain, Need::Server],
    follows: &["wrong-server", "db-missing", "sql-chain-fault"],
    explain: "Seen as: `migration 20240101 was previously applied but is missing in the resolved migrations` (sqlx),\n\
        `no migration found for version 3` (golang-migrate), `applied migration not resolved locally` (Flyway).\n\
        Cause: the database was migrated on another git branch, whose files you do not have now.\n\
        Proof: a row of the tool's own table that no file has.\n\
        Fix: go back to that branch and migrate down there; or reset.\n\
        Keeps: with the reset the old database, for `devdb undo`; what migrates down loses what it drops.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::sql(picture);
        sample::applied(picture).push(AppliedMigration { version: "9".to_owned(), ..AppliedMigration::default() });
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((chain, rows)) = facts::sql_applied(picture)? else { return Ok(Vec::new()) };
    let unknown: Vec<String> = chain.unknown(rows).into_iter().map(visible).collect();
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let finding = Finding::new(format!("the database has version `{}`, which no file has", unknown.join("`, `")))
        .at(&Place::new(&chain.directory, 0), format!("the migrations of {}", chain.tool));
    let search = unknown.iter().map(|version| format!("git log --all --oneline -- '*{version}*'"));
    let search = search.collect::<Vec<_>>().join("; ");
    Ok(vec![
        finding
            .manual("return to the branch that has it and migrate down there, or rebuild", &[&search, "devdb reset"]),
    ])
}
