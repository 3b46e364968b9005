//! `port-reserved`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "port-reserved",
    title: "Windows does not keep the database's port for itself",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: `An attempt was made to access a socket in a way forbidden by its access permissions`, and nobody listens on the port.\n\
        Cause: Windows (Hyper-V's NAT) reserves ranges of ports at its start, which nobody else may bind.\n\
        Proof: the engine's own error.\n\
        Fix: by hand: reserve the port before Windows does, or publish on another one.\n\
        Keeps: everything; a reservation wants an administrator.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.listeners = Observed::Known(Vec::new());
        let state = &mut sample::container(picture).state;
        state.status = "created".to_owned();
        state.error = format!(
            "Ports are not available: exposing port TCP 0.0.0.0:5432: bind: An attempt was made to access a socket in a way {FORBIDDEN}"
        );
    },
};

/// The end of what Windows says for WSAEACCES (10013).
const FORBIDDEN: &str = "forbidden by its access permissions";

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container() else { return Ok(Vec::new()) };
    if container.is_running() || !container.state.error.contains(FORBIDDEN) {
        return Ok(Vec::new());
    }
    let port = facts::wanted_port(picture).unwrap_or(crate::model::target::DEFAULT_PORT);
    if !picture.listeners_on(port).is_empty() {
        return Ok(Vec::new());
    }
    let mut finding =
        Finding::new(format!("Windows reserved port {port}, which {} wants", facts::container_name(container)));
    if let Some((_, mapping)) = picture.database_service().and_then(facts::fixed_port) {
        finding = finding.at(&mapping.at, format!("asks for host port {port}"));
    }
    let finding = finding.seen(facts::engine_says(&container.state.error));
    Ok(vec![finding.manual(
        "in an administrator's PowerShell, take the port before Windows does; or publish on another one",
        &[
            "netsh interface ipv4 show excludedportrange protocol=tcp",
            "net stop winnat",
            &format!("netsh int ipv4 add excludedportrange protocol=tcp startport={port} numberofports=1"),
            "net start winnat",
        ],
    )])
}
