//! Where the measured projects lie, and the environment in which everything is run.

use super::chain;
use super::server::Server;
use super::tools::Tools;
use crate::{places, run};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The run's directory, with what every case needs.
pub(super) struct Place<'a> {
    pub(super) server: &'a Server,
    pub(super) tools: &'a Tools,
    folder: PathBuf,
}

/// A project, and the name of its database.
pub(super) struct Project {
    pub(super) root: PathBuf,
    pub(super) database: &'static str,
    /// Variables of the shell in which the application is worked on.
    pub(super) variables: &'static [(&'static str, &'static str)],
}

impl<'a> Place<'a> {
    pub(super) fn new(server: &'a Server, tools: &'a Tools, folder: &Path) -> Result<Self, String> {
        let place = Self { server, tools, folder: folder.to_owned() };
        fs::create_dir_all(place.home().join("tmp")).map_err(|error| format!("cannot prepare a home: {error}"))?;
        Ok(place)
    }

    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("last.log")
    }

    /// Makes a project from nothing, in the place of one of the same name, and an empty database for it.
    pub(super) fn project(&self, database: &'static str) -> Result<Project, String> {
        let root = self.folder.join("projects").join(database);
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("cannot remove {}: {error}", root.display()));
            }
            _ => {}
        }
        fs::create_dir_all(&root).map_err(|error| format!("cannot create {}: {error}", root.display()))?;
        self.server.sql("postgres", &[&format!("create database {database}")])?;
        Ok(Project { root, database, variables: &[] })
    }

    /// Returns a command with an environment of its own: neither the developer's settings nor those of CI reach it.
    pub(super) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = run::command(program);
        let home = self.home();
        let system = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.tools.postgres.clone()).chain(std::env::split_paths(&system));
        command.env_clear().current_dir(folder).env("PATH", std::env::join_paths(path).unwrap_or(system.clone()));
        command.env("HOME", &home).env("TMPDIR", home.join("tmp")).env("LANG", "C.UTF-8");
        // No container engine, on any machine.
        command.env("DOCKER_HOST", format!("unix://{}/no-docker.sock", home.display()));
        command
    }

    pub(super) fn devdb(&self, project: &Project, arguments: &[&str]) -> Command {
        let mut devdb = self.command(&self.tools.devdb, &project.root);
        devdb.args(arguments).envs(project.variables.iter().copied());
        devdb
    }

    /// Runs something that is not timed.
    pub(super) fn must(&self, command: &mut Command) -> Result<(), String> {
        super::case::timed(command, &self.log()).map(drop)
    }
}

impl Project {
    pub(super) fn put(&self, path: &str, text: &str) -> Result<(), String> {
        chain::put(&self.root, &(path.to_owned(), text.to_owned()))
    }

    /// Makes an environment the project's own.
    pub(super) fn link(&self, venv: &Path) -> Result<(), String> {
        std::os::unix::fs::symlink(venv, self.root.join(".venv")).map_err(|error| format!("cannot link .venv: {error}"))
    }

    /// Copies the settings of Alembic that the tests' project has.
    pub(super) fn take_alembic(&self) -> Result<(), String> {
        for file in ["alembic.ini", "alembic/env.py", "alembic/script.py.mako", "app/__init__.py", "app/models.py"] {
            self.put(file, &fixture(&format!("alembic-sync/{file}"))?)?;
        }
        Ok(())
    }
}

/// Returns a file of the tests' fixtures.
pub(super) fn fixture(name: &str) -> Result<String, String> {
    let file = places::root().join("tests/fixtures").join(name);
    fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}
