//! Where the locations of a configuration lead.

use std::path::{Component, Path, PathBuf};

use super::{ConfigError, ConfigFault, PackageDirectory};
use crate::model::place::Place;

/// What locations are resolved against.
pub(super) struct Places<'p> {
    pub(super) file: &'p Path,
    pub(super) here: &'p Path,
    pub(super) directory: &'p Path,
    pub(super) package_directory: PackageDirectory<'p>,
}

impl Places<'_> {
    pub(super) fn resolve(&self, location: &str, line: usize) -> Result<PathBuf, ConfigError> {
        let path = Path::new(location);
        if !path.has_root() && !path.is_absolute() && location.contains(':') {
            return self.resolve_package(location, line);
        }
        let path = match path.strip_prefix(self.here) {
            Ok(inside) => self.file.parent().unwrap_or(Path::new("")).join(inside),
            Err(_) => self.directory.join(path),
        };
        Ok(without_dots(&path))
    }

    fn resolve_package(&self, location: &str, line: usize) -> Result<PathBuf, ConfigError> {
        let mut tokens = location.split(':');
        let package = tokens.next().unwrap_or_default();
        let directory = (self.package_directory)(package).ok_or_else(|| ConfigError {
            at: Place::new(self.file, line),
            fault: ConfigFault::UnknownPackage { location: location.to_owned() },
        })?;
        Ok(without_dots(&tokens.fold(directory, |path, token| path.join(token))))
    }
}

/// Returns the path without `.` and, as far as the text allows, without `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::ParentDir if plain.has_root() => {}
            part => plain.push(part),
        }
    }
    plain
}
