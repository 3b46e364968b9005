//! `sql-behind`

use super::super::prelude::*;

/// Pending migrations shown by name.
const SHOWN: usize = 5;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "sql-behind",
    title: "Every SQL migration is applied",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::SqlChain, Need::Server],
    follows: &[
        "wrong-server",
        "db-missing",
        "sql-chain-fault",
        "sql-dirty",
        "sql-unknown-version",
        "extension-unavailable",
        "extension-not-created",
        "enum-new-value",
    ],
    explain: "Seen as: `relation \"orders\" does not exist`, `column users.username does not exist`.\n\
        Cause: migrations came with a pull and were not run.\n\
        Proof: the files against the rows of the tool's own table.\n\
        Fix: `devdb migrate up` runs them as the tool would.\n\
        Keeps: all rows that the migrations do not change themselves; `devdb snapshot save NAME` keeps a way back.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::sql(picture);
        sample::database(picture).history = Observed::Known(Vec::new());
    },
};

/// Tables besides the tool's own.
fn foreign_tables(picture: &Picture) -> u32 {
    let database = picture.server.known().and_then(|server| server.database.known());
    let Some(database) = database else { return 0 };
    let tables = database.tables.known().copied().unwrap_or_default();
    if database.history == Observed::Absent { tables } else { tables.saturating_sub(1) }
}

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((chain, rows)) = facts::sql_applied(picture)? else { return Ok(Vec::new()) };
    let pending = chain.pending(rows);
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let tables = foreign_tables(picture);
    let at = match chain.current(rows) {
        Some(migration) => format!("at `{}`", migration.version),
        None if tables > 0 => "without a version".to_owned(),
        None => "empty".to_owned(),
    };
    let count = counted(pending.len(), "migration");
    let mut finding = Finding::new(format!("the database is {at}, {count} of {} behind", chain.tool));
    for migration in pending.iter().take(SHOWN) {
        finding = finding.at(&Place::new(&migration.file, 0), migration.message.clone());
    }
    if pending.len() > SHOWN {
        finding = finding.seen(format!("and {} more", pending.len() - SHOWN));
    }
    if rows.is_empty() && tables > 0 {
        let tables = counted(tables as usize, "table");
        let finding = finding.seen(format!("it has {tables} that no migration made: running them would meet those"));
        return Ok(vec![
            finding.manual("rebuild from the chain; the old database is kept for `devdb undo`", &["devdb reset"]),
        ]);
    }
    Ok(vec![finding.confirm(Step::Upgrade.describe(), vec![Step::Upgrade])])
}
