//! `sql-checksum`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "sql-checksum",
    title: "No applied SQL migration was edited since",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::SqlChain, Need::Server],
    follows: &["wrong-server", "db-missing", "sql-chain-fault"],
    explain: "Seen as: `migration 3 was previously applied but has been modified` (sqlx), `Migration checksum mismatch`\n\
        (Flyway), `The migration … was modified after it was applied` (Prisma).\n\
        Cause: a file was edited after it had run, or git wrote other line ends.\n\
        Proof: the checksum in the tool's own table against the file's, computed as the tool computes it.\n\
        Fix: undo the edit and write what it should do into a new migration; or reset, to build from the files as they are.\n\
        Keeps: the database, which has what ran; a reset keeps the old one for `devdb undo`.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::sql(picture);
        sample::applied(picture)[0].checksum = Some("other".to_owned());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((chain, rows)) = facts::sql_applied(picture)? else { return Ok(Vec::new()) };
    let edited = chain.edited(rows);
    if edited.is_empty() {
        return Ok(Vec::new());
    }
    let mut finding = Finding::new(format!("{} edited after being applied", counted(edited.len(), "migration")));
    for (migration, then) in &edited {
        let now = migration.checksum.as_deref().unwrap_or_default();
        let text = format!("applied as {}, is {} now", shortened(&visible(then), 12), shortened(now, 12));
        finding = finding.at(&Place::new(&migration.file, 0), text);
    }
    let files: Vec<String> = edited.iter().map(|(migration, _)| format!("'{}'", migration.file.display())).collect();
    let show = format!("git log --oneline -- {}", files.join(" "));
    Ok(vec![finding.manual("undo the edit, or rebuild from the files as they are", &[&show, "devdb reset"])])
}
