//! Runs devdb with a cleared environment, as if on a machine of its own.
//!
//! Whatever a run prints is searched for every registered password. Without [`Sandbox::with_docker`] there is no
//! engine, so that a test does not depend on what else runs on the machine.

use super::project::Project;
use super::{bench, secrets};
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_mins(2);

/// A way to run devdb; each method returns it changed, and a clone can be run again and again.
#[derive(Clone)]
pub(crate) struct Sandbox {
    program: String,
    directory: PathBuf,
    home: Arc<TempDir>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    stdin: Option<String>,
    terminal: Option<(u16, u16)>,
    scanned: Vec<PathBuf>,
    may_show_secrets: bool,
    limit: Duration,
}

/// What a run left.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// The exit code; 128 + the number of the signal that ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Sandbox {
    pub(crate) fn new(project: &Project) -> Self {
        Self::at(project.path())
    }

    /// A sandbox whose current directory is any other.
    pub(crate) fn at(directory: &Path) -> Self {
        let home = tempfile::Builder::new().prefix("devdb-home-").tempdir().unwrap();
        std::fs::create_dir(home.path().join("tmp")).unwrap();
        let path = bench::path().to_string_lossy().into_owned();
        let environment = [
            ("PATH", path),
            ("HOME", home.path().display().to_string()),
            ("TMPDIR", home.path().join("tmp").display().to_string()),
            ("LANG", "C.UTF-8".to_owned()),
            // Without it, a reset leaves a child behind, which makes the spare.
            ("CI", "true".to_owned()),
            ("COLUMNS", "100".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value));
        Self {
            program: env!("CARGO_BIN_EXE_devdb").to_owned(),
            directory: directory.to_owned(),
            home: Arc::new(home),
            arguments: Vec::new(),
            environment: environment.to_vec(),
            stdin: None,
            terminal: None,
            scanned: Vec::new(),
            may_show_secrets: false,
            limit: LIMIT,
        }
        .no_docker()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs in a directory of the project.
    pub(crate) fn current_dir(mut self, relative: &str) -> Self {
        self.directory = self.directory.join(relative);
        self
    }

    /// Runs another program than devdb, in the same way.
    pub(crate) fn program(mut self, program: &str) -> Self {
        program.clone_into(&mut self.program);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Sets a variable, in place of what it was.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self = self.env_remove(key);
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn env_remove(mut self, key: &str) -> Self {
        self.environment.retain(|(name, _)| name != key);
        self
    }

    /// Points the Docker client's variable at a socket that is not there.
    pub(crate) fn no_docker(self) -> Self {
        let nowhere = format!("unix://{}/no-docker.sock", self.home().display());
        self.env("DOCKER_HOST", &nowhere)
    }

    /// Points it at the bench's engine.
    pub(crate) fn with_docker(self) -> Self {
        let engine = bench::engine().expect("a test with Docker asks for it first");
        self.env("DOCKER_HOST", &engine.host)
    }

    /// What is typed, or piped in; nothing by default.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// Gives it a real terminal of that size; everything it prints then arrives in `stdout`, colours included.
    pub(crate) fn in_terminal(mut self, columns: u16, rows: u16) -> Self {
        self.terminal = Some((columns, rows));
        self.env("TERM", "xterm-256color").env_remove("COLUMNS")
    }

    /// After the run, searches this file for passwords too.
    pub(crate) fn scan_file(mut self, file: &Path) -> Self {
        self.scanned.push(file.to_owned());
        self
    }

    /// For commands whose answer is the password.
    pub(crate) fn may_show_secrets(mut self) -> Self {
        self.may_show_secrets = true;
        self
    }

    /// Kills the run, and fails the test, after this long.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(&self) -> Output {
        self.spawn().wait()
    }

    /// Starts it and returns it running.
    pub(crate) fn spawn(&self) -> Running {
        let mut command = self.command();
        // Its own group, so that a kill reaches what it started, and a signal meant for it does not reach us.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdin = child.stdin.take();
        if let (Some(text), Some(pipe)) = (&self.stdin, stdin.as_mut()) {
            // It may end without reading.
            drop(pipe.write_all(text.as_bytes()));
        }
        // A terminal's input stays open while its program runs; a pipe ends.
        if self.terminal.is_none() {
            stdin = None;
        }
        let stdout = Reader::start(child.stdout.take().expect("piped"));
        let stderr = Reader::start(child.stderr.take().expect("piped"));
        Running { sandbox: self.clone(), child, started, stdout, stderr, terminal_input: stdin, ended: false }
    }

    fn command(&self) -> Command {
        let program = self.program.as_str();
        let mut command = match self.terminal {
            None => {
                let mut command = Command::new(program);
                command.args(&self.arguments);
                command
            }
            Some((columns, rows)) => {
                let words: Vec<String> = std::iter::once(program)
                    .chain(self.arguments.iter().map(String::as_str))
                    .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
                    .collect();
                let line = format!("stty cols {columns} rows {rows}; exec {}", words.join(" "));
                let mut command = Command::new("script");
                command
                    .args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"])
                    .env("SHELL", "/bin/sh");
                command
            }
        };
        let shell = self.terminal.map(|_| ("SHELL".to_owned(), "/bin/sh".to_owned()));
        command.current_dir(&self.directory).env_clear().envs(self.environment.iter().cloned()).envs(shell);
        command
    }
}

/// Reads a pipe on a thread of its own, so that no full pipe blocks the program.
struct Reader {
    all: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Reader {
    fn start(mut pipe: impl std::io::Read + Send + 'static) -> Self {
        let all = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&all);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal that is gone is an error to read from; for us it is the end as well.
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                shared.lock().unwrap().extend_from_slice(buffer.get(..length).unwrap());
            }
        });
        Self { all, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.all.lock().unwrap()).into_owned()
    }

    /// Returns everything. A process that devdb left in the background may hold the pipe open: that is not waited for.
    fn finish(&self) -> String {
        let started = Instant::now();
        while !self.thread.is_finished() && started.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.so_far()
    }
}

/// devdb, running. Dropped while it runs, it is killed.
pub(crate) struct Running {
    sandbox: Sandbox,
    child: Child,
    started: Instant,
    stdout: Reader,
    stderr: Reader,
    terminal_input: Option<ChildStdin>,
    ended: bool,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed until now.
    pub(crate) fn stdout_so_far(&self) -> String {
        self.stdout.so_far()
    }

    pub(crate) fn stderr_so_far(&self) -> String {
        self.stderr.so_far()
    }

    /// True when it is not running any more.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has printed `text`, also as a prompt that ends no line.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        let started = Instant::now();
        loop {
            let silent = self.stdout.thread.is_finished() && self.stderr.thread.is_finished();
            if self.stdout.so_far().contains(text) || self.stderr.so_far().contains(text) {
                return;
            }
            let patient = !silent && started.elapsed() < self.sandbox.limit;
            assert!(patient, "it did not say {text:?}{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Types into its terminal; `"y\r"` is y and Enter.
    #[track_caller]
    pub(crate) fn type_text(&mut self, text: &str) {
        let terminal = self.terminal_input.as_mut().expect("started with in_terminal");
        terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()).unwrap();
    }

    fn said(&self) -> String {
        format!("\n--- stdout\n{}\n--- stderr\n{}", self.stdout.finish(), self.stderr.finish())
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal(nix::sys::signal::Signal::SIGINT);
    }

    /// Sends any signal to it alone.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(self.as_pid(), signal).unwrap();
    }

    /// `kill -9`, to it alone: what it started lives on, as it would for a user.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    fn as_pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    fn kill_group(&mut self) {
        if nix::sys::signal::killpg(self.as_pid(), nix::sys::signal::Signal::SIGKILL).is_err() {
            // The group is not there yet, or no more.
            drop(self.child.kill());
        }
    }

    /// Waits for its end; kills it and panics with what it printed when it takes too long.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Output {
        let status = self.wait_status();
        let took = self.started.elapsed();
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        let Some(status) = status else {
            panic!("{:?} did not end in {took:?}{}", self.sandbox.arguments, self.said());
        };
        if !self.sandbox.may_show_secrets {
            let what = format!("devdb {}", self.sandbox.arguments.join(" "));
            secrets::assert_none_in(&format!("stdout of `{what}`"), &stdout);
            secrets::assert_none_in(&format!("stderr of `{what}`"), &stderr);
        }
        for file in &self.sandbox.scanned {
            let mut bytes = Vec::new();
            std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)).unwrap();
            secrets::assert_none_in(&file.display().to_string(), &String::from_utf8_lossy(&bytes));
        }
        Output { code: exit_code(status), stdout, stderr, took }
    }

    fn wait_status(&mut self) -> Option<ExitStatus> {
        while self.started.elapsed() < self.sandbox.limit {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.ended = true;
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill_group();
        drop(self.child.wait());
        self.ended = true;
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.kill_group();
            drop(self.child.wait());
        }
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

impl Output {
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code{self}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_stdout_has(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "stdout lacks {text:?}{self}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_stderr_has(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "stderr lacks {text:?}{self}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_lacks(&self, text: &str) -> &Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "it says {text:?}{self}");
        self
    }

    /// Returns stdout read as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is not JSON: {error}{self}"))
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "\n--- code {} in {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.code, self.took, self.stdout, self.stderr
        )
    }
}
