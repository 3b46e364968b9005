//! `extension-unavailable`

use super::super::prelude::*;
#[cfg(test)]
use crate::parse::sql_ddl;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "extension-unavailable",
    title: "The server has the extensions that the migrations create",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `extension \"vector\" is not available` (0A000), `could not open extension control file`; or `permission denied to create\n\
        extension` (42501).\n\
        Cause: the image (or the system) lacks the extension's package: `postgres` has no `vector` and no `postgis`. Or the extension is not\n\
        trusted, and only a superuser may create it.\n\
        Proof: `CREATE EXTENSION` in a migration, and `pg_available_extensions` of the server.\n\
        Fix: an image or package that has it; or a superuser who creates it once, after which the migration finds it there.\n\
        Keeps: the volume, where the new image is of the same major and the same distribution; else its data want a \
        dump first.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let operations = sql_ddl::of_sql("create extension vector", 3);
        sample::operations(picture).iter_mut().take(1).for_each(|it| it.up = operations.clone());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, database, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for (name, at) in facts::created_extensions(picture) {
        let there = health.extensions.iter().find(|extension| extension.name == name);
        if there.is_some_and(|extension| extension.installed || extension.permitted) {
            continue;
        }
        let create = format!("CREATE EXTENSION {}", ident(&name));
        let command = facts::superuser_command(picture, &database.name, &[&create]);
        findings.push(if there.is_some() {
            Finding::new(format!("role `{}` may not create the extension `{name}`", server.role.name))
                .at(&at, "creates it")
                .seen("it is not trusted: only a superuser may")
                .manual("have a superuser create it; `IF NOT EXISTS` then finds it there", &[&command])
        } else {
            let finding = Finding::new(format!("the server has no extension `{name}`")).at(&at, "creates it");
            let (finding, fix) = source(picture, server, &name, finding);
            finding.manual("run a server that has it", &[&fix])
        });
    }
    Ok(findings)
}

/// Returns where the server comes from, as evidence, and what has the extension.
fn source(picture: &Picture, server: &crate::model::server::Server, name: &str, finding: Finding) -> (Finding, String) {
    let major = server.version_number / 10_000;
    let image = match name {
        "vector" => format!("image: pgvector/pgvector:pg{major}"),
        "postgis" | "postgis_raster" | "postgis_topology" => format!("image: postgis/postgis:{major}-3.5"),
        "timescaledb" => format!("image: timescale/timescaledb:latest-pg{major}"),
        _ => format!("an image of PostgreSQL {major} with the package of `{name}`"),
    };
    let package = match name {
        "vector" => format!("apt install postgresql-{major}-pgvector"),
        "postgis" | "postgis_raster" | "postgis_topology" => format!("apt install postgresql-{major}-postgis-3"),
        _ => format!("the package of `{name}` for PostgreSQL {major}"),
    };
    let written = picture.database_service().and_then(|service| service.image.as_ref());
    match (facts::own_container(picture, server), written) {
        (Some(container), Some(written)) => {
            (finding.at(&written.at, format!("{} runs `{}`", facts::container_name(container), written.value)), image)
        }
        (Some(container), None) => {
            (finding.seen(format!("{} runs `{}`", facts::container_name(container), container.image)), image)
        }
        (None, _) => (finding.seen(format!("PostgreSQL {} has not its files", server.version)), package),
    }
}
