//! The packages of the interpreter that runs the project's commands.
#![expect(clippy::disallowed_methods, reason = "the virtual environment is listed here")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::model::layer::Digest;
use crate::model::picture::Picture;
use crate::wire::files::{read_bytes, read_text};

const LOCK_FILES: [&str; 5] = ["uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "pylock.toml"];

/// What is installed.
pub(super) struct Packages {
    pub(super) digest: Digest,
    /// Folders of sources that are installed in place: the project's own, and those of its neighbours.
    pub(super) in_place: Vec<PathBuf>,
}

impl Packages {
    /// Reads the names of what the virtual environment has, which hold the versions; without one, the lock files.
    pub(super) fn read(root: &Path, picture: &Picture) -> Self {
        let environment = picture.recipe.python_environment.as_deref();
        let folders = environment.map(site_packages).unwrap_or_default();
        if folders.is_empty() {
            return Self { digest: locked(root, picture), in_place: Vec::new() };
        }
        let mut packages = Self { digest: Digest::of(["packages"]), in_place: Vec::new() };
        for folder in folders {
            packages.add(&folder);
        }
        packages
    }

    fn add(&mut self, folder: &Path) {
        // The version of Python is the name of a folder above.
        let version = folder.parent().and_then(Path::file_name).unwrap_or_default();
        let mut digest = self.digest.then(Digest::of([version.as_encoded_bytes()]));
        for name in names(folder) {
            let path = folder.join(&name);
            let shown = name.to_string_lossy();
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("dist-info") => {
                    // Where it was installed from: a commit, when the version alone does not tell.
                    let origin = path.join("direct_url.json");
                    let origin = read_bytes(&origin).unwrap_or_default();
                    digest = digest.then(Digest::of([name.as_encoded_bytes(), &origin]));
                }
                Some("egg-info" | "egg-link") => digest = digest.then(Digest::of([name.as_encoded_bytes()])),
                Some("pth") => self.in_place.extend(read_text(&path).iter().flat_map(|text| lines(text, folder))),
                Some("py") if shown.starts_with("__editable__") => {
                    self.in_place.extend(read_text(&path).iter().flat_map(|text| mapped(text)));
                }
                _ => {}
            }
        }
        self.digest = digest;
    }
}

/// The folders that a `.pth` file adds to Python's path.
fn lines(text: &str, folder: &Path) -> Vec<PathBuf> {
    let plain = |line: &&str| !line.is_empty() && !line.starts_with('#') && !line.starts_with("import");
    text.lines().map(str::trim).filter(plain).map(|line| folder.join(line)).filter(|path| path.is_dir()).collect()
}

/// The folders around the packages that setuptools' finder of editable packages names.
fn mapped(text: &str) -> Vec<PathBuf> {
    let paths = text.split(['\'', '"']).map(Path::new).filter(|path| path.is_absolute() && path.exists());
    paths.filter_map(|path| path.parent().map(Path::to_path_buf)).collect()
}

fn site_packages(environment: &Path) -> Vec<PathBuf> {
    let lib = environment.join("lib");
    let versions = names(&lib).into_iter().filter(|name| name.to_string_lossy().starts_with("python"));
    let mut folders: Vec<PathBuf> = versions.map(|name| lib.join(name).join("site-packages")).collect();
    folders.push(environment.join("Lib/site-packages"));
    folders.retain(|folder| folder.is_dir());
    folders
}

/// Returns the names in a folder, in order.
fn names(folder: &Path) -> Vec<OsString> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

/// Returns the digest of the lock files at the root, and beside the chain and above it.
fn locked(root: &Path, picture: &Picture) -> Digest {
    let file = picture.chain.known().map(|chain| chain.config.file.clone()).unwrap_or_default();
    let mut digest = Digest::of(["lock files"]);
    for folder in file.ancestors().skip(1).chain([Path::new("")]).take_while(|folder| !folder.is_absolute()) {
        for name in names(&root.join(folder)) {
            let shown = name.to_string_lossy();
            let pinned = shown.starts_with("requirements") && (shown.ends_with(".txt") || shown.ends_with(".in"));
            if pinned || LOCK_FILES.contains(&&*shown) {
                let content = read_bytes(&root.join(folder).join(&name)).unwrap_or_default();
                digest = digest.then(Digest::of([name.as_encoded_bytes(), &content]));
            }
        }
    }
    digest
}
