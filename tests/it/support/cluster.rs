//! Private `PostgreSQL` servers on ports of their own.
//!
//! libtest runs no code when it ends, so a small watchdog process, in a session of its own, waits for the test
//! process to be gone (also by `kill -9`), then stops the server and removes its directory.

use super::ports::free_port;
use super::{bench, block_on, new_password, secrets, unique};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::Write as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// How a private server differs from the shared one.
#[derive(Default)]
pub(crate) struct Options {
    /// Lines for `postgresql.conf`.
    pub(crate) conf: String,
    /// Replaces `pg_hba.conf`; by default every TCP connection needs its password.
    pub(crate) hba: Option<String>,
    /// Extra arguments of `initdb`, such as `--locale=C`.
    pub(crate) initdb: Vec<String>,
    /// The port, when the test cares.
    pub(crate) port: Option<u16>,
    /// Megabytes of a file system of its own, for the data but not for the log of changes, without which a server dies.
    pub(crate) disk: Option<u32>,
}

/// A running server; stopped and removed when dropped.
pub(crate) struct Cluster {
    bin: PathBuf,
    major: u32,
    directory: PathBuf,
    port: u16,
    superuser_password: String,
}

/// A login with its password.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// A database of one test; dropped with everything that devdb made beside it.
pub(crate) struct Database<'cluster> {
    pub(crate) name: String,
    pub(crate) owner: Role,
    cluster: &'cluster Cluster,
}

const HBA: &str = "local all postgres trust\nlocal all all scram-sha-256\nhost all all all scram-sha-256\n";

impl Cluster {
    /// The server that all tests of this process share, started by the first that asks.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        // Asked again by every test, so that each says for itself that it was skipped.
        bench::server()?;
        SHARED.get_or_init(|| Self::start(&Options::default())).as_ref()
    }

    /// Starts a server of the test's own.
    pub(crate) fn start(options: &Options) -> Option<Self> {
        Self::start_with(bench::server()?, options)
    }

    /// Starts a server of this major.
    pub(crate) fn of_major(major: u32) -> Option<Self> {
        Self::start_with(bench::of_major(major)?, &Options::default())
    }

    fn start_with(pg: bench::Postgres, options: &Options) -> Option<Self> {
        // Not in TMPDIR: the path of a unix socket has to fit in 107 bytes.
        let directory = tempfile::Builder::new().prefix("devdb-it-").tempdir_in("/tmp").unwrap().keep();
        let cluster = Self {
            bin: pg.bin,
            major: pg.major,
            directory,
            port: options.port.unwrap_or_else(free_port),
            superuser_password: new_password(),
        };
        watch(std::process::id(), &cluster.directory);
        if let Some(megabytes) = options.disk
            && let Err(why) = cluster.mount(megabytes)
        {
            bench::skip("small file system", &why);
            return None;
        }
        cluster.initialise(options);
        cluster.resume();
        Some(cluster)
    }

    /// Puts the data onto a file system in memory.
    fn mount(&self, megabytes: u32) -> Result<(), String> {
        std::fs::create_dir(self.data()).unwrap();
        let owner = unprivileged().map_or_else(String::new, |(uid, gid)| format!(",uid={uid},gid={gid}"));
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0700{owner}"), "devdb-it"]).arg(self.data());
        let output = mount.output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    fn initialise(&self, options: &Options) {
        let password_file = self.directory.join("password");
        std::fs::write(&password_file, &self.superuser_password).unwrap();
        if let Some((uid, gid)) = unprivileged() {
            for path in [&self.directory, &password_file] {
                chown(path, Some(uid), Some(gid)).unwrap();
            }
        }
        let mut initdb = self.server_program("initdb");
        initdb.args(["--no-sync", "--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--pgdata"]);
        initdb.arg(self.data()).arg(format!("--pwfile={}", password_file.display()));
        if !options.initdb.iter().any(|argument| argument.starts_with("--locale")) {
            initdb.arg("--locale=C.UTF-8");
        }
        if options.disk.is_some() {
            initdb.arg(format!("--waldir={}", self.directory.join("wal").display()));
        }
        must(initdb.args(&options.initdb));
        std::fs::remove_file(password_file).unwrap();
        let conf = self.data().join("postgresql.conf");
        let mut text = std::fs::read_to_string(&conf).unwrap();
        let directory = self.directory.display();
        write!(
            text,
            "\nlisten_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{directory}'\n\
             fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 200\n{}\n",
            self.port, options.conf
        )
        .unwrap();
        std::fs::write(&conf, text).unwrap();
        std::fs::write(self.data().join("pg_hba.conf"), options.hba.as_deref().unwrap_or(HBA)).unwrap();
    }

    /// Starts the server again after [`Self::stop`].
    pub(crate) fn resume(&self) {
        let mut start = self.server_program("pg_ctl");
        start.args(["start", "--wait", "--silent", "--timeout=60", "--pgdata"]).arg(self.data());
        start.arg(format!("--log={}", self.log_file().display()));
        // The server would keep our pipes open for as long as it lives.
        let status = start.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "the server did not start:\n{}", self.log());
    }

    /// Stops the server; its port refuses from now on.
    pub(crate) fn stop(&self) {
        let mut stop = self.server_program("pg_ctl");
        must(stop.args(["stop", "--wait", "--silent", "--mode=fast", "--pgdata"]).arg(self.data()));
    }

    /// Stops the server as a power cut would: nobody is asked, nothing is written.
    pub(crate) fn crash(&self) {
        let mut stop = self.server_program("pg_ctl");
        must(stop.args(["stop", "--wait", "--silent", "--mode=immediate", "--pgdata"]).arg(self.data()));
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("a running server");
        text.lines().next().and_then(|line| line.parse().ok()).expect("its process id")
    }

    /// Waits until somebody can log in again.
    #[track_caller]
    pub(crate) fn wait_until_it_answers(&self) {
        let started = Instant::now();
        while !self.accepts(&self.superuser(), "postgres") {
            assert!(started.elapsed() < Duration::from_mins(1), "the server does not come back:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn major(&self) -> u32 {
        self.major
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The directory that holds the unix socket.
    pub(crate) fn socket_directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(crate) fn superuser(&self) -> Role {
        Role { name: "postgres".to_owned(), password: self.superuser_password.clone() }
    }

    pub(crate) fn superuser_url(&self, database: &str) -> String {
        self.url(&self.superuser(), database)
    }

    /// How a finding says that a superuser is to run something.
    pub(crate) fn superuser_command(&self, database: &str, statements: &str) -> String {
        format!("sudo -u postgres psql -p {} -d {database} -c {statements}", self.port)
    }

    /// A connection URL, percent-encoded where it has to be.
    pub(crate) fn url(&self, role: &Role, database: &str) -> String {
        let [name, password, database] =
            [&role.name, &role.password, database].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string());
        format!("postgresql://{name}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a login with a unique name; `attributes` such as `CREATEDB`.
    pub(crate) fn create_role(&self, attributes: &str) -> Role {
        self.create_role_with_password(attributes, &new_password())
    }

    /// Makes a login whose password is the test's subject, such as one full of `@:/%`.
    pub(crate) fn create_role_with_password(&self, attributes: &str, password: &str) -> Role {
        secrets::register(password);
        let name = unique('_');
        let quoted = password.replace('\'', "''");
        self.sql("postgres", &format!("CREATE ROLE {name} LOGIN {attributes} PASSWORD '{quoted}'"));
        Role { name, password: password.to_owned() }
    }

    /// Makes an empty database with a unique name.
    pub(crate) fn fresh_database(&self, owner: &Role) -> Database<'_> {
        let name = unique('_');
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {} TEMPLATE template0", owner.name));
        Database { name, owner: owner.clone(), cluster: self }
    }

    /// Runs statements as the superuser.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, statements: &str) {
        self.sql_as(&self.superuser(), database, statements);
    }

    /// Runs statements as anyone.
    #[track_caller]
    pub(crate) fn sql_as(&self, role: &Role, database: &str, statements: &str) {
        drop(self.query_as(role, database, statements));
    }

    /// Returns rows as text, read as the superuser.
    #[track_caller]
    pub(crate) fn query(&self, database: &str, query: &str) -> Vec<Vec<Option<String>>> {
        self.query_as(&self.superuser(), database, query)
    }

    /// Returns the one value of a query's one row.
    #[track_caller]
    pub(crate) fn value(&self, database: &str, query: &str) -> Option<String> {
        let rows = self.query(database, query);
        assert!(matches!(rows.as_slice(), [row] if row.len() == 1), "not one value: {rows:?} from {query}");
        rows.into_iter().flatten().next().flatten()
    }

    #[track_caller]
    pub(crate) fn query_as(&self, role: &Role, database: &str, query: &str) -> Vec<Vec<Option<String>>> {
        let result = block_on(async {
            let (client, connection) = self.config(role, database).connect(NoTls).await?;
            let driver = tokio::spawn(connection);
            let rows = rows(&client, query).await;
            drop(client);
            drop(driver.await);
            rows
        });
        result.unwrap_or_else(|error| panic!("{query}\n{error:?}"))
    }

    /// True when somebody can log in.
    pub(crate) fn accepts(&self, role: &Role, database: &str) -> bool {
        block_on(self.config(role, database).connect(NoTls)).is_ok()
    }

    fn config(&self, role: &Role, database: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(&role.name).password(&role.password).dbname(database);
        config.connect_timeout(Duration::from_secs(10)).application_name("devdb-it");
        config
    }

    /// A server program, run by somebody who is not root: `PostgreSQL` refuses to serve as root.
    fn server_program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        // The current directory may be one that this user must not enter.
        command.current_dir(&self.directory).stdin(Stdio::null()).env("LC_ALL", "C");
        if let Some((uid, gid)) = unprivileged() {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// A program, run as the user who owns the data.
    pub(crate) fn as_owner(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.directory).stdin(Stdio::null());
        if let Some((uid, gid)) = unprivileged() {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Starts the server, which does not come up; returns what it said.
    pub(crate) fn try_start(&self) -> String {
        let mut start = self.server_program("postgres");
        let output = start.arg("-D").arg(self.data()).output().unwrap();
        assert!(!output.status.success(), "it started");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// A shell's line that starts or stops the server on another port, wherever that shell runs.
    pub(crate) fn shell_line(&self, action: &str, port: u16) -> String {
        let as_user = unprivileged()
            .map_or_else(String::new, |(uid, gid)| format!("setpriv --reuid={uid} --regid={gid} --clear-groups "));
        let (program, data) = (self.bin.join("pg_ctl"), self.data());
        let (program, data, log) = (program.display(), data.display(), self.log_file());
        format!(
            "cd {} && {as_user}{program} {action} --wait --silent --pgdata={data} --log={} --options='-p {port}' </dev/null >/dev/null 2>&1",
            self.directory.display(),
            log.display()
        )
    }

    /// Drops a database that may be a template, closed, or in use.
    fn drop_database(&self, name: &str) {
        let quoted = name.replace('"', "\"\"");
        self.sql("postgres", &format!("ALTER DATABASE \"{quoted}\" IS_TEMPLATE false"));
        self.sql("postgres", &format!("DROP DATABASE \"{quoted}\" WITH (FORCE)"));
    }
}

async fn rows(client: &Client, query: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let messages = client.simple_query(query).await?;
    Ok(messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        })
        .collect())
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop_immediately(&self.directory);
        // Where it was mounted; else there is nothing to say.
        drop(Command::new("umount").arg(self.data()).stderr(Stdio::null()).status());
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

impl Database<'_> {
    /// The owner's connection URL.
    pub(crate) fn url(&self) -> String {
        self.cluster.url(&self.owner, &self.name)
    }

    /// Runs statements as the owner.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) {
        self.cluster.sql_as(&self.owner, &self.name, statements);
    }

    /// Makes `public` anew; by the superuser, whom it belongs to before PostgreSQL 15.
    #[track_caller]
    pub(crate) fn empty(&self) {
        let make = format!("create schema public authorization {}", self.owner.name);
        self.cluster.sql(&self.name, &format!("drop schema public cascade; {make}"));
    }

    #[track_caller]
    pub(crate) fn query(&self, query: &str) -> Vec<Vec<Option<String>>> {
        self.cluster.query_as(&self.owner, &self.name, query)
    }

    #[track_caller]
    pub(crate) fn value(&self, query: &str) -> Option<String> {
        self.cluster.value(&self.name, query)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // devdb's own databases carry the name, or say in their settings whom they belong to.
        let ours = format!(
            "SELECT datname FROM pg_database d WHERE datname = '{0}' OR datname ~ '{0}[^0-9]' OR EXISTS (SELECT FROM \
             pg_db_role_setting s WHERE s.setdatabase = d.oid AND array_to_string(s.setconfig, ' ') ~ '{0}([^0-9]|$)')",
            self.name
        );
        let cluster = self.cluster;
        // The server may have been stopped by the test; a second panic in a drop would abort the whole run.
        let cleaned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for row in cluster.query("postgres", &ours) {
                for name in row.into_iter().flatten() {
                    cluster.drop_database(&name);
                }
            }
        }));
        if cleaned.is_err() {
            eprintln!("{} was not dropped; the server goes with the test process", self.name);
        }
    }
}

/// The user that servers run as when we are root: `postgres` where there is one.
fn unprivileged() -> Option<(u32, u32)> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let user = ["postgres", "nobody"].iter().find_map(|name| nix::unistd::User::from_name(name).ok().flatten());
    let user = user.expect("a user to run PostgreSQL as");
    Some((user.uid.as_raw(), user.gid.as_raw()))
}

#[track_caller]
fn must(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// SIGQUIT is `PostgreSQL`'s immediate shutdown; nothing here is worth more.
fn stop_immediately(directory: &Path) {
    let pid_file = directory.join("data/postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&pid_file) else { return };
    let Some(pid) = text.lines().next().and_then(|line| line.parse().ok()) else { return };
    let pid = nix::unistd::Pid::from_raw(pid);
    if nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT).is_err() {
        // It has ended by itself.
        return;
    }
    let started = Instant::now();
    while pid_file.exists() && started.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Leaves a process behind that cleans `directory` up once the process `owner` is gone.
pub(crate) fn watch(owner: u32, directory: &Path) {
    const SCRIPT: &str = r#"
        while kill -0 "$1" 2>/dev/null && [ -d "$2" ]; do sleep 0.5; done
        [ -d "$2" ] || exit 0
        if [ -f "$2/data/postmaster.pid" ]; then
            kill -QUIT "$(head -n 1 "$2/data/postmaster.pid")"
            sleep 0.5
        fi
        umount "$2/data" 2>/dev/null
        rm -rf "$2"
    "#;
    // A doubled fork (`setsid --fork`), so that nobody has to wait for it, and no terminal signal reaches it.
    let status = Command::new("sh")
        .args([
            "-c",
            "if command -v setsid >/dev/null; then setsid --fork sh -c \"$0\" sh \"$1\" \"$2\"; \
               else nohup sh -c \"$0\" sh \"$1\" \"$2\" & fi",
            SCRIPT,
        ])
        .arg(owner.to_string())
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "the watchdog did not start");
}
