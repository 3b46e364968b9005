//! `index-invalid`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "index-invalid",
    title: "Every index is valid",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: queries that are slow all the same; `relation \"ix_users_email\" already exists` when the migration is run again;\n\
        duplicates that a unique index lets in.\n\
        Cause: `CREATE INDEX CONCURRENTLY` failed or was cut off, and left an index that is kept up and never used.\n\
        Proof: `pg_index.indisvalid` is false, and no session is building it.\n\
        Fix: build it again beside the running app, or drop it and run the migration once more. A unique one fails again\n\
        as long as there are duplicates.\n\
        Keeps: all rows; a dropped index is gone until its migration runs again.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::health(picture).invalid_indexes = vec!["ix_users_email".to_owned()],
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((_, _, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let finding = |name: &String| {
        let again = format!("devdb psql -c {}", shell_word(&format!("REINDEX INDEX CONCURRENTLY {name}")));
        let drop = format!("devdb psql -c {}", shell_word(&format!("DROP INDEX {name}")));
        Finding::new(format!("index `{name}` is invalid: its build did not finish"))
            .seen("it is kept up at every write, and no query uses it")
            .manual("build it again, or drop it and migrate again", &[&again, &drop])
    };
    Ok(health.invalid_indexes.iter().map(finding).collect())
}
