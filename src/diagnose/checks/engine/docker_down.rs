//! `docker-down`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "docker-down",
    title: "The container engine runs",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Compose],
    follows: &["localhost-in-container", "docker-permission"],
    explain: "Seen as: `Cannot connect to the Docker daemon at unix:///var/run/docker.sock`.\n\
        Cause: Docker (Desktop, Colima, OrbStack, rootless) is not started, or DOCKER_HOST or the context names a socket that is gone.\n\
        Proof: the socket that the `docker` command would use is absent or nobody listens, and the database does not answer either.\n\
        Fix: start the engine. devdb does not start system services.\n\
        Keeps: everything; containers and volumes are there when it starts.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.engine.outcome = EngineOutcome::NotRunning { why: "there is no socket".to_owned() };
        picture.server = Observed::Unknown("refused".to_owned());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    // A project whose database answers without the engine does not miss it.
    if facts::logged_in(picture) || picture.database_service().is_none() {
        return Ok(Vec::new());
    }
    let why = match &picture.engine.outcome {
        EngineOutcome::NotRunning { why } | EngineOutcome::Misconfigured { why } => why,
        // Where the database answers, a silent engine is a busy one.
        EngineOutcome::NoAnswer { why } if facts::answers(picture) => {
            return Err(Unknown(format!("the container engine did not answer in time: {why}")));
        }
        EngineOutcome::NoAnswer { why } if !picture.engine.address.is_empty() => why,
        _ => return Ok(Vec::new()),
    };
    let mut finding = Finding::new(format!("the container engine does not answer: {why}")).seen(asked(picture));
    if let Some(service) = picture.database_service() {
        finding = finding.at(&service.at, format!("service `{}` would run there", service.name));
    }
    if let Some((_, command)) = STARTED_BY.iter().find(|(part, _)| picture.engine.address.contains(part)) {
        let podman = picture.engine.address.starts_with("unix:///run/");
        let command = if podman { "systemctl --user start podman.socket" } else { *command };
        let other =
            picture.engine.named_by.contains("DOCKER_HOST").then_some("unset DOCKER_HOST   # for another engine");
        let commands: Vec<&str> = std::iter::once(command).chain(other).collect();
        return Ok(vec![finding.manual("start the engine", &commands)]);
    }
    let named = picture.engine.named_by.contains("DOCKER_HOST") || picture.engine.named_by.contains("context");
    Ok(vec![if named {
        finding.manual("start the engine, or choose another", &["unset DOCKER_HOST", "docker context use default"])
    } else {
        finding.manual(
            "start Docker (on Linux: the command below; elsewhere: Docker Desktop, Colima or OrbStack)",
            &["sudo systemctl start docker"],
        )
    }])
}

/// What starts an engine, by a part of its socket's path.
const STARTED_BY: [(&str, &str); 5] = [
    (".docker/run/", "open -a Docker   # Docker Desktop"),
    (".docker/desktop/", "systemctl --user start docker-desktop"),
    (".colima/", "colima start"),
    (".orbstack/", "orb start"),
    ("podman", "podman machine start"),
];

fn asked(picture: &Picture) -> String {
    let probe = &picture.engine;
    if probe.address.is_empty() {
        return format!("named by {}", probe.named_by);
    }
    format!("asked {}, named by {}", probe.address, probe.named_by)
}
