//! `table-denied`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "table-denied",
    title: "The app's role may read the tables",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `permission denied for table users` (42501).\n\
        Cause: the tables were made by another role, which gave yours no privilege: a dump restored as `postgres`, a migration run with \
        another URL.\n\
        Proof: tables and views on the search path, of which the role may read no column (`has_any_column_privilege`).\n\
        Fix: a superuser grants them, or gives the tables to the role where it migrates, too.\n\
        Keeps: all rows, and the privileges of others.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::health(picture).denied = vec!["users".to_owned()],
};

/// Named in the finding.
const SHOWN: usize = 5;

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, database, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    if health.denied.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = health.denied.iter().take(SHOWN).map(String::as_str).collect();
    let more = if health.denied.len() > SHOWN { ", and more" } else { "" };
    let role = ident(&server.role.name);
    let message = format!("role `{}` may not read {} of `{}`", server.role.name, tables(&health.denied), database.name);
    let mut finding = Finding::new(message).seen(format!("{}{more}", names.join(", ")));
    let owners: BTreeSet<&str> = health
        .foreign
        .iter()
        .filter(|(name, _)| health.denied.contains(name))
        .map(|(_, owner)| owner.as_str())
        .collect();
    for owner in owners {
        finding = finding.seen(format!("they belong to `{owner}`"));
    }
    let grants: Vec<String> = schemas(&health.denied)
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

fn tables(denied: &[String]) -> String {
    counted(denied.len(), "table")
}

/// Returns the schemas of relations; those without one are in the first of the search path.
fn schemas(names: &[String]) -> BTreeSet<&str> {
    names.iter().map(|name| name.rsplit_once('.').map_or("public", |(schema, _)| schema)).collect()
}
