//! The files of a chain: which Alembic would load, in its order, read side by side.
#![expect(clippy::disallowed_methods, reason = "version folders are listed here")]

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use crate::model::chain::{Chain, Revision, UnreadableRevision};
use crate::model::place::Place;
use crate::parse::alembic::revision;
use crate::wire::files::read_bytes;

/// Fewer files are read sooner than a thread is started.
const WORTH_A_THREAD: usize = 64;

/// What the listing of version folders found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Relative to the root, in Alembic's order.
    files: Vec<PathBuf>,
    unreadable: Vec<UnreadableRevision>,
    /// Where the files really are: Alembic loads none twice.
    seen: HashSet<PathBuf>,
}

/// Reads the files of the chain's version folders into the chain.
pub(super) fn read(root: &Path, chain: &mut Chain) {
    let mut listing = Listing::default();
    for folder in &chain.config.version_directories {
        listing.add(root, folder, chain.config.recursive);
    }
    chain.unreadable.append(&mut listing.unreadable);
    let files = listing.files;
    let modules = &Modules { root, files: &files, script_directory: &chain.config.script_directory };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(files.len() / WORTH_A_THREAD).max(1);
    let share = files.len().div_ceil(threads).max(1);
    let parts: Vec<Part> = thread::scope(|scope| {
        let mut shares = files.chunks(share);
        // The first share is this thread's own.
        let own = shares.next().unwrap_or_default();
        let start = |share| (share, thread::Builder::new().spawn_scoped(scope, move || modules.read(share)));
        let started: Vec<_> = shares.map(start).collect();
        let finish = |(share, thread): (_, io::Result<thread::ScopedJoinHandle<'_, _>>)| {
            // Where no thread can be had, the work is done here.
            thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| modules.read(share))
        };
        let own = modules.read(own);
        std::iter::once(own).chain(started.into_iter().map(finish)).collect()
    });
    for part in parts {
        chain.revisions.extend(part.revisions);
        chain.unreadable.extend(part.unreadable);
    }
}

/// What one thread read.
#[derive(Default)]
struct Part {
    revisions: Vec<Revision>,
    unreadable: Vec<UnreadableRevision>,
}

/// The modules that a revision may import its header from: those of the same chain.
struct Modules<'m> {
    root: &'m Path,
    files: &'m [PathBuf],
    script_directory: &'m Path,
}

impl Modules<'_> {
    fn read(&self, files: &[PathBuf]) -> Part {
        let mut part = Part::default();
        let find = |module: &str| self.source(module);
        for file in files {
            let read = read_bytes(&self.root.join(file))
                .map_err(|reason| UnreadableRevision { at: Place::new(file, 0), reason })
                .and_then(|bytes| revision::read(file, &bytes, &find));
            match read {
                Ok(Some(revision)) => part.revisions.push(revision),
                Ok(None) => {}
                Err(unreadable) => part.unreadable.push(unreadable),
            }
        }
        part
    }

    /// Returns the source of `app.migrations.versions.first`, when exactly one file of the chain can be meant.
    fn source(&self, module: &str) -> Option<Vec<u8>> {
        let path = PathBuf::from(format!("{}.py", module.replace('.', "/")));
        let mut meant = self.files.iter().filter(|file| file.ends_with(&path) || is_below(module, file));
        let file = match (meant.next(), meant.next()) {
            (Some(file), None) => file.clone(),
            (Some(_), Some(_)) => return None,
            (None, _) => self.beside(&path)?,
        };
        read_bytes(&self.root.join(file)).ok()
    }

    /// A module of the script directory that is no revision: `migrations/ids.py`, imported as `migrations.ids`.
    fn beside(&self, path: &Path) -> Option<PathBuf> {
        let file = self.script_directory.join(path.file_name()?);
        let named = file.ends_with(path) || path.components().count() == 1;
        (named && self.root.join(&file).is_file()).then_some(file)
    }
}

/// Whether the module's path leads to the file from a folder above the project's root.
fn is_below(module: &str, file: &Path) -> bool {
    let parts: Vec<&str> = module.split('.').collect();
    let stem = file.with_extension("");
    let own: Vec<_> = stem.iter().map(|part| part.to_string_lossy()).collect();
    own.len() < parts.len() && own.len() > 1 && own.iter().rev().zip(parts.iter().rev()).all(|(own, part)| own == part)
}

impl Listing {
    /// Adds the files of a version folder as Alembic lists them: the files of a folder by name, then its folders.
    fn add(&mut self, root: &Path, folder: &Path, recursive: bool) {
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let mut inner = self.add_one(root, &folder);
            if recursive {
                inner.sort();
                folders.extend(inner.into_iter().rev().map(|name| folder.join(name)));
            }
        }
    }

    /// Adds the files of one folder and returns its folders' names.
    fn add_one(&mut self, root: &Path, folder: &Path) -> Vec<OsString> {
        let real = root.join(folder);
        let listed = std::fs::read_dir(&real).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = match listed {
            Ok(entries) => entries,
            // A folder that the first revision will make.
            Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.unreadable.push(UnreadableRevision { at: Place::new(folder, 0), reason: error.to_string() });
                return Vec::new();
            }
        };
        let real = std::fs::canonicalize(&real).unwrap_or(real);
        let (mut names, mut folders) = (Vec::new(), Vec::new());
        for entry in entries {
            let name = entry.file_name();
            let kind = entry.file_type().ok();
            let is_link = kind.is_some_and(|kind| kind.is_symlink());
            if kind.is_some_and(|kind| kind.is_dir()) {
                // Bytecode, which Alembic skips by the end of the name.
                if !name.to_string_lossy().ends_with("__pycache__") {
                    folders.push(name);
                }
            } else if revision::is_loaded(&name.to_string_lossy()) && !(is_link && entry.path().is_dir()) {
                // A link to a folder is a folder, and not followed.
                names.push((name, is_link));
            }
        }
        names.sort();
        for (name, is_link) in names {
            let place = real.join(&name);
            let target = if is_link { std::fs::canonicalize(&place).unwrap_or(place) } else { place };
            if self.seen.insert(target) {
                self.files.push(folder.join(name));
            }
        }
        folders
    }
}
