//! The folders in which the project's Python commands look for modules.

use std::path::{Component, Path, PathBuf};

use super::Project;
use crate::model::chain::Chain;
use crate::model::secret::Secret;
use crate::parse::alembic::command::plain_upgrade;
use crate::parse::alembic::sys_path;
use crate::parse::python_imports::{strings, uses};
use crate::wire::files::read_text;

impl Project<'_> {
    /// Returns them, absolute; more than Python would look into, because a folder too many does no harm.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        let mut folders = vec![PathBuf::new()];
        // The root may be a package of its own.
        let above = self.root.ancestors().take_while(|folder| folder.join("__init__.py").is_file());
        folders.extend(above.filter_map(|package| package.parent().map(Path::to_path_buf)));
        if let Some(chain) = self.picture.chain.known() {
            self.of_chain(chain, &mut folders);
        }
        let sources: Vec<PathBuf> = folders.iter().map(|folder| folder.join("src")).collect();
        folders.extend(sources);
        let path = self.picture.shell.get("PYTHONPATH").map(Secret::reveal).unwrap_or_default();
        folders.extend(path.split([':', ';']).filter(|folder| !folder.is_empty()).map(PathBuf::from));
        folders.extend(self.packages.in_place.iter().cloned());
        let mut places: Vec<PathBuf> = Vec::new();
        for folder in folders {
            let place = plain(&self.root.join(folder));
            if !places.contains(&place) && place.is_dir() && !self.is_installed(&place) {
                places.push(place);
            }
        }
        places
    }

    fn of_chain(&self, chain: &Chain, folders: &mut Vec<PathBuf>) {
        let config = &chain.config;
        let beside = config.file.parent().unwrap_or(Path::new(""));
        let above = config.script_directory.ancestors().filter(|folder| !folder.is_absolute());
        let around: Vec<PathBuf> = above.map(Path::to_path_buf).collect();
        let mut starts = vec![PathBuf::new(), beside.to_path_buf(), config.working_directory.clone()];
        let mut named = self.prepended(&config.file, &config.section);
        if let Some(command) = self.picture.config.migrations.upgrade.as_deref().and_then(plain_upgrade) {
            starts.extend(command.directory.map(PathBuf::from));
            named.extend(command.python_path.into_iter().map(PathBuf::from));
        }
        // A path that `env.py` puts together begins at one of the folders above it.
        let env_py = read_text(&self.root.join(&config.script_directory).join("env.py")).unwrap_or_default();
        if uses(&env_py, &["path", "addsitedir"]) {
            let parts = strings(&env_py).into_iter().filter(|part| part.len() < 100 && !part.contains(['\n', ' ']));
            let parts: Vec<&str> = parts.collect();
            for folder in &around {
                folders.extend(parts.iter().map(|part| folder.join(part)));
            }
        }
        for start in &starts {
            folders.extend(named.iter().map(|folder| start.join(folder)));
        }
        folders.extend(starts);
        folders.extend(around);
    }

    fn prepended(&self, file: &Path, section: &str) -> Vec<PathBuf> {
        let path = self.root.join(file);
        let here = path.parent().unwrap_or(self.root).display().to_string();
        let text = read_text(&path).unwrap_or_default();
        let is_toml = file.extension().is_some_and(|ending| ending == "toml");
        if is_toml { sys_path::from_pyproject(&text, &here) } else { sys_path::from_ini(&text, section, &here) }
    }

    /// Packages are told by their versions.
    fn is_installed(&self, place: &Path) -> bool {
        let inside = place.strip_prefix(self.root).unwrap_or(place);
        inside.iter().any(|part| part == "site-packages" || part == "dist-packages")
    }
}

/// Returns the path without `.` and `..`.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
