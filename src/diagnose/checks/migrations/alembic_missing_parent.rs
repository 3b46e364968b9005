//! `alembic-missing-parent`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-missing-parent",
    title: "Every revision's parent is there",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: a bare `KeyError: 'nope'` from every alembic command.\n\
        Cause: `down_revision` (or `depends_on`) names a file that was deleted, renamed, or never committed.\n\
        Proof: the line, and the ids of all revision files.\n\
        Fix: restore the file (`git log --all -- path`), or name the right parent.\n\
        Keeps: all other files; the database is not touched.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::chain(picture).revisions[1].down_revisions = vec!["nope".to_owned()],
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let findings: Vec<Finding> = chain
        .faults()
        .into_iter()
        .filter_map(|fault| match fault {
            ChainFault::MissingParent { parent, .. } if is_unreadable(chain, &parent) => None,
            ChainFault::MissingParent { revision, parent, at } => {
                Some(missing(picture, chain, (&revision, &parent), &at))
            }
            _ => None,
        })
        .collect();
    Ok(findings)
}

/// Whether a file that was not read is the parent, by its name: that file is another finding.
fn is_unreadable(chain: &Chain, parent: &str) -> bool {
    let named = |file: &Place| file.file.file_stem().is_some_and(|stem| stem.to_string_lossy().contains(parent));
    chain.unreadable.iter().any(|unreadable| named(&unreadable.at))
}

fn missing(picture: &Picture, chain: &Chain, (revision, parent): (&str, &str), at: &Place) -> Finding {
    let finding = Finding::new(format!("revision `{revision}` follows `{parent}`, which no file has"))
        .at(at, format!("names `{parent}`"))
        .seen(format!("{} revisions were read", chain.revisions.len()));
    let origins = picture.origins.known();
    let found = origins.and_then(|origins| origins.found.iter().find(|it| it.revision.id == parent));
    let Some(found) = found else {
        let search = format!("git log --all --oneline -S '{parent}' -- '*.py'");
        return finding.manual("bring the file back, or name the right parent", &[&search]);
    };
    if let Some(command) = found.restore() {
        let finding = finding.seen(format!("`{parent}` is in {}: {}", found.place.describe(), found.path.display()));
        return finding.confirm("bring the deleted file back", vec![Step::Run { command }]);
    }
    let path = found.path.display();
    let finding = finding.seen(format!("`{parent}` is in {}: {path}", found.place.describe()));
    let bring = match (&found.place, found.place.tree()) {
        (Elsewhere::Worktree(tree), _) => {
            format!("cp '{}' '{}'", tree.join(&found.path).display(), found.revision.at.file.display())
        }
        (_, tree) => format!("git restore --source='{}' -- ':/{path}'", tree.unwrap_or_default()),
    };
    finding.manual("bring the file back", &[&bring])
}
