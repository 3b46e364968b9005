//! `table-denied`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "table-denied",
    title: "The app's role may use the tables",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `permission denied for table users` (42501).\n\
        Cause: the tables were made by another role, which gave yours no privilege: a dump restored as `postgres`, a migration run with \
        another URL.\n\
        Proof: tables and views on the search path, for which the role has no privilege at all (`has_any_column_privilege`, `has_table_privilege`).\n\
        Fix: a superuser grants them, or gives the tables to the role where it migrates, too.\n\
        Keeps: all rows, and the privileges of others.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::health(picture).denied = vec![("public".to_owned(), "users".to_owned())],
};

/// Named in the finding.
const SHOWN: usize = 5;

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, database, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    if health.denied.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = health.denied.iter().map(|(_, name)| name.as_str()).collect();
    let shown = names.get(..SHOWN.min(names.len())).unwrap_or_default().join(", ");
    let more = if names.len() > SHOWN { ", and more" } else { "" };
    let role = ident(&server.role.name);
    let message = format!(
        "role `{}` may do nothing with {} of `{}`",
        server.role.name,
        counted(names.len(), "table"),
        database.name
    );
    let mut finding = Finding::new(message).seen(format!("{shown}{more}"));
    let owners: BTreeSet<&str> = health
        .foreign
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(_, owner)| owner.as_str())
        .collect();
    for owner in owners {
        finding = finding.seen(format!("they belong to `{owner}`"));
    }
    let schemas: BTreeSet<&str> = health.denied.iter().map(|(schema, _)| schema.as_str()).collect();
    let grants: Vec<String> = schemas
        .into_iter()
        .flat_map(|schema| {
            [
                format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"),
                format!("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"),
            ]
        })
        .collect();
    let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
    let gifts: Vec<String> = names.iter().map(|name| format!("ALTER TABLE {name} OWNER TO {role}")).collect();
    let gifts: Vec<&str> = gifts.iter().map(String::as_str).collect();
    let grant = facts::superuser_command(picture, &database.name, &grants);
    let give =
        format!("{}   # instead, where it migrates, too", facts::superuser_command(picture, &database.name, &gifts));
    Ok(vec![finding.manual("have a superuser grant them, or give them to it", &[&grant, &give])])
}
