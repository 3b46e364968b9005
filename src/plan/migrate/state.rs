//! Where a database is on its chain, and what is wrong with the chain.

use crate::model::chain::{Chain, ChainFault};
use crate::model::history::{ChainState, History};
use crate::model::observed::Observed;
use crate::model::picture::Picture;

/// Returns in what state the database is, and the chain.
pub fn state(picture: &Picture, history: &History) -> ChainState {
    let faults = all_faults(picture);
    if !faults.is_empty() {
        return ChainState::Faulty(faults);
    }
    let Some(server) = picture.server.known() else {
        let why = picture.login_failure.as_ref().map(|failure| failure.message.clone());
        return ChainState::Unreachable(why.unwrap_or_else(|| "nothing names a database".to_owned()));
    };
    let Some(database) = server.database.known() else { return ChainState::NoDatabase };
    if let Observed::Unknown(why) = &database.versions {
        return ChainState::Unreachable(why.clone());
    }
    if !history.unknown.is_empty() {
        return ChainState::Unknown(history.unknown.clone());
    }
    if let (Some(chain), Some(rows)) = (picture.chain.known(), history.rows.as_deref())
        && let Some((row, enough)) = chain.overlapping(rows)
    {
        let mend = format!("devdb migrate stamp --purge {}", enough.join(" "));
        return ChainState::Faulty(vec![format!(
            "the version table holds `{row}` beside a revision that follows it, which Alembic refuses: {mend}"
        )]);
    }
    let pending = history.pending().len();
    let unstamped =
        history.rows.as_ref().is_some_and(Vec::is_empty) && database.tables.known().is_some_and(|it| *it > 0);
    match pending {
        0 => ChainState::Current,
        _ if unstamped && database.versions == Observed::Absent => ChainState::Unstamped,
        pending => ChainState::Behind(pending),
    }
}

/// Returns what is wrong with the project's chain, of either kind, one sentence a fault.
pub fn all_faults(picture: &Picture) -> Vec<String> {
    match (picture.chain.known(), picture.recipe.sql_chain.known()) {
        (Some(chain), _) => faults(chain),
        (None, Some(chain)) => super::sql::faults(picture, chain),
        (None, None) => Vec::new(),
    }
}

/// Returns what is wrong with a chain, one sentence a fault.
fn faults(chain: &Chain) -> Vec<String> {
    let unreadable = chain.unreadable.iter().map(|file| format!("{}: {}", file.at, file.reason));
    let mut told: Vec<String> = unreadable.collect();
    told.extend(chain.faults().iter().map(describe));
    let heads = chain.heads();
    let labelled = chain.revisions.iter().any(|revision| !revision.branch_labels.is_empty());
    if told.is_empty() && heads.len() > 1 && !(labelled && chain.bases().len() >= heads.len()) {
        let ids: Vec<&str> = heads.iter().map(|head| head.id.as_str()).collect();
        told.push(format!("the chain has {} heads: {}", heads.len(), ids.join(", ")));
    }
    told
}

/// Returns a fault of the graph as one sentence.
pub fn describe(fault: &ChainFault) -> String {
    let list =
        |files: &[crate::model::place::Place]| files.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match fault {
        ChainFault::MissingParent { revision, parent, at } => {
            format!("{at}: `{revision}` follows `{parent}`, which no file has")
        }
        ChainFault::Cycle { revisions } => {
            format!("these revisions follow each other in a circle: {}", revisions.join(" -> "))
        }
        ChainFault::DuplicateId { id, files } => format!("the id `{id}` stands in several files: {}", list(files)),
        ChainFault::DuplicateLabel { label, files } => {
            format!("the branch label `{label}` is claimed by several files: {}", list(files))
        }
    }
}
