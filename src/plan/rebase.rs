//! Whether and how one head's revisions are put behind another's.

use std::collections::BTreeSet;

use super::migrate::describe;
use crate::error::Error;
use crate::model::chain::{Chain, Revision};
use crate::model::rebase::{ParentEdit, Published, RebasePlan};
use crate::model::text::counted;

/// What stands on the command line.
#[derive(Debug, Clone, Default)]
pub struct RebaseRequest {
    /// The head that moves.
    pub head: Option<String>,
    pub onto: Option<String>,
    /// Also where the database has revisions of the one side and not of the other.
    pub force: bool,
}

/// Returns the plan. `published` says which files others have, `rows` what the database has applied (nothing when it
/// was not reached).
pub fn rebase(
    chain: &Chain,
    published: &[Published],
    rows: Option<&[String]>,
    request: &RebaseRequest,
) -> Result<RebasePlan, Error> {
    if let Some(fault) = chain.faults().first() {
        return Err(Error::failed("the chain has a fault, which has to be mended first")
            .detail("fault", describe(fault))
            .hint("devdb migrate check"));
    }
    let heads = chain.heads();
    if let [_] | [] = heads.as_slice() {
        return Err(Error::usage("the chain has one head, so there is nothing to rebase")
            .hint("devdb migrate history   (draws the chain)"));
    }
    let (head, onto, because) = sides(chain, &heads, published, request)?;
    let onto_below = with_ancestors(chain, onto);
    let mine = below(chain, head, &onto_below);
    let edits = edits(&mine, &onto_below, onto);
    let next = database(chain, &Sides { head, onto, mine: &mine }, rows, request.force)?;
    Ok(RebasePlan {
        head: head.id.clone(),
        onto: onto.id.clone(),
        because,
        warnings: warnings(&mine, published),
        moved: mine.iter().map(|revision| revision.id.clone()).collect(),
        edits,
        next,
    })
}

type Found<'c> = (&'c Revision, &'c Revision, Option<String>);

/// Which head moves, which one stays, and how that was told.
fn sides<'c>(
    chain: &'c Chain,
    heads: &[&'c Revision],
    published: &[Published],
    request: &RebaseRequest,
) -> Result<Found<'c>, Error> {
    let named = |text: &Option<String>| -> Result<Option<&'c Revision>, Error> {
        let Some(text) = text else { return Ok(None) };
        let found = chain.find(text).ok_or_else(|| Error::usage(format!("no revision is called `{text}`")))?;
        if heads.iter().any(|head| head.id == found.id) {
            return Ok(Some(found));
        }
        Err(Error::usage(format!("`{}` is no head", found.id)).detail("heads", listed(heads)))
    };
    let other = |known: &Revision| match heads.iter().filter(|it| it.id != known.id).collect::<Vec<_>>().as_slice() {
        [one] => Some(**one),
        _ => None,
    };
    match (named(&request.head)?, named(&request.onto)?) {
        (Some(head), Some(onto)) if head.id == onto.id => Err(Error::usage("a head cannot be put behind itself")),
        (Some(head), Some(onto)) => Ok((head, onto, None)),
        (Some(head), None) => {
            let onto = other(head).ok_or_else(|| ambiguous(heads, "behind which of the others"))?;
            Ok((head, onto, None))
        }
        (None, Some(onto)) => {
            let head = other(onto).ok_or_else(|| ambiguous(heads, "which of the others is to move"))?;
            Ok((head, onto, None))
        }
        (None, None) => by_git(heads, published),
    }
}

/// The head whose file others do not have is mine.
fn by_git<'c>(heads: &[&'c Revision], published: &[Published]) -> Result<Found<'c>, Error> {
    let [one, other] = heads else { return Err(ambiguous(heads, "which of them is to move, and behind which")) };
    for known in published {
        let has = |revision: &Revision| known.files.contains(&revision.at.file);
        let because = |revision: &Revision| match known.name.as_str() {
            "HEAD" => format!("`{}` is not committed", revision.at.file.display()),
            name => format!("`{}` is not in {name}", revision.at.file.display()),
        };
        match (has(one), has(other)) {
            (false, true) => return Ok((one, other, Some(because(one)))),
            (true, false) => return Ok((other, one, Some(because(other)))),
            _ => {}
        }
    }
    Err(ambiguous(heads, "which of the two is yours"))
}

fn ambiguous(heads: &[&Revision], what: &str) -> Error {
    let error = Error::usage(format!("the chain has {}, and it cannot be told {what}", counted(heads.len(), "head")))
        .detail("heads", listed(heads));
    match heads {
        [one, other, ..] => error
            .hint(format!("devdb migrate rebase {} --onto {}", one.id, other.id))
            .hint("or the other way round; with more heads, one at a time"),
        _ => error,
    }
}

fn listed(heads: &[&Revision]) -> String {
    let line = |head: &&Revision| format!("{}  {}  {}", head.id, head.message, head.at.file.display());
    heads.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn with_ancestors<'c>(chain: &'c Chain, revision: &'c Revision) -> BTreeSet<&'c str> {
    let below = chain.ancestors(&revision.id);
    below.iter().map(|it| it.id.as_str()).chain([revision.id.as_str()]).collect()
}

/// The revisions of `head` that the other side has not, in run order.
fn below<'c>(chain: &'c Chain, head: &'c Revision, others: &BTreeSet<&str>) -> Vec<&'c Revision> {
    let all = with_ancestors(chain, head);
    let mine = |it: &&Revision| all.contains(it.id.as_str()) && !others.contains(it.id.as_str());
    chain.pending(&[]).into_iter().filter(mine).collect()
}

/// The parents of the lowest ones change; those between them stay.
fn edits(mine: &[&Revision], others: &BTreeSet<&str>, onto: &Revision) -> Vec<ParentEdit> {
    let edit = |revision: &&Revision| {
        let outside = |id: &String| others.contains(id.as_str());
        if !revision.down_revisions.is_empty() && !revision.down_revisions.iter().any(outside) {
            return None;
        }
        let mut to: Vec<String> = Vec::new();
        for parent in &revision.down_revisions {
            let parent = if outside(parent) { &onto.id } else { parent };
            if !to.contains(parent) {
                to.push(parent.clone());
            }
        }
        if to.is_empty() {
            to.push(onto.id.clone());
        }
        let at = crate::model::place::Place::new(&revision.at.file, revision.down_revision_line);
        Some(ParentEdit { revision: revision.id.clone(), at, from: revision.down_revisions.clone(), to })
    };
    mine.iter().filter_map(edit).filter(|edit| edit.from != edit.to).collect()
}

/// Revisions that others have may be applied to their databases already.
fn warnings(mine: &[&Revision], published: &[Published]) -> Vec<String> {
    let Some(common) = published.iter().find(|known| known.name.contains('/')) else { return Vec::new() };
    let shared = mine.iter().filter(|revision| common.files.contains(&revision.at.file));
    let warning = |revision: &&Revision| {
        format!(
            "`{}` is in {} already: databases that have applied it will lack what it now follows",
            revision.id, common.name
        )
    };
    shared.map(warning).collect()
}

struct Sides<'a, 'c> {
    head: &'c Revision,
    onto: &'c Revision,
    mine: &'a [&'c Revision],
}

/// A database that has mine and not all of theirs would never run theirs: Alembic takes them for done once mine come
/// after them. Returns what is to be done afterwards.
fn database(
    chain: &Chain,
    sides: &Sides<'_, '_>,
    rows: Option<&[String]>,
    force: bool,
) -> Result<Option<String>, Error> {
    let Some(rows) = rows else { return Ok(None) };
    let pending: BTreeSet<&str> = chain.pending(rows).iter().map(|it| it.id.as_str()).collect();
    let applied: Vec<&&Revision> = sides.mine.iter().filter(|it| !pending.contains(it.id.as_str())).collect();
    let Some(newest) = applied.last() else { return Ok(Some("devdb migrate up".to_owned())) };
    let onto = with_ancestors(chain, sides.onto);
    let missing: Vec<&str> = onto.iter().copied().filter(|id| pending.contains(id)).collect();
    if missing.is_empty() {
        // Both sides are there: only the table has one row too many.
        return Ok(Some(format!("devdb migrate stamp --purge {}", newest.id)));
    }
    if force {
        return Ok(None);
    }
    let mut shared = chain.pending(&[]).into_iter().filter(|it| onto.contains(it.id.as_str()));
    let fork = shared.rfind(|it| with_ancestors(chain, sides.head).contains(it.id.as_str()));
    let down = fork.map_or_else(|| "base".to_owned(), |fork| fork.id.clone());
    Err(Error::refused(format!(
        "the database has applied {} of the revisions that would move, and not what they would follow",
        applied.len()
    ))
    .detail("rule", "applied")
    .detail("applied", applied.iter().map(|it| it.id.as_str()).collect::<Vec<_>>().join(", "))
    .detail("not applied", missing.join(", "))
    .detail("why", "once they come after it, Alembic takes what they follow for done and never runs it")
    .hint(format!("devdb migrate down {down}   (takes yours back; then rebase, then `devdb migrate up`)"))
    .hint("or `devdb reset` after the rebase: add `--force`"))
}
