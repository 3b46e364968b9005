//! What the project's scripts and code expect of the database.
#![expect(clippy::disallowed_methods, reason = "the folders of scripts are listed here")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Scope;
use super::files::Found;
use crate::model::habits::{Habits, SeedFault, SeedFaultKind};
use crate::model::observed::Observed;
use crate::model::picture::{Picture, Recipe};
use crate::model::place::Place;
use crate::model::plan::SeedPlan;
use crate::model::text::visible;
use crate::parse::alembic::revision;
use crate::parse::sql::reads_server_file;
use crate::parse::{django, python_settings, scripts};
use crate::wire::files::{read_bytes, read_text};
use crate::wire::process::{self, Program};

/// Where projects keep what they run by hand.
const FOLDERS: [&str; 7] = ["", "scripts", "script", "bin", "tools", "ops", "hack"];
const NAMES: [&str; 8] =
    ["Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "Taskfile.yml", "package.json", "Procfile"];
/// Files read at most, and the largest one in bytes.
const FILES: usize = 60;
const LARGEST: u64 = 64 << 10;
const MODULES: usize = 20;
const LARGEST_MODULE: u64 = 1 << 20;
/// A larger seed is not read before it is loaded.
const LARGEST_SEED: u64 = 4 << 20;

/// Returns what the files tell.
pub(super) fn read(scope: &Scope, found: &Found) -> Habits {
    let root = &scope.root;
    let text = |path: &PathBuf| Some((path.clone(), read_text(&root.join(path)).ok()?));
    let python = |path: &PathBuf| {
        let file = root.join(path);
        std::fs::metadata(&file).ok().filter(|about| about.len() <= LARGEST_MODULE)?;
        Some((path.clone(), revision::text(&read_bytes(&file).ok()?)?.into_owned()))
    };
    let calls = FOLDERS.iter().flat_map(|folder| in_folder(root, Path::new(folder))).take(FILES);
    let settings: Vec<(PathBuf, String)> = found.settings.iter().take(MODULES).filter_map(python).collect();
    let databases: Vec<(PathBuf, String)> = found.databases.iter().take(MODULES).filter_map(python).collect();
    let mut apps: BTreeMap<PathBuf, Vec<(PathBuf, String)>> = BTreeMap::new();
    for path in found.django.iter().filter(|_| found.has_manage) {
        // What cannot be read is not understood, and then neither is the app.
        let file = python(path).unwrap_or_else(|| (path.clone(), "(".to_owned()));
        apps.entry(path.parent().unwrap_or(Path::new("")).to_path_buf()).or_default().push(file);
    }
    Habits {
        calls: calls.filter_map(|path| text(&path)).flat_map(|(path, text)| scripts::calls(&path, &text)).collect(),
        pg_dump: Observed::Absent,
        async_engines: async_engines(&settings, &databases),
        settings: settings
            .iter()
            .flat_map(|(path, text)| python_settings::strict(path, &run_from(root, path), text))
            .collect(),
        django: apps
            .iter()
            .flat_map(|(folder, files)| {
                let apps_py = read_text(&root.join(folder).with_file_name("apps.py")).unwrap_or_default();
                django::migrations(files, &apps_py)
            })
            .collect(),
        seeds: Observed::Absent,
    }
}

/// Returns the folder in which a module's app is run: the nearest above it with a project's file, else the root.
fn run_from(root: &Path, module: &Path) -> PathBuf {
    const MARKS: [&str; 6] = ["pyproject.toml", "requirements.txt", "setup.py", "Pipfile", "manage.py", "alembic.ini"];
    let marked = |folder: &&Path| MARKS.iter().any(|mark| root.join(folder).join(mark).is_file());
    module.ancestors().skip(1).find(marked).unwrap_or(Path::new("")).to_path_buf()
}

/// Returns where async engines are made of a URL as it stands.
fn async_engines(settings: &[(PathBuf, String)], databases: &[(PathBuf, String)]) -> Vec<(Place, Vec<String>)> {
    let all = || settings.iter().chain(databases);
    let rewrites = |text: &str| {
        ["asyncpg", "+psycopg", ".replace(", "re.sub", "drivername", "URL.create", "sqlite"]
            .iter()
            .any(|it| text.contains(it))
    };
    if all().any(|(_, text)| rewrites(text)) {
        return Vec::new();
    }
    let call = |(path, text): &(PathBuf, String)| {
        let makes = |line: &str| line.contains("create_async_engine(") && !line.trim_start().starts_with('#');
        let line = text.lines().position(makes)?;
        // The call may go on below.
        let code: String = text.lines().skip(line).take(4).collect();
        let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let variables = words
            .map(str::to_ascii_uppercase)
            .filter(|word| word.contains("URL") || word.contains("DSN") || word.contains("URI"));
        Some((Place::new(path, line + 1), variables.collect()))
    };
    all().filter_map(call).collect()
}

/// Returns what is wrong with the texts of seeds.
pub(super) fn seeds(root: &Path, recipe: &Recipe) -> Observed<Vec<SeedFault>> {
    let file = |(_, seed): &'_ (Option<String>, SeedPlan)| match seed {
        SeedPlan::File(file) => Some(file.clone()),
        SeedPlan::Command { .. } => None,
    };
    let files: Vec<PathBuf> = recipe.seeds.iter().filter_map(file).collect();
    if files.is_empty() {
        return Observed::Absent;
    }
    let small = |file: &&PathBuf| std::fs::metadata(root.join(file)).is_ok_and(|about| about.len() <= LARGEST_SEED);
    let fault = |file: &PathBuf| {
        let bytes = read_bytes(&root.join(file)).ok()?;
        let fault = match bytes.as_slice() {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => SeedFaultKind::Utf16,
            bytes => {
                let text = String::from_utf8_lossy(bytes);
                let copies = text.to_ascii_lowercase().contains("copy");
                let (line, path) = copies.then(|| reads_server_file(&text)).flatten()?;
                SeedFaultKind::ServerFile { line, path: visible(&path) }
            }
        };
        Some(SeedFault { file: file.clone(), fault })
    };
    Observed::Known(files.iter().filter(small).filter_map(fault).collect())
}

/// Returns the scripts in a folder, relative to the root.
fn in_folder(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let is_script = |entry: &std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let named = NAMES.contains(&name.as_str()) || Path::new(&name).extension().is_some_and(|ending| ending == "sh");
        let small = || entry.metadata().is_ok_and(|about| about.is_file() && about.len() <= LARGEST);
        (named || (!folder.as_os_str().is_empty() && !name.contains('.'))) && small()
    };
    let mut found: Vec<PathBuf> = entries.filter(is_script).map(|entry| folder.join(entry.file_name())).collect();
    found.sort();
    found
}

/// Returns the major of the `pg_dump` along `PATH`, where a script of the project calls it on this machine.
pub(super) async fn pg_dump(scope: &Scope, picture: &Picture) -> Observed<u32> {
    let dumps = |program: &str| matches!(program, "pg_dump" | "pg_dumpall");
    if !picture.habits.calls.iter().any(|call| dumps(&call.program) && !call.elsewhere) {
        return Observed::Absent;
    }
    match version(scope, "pg_dump").await {
        Some(major) => Observed::Known(major),
        None => Observed::Unknown("there is no `pg_dump` along PATH that says its version".to_owned()),
    }
}

/// Returns the major that a program of PostgreSQL's says: `pg_dump (PostgreSQL) 15.18`.
pub(super) async fn version(scope: &Scope, program: &str) -> Option<u32> {
    let path = scope.shell.get("PATH").map_or("", |path| path.reveal());
    let found = which::which_in(program, Some(path), &scope.root).ok()?;
    let wanted = Program {
        words: vec![found.into_os_string(), OsString::from("--version")],
        directory: scope.root.clone(),
        ..Program::default()
    };
    let mut said = String::new();
    let mut line = |text: String| said.push_str(&text);
    let patience = scope.deadline.max(Duration::from_secs(2));
    tokio::time::timeout(patience, process::run(&wanted, &mut line)).await.ok()?.ok()?;
    let number = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
