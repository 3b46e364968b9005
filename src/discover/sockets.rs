//! The listening sockets of this machine and the processes behind them.

use std::time::Duration;

use crate::model::observed::Observed;
use crate::model::server::Listener;
use crate::wire::sockets::{self, Named};

/// Returns every listening TCP socket.
pub(super) async fn look(named: Named, deadline: Duration) -> Observed<Vec<Listener>> {
    let looking = tokio::task::spawn_blocking(move || sockets::listening(named));
    match tokio::time::timeout(deadline, looking).await {
        Ok(Ok(Ok(found))) => Observed::Known(found),
        Ok(Ok(Err(why))) => Observed::Unknown(format!("the socket table cannot be read: {why}")),
        Ok(Err(error)) => Observed::Unknown(format!("the socket table cannot be read: {error}")),
        Err(_elapsed) => Observed::Unknown("the socket table took too long".to_owned()),
    }
}
