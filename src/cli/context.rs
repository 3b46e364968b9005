//! What every command starts from: the environment, the project's root and configuration, the terminal.
#![expect(clippy::disallowed_methods, reason = "the process's environment is read here, once")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Global, bug};
use crate::discover::{self, Depth, Scope};
use crate::error::{Error, Result};
use crate::model::config::Config;
use crate::model::picture::Picture;
use crate::model::secret::Secret;
use crate::model::target::Target;
use crate::render::ui::Ui;
use crate::wire::files::{exists, read_text};

/// How long each probe may take.
pub(super) const DEADLINE: Duration = Duration::from_millis(1_500);

/// The surroundings of one run.
#[derive(Debug)]
pub(super) struct Context {
    pub root: PathBuf,
    /// Where devdb was started, or what `-C` names.
    folder: PathBuf,
    pub shell: BTreeMap<String, Secret>,
    pub config: Config,
    pub ui: Ui,
    started: Instant,
}

impl Context {
    /// Returns the context, or an error with a terminal to tell it on.
    pub(super) fn new(global: Global) -> Result<Self, (Ui, Error)> {
        let started = Instant::now();
        let shell: BTreeMap<String, Secret> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, Secret::from(value.into_string().ok()?))))
            .collect();
        let ui = Ui::new(global.verbose, shell.get("COLUMNS").map(Secret::reveal));
        start_log(global.verbose, shell.get("DEVDB_LOG").map(Secret::reveal));
        let start = match start_folder(global.directory) {
            Ok(start) => start,
            Err(error) => return Err((ui, error)),
        };
        let root = discover::find_root(&start);
        match read_config(&root) {
            Ok(config) => Ok(Self { root, folder: start, shell, config, ui, started }),
            Err(error) => Err((ui, error)),
        }
    }

    /// Returns the context of another project, on the same terminal.
    pub(super) fn at(&self, root: PathBuf, shell: BTreeMap<String, Secret>) -> Result<Self> {
        let config = read_config(&root)?;
        Ok(Self { folder: root.clone(), root, shell, config, ui: self.ui.clone(), started: Instant::now() })
    }

    /// Returns the picture of the project.
    pub(super) async fn look(&self, depth: Depth) -> Picture {
        self.look_and(depth, |_picture, _target| {}).await
    }

    /// Returns the picture of the project; `begin` is shown what the files say as soon as they have named a target.
    pub(super) async fn look_and(&self, depth: Depth, begin: impl FnOnce(&Picture, &Target)) -> Picture {
        let scope = Scope {
            root: self.root.clone(),
            shell: self.shell.clone(),
            config: self.config.clone(),
            depth,
            deadline: DEADLINE,
        };
        Box::pin(discover::discover(&scope, begin)).await
    }

    /// Resolves when the user gives up: Ctrl-C, or a request to end.
    pub(super) async fn cancelled(&self) {
        let interrupted = tokio::signal::ctrl_c();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let Ok(mut ended) = signal(SignalKind::terminate()) else {
                if interrupted.await.is_err() {
                    std::future::pending::<()>().await;
                }
                return;
            };
            tokio::select! {
                _ = interrupted => {}
                _ = ended.recv() => {}
            }
        }
        #[cfg(not(unix))]
        if interrupted.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns a path of the command line, which is meant from where devdb was started.
    pub(super) fn path(&self, path: &std::path::Path) -> PathBuf {
        self.folder.join(path)
    }

    /// Returns the time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns a variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.shell.get(name).map(Secret::reveal)
    }
}

/// Runs a command's future on a runtime of its own.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| bug("cannot start the runtime").because(error))?;
    let result = runtime.block_on(future);
    // A probe that hangs in the resolver must not hold the exit.
    runtime.shutdown_background();
    result
}

fn start_folder(named: Option<PathBuf>) -> Result<PathBuf> {
    let current = std::env::current_dir().map_err(|error| {
        Error::environment("the current folder is gone").because(error).hint("cd into a folder that exists")
    })?;
    let start = match named {
        Some(folder) => current.join(folder),
        None => current,
    };
    std::fs::canonicalize(&start)
        .map_err(|error| Error::usage(format!("cannot enter `{}`", start.display())).because(error))
}

fn read_config(root: &std::path::Path) -> Result<Config> {
    let path = root.join("devdb.toml");
    if !exists(&path) {
        return Ok(Config::default());
    }
    let text = read_text(&path).map_err(|why| Error::usage("cannot read `devdb.toml`").detail("why", why))?;
    let config: Config = toml_edit::de::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        Error::usage(format!("devdb.toml:{line}: {}", error.message()))
            .hint("the README lists every key of `devdb.toml`")
    })?;
    names_what_is_there(&config, root)?;
    Ok(config)
}

/// A mistake in the configuration must not silently mean another database, or no seeds.
fn names_what_is_there(config: &Config, root: &std::path::Path) -> Result<()> {
    let wrong = |key: &str, why: String| Err(Error::usage(format!("devdb.toml: `{key}`: {why}")));
    let files = [
        ("database.env_file", &config.database.env_file),
        ("compose.file", &config.compose.file),
        ("migrations.config", &config.migrations.config),
        ("migrations.directory", &config.migrations.directory),
    ];
    for (key, path) in files {
        if let Some(path) = path.as_ref().filter(|path| !exists(&root.join(path))) {
            return wrong(key, format!("there is no `{}`", path.display()));
        }
    }
    let migrations = &config.migrations;
    if [&migrations.upgrade, &migrations.bootstrap].into_iter().flatten().any(|command| command.trim().is_empty()) {
        return wrong("migrations.upgrade", "a command is empty".to_owned());
    }
    if migrations.stamp.is_some() && migrations.bootstrap.is_none() {
        return wrong("migrations.stamp", "there is nothing to stamp without `bootstrap`".to_owned());
    }
    for seed in &config.seeds {
        if seed.run.is_none() && seed.files.is_none() {
            return wrong("seeds", "an entry has neither `run` nor `files`".to_owned());
        }
    }
    let patterns = config.seeds.iter().filter_map(|seed| seed.files.as_ref()).chain(&config.database.init);
    for pattern in patterns {
        let escaped = glob::Pattern::escape(&root.display().to_string());
        let found = glob::glob(&format!("{escaped}/{pattern}")).map(Iterator::count);
        match found {
            Ok(0) => return wrong("files", format!("`{pattern}` matches no file")),
            Ok(_) => {}
            Err(error) => return wrong("files", format!("`{pattern}`: {error}")),
        }
    }
    Ok(())
}

/// With `-v`, what devdb does goes to stderr; `DEVDB_LOG` chooses as `tracing` filters do.
fn start_log(verbose: bool, filter: Option<&str>) {
    if !verbose && filter.is_none() {
        return;
    }
    let filter = tracing_subscriber::EnvFilter::new(filter.unwrap_or("devdb=debug"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time();
    if log.with_target(false).with_ansi(false).try_init().is_err() {
        tracing::debug!("the log was started already");
    }
}
