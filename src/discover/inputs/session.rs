//! Revisions that set something for their session, which those behind them then work under: a layer between the two would
//! lose it.

use super::Project;
use crate::model::observed::Observed;
use crate::wire::files::read_bytes;

/// Statements, in lower case, whose effect lasts beyond their own transaction, or beyond their revision in a chain that runs in one.
const SETS: [&[u8]; 6] = [b"search_path", b"set role", b"set session", b"set local", b"set_config", b"set constraints"];

/// Returns the place in run order of the first such revision.
pub(super) fn first(project: &Project<'_>) -> Option<usize> {
    match (&project.picture.chain, &project.picture.recipe.sql_chain) {
        (Observed::Known(chain), _) => {
            let sets = |file: &std::path::Path| read_bytes(&project.root.join(file)).is_ok_and(|text| sets(&text));
            chain.pending(&[]).iter().position(|revision| sets(&revision.at.file))
        }
        (_, Observed::Known(chain)) => {
            chain.migrations.iter().position(|one| one.up.iter().any(|section| sets(section.text.as_bytes())))
        }
        _ => None,
    }
}

fn sets(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    SETS.iter().any(|words| lower.windows(words.len()).any(|window| window == *words))
}
