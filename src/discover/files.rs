//! The files of a project that may concern its database, found by name without following every path.
#![expect(clippy::disallowed_methods, reason = "this is where directories are listed")]

use std::path::{Path, PathBuf};

/// How deep below the root is looked.
const DEPTH: usize = 3;
/// The same for the ini files of chains, which packages keep beside their migrations.
const INI_DEPTH: usize = 6;
/// Entries looked at in all: beyond that, a project keeps its files near the root.
const LIMIT: usize = 20_000;
const SKIPPED: [&str; 14] = [
    "node_modules",
    "target",
    "venv",
    "env",
    "__pycache__",
    "dist",
    "build",
    "site-packages",
    "vendor",
    "htmlcov",
    "coverage",
    "tmp",
    "logs",
    "data",
];
/// Hidden folders in which Compose and `.env` files are kept.
const HIDDEN: [&str; 4] = [".devcontainer", ".docker", ".config", ".env.d"];

/// What was found; paths are relative to the root, shallow ones first, then by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub env_files: Vec<PathBuf>,
    pub env_examples: Vec<PathBuf>,
    /// Folders with a Compose file, each with the names of its files.
    pub compose: Vec<(PathBuf, Vec<String>)>,
    pub alembic: Vec<PathBuf>,
    /// Files ending in `.ini` that may configure a chain as well.
    pub inis: Vec<PathBuf>,
    pub pyprojects: Vec<PathBuf>,
    pub has_cargo: bool,
    pub has_node: bool,
    pub has_python: bool,
    /// Modules in which settings usually stand.
    pub settings: Vec<PathBuf>,
    /// Modules in which engines usually are made.
    pub databases: Vec<PathBuf>,
    /// Files of Django apps' `migrations`, where there is a `manage.py`.
    pub django: Vec<PathBuf>,
    pub has_manage: bool,
}

/// Returns what stands below `root`.
pub(super) fn find(root: &Path) -> Found {
    let mut found = Found::default();
    let mut seen = 0;
    let mut level = vec![PathBuf::new()];
    for depth in 0..=INI_DEPTH {
        let mut next = Vec::new();
        for folder in level {
            let (names, folders) = list(&root.join(&folder), &mut seen);
            sort_out(&folder, &names, depth, &mut found);
            next.extend(folders.into_iter().map(|name| folder.join(name)));
        }
        level = next;
    }
    found
}

/// Returns the names of the files and of the folders in a folder, without those that hold no sources.
pub(super) fn list(folder: &Path, seen: &mut usize) -> (Vec<String>, Vec<String>) {
    let (mut names, mut folders) = (Vec::new(), Vec::new());
    let Ok(entries) = std::fs::read_dir(folder) else { return (names, folders) };
    for entry in entries.flatten() {
        *seen += 1;
        if *seen > LIMIT {
            break;
        }
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            let hidden = name.starts_with('.') && !HIDDEN.contains(&name.as_str());
            // A virtual environment holds whole projects of others.
            let environment = folder.join(&name).join("pyvenv.cfg").is_file();
            // A template of a project is none yet.
            let template = name.contains("{{");
            if !hidden && !environment && !template && !SKIPPED.contains(&name.as_str()) {
                folders.push(name);
            }
        } else {
            names.push(name);
        }
    }
    names.sort();
    folders.sort();
    (names, folders)
}

fn sort_out(folder: &Path, names: &[String], depth: usize, found: &mut Found) {
    let mut compose = Vec::new();
    for name in names {
        let path = || folder.join(name);
        match name.as_str() {
            "alembic.ini" => found.alembic.push(path()),
            _ if may_configure_a_chain(name) => found.inis.push(path()),
            _ if folder.ends_with("migrations") && is_module(name) => found.django.push(path()),
            _ if depth > DEPTH => {}
            "pyproject.toml" => {
                found.pyprojects.push(path());
                found.has_python = true;
            }
            "manage.py" => {
                found.has_python = true;
                found.has_manage = true;
            }
            "requirements.txt" | "Pipfile" | "setup.py" => found.has_python = true,
            "config.py" | "settings.py" | "conf.py" | "configuration.py" => found.settings.push(path()),
            "database.py" | "db.py" | "session.py" | "engine.py" => found.databases.push(path()),
            "Cargo.toml" if depth == 0 => found.has_cargo = true,
            "package.json" if depth == 0 => found.has_node = true,
            _ if is_module(name) && (folder.ends_with("settings") || folder.ends_with("config")) => {
                found.settings.push(path());
            }
            _ if is_example(name) => found.env_examples.push(path()),
            _ if is_env_file(name) => found.env_files.push(path()),
            _ => {}
        }
        if depth > DEPTH {
            continue;
        }
        let yaml = Path::new(name).extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
        if yaml && (name.starts_with("compose") || name.starts_with("docker-compose")) {
            compose.push(name.clone());
        }
    }
    if !compose.is_empty() {
        found.compose.push((folder.to_path_buf(), compose));
    }
}

fn may_configure_a_chain(name: &str) -> bool {
    const OTHERS: [&str; 6] = ["tox.ini", "pytest.ini", "mypy.ini", "desktop.ini", "php.ini", "uwsgi.ini"];
    Path::new(name).extension().is_some_and(|ending| ending == "ini") && !OTHERS.contains(&name)
}

/// `0001_initial.py`, and not `__init__.py`.
fn is_module(name: &str) -> bool {
    !name.starts_with("__") && Path::new(name).extension().is_some_and(|ending| ending == "py")
}

/// Files that the app may read on this machine.
fn is_env_file(name: &str) -> bool {
    matches!(name, ".env" | ".env.local" | ".env.development" | ".env.development.local" | ".env.dev" | ".flaskenv")
}

fn is_example(name: &str) -> bool {
    const ENDINGS: [&str; 6] = [".example", ".sample", ".template", ".dist", "-example", "-sample"];
    let env =
        (name.starts_with(".env") && !name.starts_with(".envrc")) || name == "env.example" || name == "env.sample";
    env && (ENDINGS.iter().any(|ending| name.ends_with(ending)))
}
