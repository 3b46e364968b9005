//! Linux: the kernel is asked for the listening sockets alone (`sock_diag(7)`). Reading `/proc/net/tcp`, as most tools do,
//! walks its table of connections, which takes milliseconds even where there are none.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;

use super::Named;
use crate::model::server::{Listener, Process};
use crate::wire::files;

/// What the kernel puts into one message at most.
const MESSAGE: usize = 32 << 10;

/// A listening socket, as the kernel has it.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    address: SocketAddr,
    user: u32,
    inode: u64,
}

pub(super) fn listening(named: Named) -> Result<Vec<Listener>, String> {
    let sockets = asked().or_else(|why| {
        tracing::debug!(why, "the kernel does not answer sock_diag; reading /proc/net");
        read()
    })?;
    let user = nix::unistd::geteuid();
    // A service manager's socket is root's, whoever the process is that it was handed to.
    let handed = |socket: &Socket| socket.user == 0 && named != Named::All;
    let readable = |socket: &&Socket| user.is_root() || socket.user == user.as_raw() || handed(socket);
    let wanted = sockets.iter().filter(|socket| named.wants(socket.address.port())).filter(readable);
    let mut processes = processes(wanted.map(|socket| socket.inode).collect());
    let listener = |socket: Socket| Listener { address: socket.address, process: processes.remove(&socket.inode) };
    Ok(sockets.into_iter().map(listener).collect())
}

fn asked() -> Result<Vec<Socket>, String> {
    let mut socket = netlink_sys::Socket::new(NETLINK_SOCK_DIAG).map_err(|error| error.to_string())?;
    socket.bind_auto().map_err(|error| error.to_string())?;
    socket.connect(&netlink_sys::SocketAddr::new(0, 0)).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for (family, any) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::LISTEN,
            socket_id: any,
        };
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let mut packet = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        socket.send(&bytes, 0).map_err(|error| error.to_string())?;
        answers(&socket, &mut found)?;
    }
    Ok(found)
}

/// Takes the answers to one request, until the kernel says that these are all.
fn answers(socket: &netlink_sys::Socket, found: &mut Vec<Socket>) -> Result<(), String> {
    loop {
        let mut bytes = Vec::with_capacity(MESSAGE);
        socket.recv(&mut bytes, 0).map_err(|error| error.to_string())?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(|error| error.to_string())?;
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX).next_multiple_of(4);
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    let id = &response.header.socket_id;
                    found.push(Socket {
                        address: (id.source_address, id.source_port).into(),
                        user: response.header.uid,
                        inode: response.header.inode.into(),
                    });
                }
                // What goes wrong during a dump is said at its end.
                NetlinkPayload::Done(done) if done.code < 0 => {
                    return Err(std::io::Error::from_raw_os_error(done.code.saturating_neg()).to_string());
                }
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_string()),
                _ => {}
            }
            rest = rest.get(length.max(1)..).unwrap_or_default();
        }
    }
}

/// Reads the sockets where the kernel cannot be asked, as in some containers.
fn read() -> Result<Vec<Socket>, String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(files::read_proc);
    if tables.iter().all(String::is_empty) {
        return Err("/proc/net/tcp cannot be read".to_owned());
    }
    Ok(tables.iter().flat_map(|table| table.lines().filter_map(line)).collect())
}

/// A line of `/proc/net/tcp` (proc(5)) when its socket listens: state `0A`, address in host byte order.
fn line(line: &str) -> Option<Socket> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    if state != "0A" {
        return None;
    }
    let user = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
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
    let address: IpAddr = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => four.into(),
        Err(_sixteen) => <[u8; 16]>::try_from(bytes.as_slice()).ok()?.into(),
    };
    Some(Socket { address: (address, port).into(), user, inode })
}

/// Returns the processes that hold these sockets, by inode. The search goes from the oldest process on, and ends with
/// the last socket that is found: the first to hold one is the one that listens, not a worker that it forked.
fn processes(mut wanted: Vec<u64>) -> BTreeMap<u64, Process> {
    let mut found = BTreeMap::new();
    for pid in files::processes() {
        if wanted.is_empty() {
            break;
        }
        let held = files::sockets_of(pid);
        let (here, elsewhere) = wanted.into_iter().partition(|inode| held.contains(inode));
        wanted = elsewhere;
        for inode in here {
            let name = files::read_proc(&format!("/proc/{pid}/comm")).trim_end().to_owned();
            found.insert(inode, Process { pid, name });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Socket, asked, line, read};

    #[test]
    fn listening_lines_are_read() {
        let four =
            "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 4711 1 0 100 0";
        let expected = |address: &str| Some(Socket { address: address.parse().unwrap(), user: 101, inode: 4711 });
        assert_eq!(line(four), expected("127.0.0.1:5432"));
        let six = "   0: 00000000000000000000000001000000:1539 00000000000000000000000000000000:0000 0A \
                   00000000:00000000 00:00000000 00000000   101        0 4711 1 0 100 0";
        assert_eq!(line(six), expected("[::1]:5433"));
        assert_eq!(line("0: 0100007F:1538 00000000:0000 01 0:0 00:0 0 101 0 4711"), None);
    }

    #[test]
    fn the_kernel_and_its_table_agree() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let of = |all: Vec<Socket>| all.into_iter().find(|socket| socket.address == address).unwrap();
        // Some containers forbid to ask.
        if let Ok(asked) = asked() {
            assert_eq!(of(asked), of(read().unwrap()));
        }
    }
}
