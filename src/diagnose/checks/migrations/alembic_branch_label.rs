//! `alembic-branch-label`

use super::super::prelude::*;
use crate::model::habits::Call;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-branch-label",
    title: "Scripts name revisions that are there",
    area: "migrations",
    severity: Severity::Warning,
    needs: &[Need::Chain],
    follows: &["alembic-missing-parent", "alembic-unreadable-revision", "alembic-duplicate-id"],
    explain: "Seen as: `No such revision or branch 'shop'`, `Can't locate revision identified by 'shop'`.\n\
        Cause: a Makefile or a script asks for a branch's label or a revision that was renamed, squashed, or never there.\n\
        Proof: the line of the script, and the ids and labels of the revision files.\n\
        Fix: by hand: a name that is there.\n\
        Keeps: everything: nothing was run.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.habits.calls = vec![Call {
            at: Place::new("Makefile", 3),
            program: "alembic".to_owned(),
            variables: Vec::new(),
            revision: Some("blog@head".to_owned()),
            elsewhere: false,
        }];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let unknown = |call: &&Call| call.revision.as_deref().is_some_and(|name| !is_there(chain, name));
    let labels: Vec<String> =
        chain.revisions.iter().flat_map(|it| &it.branch_labels).map(|label| format!("`{label}`")).collect();
    let said = if labels.is_empty() {
        "the chain has no labels".to_owned()
    } else {
        format!("the labels are {}", labels.join(", "))
    };
    let finding = |call: &Call| {
        let name = call.revision.as_deref().unwrap_or_default();
        Finding::new(format!("no revision has the id or label `{}`", bare(name)))
            .at(&call.at, format!("alembic … {name}"))
            .seen(said.clone())
            .manual("name one that is there", &["devdb migrate history"])
    };
    Ok(picture.habits.calls.iter().filter(unknown).map(finding).collect())
}

/// Returns the name without what Alembic puts around it: `label@head`, `id+2`, `id-1`.
fn bare(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(label, _)| label);
    name.split(['+', '-']).next().unwrap_or(name)
}

/// Whether Alembic would find it, or the text does not tell (Alembic's documentation, "Partial Revision Identifiers", "Relative
/// Migration Identifiers").
fn is_there(chain: &Chain, name: &str) -> bool {
    let relative = name.starts_with(['+', '-']);
    // `from:to`, a variable, a placeholder of the script's.
    let computed = name.contains([':', '$', '{', '<', '%', '*']) || name.starts_with("--");
    let plain = bare(name);
    let symbolic = matches!(plain, "head" | "heads" | "base" | "current" | "");
    let listed = plain.split(',').all(|one| chain.find(one).is_some());
    relative || computed || symbolic || listed
}
