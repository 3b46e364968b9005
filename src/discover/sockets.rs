//! The listening sockets of this machine and the processes behind them.

use std::time::Duration;

use crate::model::observed::Observed;
use crate::model::server::{Listener, Process};

/// A look that has begun, on a thread of its own.
pub(super) type Looking = tokio::task::JoinHandle<Result<Vec<Listener>, String>>;

/// Begins to look at every listening TCP socket.
pub(super) fn begin() -> Looking {
    tokio::task::spawn_blocking(read)
}

/// Returns every listening TCP socket. A socket of another user's process has no process here.
pub(super) async fn look(looking: Looking, deadline: Duration) -> Observed<Vec<Listener>> {
    match tokio::time::timeout(deadline, looking).await {
        Ok(Ok(Ok(found))) => Observed::Known(found),
        Ok(Ok(Err(why))) => Observed::Unknown(format!("the socket table cannot be read: {why}")),
        Ok(Err(error)) => Observed::Unknown(format!("the socket table cannot be read: {error}")),
        Err(_elapsed) => Observed::Unknown("the socket table took too long".to_owned()),
    }
}

fn read() -> Result<Vec<Listener>, String> {
    let named = listeners::get_all().map_err(|error| error.to_string())?;
    let mut found: Vec<Listener> = named
        .into_iter()
        .filter(|listener| {
            listener.protocol == listeners::Protocol::TCP && listener.state == listeners::SocketState::Listen
        })
        .map(|listener| Listener {
            address: listener.socket,
            process: Some(Process { pid: listener.process.pid, name: listener.process.name }),
        })
        .collect();
    for address in anonymous() {
        if !found.iter().any(|listener| listener.address == address) {
            found.push(Listener { address, process: None });
        }
    }
    found.sort_by_key(|listener| (listener.address, listener.process.as_ref().map(|process| process.pid)));
    // A server that forked its workers shows each of them; the first process is the one that listens.
    found.dedup_by_key(|listener| listener.address);
    Ok(found)
}

/// The sockets that `/proc/net` lists for everyone, whosever they are.
#[cfg(target_os = "linux")]
fn anonymous() -> Vec<std::net::SocketAddr> {
    use crate::wire::files::read_proc;
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(read_proc);
    tables.iter().flat_map(|table| table.lines().filter_map(proc_line)).collect()
}

#[cfg(not(target_os = "linux"))]
fn anonymous() -> Vec<std::net::SocketAddr> {
    Vec::new()
}

/// A line of `/proc/net/tcp` (proc(5)) when its socket listens: state `0A`, address in host byte order.
#[cfg(target_os = "linux")]
fn proc_line(line: &str) -> Option<std::net::SocketAddr> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    if state != "0A" {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Option<Vec<[u8; 4]>> = address
        .as_bytes()
        .chunks(8)
        .map(|word| {
            let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
            Some(word.to_ne_bytes())
        })
        .collect();
    let bytes = words?.concat();
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some((four, port).into());
    }
    let sixteen = <[u8; 16]>::try_from(bytes.as_slice()).ok()?;
    Some((sixteen, port).into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::proc_line;

    #[test]
    fn listening_lines_are_read() {
        let line =
            "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101 0 1 1 0 100 0 0 10 0";
        assert_eq!(proc_line(line), Some("127.0.0.1:5432".parse().unwrap()));
        let six = "   0: 00000000000000000000000001000000:1539 00000000000000000000000000000000:0000 0A 0";
        assert_eq!(proc_line(six), Some("[::1]:5433".parse().unwrap()));
        assert_eq!(proc_line("0: 0100007F:1538 00000000:0000 01 x"), None);
    }
}
