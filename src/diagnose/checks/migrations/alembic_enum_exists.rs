//! `alembic-enum-exists`

use super::super::prelude::*;
use crate::model::operation::{Name, Operation};

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-enum-exists",
    title: "A downgrade drops the enumerations that its upgrade creates",
    area: "migrations",
    severity: Severity::Warning,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: `type \"status\" already exists` (42710) when a revision runs for the second time.\n\
        Cause: `sa.Enum` creates its type together with the table; `op.drop_table` drops the table alone.\n\
        Proof: the line that creates the type, and a `downgrade()` that can be read and does not drop it.\n\
        Fix: one line at the end of `downgrade()`.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let made = crate::parse::sql_ddl::of_sql("create type mood as enum ('a')", 12);
        sample::operations(picture)[1].up.extend(made);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(operations) = picture.operations.look()? else { return Ok(Vec::new()) };
    // A type that several revisions name is the first one's.
    let makers = |name: &Name| {
        let makes = |it: &Operation| matches!(&it.action, Action::CreateEnum { name: made, .. } if made == name);
        operations.iter().filter(|it| it.up.iter().any(makes)).count()
    };
    let written = operations.iter().filter(|it| it.way_back == WayBack::Written);
    Ok(written.flat_map(|it| left(it, &makers)).collect())
}

fn left(migration: &MigrationOperations, makers: &dyn Fn(&Name) -> usize) -> Vec<Finding> {
    let dropped = |name: &Name| {
        migration.down.iter().any(|operation| match &operation.action {
            Action::DropType { name: dropped } => dropped.fits(name),
            // What cannot be read may drop it.
            Action::CreateExtension { .. } | Action::Opaque { .. } => true,
            _ => false,
        })
    };
    let (mut findings, mut told) = (Vec::new(), BTreeSet::new());
    for operation in migration.up.iter().filter(|operation| !operation.conditional) {
        let Action::CreateEnum { name, unless_there: false } = &operation.action else { continue };
        if dropped(name) || makers(name) > 1 || !told.insert(name) {
            continue;
        }
        let finding = Finding::new(format!("the downgrade of `{}` leaves the type `{name}`", migration.revision))
            .at(&Place::new(&migration.file, operation.line), operation.source.clone());
        let line = format!("op.execute(\"DROP TYPE {name}\")");
        findings.push(finding.manual("drop it at the end of `downgrade()`", &[&line]));
    }
    findings
}
