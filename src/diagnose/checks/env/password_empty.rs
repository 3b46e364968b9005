//! `password-empty`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "password-empty",
    title: "A new volume gets a password",
    area: "env",
    severity: Severity::Error,
    needs: &[Need::Compose],
    follows: &["compose-invalid", "env-missing"],
    explain: "Seen as: `Error: Database is uninitialized and superuser password is not specified`, and a container that ends at once.\n\
        Cause: POSTGRES_PASSWORD is empty, mostly for a variable that is set nowhere, and the volume is new.\n\
        Proof: the value as Compose reads it, and a container that is not there or said so.\n\
        Fix: by hand: a password in the `.env` beside the Compose file, and the same in the app's URL.\n\
        Keeps: everything: there is no cluster yet.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::set_variable(picture, "POSTGRES_PASSWORD", "");
        let container = sample::container(picture);
        container.state.status = "exited".to_owned();
        container.state.exit_code = 1;
        container.log_tail = Observed::Known(vec![format!("Error: Database is uninitialized and {SAID}.")]);
        picture.server = Observed::Unknown("refused".to_owned());
        for endpoint in &mut picture.reach.endpoints {
            endpoint.reply = Reply::Refused;
        }
    },
};

/// What the official image's entrypoint says.
const SAID: &str = "superuser password is not specified";

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(service) = picture.database_service().filter(|_| !facts::logged_in(picture)) else {
        return Ok(Vec::new());
    };
    let given = |key: &str| service.variable(key).is_some_and(|value| !value.is_empty());
    let trusted = service.variable("POSTGRES_HOST_AUTH_METHOD").is_some_and(|value| value.reveal() == "trust");
    // What a service is built from may bring one.
    if service.build || trusted || given("POSTGRES_PASSWORD") || given("POSTGRES_PASSWORD_FILE") {
        return Ok(Vec::new());
    }
    let container = picture.container_of(&service.name);
    let log = container.and_then(|it| it.log_tail.known()).map_or(&[][..], Vec::as_slice);
    let said = log.iter().rev().find(|line| line.contains(SAID));
    // An old volume has its password, whatever stands there now.
    if said.is_none() {
        return Ok(Vec::new());
    }
    let message = format!("service `{}` is to make a database without a password", service.name);
    let entry = service.environment.get("POSTGRES_PASSWORD");
    let mut finding =
        Finding::new(message).at(entry.map_or(&service.at, |entry| &entry.at), "POSTGRES_PASSWORD is empty");
    let unset = picture.compose.known().into_iter().flat_map(|compose| &compose.variables);
    let here = |it: &&crate::model::compose::VariableUse| !it.defined && entry.is_some_and(|entry| entry.at == it.at);
    let variable = unset.into_iter().find(here).map(|it| it.name.clone());
    if let Some(name) = &variable {
        finding = finding.seen(format!("`{name}` is set nowhere"));
    }
    if let Some(line) = said {
        finding = finding.seen(format!("log: {}", line.trim()));
    }
    let line =
        format!("{}=…   # in the `.env` beside the Compose file", variable.as_deref().unwrap_or("POSTGRES_PASSWORD"));
    Ok(vec![finding.manual("give it one, and start it again", &[&line, "devdb up"])])
}
