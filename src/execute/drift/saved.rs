//! Schemas of layers, kept in the user's cache folder: a key stands for everything that a database was made from, so what
//! was read of it once need not be made again. Losing the folder costs time and nothing else.
#![expect(clippy::disallowed_methods, reason = "the cache's files are written here")]

use std::path::{Path, PathBuf};

use crate::execute::Surroundings;
use crate::model::layer::{Digest, Key};
use crate::model::schema::Schema;
use crate::model::secret::Secret;
use crate::wire::catalog;
use crate::wire::files::read_text;

/// More files than this are not kept; the oldest go first.
const KEPT: usize = 64;

/// Where the schemas lie.
pub(super) struct Saved {
    folder: Option<PathBuf>,
    /// What beside the key a file depends on: how schemas are read.
    reading: Digest,
}

impl Saved {
    /// Returns the store of this user; without a home there is none, and everything is made anew.
    pub(super) fn of(surroundings: &Surroundings, privileges: bool) -> Self {
        let variable = |name: &str| surroundings.shell.get(name).map(Secret::reveal).filter(|it| it.starts_with('/'));
        let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| variable("HOME").map(|home| Path::new(home).join(".cache")));
        let version = env!("CARGO_PKG_VERSION");
        let privileges = if privileges { "privileges" } else { "" };
        Self {
            folder: cache.map(|cache| cache.join("devdb/schemas")),
            reading: Digest::of([version, catalog::CATALOG, privileges]),
        }
    }

    fn path(&self, key: &Key) -> Option<PathBuf> {
        let name = Key::new(Digest::of([key.database().as_bytes()]).then(self.reading));
        Some(self.folder.as_ref()?.join(format!("{name}.json")))
    }

    /// Returns the schema of a key, where it is there and whole.
    pub(super) fn find(&self, key: Option<&Key>) -> Option<Schema> {
        Schema::from_json(&read_text(&self.path(key?)?).ok()?)
    }

    /// Keeps a schema; that it cannot be kept does not matter.
    pub(super) fn keep(&self, key: Option<&Key>, schema: &Schema) {
        let Some(path) = key.and_then(|key| self.path(key)) else { return };
        if let Err(error) = self.write(&path, schema) {
            tracing::debug!(%error, "a schema was not kept");
        }
    }

    fn write(&self, path: &Path, schema: &Schema) -> std::io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        let mut beside = tempfile::Builder::new().prefix(".devdb-").tempfile_in(folder)?;
        std::io::Write::write_all(&mut beside, schema.to_json().as_bytes())?;
        beside.persist(path).map_err(|error| error.error)?;
        let mut files: Vec<_> = std::fs::read_dir(folder)?
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        for (_, old) in files.iter().take(files.len().saturating_sub(KEPT)) {
            std::fs::remove_file(old)?;
        }
        Ok(())
    }
}
