//! `not-owner`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "not-owner",
    title: "The app's role owns the tables",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `must be owner of table users` (42501) at a migration, `permission denied for table users` in the app.\n\
        Cause: the tables were made by another role: a dump restored as `postgres`, a migration run with another URL.\n\
        Proof: the owners of tables, views and sequences, of which the role that logged in is no member.\n\
        Fix: a superuser gives them to the app's role.\n\
        Keeps: all rows, and the privileges of others; who owned them may no longer alter them.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::health(picture).foreign = vec![("users".to_owned(), "postgres".to_owned())],
};

/// Named in the finding.
const SHOWN: usize = 5;

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, database, Health { foreign, denied, .. })) = facts::health(picture)? else {
        return Ok(Vec::new());
    };
    // With those that it may not even read, `table-denied` deals.
    let told = |name: &String| denied.iter().any(|(_, other)| other == name);
    let foreign: Vec<&(String, String)> = foreign.iter().filter(|(name, _)| !told(name)).collect();
    if foreign.is_empty() {
        return Ok(Vec::new());
    }
    let owners: BTreeSet<&String> = foreign.iter().map(|(_, owner)| owner).collect();
    let names: Vec<&str> = foreign.iter().take(SHOWN).map(|(name, _)| name.as_str()).collect();
    let more = if foreign.len() > SHOWN { ", and more" } else { "" };
    let list: Vec<String> = owners.iter().map(|owner| format!("`{owner}`")).collect();
    let role = ident(&server.role.name);
    let statements: Vec<String> =
        foreign.iter().map(|(name, _)| format!("ALTER TABLE {name} OWNER TO {role}")).collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    let commands: Vec<String> =
        statements.chunks(SHOWN).map(|some| facts::superuser_command(picture, &database.name, some)).collect();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    Ok(vec![
        Finding::new(format!("role `{}` does not own what is in `{}`", server.role.name, database.name))
            .seen(format!("{}{more} belong to {}", names.join(", "), list.join(", ")))
            .manual("have a superuser give them to it", &commands),
    ])
}
