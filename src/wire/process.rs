//! Other programs, started so that they end with us and never see a secret on their command line.
#![expect(clippy::disallowed_methods, reason = "this is where processes are started")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    /// The last lines that it printed, both streams together.
    pub tail: Vec<String>,
}

impl Exit {
    /// Returns whether it ended with 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

const TAIL: usize = 60;

/// Runs `command` through the shell, in a process group of its own that is ended when the future is dropped.
/// Every line that it prints is handed to `line`.
pub async fn run_shell(
    command: &str,
    directory: &Path,
    environment: &[(String, String)],
    line: &mut dyn FnMut(String),
) -> std::io::Result<Exit> {
    let mut program = shell(command);
    program.current_dir(directory).envs(environment.iter().map(|(key, value)| (key, value)));
    start(program, line).await
}

/// A program to run without a shell.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The program and its arguments.
    pub words: Vec<OsString>,
    pub directory: PathBuf,
    /// Set beside what devdb has itself.
    pub environment: Vec<(String, String)>,
    /// Taken out of it.
    pub removed: Vec<OsString>,
    /// The user and the group to run as, where that is another than our own.
    pub owner: Option<(u32, u32)>,
}

/// Runs a program as [`run_shell`] runs a command.
pub async fn run(wanted: &Program, line: &mut dyn FnMut(String)) -> std::io::Result<Exit> {
    let (name, arguments) = wanted.words.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut program = Command::new(name);
    program.args(arguments).current_dir(&wanted.directory).stdin(Stdio::null());
    for key in &wanted.removed {
        program.env_remove(key);
    }
    program.envs(wanted.environment.iter().map(|(key, value)| (key, value)));
    #[cfg(unix)]
    if let Some((user, group)) = wanted.owner {
        program.uid(user).gid(group);
    }
    start(program, line).await
}

async fn start(mut program: Command, line: &mut dyn FnMut(String)) -> std::io::Result<Exit> {
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    program.process_group(0);
    let mut child = program.spawn()?;
    let leash = child.stdin.take();
    let exit = follow(Group(child), line).await;
    if let Some(mut leash) = leash
        && let Err(error) = leash.write_all(b"over\n").await
    {
        tracing::debug!(%error, "the command's watcher is gone");
    }
    exit
}

/// Runs a program quietly with a deadline; returns its standard output when it succeeded.
pub async fn output(program: &str, arguments: &[&str], directory: &Path, deadline: Duration) -> Option<String> {
    let bytes = output_bytes(program, arguments, directory, deadline).await?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// The same for output that is no text, or whose ends count.
pub async fn output_bytes(program: &str, arguments: &[&str], directory: &Path, deadline: Duration) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let done = tokio::time::timeout(deadline, command.output()).await.ok()?.ok()?;
    done.status.success().then_some(done.stdout)
}

/// Starts this program again with other arguments, and leaves it to itself: in a process group of its own, so that what
/// ends this run does not end it, and silent.
pub fn detach(words: &[OsString]) -> std::io::Result<()> {
    let mut program = std::process::Command::new(std::env::current_exe()?);
    program.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut program, 0);
    program.spawn().map(drop)
}

/// Runs the command with a watcher beside it, which reads what devdb holds the other end of: a line says that the
/// command is over, the end of the stream that devdb was killed, and then the whole group is. The watcher is no child of
/// the shell, so that the command's own `wait` does not wait for it.
#[cfg(unix)]
fn shell(command: &str) -> Command {
    const LEASH: &str = "exec 3<&0 </dev/null; ( { read -r _ <&3 || kill -KILL 0; } >/dev/null 2>&1 & ); exec 3<&-";
    let mut program = Command::new("/bin/sh");
    program.args(["-c", &format!("{LEASH}\n{command}")]).stdin(Stdio::piped());
    program
}

#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut program = Command::new("cmd");
    program.args(["/C", command]).stdin(Stdio::null());
    program
}

/// A child whose whole group ends with it.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()) {
            let group = nix::unistd::Pid::from_raw(pid);
            if let Err(error) = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL) {
                tracing::debug!(%error, "the process group was gone already");
            }
        }
        #[cfg(not(unix))]
        if let Err(error) = self.0.start_kill() {
            tracing::debug!(%error, "the process was gone already");
        }
    }
}

async fn follow(mut group: Group, line: &mut dyn FnMut(String)) -> std::io::Result<Exit> {
    let (sender, mut lines) = mpsc::unbounded_channel();
    if let Some(stdout) = group.0.stdout.take() {
        tokio::spawn(read_lines(stdout, sender.clone()));
    }
    if let Some(stderr) = group.0.stderr.take() {
        tokio::spawn(read_lines(stderr, sender.clone()));
    }
    drop(sender);
    let mut tail: std::collections::VecDeque<String> = std::collections::VecDeque::new();
    let mut keep = |text: String, line: &mut dyn FnMut(String)| {
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(text.clone());
        line(text);
    };
    let status = loop {
        tokio::select! {
            Some(text) = lines.recv() => keep(text, line),
            status = group.0.wait() => break status?,
        }
    };
    // A grandchild may hold the pipes open: what is there now is read, and no more is waited for.
    let rest = async {
        while let Some(text) = lines.recv().await {
            keep(text, line);
        }
    };
    if tokio::time::timeout(Duration::from_millis(300), rest).await.is_err() {
        tracing::debug!("a background process keeps the command's output open");
    }
    Ok(Exit { code: status.code(), tail: tail.into() })
}

async fn read_lines(stream: impl tokio::io::AsyncRead + Unpin, sender: mpsc::UnboundedSender<String>) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match reader.read_until(b'\n', &mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
        if sender.send(text).is_err() {
            return;
        }
    }
}
