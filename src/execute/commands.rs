//! Commands of the project, run by its own interpreter with their connections pointed at the database being built.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bridge::{self, Bridge, Report, Witness};
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::plan::{Inside, Pointer, Workplace};
use crate::model::target::{Host, Target};
use crate::model::text::shortened;
use crate::parse::pg_url;
use crate::wire::{engine, process};

/// What a command did, as it and its bridge told.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub success: bool,
    pub code: Option<i32>,
    /// The last lines of its output.
    pub tail: Vec<String>,
    /// A connection reached the database being built.
    pub reached: bool,
    /// A Python process loaded the bridge.
    pub bridged: bool,
    /// Other databases that were connected to.
    pub elsewhere: Vec<String>,
    /// The last error of a statement.
    pub error: Option<Report>,
    /// The revision that had begun and was not applied.
    pub current: Option<(String, String)>,
    pub applied: usize,
    /// What autogenerate found, and what it does not compare.
    pub differences: Vec<String>,
    pub unseen: Vec<String>,
    /// The database that Alembic would have changed, had it not been stopped.
    pub stopped_at: Option<String>,
    /// Autogenerate compared the models to the end.
    pub compared: bool,
    started: Option<tokio::time::Instant>,
}

/// Passwords, and what is shown in their place.
#[derive(Default)]
struct Mask(Vec<(String, String)>);

impl Mask {
    /// Returns a line of output without passwords, and cut where a program forgot to end it.
    fn apply(&self, line: &str) -> String {
        let masked = self.0.iter().fold(line.to_owned(), |line, (word, shown)| line.replace(word, shown));
        shortened(&masked, 2_000)
    }
}

fn masked(report: Report, mask: &Mask) -> Report {
    Report {
        message: mask.apply(&report.message),
        statement: mask.apply(&report.statement),
        detail: mask.apply(&report.detail),
        hint: mask.apply(&report.hint),
        ..report
    }
}

/// How and where the project's commands run, and with which database.
pub(super) struct Runner<'a> {
    pub workplace: &'a Workplace,
    pub surroundings: &'a Surroundings,
    /// The database that connections to the target are to reach: one being built, a scratch one, or the target.
    pub database: &'a str,
    /// Where the database's name alone does not prove that it is the right server's.
    pub witness: Option<&'a Witness>,
}

impl Runner<'_> {
    /// Runs one command and tells what it does. `Ok` says that it ran, not that it succeeded.
    pub(super) async fn run(&self, command: &str, directory: &Path, tell: &mut Teller<'_>) -> Result<Ran> {
        match &self.workplace.inside {
            Some(inside) => self.run_inside(inside, command, directory, tell).await,
            None => self.run_here(command, directory, tell).await,
        }
    }

    async fn run_here(&self, command: &str, directory: &Path, tell: &mut Teller<'_>) -> Result<Ran> {
        let mut bridge = Bridge::open()
            .map_err(|error| Error::environment("cannot open the bridge to the command").because(error))?;
        let mut environment = self.pointed();
        let path = self.variable("PYTHONPATH");
        environment.extend(bridge.environment(&self.workplace.target, self.database, self.witness, path.as_deref()));
        environment.extend(interpreter(self.surroundings, self.workplace.python_environment.as_deref()).await);
        let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let folder = self.surroundings.root.join(directory);
        let mut line = move |text: String| {
            // The receiver lives as long as this function.
            let _sent = sender.send(text);
        };
        let running = process::run_shell(command, &folder, &environment, &mut line);
        tokio::pin!(running);
        let mut ran = Ran::default();
        let mask = self.mask();
        let exit = loop {
            tokio::select! {
                biased;
                Some(report) = bridge.reports.recv() => ran.take(masked(report, &mask), tell),
                Some(line) = lines.recv() => tell(Event::Output { line: mask.apply(&line) }),
                exit = &mut running => break exit,
            }
        };
        let exit = exit.map_err(|error| {
            Error::environment(format!("cannot run `{command}`"))
                .because(error)
                .detail("in", folder.display().to_string())
        })?;
        // What was written before the process ended may still lie in the channel and in the sockets.
        while let Ok(line) = lines.try_recv() {
            tell(Event::Output { line: mask.apply(&line) });
        }
        while let Ok(Some(report)) = tokio::time::timeout(Duration::from_millis(15), bridge.reports.recv()).await {
            ran.take(masked(report, &mask), tell);
        }
        ran.success = exit.success();
        ran.code = exit.code;
        ran.tail = exit.tail.iter().map(|line| mask.apply(line)).collect();
        Ok(ran)
    }

    async fn run_inside(&self, inside: &Inside, command: &str, directory: &Path, tell: &mut Teller<'_>) -> Result<Ran> {
        let unreachable =
            |why: String| Error::environment("cannot run the command inside the container").detail("why", why);
        let docker =
            engine::client(&inside.engine, Duration::from_mins(2)).map_err(|error| unreachable(error.to_string()))?;
        let docker = docker.negotiate_version().await.map_err(|error| unreachable(error.to_string()))?;
        let token = format!("devdb-{}-{:x}: ", std::process::id(), self.database.len());
        let folder = bridge::folder_inside(&std::process::id().to_string());
        engine::put_file(&docker, &inside.container, &folder.join("sitecustomize.py"), bridge::MODULE)
            .await
            .map_err(unreachable)?;
        let configuration = bridge::configuration(
            &self.workplace.target,
            (self.database, self.witness),
            &format!("stderr:{token}"),
            false,
        );
        let program = engine::Command {
            arguments: vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()],
            environment: vec![format!("PYTHONPATH={}", folder.display()), format!("DEVDB_BRIDGE={configuration}")],
            directory: (!directory.as_os_str().is_empty()).then(|| directory.display().to_string()),
            ..engine::Command::default()
        };
        let mut ran = Ran::default();
        let mut pending = String::new();
        let mut tail: Vec<String> = Vec::new();
        let mask = self.mask();
        let mut piece = |text: &str| {
            pending.push_str(text);
            while let Some(end) = pending.find('\n') {
                let line: String = pending.drain(..=end).collect();
                let line = line.trim_end_matches(['\n', '\r']).to_owned();
                match line.strip_prefix(&token).map(bridge::parse) {
                    Some(Some(report)) => ran.take(masked(report, &mask), tell),
                    _ if line.is_empty() => {}
                    _ => {
                        let line = mask.apply(&line);
                        tail.push(line.clone());
                        tell(Event::Output { line });
                    }
                }
            }
        };
        let done = engine::execute(&docker, &inside.container, program, &mut piece).await.map_err(unreachable)?;
        ran.success = done.exit_code == 0;
        ran.code = i32::try_from(done.exit_code).ok();
        let from = tail.len().saturating_sub(60);
        ran.tail = tail.split_off(from);
        Ok(ran)
    }

    /// What must not be shown of what commands print: they may print their environment.
    fn mask(&self) -> Mask {
        let pointed = self.workplace.pointers.iter().filter_map(|pointer| match pointer {
            Pointer::Url { target, .. } => Some(target),
            Pointer::Name { .. } => None,
        });
        let targets = pointed.chain([&self.workplace.target]);
        let words = targets.filter_map(|target| Some((target, target.password.as_ref()?.reveal())));
        let mut mask = Mask::default();
        for (target, word) in words.filter(|(_, word)| !word.is_empty()) {
            let encoded = pg_url::encode(word);
            for form in [word, encoded.as_str()] {
                mask.0.push((format!(":{form}@"), ":***@".to_owned()));
            }
            // A short word is part of ordinary text, and so is a password that repeats the role's name.
            if word.len() >= 6 && word != target.user() && !target.database().contains(word) {
                mask.0.extend([word.to_owned(), encoded].map(|form| (form, "***".to_owned())));
            }
        }
        mask
    }

    /// The variables that name the target, naming the database being built.
    fn pointed(&self) -> Vec<(String, String)> {
        let name = self.database.to_owned();
        let mut variables = Vec::new();
        for pointer in &self.workplace.pointers {
            variables.push(match pointer {
                Pointer::Name { key } => (key.clone(), name.clone()),
                Pointer::Url { key, target } => {
                    (key.clone(), pg_url::render(&target.with_database(&name)).reveal().to_owned())
                }
            });
        }
        let url = pg_url::render(&plain(&self.workplace.target).with_database(&name));
        // What libpq's own programs read: `psql -f seed.sql` must not reach the old database.
        let target = &self.workplace.target;
        let host = match target.host() {
            Host::Tcp(name) => name,
            Host::Socket(folder) => folder.display().to_string(),
        };
        variables.push(("PGHOST".to_owned(), host));
        variables.push(("PGPORT".to_owned(), target.port().to_string()));
        variables.push(("PGUSER".to_owned(), target.user().to_owned()));
        variables.push(("PGDATABASE".to_owned(), name.clone()));
        if let Some(password) = &target.password {
            variables.push(("PGPASSWORD".to_owned(), password.reveal().to_owned()));
        }
        variables.push(("DEVDB_DATABASE_URL".to_owned(), url.reveal().to_owned()));
        variables
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.surroundings.shell.get(name).map(|value| value.reveal().to_owned())
    }
}

/// Returns the variables that put the project's environment first: its folder, else what poetry or pipenv say.
pub(super) async fn interpreter(surroundings: &Surroundings, known: Option<&Path>) -> Vec<(String, String)> {
    let found = match known {
        Some(folder) => Some(folder.to_path_buf()),
        None => ask_manager(&surroundings.root).await,
    };
    let Some(folder) = found else { return Vec::new() };
    let programs = if cfg!(windows) { folder.join("Scripts") } else { folder.join("bin") };
    let path = surroundings.shell.get("PATH").map(|value| value.reveal().to_owned()).unwrap_or_default();
    let separator = if cfg!(windows) { ';' } else { ':' };
    vec![
        ("PATH".to_owned(), format!("{}{separator}{path}", programs.display())),
        ("VIRTUAL_ENV".to_owned(), folder.display().to_string()),
    ]
}

async fn ask_manager(root: &Path) -> Option<PathBuf> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let asked =
        [("poetry.lock", "poetry", ["env", "info", "-p"].as_slice()), ("Pipfile", "pipenv", ["--venv"].as_slice())];
    for (mark, program, arguments) in asked {
        if crate::wire::files::exists(&root.join(mark)) && which::which(program).is_ok() {
            let answer = process::output(program, arguments, root, PATIENCE).await;
            if let Some(folder) = answer.filter(|folder| !folder.is_empty()) {
                return Some(PathBuf::from(folder));
            }
        }
    }
    None
}

/// The same target with a URL that every client reads.
fn plain(target: &Target) -> Target {
    Target { scheme: "postgresql".to_owned(), driver: None, ..target.clone() }
}

impl Ran {
    fn take(&mut self, report: Report, tell: &mut Teller<'_>) {
        match report.event.as_str() {
            "python" => self.bridged = true,
            "reached" => self.reached = true,
            "elsewhere" => {
                let place = format!("`{}` at {}:{}", report.database, report.host, report.port);
                if !self.elsewhere.contains(&place) {
                    self.elsewhere.push(place);
                }
            }
            "revision" => {
                self.started = Some(tokio::time::Instant::now());
                self.current = Some((report.revision.clone(), report.message.clone()));
                tell(Event::Revision {
                    id: report.revision,
                    message: report.message,
                    index: report.index,
                    total: report.total,
                });
            }
            "applied" if report.stamp => self.current = None,
            "applied" => {
                self.applied += 1;
                self.current = None;
                let took = self.started.take().map(|started| started.elapsed()).unwrap_or_default();
                tell(Event::Applied { id: report.revision, message: report.message, took });
            }
            "difference" => self.differences.push(report.message),
            "unseen" => self.unseen.push(report.message),
            "compared" => self.compared = true,
            "guard" => self.stopped_at = Some(report.database),
            "error" => self.error = Some(report),
            "bridge-error" => tracing::debug!(what = report.message, "the bridge could not hook a module"),
            _ => {}
        }
    }
}
