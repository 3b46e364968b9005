//! `alembic-unknown-revision`

use super::super::prelude::*;
use crate::model::plan::Borrowed;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-unknown-revision",
    title: "The database's revision is in the chain",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain, Need::Server],
    follows: &["wrong-server", "db-missing", "alembic-unreadable-revision", "alembic-missing-parent"],
    explain: "Seen as: `Can't locate revision identified by '3f2a…'`, from upgrade, downgrade and current alike.\n\
        Cause: the database was migrated on another git branch, whose revision files you do not have now.\n\
        Proof: a row of the version table that no revision file has.\n\
        Fix: the branch, stash or worktree that has it is named; its files take the database back to the last revision that \
        you have too. Or reset.\n\
        Keeps: your working tree. Data of what is taken back are lost; a snapshot `before-fix` is taken first, where \
        the server allows it. A reset keeps the old database for `devdb undo`.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::database(picture).versions = Observed::Known(vec!["fedcba".to_owned()]),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((chain, applied)) = facts::applied(picture)? else { return Ok(Vec::new()) };
    let unknown = chain.unknown(applied);
    if unknown.is_empty() || chain.revisions.is_empty() {
        return Ok(Vec::new());
    }
    let mut finding =
        Finding::new(format!("the database is at `{}`, which no revision file has", unknown.join("`, `")));
    if let Some(head) = chain.heads().first() {
        finding = finding.at(&head.at, format!("the chain's head is `{}`", head.id));
    }
    let origins = picture.origins.known().cloned().unwrap_or_default();
    let found: Vec<&FoundRevision> =
        origins.found.iter().filter(|it| unknown.contains(&it.revision.id.as_str())).collect();
    for it in &found {
        finding = finding.seen(format!("`{}` is in {}: {}", it.revision.id, it.place.describe(), it.path.display()));
    }
    for lost in origins.missing.iter().filter(|it| unknown.contains(&it.revision.as_str())) {
        finding = finding.seen(not_found(lost));
    }
    let here: Vec<String> = found.iter().filter_map(|it| it.restore()).collect();
    if !here.is_empty() && here.len() == found.len() {
        let steps = here.into_iter().map(|command| Step::Run { command }).collect();
        return Ok(vec![finding.confirm("bring the deleted file back", steps)]);
    }
    if let ([row], Some(step)) = (applied, way_back(chain, &origins, applied)) {
        let summary = format!(
            "take `{row}` back with the files that have it; what it made is lost (a snapshot `before-fix` is taken first, for which its sessions are ended)"
        );
        return Ok(vec![finding.confirm(summary, vec![step])]);
    }
    let search = unknown.iter().map(|id| format!("git log --all --oneline -S '{id}'")).collect::<Vec<_>>().join("; ");
    let switch = found.first().and_then(|it| it.place.tree()).map(|tree| format!("git switch {tree}"));
    Ok(vec![finding.manual(
        "return to the branch that has it and downgrade there, or rebuild",
        &[&switch.unwrap_or(search), "devdb reset"],
    )])
}

fn not_found(lost: &crate::model::git::Lost) -> String {
    let id = &lost.revision;
    match (lost.cut, lost.shallow) {
        (true, _) => format!("the search for `{id}` in git took too long"),
        (false, true) => {
            format!("no branch, stash or worktree has `{id}`, but the clone is shallow: git fetch --unshallow")
        }
        (false, false) => format!("no branch, stash or worktree has `{id}`: git fetch --all may bring it"),
    }
}

/// Returns the step that takes the database back to the nearest revision that the chain has: when the database is at one
/// revision, and those between follow each other in a line.
fn way_back(chain: &Chain, origins: &Origins, applied: &[String]) -> Option<Step> {
    let [row] = applied else { return None };
    let mut revisions: Vec<FoundRevision> = Vec::new();
    let mut next = Some(row.clone());
    while let Some(id) = next.take() {
        if chain.revisions.iter().any(|it| it.id == id) {
            let config = &chain.config;
            // The ini's options are set anew for the run; what `pyproject.toml` says cannot be.
            let is_ini = config.file.extension().is_some_and(|ending| ending != "toml");
            return is_ini.then(|| {
                Step::DowngradeElsewhere(Borrowed {
                    revisions,
                    to: id,
                    config: config.file.clone(),
                    section: config.section.clone(),
                    folders: config.version_directories.clone(),
                })
            });
        }
        let found = origins.found.iter().find(|it| it.revision.id == id)?;
        let [parent] = found.revision.down_revisions.as_slice() else { return None };
        if !found.revision.depends_on.is_empty() || revisions.iter().any(|it| it.revision.id == id) {
            return None;
        }
        next = Some(parent.clone());
        revisions.push(found.clone());
    }
    None
}
