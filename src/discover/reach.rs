//! What answers on the target's addresses, asked in the protocol's own words: an open port proves nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::model::picture::Picture;
use crate::model::server::{Endpoint, Reach, Reply};
use crate::model::target::{Host, Target};

/// PostgreSQL documentation, "Message Formats": `SSLRequest`, length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Returns what each address of the target's first host answers, all asked at once.
pub(super) async fn look(target: &Target, deadline: Duration) -> Reach {
    let name = match target.host() {
        Host::Socket(directory) => {
            let path = directory.join(format!(".s.PGSQL.{}", target.port()));
            let reply = ask_socket(&path, deadline).await;
            let sockets =
                if matches!(reply, Reply::Postgres { .. }) { Vec::new() } else { sockets(&path, deadline).await };
            let endpoint = Endpoint { shown: path.display().to_string(), address: None, reply };
            return Reach { endpoints: vec![endpoint], sockets, ..Reach::default() };
        }
        Host::Tcp(name) => name,
    };
    let addresses: Vec<SocketAddr> = match timeout(deadline, lookup_host((name.as_str(), target.port()))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return Reach { unresolved: Some(error.to_string()), ..Reach::default() },
        Err(_elapsed) => {
            let why = format!("no answer from the resolver within {} s", deadline.as_secs_f32());
            return Reach { unresolved: Some(why), ..Reach::default() };
        }
    };
    let asked = addresses.into_iter().map(|address| async move {
        Endpoint { shown: address.to_string(), address: Some(address), reply: ask(address, deadline).await }
    });
    Reach { endpoints: futures_util::future::join_all(asked).await, ..Reach::default() }
}

/// Where servers have their sockets: as they are built, as Debian and Red Hat package them, and as macOS did.
const SOCKET_FOLDERS: [&str; 4] = ["/run/postgresql", "/var/run/postgresql", "/tmp", "/var/pgsql_socket"];

/// Returns the other sockets of this machine on which a server answers.
async fn sockets(target: &Path, deadline: Duration) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        SOCKET_FOLDERS.iter().flat_map(|folder| crate::wire::files::sockets_in(Path::new(folder))).collect();
    // `/var/run` is `/run`.
    let mut seen: Vec<PathBuf> = Vec::new();
    found.retain(|path| {
        let real = path.canonicalize().unwrap_or_else(|_gone| path.clone());
        let new = path != target && !seen.contains(&real);
        seen.push(real);
        new
    });
    let asked = found
        .into_iter()
        .take(NEARBY)
        .map(|path| async move { matches!(ask_socket(&path, deadline).await, Reply::Postgres { .. }).then_some(path) });
    futures_util::future::join_all(asked).await.into_iter().flatten().collect()
}

/// How many other ports are asked.
const NEARBY: usize = 8;

/// The ports that people give to PostgreSQL: those around 5432, 15432 and its like, and Supabase's.
fn is_usual(port: u16) -> bool {
    (5400..5600).contains(&port) || port % 10_000 == 5432 || (54_320..54_330).contains(&port)
}

/// Returns where PostgreSQL answers on the usual ports of this machine, where nobody listens on the target's.
pub(super) async fn nearby(picture: &Picture, port: u16, deadline: Duration) -> Vec<SocketAddr> {
    // A socket that is not there.
    let missing = |it: &Endpoint| it.address.is_none() && matches!(it.reply, Reply::Unreachable(_));
    let refused = |it: &Endpoint| it.reply == Reply::Refused || missing(it);
    let reach = &picture.reach;
    if reach.endpoints.is_empty() || !reach.endpoints.iter().all(refused) {
        return Vec::new();
    }
    let all = picture.listeners.known().map_or(&[][..], Vec::as_slice);
    let mut ports: Vec<u16> = all
        .iter()
        .filter(|listener| is_usual(listener.address.port()))
        .filter(|listener| listener.address.ip().is_loopback() || listener.address.ip().is_unspecified())
        .map(|listener| listener.address.port())
        .filter(|other| *other != port || reach.endpoints.iter().all(missing))
        .collect();
    ports.sort_unstable();
    ports.dedup();
    let asked = ports.into_iter().take(NEARBY).map(|port| async move {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        matches!(ask(address, deadline).await, Reply::Postgres { .. }).then_some(address)
    });
    futures_util::future::join_all(asked).await.into_iter().flatten().collect()
}

/// Returns the database's services that answer by their names: from inside of a container on their network, where nobody
/// listens on the target's port.
pub(super) async fn neighbours(picture: &Picture, deadline: Duration) -> Vec<String> {
    let refused = |it: &Endpoint| it.reply == Reply::Refused;
    if !picture.inside_container || !picture.reach.endpoints.iter().all(refused) {
        return Vec::new();
    }
    let asked = picture.database_services().into_iter().take(NEARBY).map(|service| async move {
        let port = service.inner_port();
        let found = timeout(deadline, lookup_host((service.name.as_str(), port))).await.ok()?.ok()?.next()?;
        matches!(ask(found, deadline).await, Reply::Postgres { .. }).then(|| service.name.clone())
    });
    futures_util::future::join_all(asked).await.into_iter().flatten().collect()
}

async fn ask(address: SocketAddr, deadline: Duration) -> Reply {
    let whole = async {
        match TcpStream::connect(address).await {
            Ok(stream) => converse(stream).await,
            Err(error) => refusal(&error),
        }
    };
    timeout(deadline, whole).await.unwrap_or(Reply::TimedOut)
}

#[cfg(unix)]
async fn ask_socket(path: &Path, deadline: Duration) -> Reply {
    let whole = async {
        match tokio::net::UnixStream::connect(path).await {
            Ok(stream) => converse(stream).await,
            Err(error) => refusal(&error),
        }
    };
    timeout(deadline, whole).await.unwrap_or(Reply::TimedOut)
}

#[cfg(not(unix))]
async fn ask_socket(_path: &Path, _deadline: Duration) -> Reply {
    Reply::Unreachable("unix sockets are not asked on this system".to_owned())
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Reply {
    if stream.write_all(&SSL_REQUEST).await.is_err() {
        return Reply::Closed;
    }
    let mut bytes = [0_u8; 32];
    match stream.read(&mut bytes).await {
        Ok(0) | Err(_) => Reply::Closed,
        Ok(length) => match bytes.get(..length).unwrap_or_default() {
            [b'S'] => Reply::Postgres { tls: true },
            // `E`: a server so old, or so full, that it answers with an error at once.
            [b'N'] | [b'E', ..] => Reply::Postgres { tls: false },
            other => Reply::Foreign(other.escape_ascii().to_string()),
        },
    }
}

fn refusal(error: &io::Error) -> Reply {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Reply::Refused,
        io::ErrorKind::TimedOut => Reply::TimedOut,
        _ => Reply::Unreachable(error.to_string()),
    }
}
