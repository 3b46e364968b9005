//! Who holds a port of this machine.

use crate::wire::sockets;

/// Returns the process that listens on a port, by name and pid; nothing when none is seen.
pub(super) fn holder(port: u16) -> Option<String> {
    let process = sockets::holder(port)?;
    Some(format!("`{}` (pid {})", process.name, process.pid))
}

/// Returns the port that an engine's message says is taken.
pub(super) fn taken(message: &str) -> Option<u16> {
    let message = message.to_ascii_lowercase();
    let reasons = ["port is already allocated", "address already in use", "ports are not available"];
    if !reasons.iter().any(|reason| message.contains(reason)) {
        return None;
    }
    // `Bind for 127.0.0.1:5433 failed`, `listen tcp4 0.0.0.0:5433: bind`, `exposing port TCP 0.0.0.0:5433 ->`
    message.split_whitespace().find_map(|word| {
        let (address, port) = word.trim_end_matches([':', ',', '.']).rsplit_once(':')?;
        let looks_like_address = address.contains('.') || address.contains(']') || address.is_empty();
        looks_like_address.then(|| port.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::taken;

    #[test]
    fn the_taken_port_is_read_out_of_messages() {
        let check = |message: &str, expect: Option<u16>| assert_eq!(taken(message), expect, "{message}");
        check("driver failed: Bind for 127.0.0.1:5433 failed: port is already allocated", Some(5433));
        check("Error starting userland proxy: listen tcp4 0.0.0.0:5432: bind: address already in use", Some(5432));
        check("Ports are not available: exposing port TCP 0.0.0.0:5434 -> 0.0.0.0:0: listen tcp", Some(5434));
        check("no such image: postgres:17", None);
    }
}
