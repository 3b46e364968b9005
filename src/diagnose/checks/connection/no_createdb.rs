//! `no-createdb`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "no-createdb",
    title: "The app's role may create databases",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server"],
    explain: "Seen as: `permission denied to create database` (42501), Prisma's P3014.\n\
        Cause: the role has no CREATEDB. Test suites, Prisma's shadow database and `devdb reset` need it.\n\
        Proof: `pg_roles.rolcreatedb` of the role that logged in.\n\
        Fix: grants it, inside the container where there is one; or `devdb reset --in-place`, which does without.\n\
        Keeps: all roles and data; the role may then create and drop its own databases.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::server(picture).role.create_database = false,
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(server) = picture.server.known().filter(|server| !server.role.create_database) else {
        return Ok(Vec::new());
    };
    let role = &server.role.name;
    let finding = Finding::new(format!("role `{role}` may not create databases"))
        .seen("a reset can then only work in place, without a way back");
    let Some(container) = facts::own_container(picture, server).filter(|it| it.superuser() != role) else {
        let sql = facts::superuser_command(picture, "postgres", &[&format!("ALTER ROLE {} CREATEDB", ident(role))]);
        return Ok(vec![finding.manual("have a superuser grant it", &[&sql])]);
    };
    let statement = format!("alter role {} createdb", ident(role));
    let step = facts::as_superuser(container, statement, format!("give role `{role}` CREATEDB"));
    Ok(vec![finding.confirm(step.describe(), vec![step])])
}
