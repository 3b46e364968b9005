//! A private cluster: its data under the project's `.devdb/`, run by PostgreSQL's own programs, reached only from
//! this machine.
#![expect(clippy::disallowed_methods, reason = "the cluster's files are made here")]

mod programs;
mod record;
mod settings;

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};

use record::{LONGEST_SOCKET_FOLDER, RECORD, Record};
use record::{name_of, new_password, prepare_folder, read_record, socket_folder};
use settings::{hba, quoted};

use super::owner::{self, Owner};
use super::ports;
use super::postmaster::{self, Postmaster};
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::local_server::{ExistingCluster, Installation};
use crate::model::secret::Secret;
use crate::model::target::{Host, Target};

/// The role that devdb itself uses; the app's own roles are made beside it.
const SUPERUSER: &str = "devdb_admin";
const LOG_LINES: usize = 12;
/// A log larger than this begins anew at the next start.
const LOG_LIMIT: u64 = 10 << 20;

/// A private cluster, running or not. It stays when the value is dropped.
#[derive(Debug, Clone)]
pub struct Cluster {
    installation: Installation,
    folder: PathBuf,
    record: Record,
    owner: Option<Owner>,
}

/// Where a cluster listens.
#[derive(Debug, Clone, Default)]
pub struct Listen {
    pub port: u16,
    /// The folder of a unix socket, besides the private one.
    pub socket: Option<PathBuf>,
    /// A role that logs in without a password, as its URL has none.
    pub trusted: Option<String>,
}

impl Listen {
    /// Returns where a target's clients will look for the server.
    pub fn for_target(target: &Target) -> Self {
        let socket = match target.host() {
            Host::Socket(folder) => Some(folder),
            Host::Tcp(_) => None,
        };
        let password = target.password.as_ref().filter(|password| !password.is_empty());
        let trusted = password.is_none().then(|| target.user().to_owned());
        Self { port: target.port(), socket, trusted }
    }
}

/// Returns what is known of the cluster in `folder`, whether its programs are installed or not.
pub fn look(folder: &Path) -> Option<ExistingCluster> {
    let record = read_record(folder).ok()??;
    let (running, port) = match postmaster::look(&record.data) {
        Postmaster::Running { port, .. } => (true, port),
        _ => (false, record.port),
    };
    record.data.is_dir().then_some(ExistingCluster { data: record.data, major: record.major, port, running })
}

/// Returns the file that the cluster in `folder` logs to.
pub fn log_file(folder: &Path) -> Option<PathBuf> {
    Some(read_record(folder).ok()??.log)
}

/// Stops the cluster in `folder`, by the programs that it runs with.
pub async fn stop(folder: &Path, installations: &[Installation]) -> Result<()> {
    match Cluster::open(folder, installations)? {
        Some(cluster) => cluster.stop().await,
        None => Ok(()),
    }
}

impl Cluster {
    /// Returns the cluster in `folder`, usually `<project>/.devdb`; makes it when there is none.
    pub async fn create(folder: &Path, installation: &Installation, tell: &mut dyn FnMut(Event)) -> Result<Self> {
        if let Some(cluster) = Self::open(folder, std::slice::from_ref(installation))? {
            return Ok(cluster);
        }
        let owner = owner::needed()?;
        let unwritable = |error: io::Error| cannot_write(folder, error);
        prepare_folder(folder, owner.as_ref()).map_err(unwritable)?;
        let name = name_of(folder);
        let base = owner::base(folder, &name, owner.as_ref()).map_err(unwritable)?;
        if base != folder {
            let user = owner.as_ref().map(|owner| owner.name.clone()).unwrap_or_default();
            let text = format!(
                "user `{user}`, as whom the server runs, cannot enter the project; data go to {}",
                base.display()
            );
            tell(Event::Note { text });
        }
        let data = base.join(format!("pg{}", installation.major));
        if data.exists() {
            return Err(Error::environment(format!(
                "`{}` holds a cluster, but its `{RECORD}` is gone",
                data.display()
            ))
            .hint(format!("move it away: mv '{0}' '{0}.old'; then run the command again", data.display())));
        }
        let record = Record {
            log: base.join("postgres.log"),
            socket: socket_folder(&name),
            data,
            port: 0,
            major: installation.major,
            superuser: SUPERUSER.to_owned(),
            password: new_password()?,
        };
        let cluster = Self { installation: installation.clone(), folder: folder.to_path_buf(), record, owner };
        Box::pin(cluster.initialise()).await?;
        cluster.remember()?;
        tell(Event::Note {
            text: format!("made a PostgreSQL {} cluster in {}", installation.version, cluster.record.data.display()),
        });
        Ok(cluster)
    }

    /// Returns the cluster that is in `folder`; nothing when there is none.
    pub fn open(folder: &Path, installations: &[Installation]) -> Result<Option<Self>> {
        let Some(record) = read_record(folder)? else { return Ok(None) };
        if !record.data.is_dir() {
            return Ok(None);
        }
        let same = installations.iter().find(|installation| installation.major == record.major);
        let installation = same.cloned().ok_or_else(|| {
            Error::environment(format!("the cluster in `{}` needs PostgreSQL {}", record.data.display(), record.major))
                .hint(format!(
                    "install PostgreSQL {}, or move `.devdb` away to begin with an empty cluster",
                    record.major
                ))
        })?;
        Ok(Some(Self { installation, folder: folder.to_path_buf(), record, owner: owner::needed()? }))
    }

    /// Starts the server; one that runs as wished is left alone.
    pub async fn start(&mut self, listen: &Listen, tell: &mut dyn FnMut(Event)) -> Result<()> {
        let hba_changed = self.write_settings(listen)?;
        match postmaster::look(&self.record.data) {
            Postmaster::Running { port, .. } if port == listen.port => {
                if hba_changed {
                    self.control(&["reload", "--silent"]).await?;
                }
                return Ok(());
            }
            Postmaster::Running { port, .. } => {
                tell(Event::Note { text: format!("the cluster moves from port {port} to {}", listen.port) });
                self.stop().await?;
            }
            Postmaster::Stale { pid, reused } => {
                if let Some(pid) = pid.filter(|_| reused) {
                    self.unlock(pid, listen)?;
                }
                tell(Event::Cleaned { what: "the `postmaster.pid` of a server that was killed".to_owned() });
            }
            Postmaster::Stopped => {}
        }
        ports_are_free(listen.port)?;
        owner::private_folder(&self.record.socket, self.owner.as_ref())
            .map_err(|error| cannot_write(&self.record.socket, error))?;
        Box::pin(self.launch(listen.port)).await?;
        self.record.port = listen.port;
        self.remember()
    }

    /// Stops the server as `pg_ctl stop -m fast` does; one that does not run is left alone.
    pub async fn stop(&self) -> Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        let exit = self.control(&["stop", "--mode=fast", "--wait", "--silent", "--timeout=60"]).await?;
        if !exit.success() && self.is_running() {
            return Err(self.failed("did not stop", &exit, 0));
        }
        // Made again at the next start; something else in it keeps it.
        if let Err(error) = std::fs::remove_dir(&self.record.socket) {
            tracing::debug!(%error, "the socket's folder stays");
        }
        Ok(())
    }

    /// Stops the server and deletes its data: for a cluster that was made to be thrown away.
    pub async fn remove(&self) -> Result<()> {
        self.stop().await?;
        let mut folders = vec![self.record.data.clone(), self.record.socket.clone()];
        // Data that lie outside of the project have a folder of their own.
        folders.extend(self.record.data.parent().filter(|base| *base != self.folder).map(Path::to_path_buf));
        for folder in folders.iter().filter(|folder| folder.exists()) {
            std::fs::remove_dir_all(folder).map_err(|error| cannot_write(folder, error))?;
        }
        Ok(())
    }

    /// Returns whether a server runs on the data.
    pub fn is_running(&self) -> bool {
        matches!(postmaster::look(&self.record.data), Postmaster::Running { .. })
    }

    /// Returns the superuser's connection, over the private socket.
    pub fn superuser_target(&self) -> Target {
        Target {
            scheme: "postgresql".to_owned(),
            driver: None,
            hosts: vec![(Host::Socket(self.record.socket.clone()), self.record.port)],
            user: Some(self.record.superuser.clone()),
            password: Some(Secret::new(self.record.password.clone())),
            database: Some("postgres".to_owned()),
            parameters: Vec::new(),
        }
    }

    /// Returns where the data lie.
    pub fn data(&self) -> &Path {
        &self.record.data
    }

    /// Returns the version of its programs.
    pub fn version(&self) -> &str {
        &self.installation.version
    }

    /// Removes what names a process that is another program now: PostgreSQL would take it for its own server.
    fn unlock(&self, pid: u32, listen: &Listen) -> Result<()> {
        let file = self.record.data.join("postmaster.pid");
        std::fs::remove_file(&file).map_err(|error| cannot_write(&file, error))?;
        for folder in std::iter::once(&self.record.socket).chain(&listen.socket) {
            postmaster::unlock_socket(folder, listen.port, pid).map_err(|error| cannot_write(folder, error))?;
        }
        Ok(())
    }

    /// Writes the settings that devdb answers for; returns whether the rules for logins changed.
    fn write_settings(&self, listen: &Listen) -> Result<bool> {
        let data = &self.record.data;
        let mut sockets = vec![self.record.socket.clone()];
        sockets.extend(listen.socket.clone().filter(|folder| *folder != self.record.socket));
        if let Some(long) = sockets.iter().find(|folder| folder.as_os_str().len() > LONGEST_SOCKET_FOLDER) {
            return Err(Error::usage(format!("`{}` is too long for a unix socket", long.display())).hint(format!(
                "choose a folder of at most {LONGEST_SOCKET_FOLDER} bytes, or use `localhost` and a port"
            )));
        }
        let sockets: Vec<String> = sockets.iter().map(|folder| format!("\"{}\"", folder.display())).collect();
        let addresses = if has_ipv6() { "127.0.0.1, ::1" } else { "127.0.0.1" };
        let settings = format!(
            "# Written by devdb at each start.\nlisten_addresses = '{addresses}'\nport = {}\n\
             unix_socket_directories = {}\nlogging_collector = off\n",
            listen.port,
            quoted(&sockets.join(", ")),
        );
        let hba = hba(listen.trusted.as_deref());
        let main = data.join("postgresql.conf");
        let text = std::fs::read_to_string(&main).unwrap_or_default();
        let include = "include_if_exists = 'devdb.conf'";
        let changed = std::fs::read_to_string(data.join("pg_hba.conf")).ok().as_deref() != Some(hba.as_str());
        let written = (|| {
            if !text.contains(include) {
                self.replace(&main, &format!("{text}\n{include}\n"))?;
            }
            self.replace(&data.join("devdb.conf"), &settings)?;
            self.replace(&data.join("pg_hba.conf"), &hba)
        })();
        written.map_err(|error| cannot_write(data, error))?;
        Ok(changed)
    }

    /// Replaces a file of the cluster by renaming, so that no link of its user leads us elsewhere.
    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut beside = tempfile::Builder::new().prefix(".devdb-").tempfile_in(folder)?;
        beside.write_all(text.as_bytes())?;
        owner::give(beside.path(), self.owner.as_ref())?;
        beside.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    fn remember(&self) -> Result<()> {
        let path = self.folder.join(RECORD);
        let written = (|| {
            let text = serde_json::to_string_pretty(&self.record).map_err(io::Error::other)?;
            // A temporary file can be read by its owner only: it holds the superuser's password.
            let mut beside = tempfile::Builder::new().prefix(".cluster-").tempfile_in(&self.folder)?;
            beside.write_all(text.as_bytes())?;
            beside.persist(&path).map_err(|error| error.error)?;
            Ok(())
        })();
        written.map_err(|error: io::Error| cannot_write(&path, error))
    }
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// PostgreSQL itself is content when one of its addresses is free; the other would lead the app to somebody else.
fn ports_are_free(port: u16) -> Result<()> {
    let taken = |bound: io::Result<TcpListener>| bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
    if taken(TcpListener::bind((Ipv4Addr::LOCALHOST, port))) || taken(TcpListener::bind((Ipv6Addr::LOCALHOST, port))) {
        return Err(port_taken(port));
    }
    Ok(())
}

fn port_taken(port: u16) -> Error {
    let holder = ports::holder(port).unwrap_or_else(|| "a process of another user".to_owned());
    Error::environment(format!("port {port} is taken by {holder}"))
        .hint("stop it, or write another port to `.env`; then run `devdb up` again")
}

fn cannot_write(path: &Path, error: io::Error) -> Error {
    Error::environment(format!("cannot write `{}`", path.display()))
        .because(error)
        .hint("check the folder's permissions and the free space, then run the command again")
}
