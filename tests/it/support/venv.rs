//! The Python that the bench prepared, put where a project expects its own.

use super::project::Project;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Returns the interpreter of an environment.
pub(crate) fn python(venv: &Path) -> PathBuf {
    venv.join("bin/python")
}

/// Makes the environment the project's own, as `.venv` or any other name.
pub(crate) fn link_into(venv: &Path, project: &Project, relative: &str) {
    let link = project.file(relative);
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(venv, link).unwrap();
}

/// Runs a program of the environment in the project, such as `alembic upgrade head`, and returns how it went.
pub(crate) fn run(venv: &Path, project: &Project, program: &str, arguments: &[&str]) -> Output {
    Command::new(venv.join("bin").join(program))
        .args(arguments)
        .current_dir(project.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap()
}
