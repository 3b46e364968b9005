//! A project's directory.

use super::secrets;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A temporary project; the directory goes when it is dropped.
pub(crate) struct Project {
    path: PathBuf,
    _directory: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("devdb-project-").tempdir().unwrap();
        // macOS keeps its temporary directories behind a link; output would name one, the test the other.
        let path = directory.path().canonicalize().unwrap();
        Self { path, _directory: directory }
    }

    /// A project that starts as a copy of `tests/fixtures/<name>`.
    pub(crate) fn from_fixture(name: &str) -> Self {
        let project = Self::new();
        project.copy_fixture(name);
        project
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// Writes a file, with the directories above it; the passwords in it become secrets.
    pub(crate) fn write(&self, relative: &str, text: &str) -> PathBuf {
        secrets::register_from(text);
        let file = self.file(relative);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    #[track_caller]
    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.file(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Replaces what stands in a file.
    #[track_caller]
    pub(crate) fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "{relative} has no {from}");
        self.write(relative, &text.replace(from, to));
    }

    pub(crate) fn exists(&self, relative: &str) -> bool {
        self.file(relative).exists()
    }

    pub(crate) fn remove(&self, relative: &str) {
        std::fs::remove_file(self.file(relative)).unwrap();
    }

    pub(crate) fn copy_fixture(&self, name: &str) {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        self.copy_tree(&fixture);
    }

    /// Takes everything below a folder over.
    pub(crate) fn copy_tree(&self, folder: &Path) {
        copy_tree(folder, &self.path);
    }

    /// Makes it a repository with everything committed.
    pub(crate) fn git_init(&self) {
        self.git(&["init", "--quiet", "--initial-branch", "main"]);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "start"]);
    }

    /// Runs git with a fixed author and without the machine's settings, and returns what it printed.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(&self.path)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let entries = std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries {
        let entry = entry.unwrap();
        // Left behind by running the fixture where it lies.
        if entry.file_name() == "__pycache__" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
