//! Ports that a developer's `.env` may name and that are not `PostgreSQL`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Returns a port that nothing listens on, for now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A port that answers nothing, not even the connection: its queue is full and nobody accepts.
pub(crate) struct BlackholePort {
    listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackholePort {
    pub(crate) fn open() -> Self {
        let listener = super::block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            socket.listen(1).unwrap().into_std().unwrap()
        });
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        // The kernel takes one or two more than it was told; then it drops what comes.
        for _ in 0..32 {
            match TcpStream::connect_timeout(&address, Duration::from_millis(150)) {
                Ok(stream) => queue.push(stream),
                Err(_full) => return Self { listener, _queue: queue },
            }
        }
        panic!("the queue of a listening socket never filled up");
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }
}

/// A port with something else behind it.
pub(crate) struct OtherPort {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl OtherPort {
    /// A web server, which takes `PostgreSQL`'s greeting for a bad request.
    pub(crate) fn http() -> Self {
        Self::serve(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }

    /// Accepts and hangs up at once, as a proxy does whose target is gone.
    pub(crate) fn closing() -> Self {
        Self::serve(b"")
    }

    /// Speaks the protocol, and refuses with an error of this many bytes that begins with what would clear a screen.
    pub(crate) fn flooding(bytes: usize) -> Self {
        let mut fields = b"SFATAL\0VFATAL\0C28000\0M\x1b[2J\x1b]0;pwned\x07".to_vec();
        fields.resize(fields.len() + bytes, b'A');
        fields.extend(b"\0\0");
        let mut error = vec![b'E'];
        error.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
        error.extend(fields);
        Self::converse(move |stream| {
            let mut request = [0; 1024];
            // No TLS; then whatever the login is, it is refused.
            for answer in [b"N".as_slice(), error.as_slice()] {
                if stream.read(&mut request).unwrap_or_default() == 0 || stream.write_all(answer).is_err() {
                    return;
                }
            }
        })
    }

    fn converse(talk: impl Fn(&mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let server = std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                drop(stream.set_read_timeout(Some(Duration::from_secs(2))));
                talk(&mut stream);
            }
        });
        Self { address, ended, server: Some(server) }
    }

    fn serve(answer: &'static [u8]) -> Self {
        Self::converse(move |stream| {
            if !answer.is_empty() {
                // What is left unread would turn the closing into a reset, which would eat the answer.
                drop(stream.set_read_timeout(Some(Duration::from_millis(500))));
                drop(stream.read(&mut [0; 1024]));
                drop(stream.write_all(answer));
            }
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for OtherPort {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the server so that it sees the flag.
        drop(TcpStream::connect(self.address));
        if let Some(server) = self.server.take() {
            drop(server.join());
        }
    }
}
