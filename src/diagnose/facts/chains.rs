//! What the chain says, and how far the database is.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::model::chain::Chain;
use crate::model::observed::Unknown;
use crate::model::operation::{Action, MigrationOperations, Operation};
use crate::model::picture::Picture;
use crate::model::place::Place;
use crate::model::sql_chain::{AppliedMigration, SqlChain};
use crate::model::target::Candidate;
use crate::parse::sql_ddl;

/// Returns the chain and the version table's rows; nothing when the database has no such table.
pub(in crate::diagnose) fn applied(picture: &Picture) -> Result<Option<(&Chain, &[String])>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(None) };
    let Some(database) = picture.server.known().and_then(|server| server.database.known()) else { return Ok(None) };
    Ok(database.versions.look()?.map(|rows| (chain, rows.as_slice())))
}

/// Returns the chain of SQL files and the rows of its tool's table; nothing when the database is not there to ask. A
/// database without the table has no rows.
pub(in crate::diagnose) fn sql_applied(picture: &Picture) -> Result<Option<(&SqlChain, &[AppliedMigration])>, Unknown> {
    let Some(chain) = picture.recipe.sql_chain.known() else { return Ok(None) };
    let Some(database) = picture.server.known().and_then(|server| server.database.known()) else { return Ok(None) };
    Ok(Some((chain, database.history.look()?.map_or(&[][..], Vec::as_slice))))
}

/// Returns whether the file that names the target may be that of the project with the chain: it lies above or below it, and not in
/// another part of the repository.
pub(in crate::diagnose) fn is_beside_chain(picture: &Picture, candidate: &Candidate) -> bool {
    let (Some(at), Some(chain)) = (candidate.origin.place(), picture.chain.known()) else { return true };
    let folder = at.file.parent().unwrap_or(Path::new(""));
    let chain = &chain.config.working_directory;
    chain.starts_with(folder) || folder.starts_with(chain)
}

/// Returns each extension that a migration creates, with its first place.
pub(in crate::diagnose) fn created_extensions(picture: &Picture) -> BTreeMap<String, Place> {
    let mut found = Vec::new();
    for migration in picture.operations.known().into_iter().flatten() {
        found.extend(migration.up.iter().filter_map(|it| created(&migration.file, it)));
    }
    let files = picture.recipe.sql_chain.known().map_or(&[][..], |chain| chain.migrations.as_slice());
    for section in files.iter().flat_map(|migration| &migration.up) {
        found.extend(sql_ddl::of_sql(&section.text, section.line).iter().filter_map(|it| created(&section.file, it)));
    }
    // The first place of each.
    found.into_iter().rev().collect()
}

fn created(file: &Path, operation: &Operation) -> Option<(String, Place)> {
    let Action::CreateExtension { name } = &operation.action else { return None };
    Some((name.clone(), Place::new(file, operation.line)))
}

/// What a chain's revisions do, in the order in which they run.
pub(in crate::diagnose) type Ordered<'p> = (&'p Chain, Vec<&'p MigrationOperations>);

/// Returns the chain with what its revisions do; nothing when there is no chain, or no order.
pub(in crate::diagnose) fn in_order(picture: &Picture) -> Result<Option<Ordered<'_>>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(None) };
    let Some(operations) = picture.operations.look()? else { return Ok(None) };
    let Ok(order) = chain.run_order() else { return Ok(None) };
    let by_file: HashMap<&Path, &MigrationOperations> = operations.iter().map(|it| (it.file.as_path(), it)).collect();
    let ordered = order.iter().filter_map(|revision| by_file.get(revision.at.file.as_path()).copied());
    Ok(Some((chain, ordered.collect())))
}
