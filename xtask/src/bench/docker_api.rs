//! The container engine's HTTP API, as much of it as the bench needs: no Docker client has to be installed.
//!
//! Requests are HTTP/1.0, which the engine answers with a plain body and a closed connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// An answer: its status and its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// What is sent along with a request.
pub(crate) struct Body<'a> {
    pub(crate) kind: &'a str,
    pub(crate) length: u64,
    pub(crate) bytes: &'a mut dyn Read,
}

/// Sends one request to the engine at `host` (`unix:///…` or `tcp://…`) and waits for its answer.
pub(crate) fn request(host: &str, line: &str, body: Option<Body<'_>>) -> io::Result<Answer> {
    if let Some(path) = host.strip_prefix("unix://") {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(Duration::from_mins(2)))?;
        exchange(stream, line, body)
    } else if let Some(address) = host.strip_prefix("tcp://") {
        let stream = TcpStream::connect(address.trim_end_matches('/'))?;
        stream.set_read_timeout(Some(Duration::from_mins(2)))?;
        exchange(stream, line, body)
    } else {
        Err(io::Error::other(format!("the bench speaks to unix:// and tcp:// engines, not to {host}")))
    }
}

fn exchange(mut stream: impl Read + Write, line: &str, body: Option<Body<'_>>) -> io::Result<Answer> {
    let sent = send(&mut stream, line, body);
    let mut all = Vec::new();
    let received = stream.read_to_end(&mut all);
    // An engine that refuses hangs up in the middle of the body; its answer says more than the broken pipe.
    parse(&all).ok_or_else(|| {
        let why = sent.and(received.map(drop)).err();
        why.unwrap_or_else(|| io::Error::other("the engine's answer is not HTTP"))
    })
}

fn send(mut stream: impl Write, line: &str, body: Option<Body<'_>>) -> io::Result<()> {
    write!(stream, "{line} HTTP/1.0\r\nHost: docker\r\n")?;
    if let Some(body) = body {
        write!(stream, "Content-Type: {}\r\nContent-Length: {}\r\n\r\n", body.kind, body.length)?;
        io::copy(body.bytes, &mut stream)?;
    } else {
        write!(stream, "\r\n")?;
    }
    stream.flush()
}

fn parse(all: &[u8]) -> Option<Answer> {
    let end = all.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (all.get(..end)?, all.get(end + 4..)?);
    let status = std::str::from_utf8(head).ok()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let answer = parse(b"HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n{\"message\":\"x\"}").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"{\"message\":\"x\"}".as_slice()));
        assert!(parse(b"not http").is_none());
    }
}
