//! Elsewhere, a library knows whom to ask.

use super::Named;
use crate::model::server::{Listener, Process};

pub(super) fn listening(_named: Named) -> Result<Vec<Listener>, String> {
    let all = listeners::get_all().map_err(|error| error.to_string())?;
    let tcp = all.into_iter().filter(|listener| {
        listener.protocol == listeners::Protocol::TCP && listener.state == listeners::SocketState::Listen
    });
    Ok(tcp
        .map(|listener| Listener {
            address: listener.socket,
            process: Some(Process { pid: listener.process.pid, name: listener.process.name }),
        })
        .collect())
}
