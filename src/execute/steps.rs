//! One command of the project, inside which devdb chooses the revisions: Python and the chain's files are loaded once,
//! and between two revisions the command waits while the schema is looked at.

use std::path::{Path, PathBuf};
use std::pin::Pin;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::Teller;
use super::chain::{failure, wrong_database};
use super::commands::{Ran, Runner};
use crate::error::{Error, Result};
use crate::model::event::Event;

const MODULE: &str = include_str!("../../templates/bridge/steps.py");

/// What asks for the models; also a program of its own.
pub(super) const MODELS: &str = include_str!("../../templates/bridge/models.py");

/// Which way revisions run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

/// What the command says of one question.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub ok: bool,
    /// The exception's class.
    pub kind: String,
    pub message: String,
    pub sqlstate: String,
    pub statement: String,
    /// The line that failed, or that of `downgrade`; 0 when it is not known.
    pub line: usize,
    /// The revision whose file it is; empty when it failed outside of them.
    pub revision: String,
    /// The innermost file and line.
    pub place: String,
    /// The revision raised by itself.
    pub deliberate: bool,
    /// Its `downgrade` does nothing.
    pub empty: bool,
    /// The file that `line` is in, where it is not the revision's.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The failure in words of its own.
    #[serde(skip)]
    pub told: Option<Error>,
}

/// What came of starting a command.
pub(super) enum Opened<'a> {
    /// It waits to be told which revisions to run.
    Asked(Steps<'a>),
    /// It never asked, and has ended.
    Ended(Box<Ran>),
}

/// A command that is asked.
pub(super) struct Steps<'a> {
    process: Pin<Box<dyn Future<Output = Result<Ran>> + 'a>>,
    output: mpsc::UnboundedReceiver<Event>,
    channel: channel::Channel,
    runner: &'a Runner<'a>,
    command: &'a str,
}

impl<'a> Steps<'a> {
    /// Starts the command and waits until it asks. With `versions`, the chain's files are those of that folder.
    pub(super) async fn start(
        runner: &'a Runner<'a>,
        command: &'a str,
        directory: &'a Path,
        versions: Option<&Path>,
        tell: &mut Teller<'_>,
    ) -> Result<Self> {
        let settings = json!({ "database": runner.database, "versions": versions }).to_string();
        let mut steps = Self::spawn(runner, command, directory, &settings, false)?;
        match steps.connected(tell).await? {
            None => Ok(steps),
            Some(ran) => Err(steps.ended(&ran)),
        }
    }

    /// Starts the command as [`Steps::start`] does; a revision that fails then ends the command, as it would have without us.
    pub(super) async fn open(
        runner: &'a Runner<'a>,
        command: &'a str,
        directory: &'a Path,
        tell: &mut Teller<'_>,
    ) -> Result<Opened<'a>> {
        let settings = json!({ "database": runner.database, "strict": true }).to_string();
        let mut steps = Self::spawn(runner, command, directory, &settings, true)?;
        Ok(match steps.connected(tell).await? {
            None => Opened::Asked(steps),
            Some(ran) => Opened::Ended(Box::new(ran)),
        })
    }

    fn spawn(
        runner: &'a Runner<'a>,
        command: &'a str,
        directory: &'a Path,
        settings: &str,
        whole: bool,
    ) -> Result<Self> {
        let channel = channel::Channel::open(MODULE, settings)
            .map_err(|error| Error::environment("cannot open the channel to the command").because(error))?;
        let line = format!("export DEVDB_STEPS='{}'; {command}", channel.folder().display());
        let (sender, output) = mpsc::unbounded_channel();
        let process = Box::pin(async move {
            let mut pass_on = move |event: Event| {
                if whole || matches!(event, Event::Output { .. }) {
                    // The receiver lives as long as the command.
                    let _sent = sender.send(event);
                }
            };
            runner.run(&line, directory, &mut pass_on).await
        });
        Ok(Self { process, output, channel, runner, command })
    }

    /// Waits until the command asks; returns what it did when it ended instead.
    async fn connected(&mut self, tell: &mut Teller<'_>) -> Result<Option<Ran>> {
        loop {
            tokio::select! {
                biased;
                Some(event) = self.output.recv() => tell(event),
                accepted = self.channel.accept() => {
                    let asked = accepted.map_err(|error| Error::environment("the command did not ask").because(error));
                    return asked.map(|()| None);
                }
                ran = &mut self.process => return ran.map(Some),
            }
        }
    }

    /// Runs revisions in one go and returns what became of them; fails when the command itself is gone.
    pub(super) async fn run(&mut self, way: Way, revisions: &[&str], tell: &mut Teller<'_>) -> Result<Answer> {
        let what = if way == Way::Up { "up" } else { "down" };
        let line = self.ask(&json!({ "do": what, "revisions": revisions }), tell).await?;
        serde_json::from_str(&line).map_err(|error| Error::failed("the command answered nonsense").because(error))
    }

    /// Asks a question and returns the answer's line; fails when the command itself is gone.
    pub(super) async fn ask(&mut self, question: &serde_json::Value, tell: &mut Teller<'_>) -> Result<String> {
        let broken = |error: std::io::Error| Error::environment("the command does not answer any more").because(error);
        self.channel.send(&question.to_string()).await.map_err(broken)?;
        loop {
            tokio::select! {
                biased;
                Some(event) = self.output.recv() => tell(event),
                line = self.channel.receive() => {
                    let Some(line) = line.map_err(broken)? else {
                        let ran = (&mut self.process).await?;
                        return Err(self.ended(&ran));
                    };
                    return Ok(line);
                }
                ran = &mut self.process => return Err(self.ended(&ran?)),
            }
        }
    }

    /// Lets the command come to its end, whatever it says of it: nothing was run that could have failed.
    pub(super) async fn abandon(mut self) {
        self.channel.close();
        if let Err(error) = (&mut self.process).await {
            tracing::debug!(error.message, "the command that was asked ended");
        }
    }

    /// Lets the command come to its end.
    pub(super) async fn finish(mut self) -> Result<()> {
        self.channel.close();
        let ran = (&mut self.process).await?;
        if ran.success { Ok(()) } else { Err(failure(self.runner, self.command, "migration", &ran)) }
    }

    fn ended(&self, ran: &Ran) -> Error {
        if let Some(database) = &ran.stopped_at {
            return wrong_database(self.runner, self.command, database);
        }
        if !ran.success {
            return failure(self.runner, self.command, "migration", ran);
        }
        Error::environment(format!("`{}` does not upgrade by Alembic's own `upgrade`", self.command))
            .detail("why", "it ended without asking for a revision, so its chain cannot be run one by one")
            .hint("name a command that does: [migrations] upgrade = \"alembic upgrade heads\" in devdb.toml")
    }
}

#[cfg(unix)]
mod channel {
    #![expect(clippy::disallowed_methods, reason = "the channel's folder is written here")]

    use std::io;
    use std::path::Path;

    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
    use tokio::net::UnixListener;
    use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

    /// A folder with the module, its settings and a socket.
    pub(super) struct Channel {
        folder: tempfile::TempDir,
        listener: UnixListener,
        reader: Option<Lines<BufReader<OwnedReadHalf>>>,
        writer: Option<OwnedWriteHalf>,
    }

    impl Channel {
        pub(super) fn open(module: &str, settings: &str) -> io::Result<Self> {
            let folder = tempfile::Builder::new().prefix("devdb-").tempdir()?;
            std::fs::write(folder.path().join("steps.py"), module)?;
            std::fs::write(folder.path().join("models.py"), super::MODELS)?;
            std::fs::write(folder.path().join("steps.json"), settings)?;
            let listener = UnixListener::bind(folder.path().join("steps"))?;
            Ok(Self { folder, listener, reader: None, writer: None })
        }

        pub(super) fn folder(&self) -> &Path {
            self.folder.path()
        }

        pub(super) async fn accept(&mut self) -> io::Result<()> {
            let (stream, _address) = self.listener.accept().await?;
            let (reader, writer) = stream.into_split();
            self.reader = Some(BufReader::new(reader).lines());
            self.writer = Some(writer);
            Ok(())
        }

        pub(super) async fn send(&mut self, line: &str) -> io::Result<()> {
            let writer = self.writer.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            writer.write_all(format!("{line}\n").as_bytes()).await
        }

        pub(super) async fn receive(&mut self) -> io::Result<Option<String>> {
            let reader = self.reader.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            reader.next_line().await
        }

        pub(super) fn close(&mut self) {
            self.reader = None;
            self.writer = None;
        }
    }
}

#[cfg(not(unix))]
mod channel {
    use std::io;
    use std::path::Path;

    /// Without unix sockets there is no way to ask.
    pub(super) struct Channel;

    impl Channel {
        pub(super) fn open(_module: &str, _settings: &str) -> io::Result<Self> {
            Err(io::Error::new(io::ErrorKind::Unsupported, "running revisions one by one needs unix sockets"))
        }

        pub(super) fn folder(&self) -> &Path {
            Path::new("")
        }

        pub(super) async fn accept(&mut self) -> io::Result<()> {
            std::future::pending().await
        }

        pub(super) async fn send(&mut self, _line: &str) -> io::Result<()> {
            Ok(())
        }

        pub(super) async fn receive(&mut self) -> io::Result<Option<String>> {
            Ok(None)
        }

        pub(super) fn close(&mut self) {}
    }
}
