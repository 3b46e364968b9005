//! `schema-no-create`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "schema-no-create",
    title: "The app's role may create tables",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `permission denied for schema public` (42501) at the first migration.\n\
        Cause: since PostgreSQL 15 only the database's owner may create in `public`; the database was made by another role.\n\
        Proof: `has_schema_privilege(current_schema(), 'create')` of the role that logged in.\n\
        Fix: make the role the database's owner, or let it create in the schema. A role that is only to read and write, \
        while another one migrates, needs neither.\n\
        Keeps: all data; the owner before it keeps its own tables.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::health(picture).closed_schema = Some("public".to_owned()),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, database, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let Some(schema) = &health.closed_schema else { return Ok(Vec::new()) };
    let (name, role) = (ident(&database.name), ident(&server.role.name));
    let commands = [
        facts::superuser_command(picture, "postgres", &[&format!("ALTER DATABASE {name} OWNER TO {role}")]),
        facts::superuser_command(
            picture,
            &database.name,
            &[&format!("GRANT CREATE ON SCHEMA {} TO {role}", ident(schema))],
        ),
    ];
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    Ok(vec![
        Finding::new(format!("role `{}` may not create tables in schema `{schema}`", server.role.name))
            .seen(format!("`{}` belongs to `{}`", database.name, database.owner))
            .manual("have a superuser make it the owner, or let it create there", &commands),
    ])
}
