//! PostgreSQL's own programs, run for a cluster, and the log that they leave.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::super::owner;
use super::record::write_private;
use super::{Cluster, LOG_LIMIT, LOG_LINES, cannot_write, port_taken};
use crate::error::{Error, Result};
use crate::model::text::visible;
use crate::wire::process::{self, Exit, Program};

impl Cluster {
    pub(super) async fn initialise(&self) -> Result<()> {
        let unwritable = |error: io::Error| cannot_write(&self.record.data, error);
        // Made beside and renamed: a run that is killed leaves no half of a cluster under the real name.
        let beside = self.record.data.with_extension("new");
        if beside.exists() {
            std::fs::remove_dir_all(&beside).map_err(unwritable)?;
        }
        owner::private_folder(&beside, self.owner.as_ref()).map_err(unwritable)?;
        let password = self.record.data.with_extension("password");
        write_private(&password, &self.record.password).map_err(unwritable)?;
        let done = async {
            owner::give(&password, self.owner.as_ref()).map_err(unwritable)?;
            let exit = self.initdb(&beside, &password, "C.UTF-8").await?;
            if exit.success() || !exit.tail.iter().any(|line| line.contains("locale")) {
                return Ok(exit);
            }
            self.initdb(&beside, &password, "C").await
        };
        let exit = done.await;
        std::fs::remove_file(&password).map_err(unwritable)?;
        let exit = exit?;
        if !exit.success() {
            return Err(self.failed("was not made by initdb", &exit, 0));
        }
        std::fs::rename(&beside, &self.record.data).map_err(unwritable)
    }

    async fn initdb(&self, data: &Path, password: &Path, locale: &str) -> Result<Exit> {
        let mut arguments: Vec<OsString> =
            ["--encoding=UTF8", "--auth=scram-sha-256", "--no-sync"].map(OsString::from).to_vec();
        arguments.push(format!("--locale={locale}").into());
        arguments.push(format!("--username={}", self.record.superuser).into());
        arguments.push("--pwfile".into());
        arguments.push(password.as_os_str().to_owned());
        arguments.push("--pgdata".into());
        arguments.push(data.as_os_str().to_owned());
        self.run("initdb", arguments).await
    }

    /// Runs `pg_ctl` on the data.
    pub(super) async fn control(&self, verb: &[&str]) -> Result<Exit> {
        let mut arguments: Vec<OsString> = verb.iter().map(OsString::from).collect();
        arguments.push("--pgdata".into());
        arguments.push(self.record.data.clone().into_os_string());
        self.run("pg_ctl", arguments).await
    }

    async fn run(&self, name: &str, arguments: Vec<OsString>) -> Result<Exit> {
        let program = self.installation.bin.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let mut words = vec![program.clone().into_os_string()];
        words.extend(arguments);
        let wanted = Program {
            words,
            directory: self.record.data.parent().map(Path::to_path_buf).unwrap_or_default(),
            environment: vec![("LC_ALL".to_owned(), "C".to_owned())],
            removed: std::env::vars_os()
                .map(|(key, _)| key)
                .filter(|key| key.to_string_lossy().starts_with("PG"))
                .collect(),
            owner: self.owner.as_ref().map(|owner| (owner.user, owner.group)),
        };
        process::run(&wanted, &mut |line| tracing::debug!(%line, "{name}")).await.map_err(|error| {
            Error::environment(format!("cannot run `{}`", program.display()))
                .because(error)
                .hint("devdb up --with container")
        })
    }

    pub(super) async fn launch(&self, port: u16) -> Result<()> {
        // The processes of a server that was killed take a moment to notice, and hold its memory until then.
        for _attempt in 0..20 {
            let before = self.make_log()?;
            let log = format!("--log={}", self.record.log.display());
            let exit = self.control(&["start", "--wait", "--silent", "--timeout=60", &log]).await?;
            if exit.success() {
                return Ok(());
            }
            let said = self.log_since(before);
            if said.contains("pre-existing shared memory block") {
                tokio::time::sleep(Duration::from_millis(250)).await;
                continue;
            }
            if said.contains("Address already in use") {
                return Err(port_taken(port));
            }
            return Err(self.failed("did not start", &exit, before));
        }
        Err(Error::environment(format!("processes of a killed server still use `{}`", self.record.data.display()))
            .hint("end them (`ps -ef | grep postgres` lists them), then run `devdb up` again"))
    }

    /// Returns how much the log holds already.
    pub(super) fn make_log(&self) -> Result<u64> {
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let made = (|| {
            let log = options.open(&self.record.log)?;
            if log.metadata()?.len() > LOG_LIMIT {
                log.set_len(0)?;
            }
            owner::give(&self.record.log, self.owner.as_ref())?;
            Ok(log.metadata()?.len())
        })();
        made.map_err(|error| cannot_write(&self.record.log, error))
    }

    pub(super) fn log_since(&self, offset: u64) -> String {
        let bytes = std::fs::read(&self.record.log).unwrap_or_default();
        let start = usize::try_from(offset).unwrap_or_default();
        visible(&String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()))
    }

    pub(super) fn failed(&self, what: &str, exit: &Exit, log_from: u64) -> Error {
        let log = self.log_since(log_from);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("\n");
        let skipped = exit.tail.len().saturating_sub(LOG_LINES);
        let said: Vec<&str> = exit.tail.iter().skip(skipped).map(String::as_str).collect();
        Error::environment(format!("the cluster in `{}` {what}", self.record.data.display()))
            .detail("it says", visible(&said.join("\n")))
            .detail("log", tail)
            .hint("devdb logs")
            .hint("devdb up --with container")
    }
}
