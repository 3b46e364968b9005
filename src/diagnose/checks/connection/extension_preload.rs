//! `extension-preload`

use super::super::prelude::*;
use crate::model::health::Extension;
#[cfg(test)]
use crate::model::health::Settings;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "extension-preload",
    title: "Extensions that start with the server are started",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `pg_stat_statements must be loaded via shared_preload_libraries` (55000); `extension \"timescaledb\" must be preloaded`.\n\
        Cause: the extension is there, and the server was started without its library; `CREATE EXTENSION` alone does not load it.\n\
        Proof: extensions of this sort that are created, or that a migration creates, and `shared_preload_libraries`, which only a superuser \
        may read.\n\
        Fix: by hand: the setting, and a restart.\n\
        Keeps: all data; the restart ends every session.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let extension = Extension { name: "pg_stat_statements".to_owned(), installed: true, permitted: true };
        let health = sample::health(picture);
        health.extensions = vec![extension];
        health.settings = Observed::Known(Settings::default());
    },
};

/// Their own documentations ask for it.
const PRELOADED: [&str; 9] = [
    "citus",
    "pg_cron",
    "pg_net",
    "pg_qualstats",
    "pg_stat_kcache",
    "pg_stat_monitor",
    "pg_stat_statements",
    "pgaudit",
    "timescaledb",
];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, _, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let Some(settings) = health.settings.look()? else { return Ok(Vec::new()) };
    let created = facts::created_extensions(picture);
    let wanted =
        |it: &&Extension| PRELOADED.contains(&it.name.as_str()) && (it.installed || created.contains_key(&it.name));
    let name_of = |it: &'_ String| it.strip_prefix("$libdir/").unwrap_or(it).to_owned();
    let loaded: Vec<String> = settings.preloaded.iter().map(name_of).collect();
    let loaded: Vec<&str> = loaded.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    let missing: Vec<&Extension> =
        health.extensions.iter().filter(wanted).filter(|it| !loaded.contains(&it.name.as_str())).collect();
    let mut findings = Vec::new();
    for extension in &missing {
        let name = &extension.name;
        let mut finding = Finding::new(format!("the server was started without the library of `{name}`"));
        finding = match created.get(name) {
            Some(at) => finding.at(at, "creates the extension"),
            None => finding.seen("the extension is created in this database"),
        };
        // Citus and TimescaleDB want to be the first, Citus before all (their documentation).
        let mut all: Vec<&str> = missing.iter().map(|it| it.name.as_str()).chain(loaded.iter().copied()).collect();
        all.sort_by_key(|name| match *name {
            "citus" => 0,
            "timescaledb" => 1,
            _ => 2,
        });
        finding = finding.seen(format!("shared_preload_libraries = '{}'", settings.preloaded.join(",")));
        let commands = match (facts::own_container(picture, server), picture.database_service()) {
            (Some(container), Some(service)) => {
                let given = container.command.join(" ");
                let command = if given.starts_with("postgres") { given.as_str() } else { "postgres" };
                let set = format!("-c shared_preload_libraries={}", all.join(","));
                vec![
                    format!("command: {command} {set}   # under the service `{}`", service.name),
                    facts::recreate_command(picture),
                ]
            }
            (container, _) => {
                let quoted: Vec<String> = all.iter().map(|name| format!("'{name}'")).collect();
                let set = format!("ALTER SYSTEM SET shared_preload_libraries = {}", quoted.join(", "));
                let restart = container.map_or_else(
                    || "sudo systemctl restart postgresql   # or as you start it".to_owned(),
                    |container| format!("docker restart {}", container.name),
                );
                vec![facts::superuser_command(picture, "postgres", &[&set]), restart]
            }
        };
        let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
        findings.push(finding.manual("load it when the server starts", &commands));
    }
    Ok(findings)
}
