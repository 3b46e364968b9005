//! The Alembic chain, read without Python.

use std::path::{Path, PathBuf};

use super::Scope;
use super::files::Found;
use crate::model::chain::{AlembicConfig, Chain, OtherChain, UnreadableRevision};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::place::Place;
use crate::model::sql_chain::{HistoryTable, SqlTool};
use crate::wire::files::exists;
use crate::wire::postgres::quote_ident;

mod configs;
mod env;
mod revisions;

use configs::Candidate;

/// A table that says which revisions are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VersionTable {
    /// Quoted for SQL.
    Alembic(String),
    Sql(SqlTool, HistoryTable),
}

/// Returns the chain and the folder of its configuration.
pub(super) fn read(scope: &Scope, found: &Found) -> (Observed<Chain>, Option<PathBuf>) {
    let mut candidates = configs::candidates(scope, found).into_iter();
    let Some(Candidate { file, config, .. }) = candidates.next() else {
        return (Observed::Absent, None);
    };
    let folder = file.parent().map(Path::to_path_buf);
    match config {
        Ok(config) => (Observed::Known(read_chain(scope, config, candidates)), folder),
        Err(why) => (Observed::Unknown(why), folder),
    }
}

fn read_chain(scope: &Scope, config: AlembicConfig, rest: impl Iterator<Item = Candidate>) -> Chain {
    let mut chain = Chain { config, ..Chain::default() };
    let there = |folder: &PathBuf| exists(&scope.root.join(folder));
    for other in rest.filter_map(|candidate| candidate.config.ok()) {
        // Sections for several databases mostly share one chain.
        let known = chain.config.version_directories == other.version_directories
            || chain.others.iter().any(|known| known.version_directories == other.version_directories);
        if there(&other.script_directory) && !known {
            chain.others.push(other_chain(&other, other.version_directories.clone()));
        }
    }
    if let Some(set) = env::set_while_running(scope, &chain.config) {
        let others = set.others.into_iter().map(|folder| other_chain(&chain.config, vec![folder]));
        chain.others.splice(0..0, others.collect::<Vec<_>>());
        chain.unreadable.extend(set.unreadable);
        chain.config.version_directories = set.chosen.map_or(chain.config.version_directories, |folder| vec![folder]);
    }
    if !there(&chain.config.script_directory) {
        let at = chain.config.script_location.clone().unwrap_or_else(|| Place::new(&chain.config.file, 0));
        let reason =
            format!("`script_location` leads to `{}`, which is not there", chain.config.script_directory.display());
        chain.unreadable.push(UnreadableRevision { at, reason });
    }
    revisions::read(&scope.root, &mut chain);
    chain
}

fn other_chain(config: &AlembicConfig, version_directories: Vec<PathBuf>) -> OtherChain {
    OtherChain { file: config.file.clone(), section: config.section.clone(), version_directories }
}

/// Returns where the chain's tool keeps the applied revisions.
pub(super) fn version_table(picture: &Picture) -> Option<VersionTable> {
    if let Some(chain) = picture.chain.known() {
        let config = &chain.config;
        let schema = config.version_table_schema.as_ref().map(|schema| format!("{}.", quote_ident(schema)));
        let table = format!("{}{}", schema.unwrap_or_default(), quote_ident(&config.version_table));
        return Some(VersionTable::Alembic(table));
    }
    picture.recipe.sql_chain.known().map(|chain| VersionTable::Sql(chain.tool, chain.table.clone()))
}
