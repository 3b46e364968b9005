//! `enum-new-value`

use super::super::prelude::*;
use crate::model::operation::NewValue;
use crate::model::sql_chain::Mode;
use crate::parse::enum_values;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "enum-new-value",
    title: "A new value of an enumeration is used in a later transaction",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Migrations, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `unsafe use of new value \"gone\" of enum type …` (55P04), `New enum values must be committed before they can be used`.\n\
        Cause: `ALTER TYPE … ADD VALUE` and the first use of the value stand in one migration, which runs in one transaction. Where the type \
        itself is new in that transaction, the server allows it: then a new database works, and yours does not.\n\
        Proof: a migration that is pending adds the value and gives it to the server further down; no pending one creates the type.\n\
        Fix: by hand: `autocommit_block()` around the `ADD VALUE`, or two migrations.\n\
        Keeps: all data; a value that was committed stays, even where the rest of the migration fails.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let value = NewValue { of: "status".to_owned(), value: "gone".to_owned(), line: 12, used: Some(13) };
        sample::operations(picture)[1].new_values = vec![value];
        sample::database(picture).versions = Observed::Known(vec!["a1".to_owned()]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    if let Some((chain, rows)) = facts::applied(picture)?
        && let Some(operations) = picture.operations.look()?
    {
        let ids: Vec<&str> = chain.pending(rows).iter().map(|it| it.id.as_str()).collect();
        let pending: Vec<_> = operations.iter().filter(|it| ids.contains(&it.revision.as_str())).collect();
        let made = |value: &NewValue| {
            let makes = |action: &Action| matches!(action, Action::CreateEnum { name, .. } if name.name == value.of);
            pending.iter().any(|it| it.up.iter().any(|operation| makes(&operation.action)))
        };
        for migration in pending.iter().filter(|it| !it.autocommits && !chain.config.autocommits) {
            let unsafe_ones = migration.new_values.iter().filter(|value| !made(value));
            findings.extend(unsafe_ones.filter_map(|value| {
                let line = "with op.get_context().autocommit_block():   # around the ADD VALUE";
                told(value, &migration.file, 0).map(|it| it.manual("commit it before it is used", &[line]))
            }));
        }
    }
    if let Some((chain, rows)) = facts::sql_applied(picture)? {
        for section in chain.pending(rows).into_iter().flat_map(|it| &it.up).filter(|it| it.mode != Mode::Each) {
            let small = section.text.to_ascii_lowercase();
            for value in enum_values::in_sql(&section.text) {
                let made = small.contains(&format!("create type {} ", value.of.to_ascii_lowercase()));
                let finding = told(&value, &section.file, section.line - 1).filter(|_| !made);
                findings.extend(finding.map(|it| it.manual("use it in the next migration, or later", &[])));
            }
        }
    }
    Ok(findings)
}

fn told(value: &NewValue, file: &std::path::Path, offset: usize) -> Option<Finding> {
    let used = value.used?;
    Some(
        Finding::new(format!("`{}` is added to `{}` and used in the same transaction", value.value, value.of))
            .at(&Place::new(file, value.line + offset), format!("ADD VALUE '{}'", value.value))
            .at(&Place::new(file, used + offset), format!("uses `{}`", value.value)),
    )
}
