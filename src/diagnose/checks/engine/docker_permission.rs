//! `docker-permission`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "docker-permission",
    title: "This user may ask the container engine",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Compose],
    follows: &["localhost-in-container"],
    explain: "Seen as: `permission denied while trying to connect to the Docker daemon socket`.\n\
        Cause: your user is not in the socket's group, or was added to it and has not logged in again.\n\
        Proof: the socket is there, and opening it gives EACCES.\n\
        Fix: join the group and log in again; devdb does not change groups.\n\
        Keeps: everything; members of the group are as good as root on this machine.",
    detect,
    #[cfg(test)]
    breaks: |picture| picture.engine.outcome = EngineOutcome::PermissionDenied,
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    if !matches!(picture.engine.outcome, EngineOutcome::PermissionDenied) {
        return Ok(Vec::new());
    }
    let finding = Finding::new(format!("this user may not open {}", picture.engine.address));
    Ok(vec![finding.manual("join the `docker` group, then log in again", &["sudo usermod -aG docker \"$USER\""])])
}
