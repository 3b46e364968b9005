//! The bridge into the project's Python commands: a folder with our `sitecustomize`, and the socket on which it reports.
//!
//! A socket with a path, not an inherited descriptor: launchers (`poetry run`, `uv run`, subprocesses) close those.
#![expect(clippy::disallowed_methods, reason = "the bridge's folder is written here")]

use std::io;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::mpsc;

use crate::model::target::{Host, Target};

/// The module itself.
pub(super) const MODULE: &str = include_str!("../../templates/bridge/sitecustomize.py");

/// What a command told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    pub event: String,
    pub how: String,
    pub host: String,
    pub port: String,
    pub database: String,
    pub revision: String,
    pub message: String,
    pub index: usize,
    pub total: usize,
    pub statement: String,
    pub sqlstate: String,
    pub detail: String,
    pub hint: String,
    /// The version table was written, and no revision ran.
    pub stamp: bool,
}

/// A session of devdb's own, by which a command knows that it is on the same server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Witness {
    pub pid: i32,
    pub application: String,
}

/// An open bridge; closed and removed when dropped.
pub(super) struct Bridge {
    folder: tempfile::TempDir,
    pub reports: mpsc::UnboundedReceiver<Report>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Bridge {
    /// Writes the module and listens.
    #[cfg(unix)]
    pub(super) fn open() -> io::Result<Self> {
        // Socket paths are limited to some hundred bytes, so the folder lies at the root of the temporary folder.
        let folder = tempfile::Builder::new().prefix("devdb-").tempdir()?;
        std::fs::write(folder.path().join("sitecustomize.py"), MODULE)?;
        let listener = tokio::net::UnixListener::bind(folder.path().join("events"))?;
        let (sender, reports) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _address)) = listener.accept().await {
                tokio::spawn(read(stream, sender.clone()));
            }
        });
        Ok(Self { folder, reports, accepting })
    }

    #[cfg(not(unix))]
    pub(super) fn open() -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "the bridge needs unix sockets"))
    }

    /// Returns the variables that load the module into a Python process.
    pub(super) fn environment(
        &self,
        target: &Target,
        to: &str,
        witness: Option<&Witness>,
        python_path: Option<&str>,
    ) -> Vec<(String, String)> {
        let folder = self.folder.path().display().to_string();
        let path = match python_path.filter(|path| !path.is_empty()) {
            Some(path) => format!("{folder}:{path}"),
            None => folder,
        };
        let socket = self.folder.path().join("events");
        let configuration = configuration(target, (to, witness), &format!("unix:{}", socket.display()), true);
        vec![("PYTHONPATH".to_owned(), path), ("DEVDB_BRIDGE".to_owned(), configuration)]
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Returns the value of `DEVDB_BRIDGE`; without `endpoints`, every host with a database of the target's name is the
/// target (inside a container, hosts have other names).
pub(super) fn configuration(
    target: &Target,
    (to, witness): (&str, Option<&Witness>),
    events: &str,
    endpoints: bool,
) -> String {
    let hosts: Vec<(String, u16)> = target
        .hosts
        .iter()
        .map(|(host, port)| match host {
            Host::Tcp(name) => (name.clone(), *port),
            Host::Socket(folder) => (folder.display().to_string(), *port),
        })
        .collect();
    let endpoints = endpoints.then_some(hosts);
    let witness = witness.map(|witness| json!({ "pid": witness.pid, "name": witness.application }));
    json!({ "from": target.database(), "to": to, "events": events, "endpoints": endpoints, "witness": witness })
        .to_string()
}

async fn read(stream: impl tokio::io::AsyncRead + Unpin, sender: mpsc::UnboundedSender<Report>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(report) = parse(&line)
            && sender.send(report).is_err()
        {
            return;
        }
    }
}

/// Returns the report on a line; fields that are null are left out first.
pub(super) fn parse(line: &str) -> Option<Report> {
    let mut value: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = value.as_object_mut()?;
    fields.retain(|_key, value| !value.is_null());
    serde_json::from_value(value).ok()
}

/// Where the module stands inside a container.
pub(super) fn folder_inside(unique: &str) -> PathBuf {
    PathBuf::from(format!("/tmp/devdb-{unique}"))
}
