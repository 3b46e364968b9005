//! `alembic-order`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-order",
    title: "Every revision comes after those that make what it uses",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &["alembic-missing-parent", "alembic-cycle", "alembic-duplicate-id"],
    explain: "Seen as: `relation \"orders\" does not exist` (42P01) or `column … does not exist` (42703) on an empty database, while\n\
        databases that grew with the project are fine.\n\
        Cause: a `down_revision` was edited, or branches were joined in the wrong order: a revision uses a table or column\n\
        that only a later one creates.\n\
        Proof: both lines. What stands behind a condition, or cannot be read, proves nothing and is left out.\n\
        Fix: the `down_revision` lines that put the creator first; `devdb migrate test` proves it.\n\
        Keeps: the database; only the order in a new one changes.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let operations = sample::operations(picture);
        let made = std::mem::take(&mut operations[0].up);
        operations[1].up.extend(made);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((chain, ordered)) = facts::in_order(picture)? else { return Ok(Vec::new()) };
    let found = lineage::misplaced(&ordered).into_iter();
    Ok(found.filter_map(|it| finding(chain, &ordered, &it)).collect())
}

fn finding(chain: &Chain, ordered: &[&MigrationOperations], found: &lineage::Misplaced) -> Option<Finding> {
    let maker = found.maker.as_ref()?;
    let what = match &found.column {
        Some(column) => format!("the column `{}.{column}`", found.table),
        None => format!("the table `{}`", found.table),
    };
    let user = &found.user;
    let when = if maker.revision == user.revision {
        "only afterwards".to_owned()
    } else {
        format!("only in `{}`", maker.revision)
    };
    let finding = Finding::new(format!("revision `{}` uses {what}, which is made {when}", user.revision))
        .at(&user.at, user.source.clone())
        .at(&maker.at, maker.source.clone());
    if maker.revision == user.revision {
        return Some(finding.manual(format!("move `{}` above line {}", maker.at, user.at.line), &[]));
    }
    let edits = lineage::rewire(chain, ordered, found).unwrap_or_default();
    if edits.is_empty() {
        let summary = format!("put `{}` before `{}` by their `down_revision`", maker.revision, user.revision);
        return Some(finding.manual(summary, &["devdb migrate test"]));
    }
    let mut lines: Vec<String> = edits.iter().map(|edit| format!("{}: {}", edit.at, edit.line)).collect();
    lines.push("devdb migrate test".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    Some(finding.manual("put them in order; the other lines of the chain stay as they are", &lines))
}
