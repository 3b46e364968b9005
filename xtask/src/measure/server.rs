//! One private server with default settings, on the disk below `target/`, and the questions that are asked of it.

use super::tools::Tools;
use crate::run;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The role that owns every database of the run: it may create databases, and no more.
const ROLE: &str = "bench";
/// Protects nothing: the server listens on loopback, for as long as the run takes.
const PASSWORD: &str = "bench";

/// A running server; stopped and removed when dropped.
pub(super) struct Server {
    bin: PathBuf,
    directory: PathBuf,
    port: u16,
}

impl Server {
    /// Starts a server below `folder`, which an interrupted run may have left one in.
    pub(super) fn start(tools: &Tools, folder: &Path) -> Result<Self, String> {
        let server = Self { bin: tools.postgres.clone(), directory: folder.join("server"), port: free_port()? };
        server.clear()?;
        server.initialise()?;
        server.watch()?;
        let mut start = server.program("pg_ctl");
        start.args(["start", "--wait", "--silent", "--timeout=60", "--pgdata"]).arg(server.data());
        start.arg(format!("--log={}", server.log().display()));
        // The server would keep our pipes open for as long as it lives.
        let status = start.stdout(Stdio::null()).stderr(Stdio::null()).status().map_err(|error| error.to_string())?;
        if !status.success() {
            let said = fs::read_to_string(server.log()).unwrap_or_default();
            return Err(format!("the server did not start: {}", run::last_lines(&said, 6)));
        }
        let role = format!("create role {ROLE} login createdb password '{PASSWORD}'");
        run::output(server.psql(&server.url_of("postgres", "postgres")).args(["-c", &role]))?;
        Ok(server)
    }

    fn clear(&self) -> Result<(), String> {
        self.stop();
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("cannot remove {}: {error}", self.directory.display()))
            }
            _ => Ok(()),
        }
    }

    fn initialise(&self) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("cannot prepare {}: {error}", self.directory.display());
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let password_file = self.directory.join("password");
        fs::write(&password_file, PASSWORD).map_err(failed)?;
        if let Some((uid, gid)) = unprivileged() {
            for path in [&self.directory, &password_file] {
                chown(path, Some(uid), Some(gid)).map_err(failed)?;
            }
        }
        let mut initdb = self.program("initdb");
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
        initdb.arg(format!("--pwfile={}", password_file.display())).arg("--pgdata").arg(self.data());
        run::output(&mut initdb)?;
        let conf = self.data().join("postgresql.conf");
        let default = fs::read_to_string(&conf).map_err(failed)?;
        // Where it listens, and nothing else: settings that make a server fast would be measured too. A socket's path
        // would have to fit in 107 bytes, so there is none.
        let place = format!("listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\n", self.port);
        fs::write(&conf, format!("{default}\n{place}")).map_err(failed)
    }

    /// Leaves a process behind that stops the server and removes it once this one is gone, however it ended.
    fn watch(&self) -> Result<(), String> {
        const SCRIPT: &str = r#"
            while kill -0 "$1" 2>/dev/null; do sleep 1; done
            [ -f "$2/data/postmaster.pid" ] && kill -QUIT "$(head -n 1 "$2/data/postmaster.pid")" && sleep 1
            rm -rf "$2"
        "#;
        let mut watcher = run::command("sh");
        watcher.args(["-c", SCRIPT, "sh"]).arg(std::process::id().to_string()).arg(&self.directory);
        // Not in our process group, to which the terminal sends its interrupts.
        watcher.process_group(0).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
        watcher.spawn().map(drop).map_err(|error| format!("cannot start a watcher: {error}"))
    }

    fn stop(&self) {
        if self.data().join("postmaster.pid").is_file() {
            let mut stop = self.program("pg_ctl");
            stop.args(["stop", "--wait", "--silent", "--mode=immediate", "--pgdata"]).arg(self.data());
            if let Err(error) = run::output(&mut stop) {
                eprintln!("bench: the server was not stopped: {error}");
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// A server program, run by somebody who is not root: `PostgreSQL` refuses to serve as root.
    fn program(&self, name: &str) -> Command {
        let mut command = run::command(self.bin.join(name));
        command.env("LC_ALL", "C").current_dir("/");
        if let Some((uid, gid)) = unprivileged() {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Returns the URL of a database, as its owner.
    pub(super) fn url(&self, database: &str) -> String {
        self.url_of(ROLE, database)
    }

    fn url_of(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns `psql` itself: what Debian has in `PATH` is a script that looks for it.
    pub(super) fn psql(&self, url: &str) -> Command {
        let mut psql = run::command(self.bin.join("psql"));
        psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url]);
        psql
    }

    /// Runs statements in a database, each in a transaction of its own.
    pub(super) fn sql(&self, database: &str, statements: &[&str]) -> Result<(), String> {
        let mut psql = self.psql(&self.url(database));
        for statement in statements {
            psql.args(["-c", statement]);
        }
        run::output(&mut psql).map(drop)
    }

    /// Returns what a query answers: columns with `|`, rows with line ends between.
    pub(super) fn ask(&self, database: &str, query: &str) -> Result<String, String> {
        run::output(self.psql(&self.url(database)).args(["-c", query])).map(|said| said.trim_end().to_owned())
    }

    /// Leaves the server with nothing to write: what one case dirtied is not the next one's burden.
    pub(super) fn checkpoint(&self) -> Result<(), String> {
        run::output(self.psql(&self.url_of("postgres", "postgres")).args(["-c", "checkpoint"])).map(drop)
    }

    /// Drops every database that belongs to the run, templates too. A reset's background may still make and drop some.
    pub(super) fn drop_all(&self) -> Result<(), String> {
        let all = "select datname from pg_database where datdba = (select oid from pg_roles where rolname = 'bench')";
        let mut failed = Ok(());
        for _attempt in 0..100 {
            let names = self.ask("postgres", all)?;
            let busy = "select count(*) from pg_stat_activity where application_name like 'devdb spare %'";
            if names.is_empty() && self.ask("postgres", busy)? == "0" {
                return Ok(());
            }
            failed = names.lines().try_for_each(|name| self.drop_one(name));
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        failed
    }

    /// An autovacuum worker is ended for a superuser only.
    fn drop_one(&self, name: &str) -> Result<(), String> {
        let mut psql = self.psql(&self.url_of("postgres", "postgres"));
        psql.args(["-c", &format!("alter database \"{name}\" is_template false")]);
        run::output(psql.args(["-c", &format!("drop database \"{name}\" with (force)")])).map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            eprintln!("bench: {error}");
        }
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    Ok(listener.local_addr().map_err(|error| error.to_string())?.port())
}

/// The user that the server runs as when we are root.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| run::output(run::command("id").args(arguments)).ok()?.trim().parse::<u32>().ok();
    if id(&["-u"])? != 0 {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|name| Some((id(&["-u", name])?, id(&["-g", name])?)))
}
