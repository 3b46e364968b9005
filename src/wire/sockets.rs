//! The listening TCP sockets of this machine and the processes behind them.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

use crate::model::server::{Listener, Process};

/// Which listeners' processes are wanted: finding them costs more than finding the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// All that may be known.
    All,
    /// Those of the sockets on this port.
    Port(u16),
}

impl Named {
    #[cfg(target_os = "linux")]
    fn wants(self, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Port(wanted) => wanted == port,
        }
    }
}

/// Returns every listening TCP socket, each address once. One whose process belongs to another user, or was not asked
/// for, has no process; of a server that forked its workers it is the first.
///
/// # Errors
/// Why the system's table cannot be read, in words.
pub fn listening(named: Named) -> Result<Vec<Listener>, String> {
    let mut found = system::listening(named)?;
    let pid = |listener: &Listener| listener.process.as_ref().map_or(u32::MAX, |process| process.pid);
    found.sort_by_key(|listener| (listener.address, pid(listener)));
    found.dedup_by_key(|listener| listener.address);
    Ok(found)
}

/// Returns the process that listens on a port; nothing when none is seen.
#[must_use]
pub fn holder(port: u16) -> Option<Process> {
    let all = listening(Named::Port(port)).ok()?;
    let holders = all.into_iter().filter(|listener| listener.address.port() == port);
    holders.filter_map(|listener| listener.process).min_by_key(|process| process.pid)
}

#[cfg(test)]
mod tests {
    use super::{Named, holder, listening};

    #[test]
    fn a_socket_of_this_process_is_found_with_its_name() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = std::net::TcpListener::bind(address) else { continue };
            let address = socket.local_addr().unwrap();
            let of = |named| {
                let all = listening(named).unwrap();
                all.into_iter().find(|listener| listener.address == address).unwrap().process
            };
            let own = std::process::id();
            assert_eq!(of(Named::Port(address.port())).unwrap().pid, own);
            assert_eq!(of(Named::All).unwrap().pid, own);
            assert_eq!(of(Named::Port(1)).is_some(), cfg!(not(target_os = "linux")), "not asked for");
            assert_eq!(holder(address.port()).unwrap().pid, own);
        }
    }
}
