//! `alembic-empty-down`

use super::super::prelude::*;

/// Revisions shown by name.
const SHOWN: usize = 5;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-empty-down",
    title: "A downgrade does what its upgrade did, or refuses",
    area: "migrations",
    severity: Severity::Warning,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: a downgrade that succeeds, and then `relation … already exists` (42P07) from the next upgrade.\n\
        Cause: `downgrade()` is `pass`: the version is taken back, and the schema is not.\n\
        Proof: the line, in a revision whose `upgrade()` changes the schema.\n\
        Fix: write the way back; where there is none, `raise NotImplementedError(…)` says so.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let last = &mut sample::operations(picture)[1];
        last.down.clear();
        last.way_back = WayBack::Empty { line: 16 };
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(operations) = picture.operations.look()? else { return Ok(Vec::new()) };
    let empty: Vec<(&MigrationOperations, usize)> = operations
        .iter()
        .filter(|it| it.up.iter().any(|operation| changes_schema(&operation.action)))
        .filter_map(|it| match it.way_back {
            WayBack::Empty { line } => Some((it, line)),
            WayBack::Written | WayBack::Refuses { .. } | WayBack::Missing => None,
        })
        .collect();
    let Some(one) = empty.first().map(|(it, _)| &it.revision) else { return Ok(Vec::new()) };
    let message = if empty.len() == 1 {
        format!("the downgrade of `{one}` takes its version back, and not what it did")
    } else {
        format!("the downgrades of {} revisions take the version back, and not what they did", empty.len())
    };
    let mut finding = Finding::new(message);
    for (it, line) in empty.iter().take(SHOWN) {
        finding = finding.at(&Place::new(&it.file, *line), format!("`downgrade()` of `{}` is empty", it.revision));
    }
    if empty.len() > SHOWN {
        finding = finding.seen(format!("and {} more", empty.len() - SHOWN));
    }
    Ok(vec![
        finding.manual("write the way back, or let it say that there is none", &["raise NotImplementedError(\"…\")"]),
    ])
}

fn changes_schema(action: &Action) -> bool {
    // What can be done a second time does not stand in the next upgrade's way.
    matches!(
        action,
        Action::CreateTable { unless_there: false, .. }
            | Action::DropTable { if_there: false, .. }
            | Action::RenameTable { .. }
            | Action::AddColumn { unless_there: false, .. }
            | Action::DropColumn { .. }
            | Action::RenameColumn { .. }
            | Action::AddConstraint { .. }
            | Action::DropConstraint { .. }
            | Action::CreateIndex(_)
            | Action::DropIndex { .. }
            | Action::CreateEnum { unless_there: false, .. }
            | Action::DropType { .. }
            | Action::CreateRelation { .. }
            | Action::DropRelation { .. }
    )
}
