//! `sql-dirty`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "sql-dirty",
    title: "No SQL migration was left half done",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::SqlChain, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `Dirty database version 3. Fix and force version.` (golang-migrate), `P3009 … failed migrations in the\n\
        target database` (Prisma), `Detected failed migration to version 3` (Flyway), `migration 3 is partially applied` (sqlx).\n\
        Cause: a migration failed where no transaction could undo it, or its process was killed.\n\
        Proof: the tool's own table marks the row.\n\
        Fix: see what it left, then say where the database stands: `devdb migrate stamp`; or reset.\n\
        Keeps: what the half of the migration left; a reset keeps the old database for `devdb undo`.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::sql(picture);
        sample::applied(picture)[1].state = State::Unfinished;
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((chain, rows)) = facts::sql_applied(picture)? else { return Ok(Vec::new()) };
    let Some(row) = dirty(rows) else { return Ok(Vec::new()) };
    let version = visible(&row.version);
    let mut finding = Finding::new(format!("version `{version}` was begun and not finished")).seen(format!(
        "{} marks it, and {} goes no further",
        chain.table.quoted(),
        chain.tool
    ));
    let at = chain.migrations.iter().position(|migration| migration.version == row.version);
    if let Some(migration) = at.and_then(|at| chain.migrations.get(at)) {
        finding = finding.at(&Place::new(&migration.file, 0), migration.message.clone());
    }
    let before = at.and_then(|at| chain.migrations.get(at.checked_sub(1)?)).map_or("base", |it| it.version.as_str());
    let none = format!("devdb migrate stamp {before}   # nothing of it is in the database");
    let all = format!("devdb migrate stamp {version}   # all of it is");
    Ok(vec![finding.manual("see what it left, then say where the database stands", &[&none, &all])])
}
