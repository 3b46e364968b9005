//! The project's own files: configuration, `.env`, Compose, the chain, and the target that they name.

use std::path::{Path, PathBuf};

use super::{Depth, Scope, chain, cluster, compose, files, habits, recipe, sql_chain, target};
use crate::model::chain::Chain;
use crate::model::engine::{EngineOutcome, EngineProbe};
use crate::model::env::{Dialect, EnvFile};
use crate::model::observed::Observed;
use crate::model::picture::{Picture, Recipe};
use crate::model::secret::Secret;
use crate::model::server::Reach;
use crate::parse::env_file;
use crate::wire::files::{ENV_LIMIT, read_text};

/// Returns the root of the project that `start` lies in: the folder with `devdb.toml`, else the repository's root,
/// else the nearest folder that has a file devdb knows, else `start` itself.
pub fn find_root(start: &Path) -> PathBuf {
    const MARKS: [&str; 8] = [
        ".env",
        "compose.yaml",
        "compose.yml",
        "docker-compose.yml",
        "docker-compose.yaml",
        "alembic.ini",
        "pyproject.toml",
        ".env.example",
    ];
    let with = |name: &str| start.ancestors().find(|folder| folder.join(name).exists());
    let configured = with("devdb.toml");
    let repository = with(".git");
    let marked = || start.ancestors().find(|folder| MARKS.iter().any(|mark| folder.join(mark).is_file()));
    configured.or(repository).or_else(marked).unwrap_or(start).to_path_buf()
}

/// Returns the picture as far as files tell.
pub(super) fn read(scope: &Scope) -> Picture {
    let found = files::find(&scope.root);
    let mut picture = empty(scope);
    picture.dialect = dialect(&found);
    if scope.depth == Depth::All {
        picture.habits = habits::read(scope, &found);
    }
    let (chain, config_folder) = chain::read(scope, &found);
    picture.chain = chain;
    let order = env_order(scope, &found, config_folder.as_deref());
    picture.env_files = read_env_files(scope, &order, &mut picture.unread);
    picture.env_examples = read_env_files(scope, &found.env_examples, &mut picture.unread);
    picture.compose = compose::read(scope, &found, &picture.env_files);
    picture.profiles = profiles(scope, &picture.env_files);
    picture.candidates = target::candidates(&picture);
    picture.recipe = recipe::read(scope, config_folder.as_deref(), makes_schema(scope, &picture.chain));
    if scope.depth == Depth::All {
        picture.habits.seeds = habits::seeds(&scope.root, &picture.recipe);
    }
    let target = picture.candidates.first().map(|candidate| &candidate.target);
    if let (Observed::Known(chain), Some(target)) = (&mut picture.recipe.sql_chain, target) {
        sql_chain::heed_url(chain, target, scope);
    }
    picture.cluster = cluster::read(&scope.root);
    picture.inside_container = Path::new("/.dockerenv").exists() || scope.shell.contains_key("CODESPACES");
    picture
}

/// Whether the Alembic chain makes the schema; one that cannot be read gives way to a named folder of SQL.
fn makes_schema(scope: &Scope, chain: &Observed<Chain>) -> bool {
    let named = scope.config.migrations.directory.is_some() || scope.config.migrations.tool.is_some();
    match chain {
        Observed::Known(_) => true,
        Observed::Unknown(_) => !named,
        Observed::Absent => false,
    }
}

fn empty(scope: &Scope) -> Picture {
    Picture {
        root: scope.root.clone(),
        shell: scope.shell.clone(),
        config: scope.config.clone(),
        env_files: Vec::new(),
        env_in_git: Vec::new(),
        env_examples: Vec::new(),
        habits: crate::model::habits::Habits::default(),
        data_folders: Vec::new(),
        init_scripts: Vec::new(),
        dialect: Dialect::Compose,
        compose: Observed::Absent,
        profiles: Vec::new(),
        candidates: Vec::new(),
        engine: EngineProbe {
            address: String::new(),
            named_by: String::new(),
            outcome: EngineOutcome::NoAnswer { why: "not asked".to_owned() },
        },
        listeners: Observed::Unknown("not asked".to_owned()),
        reach: Reach::default(),
        nearby: Vec::new(),
        neighbours: Vec::new(),
        server: Observed::Unknown("not asked".to_owned()),
        login_failure: None,
        chain: Observed::Absent,
        operations: Observed::Unknown("not asked".to_owned()),
        origins: Observed::Unknown("not asked".to_owned()),
        deep: Observed::Absent,
        inside_container: false,
        unread: Vec::new(),
        recipe: Recipe::default(),
        took: Vec::new(),
        cluster: None,
    }
}

/// The loader that the project's own code uses, as its language says.
fn dialect(found: &files::Found) -> Dialect {
    if found.has_python || !found.alembic.is_empty() {
        Dialect::PythonDotenv
    } else if found.has_cargo {
        Dialect::Dotenvy
    } else if found.has_node {
        Dialect::NodeDotenv
    } else {
        Dialect::Compose
    }
}

/// The order in which the app would find them: the configured file alone; else those beside the chain and above it,
/// then the others, shallow ones first. `.env.local` beats `.env` only where the project's framework says so.
fn env_order(scope: &Scope, found: &files::Found, config_folder: Option<&Path>) -> Vec<PathBuf> {
    if let Some(file) = &scope.config.database.env_file {
        return vec![file.clone()];
    }
    let near: Vec<&Path> = config_folder.map(|folder| folder.ancestors().collect()).unwrap_or_default();
    let mut files = found.env_files.clone();
    let local_first = found.has_node && !found.has_python;
    files.sort_by_key(|path| {
        let folder = path.parent().unwrap_or(Path::new(""));
        let distance = near.iter().position(|near| *near == folder).unwrap_or(usize::MAX);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let rank = match name {
            ".env.development.local" if local_first => 0,
            ".env.local" if local_first => 1,
            ".env.development" if local_first => 2,
            ".env" => 3,
            _ => 4,
        };
        (distance, path.components().count(), folder.to_path_buf(), rank)
    });
    files
}

fn read_env_files(scope: &Scope, paths: &[PathBuf], unread: &mut Vec<(PathBuf, String)>) -> Vec<EnvFile> {
    let mut files = Vec::new();
    for path in paths {
        match read_text(&scope.root.join(path)) {
            Ok(text) if text.len() > ENV_LIMIT => {
                unread.push((path.clone(), format!("it is larger than {} kB", ENV_LIMIT >> 10)));
            }
            Ok(text) => files.push(env_file::parse(path, &text)),
            Err(why) => unread.push((path.clone(), why)),
        }
    }
    files
}

fn profiles(scope: &Scope, files: &[EnvFile]) -> Vec<String> {
    let from_file = || {
        let root = files.iter().find(|file| file.path == Path::new(".env"))?;
        root.entries.iter().rev().find(|entry| entry.key == "COMPOSE_PROFILES").map(|entry| &entry.raw)
    };
    let value = scope.shell.get("COMPOSE_PROFILES").or_else(from_file).map(Secret::reveal).unwrap_or_default();
    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
