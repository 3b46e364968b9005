//! A program whose output goes by: passed on as it comes, byte for byte, while somebody reads along. Where our own stream is
//! a terminal the program gets one too, so that it prints as it would without us.
#![expect(clippy::disallowed_methods, reason = "this is where the program is started")]

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// A piece of output.
#[derive(Debug)]
pub struct Piece {
    pub to_stderr: bool,
    pub bytes: Vec<u8>,
}

/// So many pieces may wait for a slow terminal; then the program waits, as it would without us.
const PIECES: usize = 16;

/// A running program.
#[derive(Debug)]
pub struct Watched {
    child: Child,
    #[cfg(unix)]
    interrupted: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminated: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hung_up: tokio::signal::unix::Signal,
    #[cfg(unix)]
    resized: tokio::signal::unix::Signal,
    /// Our sides of the terminals that it has.
    #[cfg(unix)]
    terminals: Vec<std::fs::File>,
}

impl Watched {
    /// Starts a program in `folder`, with our own standard input, and returns it with what it writes.
    pub fn start(words: &[OsString], folder: &Path) -> io::Result<(Self, mpsc::Receiver<Piece>)> {
        let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let (sender, pieces) = mpsc::channel(PIECES);
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        let out = end(io::stdout().is_terminal())?;
        let err = end(io::stderr().is_terminal())?;
        #[cfg(unix)]
        let terminals = [&out, &err].into_iter().filter_map(|it| it.2.as_ref()?.try_clone().ok()).collect();
        command.stdout(out.1).stderr(err.1);
        let child = command.spawn()?;
        // Its ends of the streams are closed with this, so that ours end when it does.
        drop(command);
        copy(out.0, false, sender.clone());
        copy(err.0, true, sender);
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let watched = Self {
                child,
                interrupted: signal(SignalKind::interrupt())?,
                terminated: signal(SignalKind::terminate())?,
                hung_up: signal(SignalKind::hangup())?,
                resized: signal(SignalKind::window_change())?,
                terminals,
            };
            Ok((watched, pieces))
        }
        #[cfg(not(unix))]
        Ok((Self { child }, pieces))
    }

    /// Waits for its end, and passes on what we are asked: a terminal interrupts the program itself.
    #[cfg(unix)]
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        use nix::sys::signal::Signal;
        let pid = self.child.id();
        loop {
            tokio::select! {
                ended = self.child.wait() => return ended,
                _ = self.interrupted.recv() => if !io::stdin().is_terminal() { send(pid, Signal::SIGINT) },
                _ = self.terminated.recv() => send(pid, Signal::SIGTERM),
                _ = self.hung_up.recv() => send(pid, Signal::SIGHUP),
                _ = self.resized.recv() => self.resize(pid),
            }
        }
    }

    /// Gives its terminals our size; those are not the ones that control it, so it is told.
    #[cfg(unix)]
    fn resize(&self, pid: Option<u32>) {
        for terminal in &self.terminals {
            if let Err(error) = rustix::termios::tcsetwinsize(terminal, size()) {
                tracing::debug!(%error, "the terminal keeps its size");
            }
        }
        if !self.terminals.is_empty() {
            send(pid, nix::sys::signal::Signal::SIGWINCH);
        }
    }

    #[cfg(not(unix))]
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

#[cfg(unix)]
fn send(pid: Option<u32>, signal: nix::sys::signal::Signal) {
    let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) else { return };
    if let Err(error) = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal) {
        tracing::debug!(%error, "it has ended already");
    }
}

/// Our end of a stream, the program's, and ours again where it is a terminal.
type End = (Box<dyn Read + Send>, Stdio, Option<std::fs::File>);

/// Returns our end of a stream, and the program's.
#[cfg(unix)]
fn end(terminal: bool) -> io::Result<End> {
    if terminal {
        use nix::pty::{Winsize, openpty};
        use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
        let ours = size();
        let size = Winsize { ws_row: ours.ws_row, ws_col: ours.ws_col, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None)?;
        // What it writes comes through as it is.
        let mut modes = tcgetattr(&pair.slave)?;
        cfmakeraw(&mut modes);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &modes)?;
        let master = std::fs::File::from(pair.master);
        return Ok((Box::new(master.try_clone()?), Stdio::from(pair.slave), Some(master)));
    }
    let (reader, writer) = io::pipe()?;
    Ok((Box::new(reader), Stdio::from(writer), None))
}

#[cfg(not(unix))]
fn end(_terminal: bool) -> io::Result<End> {
    let (reader, writer) = io::pipe()?;
    Ok((Box::new(reader), Stdio::from(writer), None))
}

/// The size of our own terminal.
#[cfg(unix)]
fn size() -> rustix::termios::Winsize {
    let ours = if io::stdout().is_terminal() { console::Term::stdout() } else { console::Term::stderr() };
    let (rows, columns) = ours.size();
    rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn copy(mut from: Box<dyn Read + Send>, to_stderr: bool, sender: mpsc::Sender<Piece>) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        // A terminal whose other side is gone ends with an error.
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = buffer.get(..count).unwrap_or_default().to_vec();
            if sender.blocking_send(Piece { to_stderr, bytes }).is_err() {
                return;
            }
        }
    });
}
