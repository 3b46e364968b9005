//! Chains of SQL files: found by their folders, told apart by their files and by what lies around them.
#![expect(clippy::disallowed_methods, reason = "migration folders are listed here")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Scope;
use super::files;
use crate::model::observed::Observed;
use crate::model::sql_chain::{HistoryTable, SqlChain, SqlTool};
use crate::model::target::Target;
use crate::parse::sql_chain::layout::{Look, Marks, Verdict, is_foreign, properties, verdict};
use crate::parse::sql_chain::{Layout, Source, chain, ends_in, wants};
use crate::wire::files::read_text;

/// How deep below the root folders of migrations are looked for: `backend/src/main/resources/db/migration`.
const DEPTH: usize = 6;
/// How much of a file is looked at to tell whose it is.
const SAMPLE: usize = 4_000;

/// The names of the files in each folder that was looked into.
type Folders = BTreeMap<PathBuf, Vec<String>>;

/// Returns the chain of SQL files: the configured folder's, or the only one there is.
pub(super) fn read(scope: &Scope) -> Observed<SqlChain> {
    let config = &scope.config.migrations;
    if config.upgrade.is_some() && config.directory.is_none() && config.tool.is_none() {
        return Observed::Absent;
    }
    let found = match &config.directory {
        Some(directory) => configured(scope, directory),
        None => look_around(scope),
    };
    let wanted = |verdict: &Verdict| match (verdict, config.tool) {
        (Verdict::Tool(tool), Some(named)) => *tool == named,
        _ => true,
    };
    let found: Vec<(PathBuf, Verdict)> = found.into_iter().filter(|(_, verdict)| wanted(verdict)).collect();
    match choose(&found) {
        Choice::None if config.directory.is_some() || config.tool.is_some() => {
            Observed::Unknown(match &config.directory {
                Some(directory) => format!("`{}` holds no SQL migrations", directory.display()),
                None => {
                    "no folder holds migrations of the tool that `[migrations] tool` in devdb.toml names".to_owned()
                }
            })
        }
        Choice::One(directory, Verdict::Tool(tool)) => Observed::Known(load(scope, *tool, directory)),
        Choice::One(directory, _) if config.tool.is_some() => {
            Observed::Known(load(scope, config.tool.unwrap_or(SqlTool::Sqlx), directory))
        }
        Choice::One(_, Verdict::Unclear(why)) => Observed::Unknown(why.clone()),
        Choice::None | Choice::One(..) => Observed::Absent,
        Choice::Several => Observed::Unknown(several(&found)),
    }
}

enum Choice<'a> {
    None,
    One(&'a Path, &'a Verdict),
    Several,
}

/// A folder whose tool is known beats those whose tool is not.
fn choose(found: &[(PathBuf, Verdict)]) -> Choice<'_> {
    let known: Vec<_> = found.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Tool(_))).collect();
    let of = if known.is_empty() { found.iter().collect() } else { known };
    match of.as_slice() {
        [] => Choice::None,
        [(directory, verdict)] => Choice::One(directory, verdict),
        _ => Choice::Several,
    }
}

fn several(found: &[(PathBuf, Verdict)]) -> String {
    let name = |(directory, verdict): &(PathBuf, Verdict)| match verdict {
        Verdict::Tool(tool) => format!("`{}` ({tool})", directory.display()),
        _ => format!("`{}`", directory.display()),
    };
    let names: Vec<String> = found.iter().map(name).collect();
    let example = found.first().map_or_else(String::new, |(directory, _)| directory.display().to_string());
    format!(
        "several folders hold SQL migrations, {}: name the database's with [migrations] directory = \"{example}\" in devdb.toml",
        names.join(", ")
    )
}

fn configured(scope: &Scope, directory: &Path) -> Vec<(PathBuf, Verdict)> {
    let mut folders = Folders::new();
    let mut seen = 0;
    walk(scope, directory, 2, &mut folders, &mut seen);
    let found = verdict(&look(scope, directory, &folders));
    let found = match (found, scope.config.migrations.tool) {
        (_, Some(tool)) => Verdict::Tool(tool),
        (found, None) => found,
    };
    vec![(directory.to_path_buf(), found)].into_iter().filter(|(_, verdict)| *verdict != Verdict::No).collect()
}

fn look_around(scope: &Scope) -> Vec<(PathBuf, Verdict)> {
    let mut folders = Folders::new();
    let mut seen = 0;
    walk(scope, Path::new(""), DEPTH, &mut folders, &mut seen);
    let mut found: Vec<(PathBuf, Verdict)> = Vec::new();
    for folder in folders.keys().filter(|folder| may_be_chain(folder, &folders)) {
        let inside = found
            .iter()
            .any(|(outer, verdict)| *verdict == Verdict::Tool(SqlTool::Flyway) && folder.starts_with(outer));
        let verdict = verdict(&look(scope, folder, &folders));
        if !inside && verdict != Verdict::No {
            found.push((folder.clone(), verdict));
        }
    }
    found
}

/// A name that says migrations, or files that only migrations have; `seeds/01_users.sql` are none.
fn may_be_chain(folder: &Path, folders: &Folders) -> bool {
    let path = slashed(folder);
    // Files that a migration of Django's reads stand beside it.
    let parent = folder.parent().and_then(|parent| folders.get(parent));
    let of_django = parent.is_some_and(|names| names.iter().any(|name| name == "__init__.py"));
    if is_foreign(&path) || of_django {
        return false;
    }
    let named = path.split('/').any(|part| part.contains("migrat"));
    let names = folders.get(folder).map_or(&[][..], Vec::as_slice);
    named
        || names
            .iter()
            .any(|name| name.starts_with('V') && wants(SqlTool::Flyway, Path::new(name)) && name.contains("__"))
}

fn walk(scope: &Scope, folder: &Path, depth: usize, folders: &mut Folders, seen: &mut usize) {
    let (names, below) = files::list(&scope.root.join(folder), seen);
    folders.insert(folder.to_path_buf(), names);
    if depth > 0 {
        for name in below {
            walk(scope, &folder.join(name), depth - 1, folders, seen);
        }
    }
}

fn look(scope: &Scope, folder: &Path, folders: &Folders) -> Look {
    let files = folders.get(folder).cloned().unwrap_or_default();
    let inner = folders.range(folder.to_path_buf()..).take_while(|(path, _)| path.starts_with(folder));
    let inner = inner.filter(|(path, _)| path.parent() == Some(folder));
    let below = inner.flat_map(|(path, names)| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        names.iter().map(move |file| format!("{name}/{file}"))
    });
    let below = below.collect();
    let is_sql = |name: &&String| ends_in(name, "sql") && name.starts_with(|c: char| c.is_ascii_digit());
    let first = files.iter().find(is_sql).map(|name| scope.root.join(folder).join(name));
    let sample = first.and_then(|path| read_text(&path).ok()).unwrap_or_default();
    Look {
        path: slashed(folder),
        files,
        below,
        sample: sample.chars().take(SAMPLE).collect(),
        marks: marks(scope, folder, folders),
    }
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The nearest folder above that says something decides; else whatever `Cargo.toml` of the project names sqlx.
fn marks(scope: &Scope, folder: &Path, folders: &Folders) -> Marks {
    let cargo = |folder: &Path, word: &str| {
        read_text(&scope.root.join(folder).join("Cargo.toml")).is_ok_and(|text| text.contains(word))
    };
    let has = |folder: &Path, name: &str| scope.root.join(folder).join(name).exists();
    for above in folder.ancestors() {
        let sqlx = cargo(above, "sqlx") || has(above, ".sqlx") || has(above, "sqlx.toml");
        let refinery = cargo(above, "refinery");
        let go = has(above, "go.mod");
        if sqlx || go || refinery {
            return Marks { sqlx, go, refinery };
        }
    }
    let crates = folders.iter().filter(|(_, names)| names.iter().any(|name| name == "Cargo.toml"));
    Marks { sqlx: crates.take(50).any(|(folder, _)| cargo(folder, "sqlx")), ..Marks::default() }
}

fn load(scope: &Scope, tool: SqlTool, directory: &Path) -> SqlChain {
    let mut layout = Layout::new(tool, directory);
    match tool {
        SqlTool::Sqlx => sqlx_settings(scope, &mut layout),
        SqlTool::Flyway => flyway_settings(scope, &mut layout),
        _ => {}
    }
    if let Some(table) = &scope.config.migrations.table {
        layout.table = HistoryTable::named(table);
    }
    let depth = match tool {
        SqlTool::Flyway => DEPTH,
        SqlTool::Diesel | SqlTool::Prisma => 1,
        _ => 0,
    };
    let mut paths = Vec::new();
    collect(&scope.root.join(directory), Path::new(""), depth, &mut paths);
    let paths = paths.into_iter().filter(|path| wants(tool, path));
    let source = |path: PathBuf| Source { text: read_text(&scope.root.join(directory).join(&path)), path };
    chain(layout, paths.map(source).collect())
}

/// Everything in the folder: a chain may have more files than a look around counts.
fn collect(root: &Path, folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return };
    for entry in entries.flatten() {
        let path = folder.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => collect(root, &path, depth - 1, paths),
            Ok(kind) if kind.is_dir() => {}
            _ => paths.push(path),
        }
    }
}

/// `sqlx.toml`: the table, and what is left out of checksums (sqlx 0.9, `sqlx-core/src/config/migrate.rs`).
fn sqlx_settings(scope: &Scope, layout: &mut Layout) {
    let files = layout.directory.ancestors().map(|folder| scope.root.join(folder).join("sqlx.toml"));
    let Some(text) = files.into_iter().find_map(|file| read_text(&file).ok()) else { return };
    let Ok(document) = text.parse::<toml_edit::DocumentMut>() else { return };
    let Some(migrate) = document.get("migrate") else { return };
    if let Some(table) = migrate.get("table-name").and_then(toml_edit::Item::as_str) {
        layout.table = HistoryTable::named(table);
    }
    let ignored = migrate.get("ignored-chars").and_then(toml_edit::Item::as_array);
    let words = ignored.into_iter().flatten().filter_map(toml_edit::Value::as_str);
    layout.ignored = words.flat_map(str::chars).collect();
}

/// `flyway.conf` or `flyway.toml`: the table and the placeholders.
fn flyway_settings(scope: &Scope, layout: &mut Layout) {
    let mut settings = BTreeMap::new();
    for file in ["flyway.conf", "conf/flyway.conf"] {
        let text = read_text(&scope.root.join(file)).unwrap_or_default();
        let own = properties(&text);
        settings
            .extend(own.into_iter().filter_map(|(key, value)| Some((key.strip_prefix("flyway.")?.to_owned(), value))));
    }
    let document = read_text(&scope.root.join("flyway.toml")).unwrap_or_default().parse::<toml_edit::DocumentMut>();
    if let Some(flyway) = document.as_ref().ok().and_then(|document| document.get("flyway")?.as_table_like()) {
        flatten("", flyway, &mut settings);
    }
    if let Some(table) = settings.get("table") {
        layout.table.name.clone_from(table);
    }
    if let Some(schema) = settings.get("defaultSchema") {
        layout.table.schema = Some(schema.clone());
    }
    let value = |(key, value): (&String, &String)| Some((key.strip_prefix("placeholders.")?.to_owned(), value.clone()));
    let off = settings.get("placeholderReplacement").is_some_and(|value| value == "false");
    layout.placeholders = (!off).then(|| settings.iter().filter_map(value).collect());
}

fn flatten(prefix: &str, table: &dyn toml_edit::TableLike, settings: &mut BTreeMap<String, String>) {
    for (key, item) in table.iter() {
        let name = format!("{prefix}{key}");
        if let Some(inner) = item.as_table_like() {
            flatten(&format!("{name}."), inner, settings);
        } else if let Some(text) = item.as_str() {
            settings.insert(name, text.to_owned());
        } else if let Some(word) = item.as_bool() {
            settings.insert(name, word.to_string());
        }
    }
}

/// What tools read from parameters of the URL, beside the database.
pub(super) fn heed_url(chain: &mut SqlChain, target: &Target, scope: &Scope) {
    let first = |path: &str| path.split(',').next().map(|schema| schema.trim().to_owned());
    chain.schema = match chain.tool {
        SqlTool::Prisma => target.parameter("schema").map(str::to_owned),
        SqlTool::Dbmate | SqlTool::GolangMigrate => target.parameter("search_path").and_then(first),
        _ => None,
    };
    if let Some(table) = target.parameter("x-migrations-table").filter(|_| chain.tool == SqlTool::GolangMigrate) {
        table.clone_into(&mut chain.table.name);
    }
    if scope.config.migrations.table.is_none() && chain.table.schema.is_none() {
        chain.table.schema.clone_from(&chain.schema);
    }
}
