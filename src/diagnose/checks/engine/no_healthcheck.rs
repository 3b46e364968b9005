//! `no-healthcheck`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "no-healthcheck",
    title: "Services wait until the database answers",
    area: "engine",
    severity: Severity::Info,
    needs: &[Need::Compose],
    follows: &[],
    explain: "Seen as: `connection refused` or `the database system is starting up` at the first `docker compose up`, and not at the second.\n\
        Cause: `depends_on: [db]` waits until the container starts, not until the server answers; the first start takes seconds more.\n\
        Proof: a service that depends on the database's without `condition: service_healthy`.\n\
        Fix: by hand: a health check, and the condition.\n\
        Keeps: the volume; the containers are made anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::add_dependent(picture),
};

/// Whether the service is one that tries until the database answers: consoles, poolers, exporters.
fn connects_again(service: &crate::model::compose::Service) -> bool {
    const IMAGES: [&str; 9] =
        ["adminer", "pgadmin", "pgweb", "dbgate", "cloudbeaver", "pgbouncer", "exporter", "grafana", "backup"];
    let image = service.image.as_ref().map_or("", |image| image.value.as_str());
    IMAGES.iter().any(|name| image.contains(name))
}

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(compose) = picture.compose.known() else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for database in picture.database_services().into_iter().filter(|it| it.is_active(&picture.profiles)) {
        let waits = |condition: &str| matches!(condition, "service_healthy" | "service_completed_successfully");
        let hasty: Vec<_> = compose
            .services
            .iter()
            .filter(|service| service.is_active(&picture.profiles) && !connects_again(service))
            .filter_map(|service| Some((service, service.depends_on.get(&database.name)?)))
            .filter(|(_, condition)| !waits(&condition.value))
            .collect();
        let Some((first, _)) = hasty.first() else { continue };
        let others = if hasty.len() > 1 { format!(" (and {} more)", hasty.len() - 1) } else { String::new() };
        let mut finding =
            Finding::new(format!("service `{}`{others} starts before `{}` answers", first.name, database.name));
        for (service, condition) in &hasty {
            finding = finding.at(&condition.at, format!("service `{}` waits for the container alone", service.name));
        }
        let user = database.variable("POSTGRES_USER").map(crate::model::secret::Secret::reveal);
        let user = shell_argument(user.filter(|user| !user.is_empty()).unwrap_or("postgres")).replace('$', "$$");
        let check = format!(
            "healthcheck: {{test: [\"CMD-SHELL\", \"pg_isready -h 127.0.0.1 -U {user}\"], interval: 2s, retries: 30}}   # under `{}`",
            database.name
        );
        let wait =
            format!("{}: {{condition: service_healthy}}   # in the `depends_on` of `{}`", database.name, first.name);
        let mut commands = vec![wait.as_str()];
        if database.healthcheck.is_none() {
            commands.insert(0, check.as_str());
        }
        findings.push(finding.manual("let it wait until the server answers", &commands));
    }
    Ok(findings)
}
