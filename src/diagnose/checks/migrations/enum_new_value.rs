//! `enum-new-value`

use super::super::prelude::*;
use crate::model::operation::{Column, NewValue, Operation};
use crate::model::sql_chain::Mode;
use crate::parse::{enum_values, sql_ddl};

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
        Proof: a migration that is pending adds the value, and a statement further down gives it to a column of the type, or casts it; no \
        pending one creates the type.\n\
        Fix: by hand: `autocommit_block()` around the `ADD VALUE`, or two migrations.\n\
        Keeps: all data; a value that was committed stays, even where the rest of the migration fails.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let uses = vec![(13, "op.execute(\"UPDATE t SET a = 'gone'::status\")".to_owned())];
        let value = NewValue { of: "status".to_owned(), value: "gone".to_owned(), line: 12, uses };
        sample::operations(picture)[1].new_values = vec![value];
        sample::database(picture).versions = Observed::Known(vec!["a1".to_owned()]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    if let Some((chain, rows)) = facts::applied(picture)?
        && let Some(operations) = picture.operations.look()?
    {
        let all: Vec<&Operation> = operations.iter().flat_map(|it| &it.up).collect();
        let ids: Vec<&str> = chain.pending(rows).iter().map(|it| it.id.as_str()).collect();
        let pending: Vec<_> = operations.iter().filter(|it| ids.contains(&it.revision.as_str())).collect();
        let new: Vec<&Operation> = pending.iter().flat_map(|it| &it.up).collect();
        for migration in pending.iter().filter(|it| !it.autocommits && !chain.config.autocommits) {
            for value in migration.new_values.iter().filter(|value| !makes(&new, value)) {
                let line = "with op.get_context().autocommit_block():   # around the ADD VALUE";
                let found = told(value, &all, &migration.file, 0);
                findings.extend(found.map(|it| it.manual("commit it before it is used", &[line])));
            }
        }
    }
    if let Some((chain, rows)) = facts::sql_applied(picture)? {
        let sections = chain.migrations.iter().flat_map(|it| &it.up);
        let all: Vec<Operation> = sections.flat_map(|it| sql_ddl::of_sql(&it.text, it.line)).collect();
        let all: Vec<&Operation> = all.iter().collect();
        for section in chain.pending(rows).into_iter().flat_map(|it| &it.up).filter(|it| it.mode != Mode::Each) {
            let own = sql_ddl::of_sql(&section.text, section.line);
            let own: Vec<&Operation> = own.iter().collect();
            for value in enum_values::in_sql(&section.text).iter().filter(|value| !makes(&own, value)) {
                let found = told(value, &all, &section.file, section.line - 1);
                findings.extend(found.map(|it| it.manual("use it in the next migration, or later", &[])));
            }
        }
    }
    Ok(findings)
}

/// Whether one of the operations creates the value's type: then it may be used at once.
fn makes(operations: &[&Operation], value: &NewValue) -> bool {
    operations.iter().any(|it| matches!(&it.action, Action::CreateEnum { name, .. } if name.name == value.of))
}

/// Returns the columns of a type, by what the migrations say.
fn columns<'a>(operations: &[&'a Operation], of: &str) -> Vec<&'a str> {
    let is_of = |column: &&Column| {
        let made = column.creates_enum.as_ref().is_some_and(|name| name.name == of);
        let named =
            column.sql_type.as_deref().is_some_and(|it| it.rsplit('.').next().unwrap_or(it).trim_matches('"') == of);
        made || named
    };
    let columns = operations.iter().flat_map(|it| match &it.action {
        Action::CreateTable { columns, .. } => columns.as_slice(),
        Action::AddColumn { column, .. } => std::slice::from_ref(column),
        _ => &[],
    });
    columns.filter(is_of).map(|column| column.name.as_str()).collect()
}

/// Nothing where no line that has the literal speaks of the type or of a column of it: there it is another word.
fn told(value: &NewValue, all: &[&Operation], file: &std::path::Path, offset: usize) -> Option<Finding> {
    let mut names = columns(all, &value.of);
    names.push(&value.of);
    let has =
        |line: &str, name: &&str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *name);
    let (used, _) = value.uses.iter().find(|(_, line)| names.iter().any(|name| has(line, name)))?;
    Some(
        Finding::new(format!("`{}` is added to `{}` and used in the same transaction", value.value, value.of))
            .at(&Place::new(file, value.line + offset), format!("ADD VALUE '{}'", value.value))
            .at(&Place::new(file, used + offset), format!("uses `{}`", value.value)),
    )
}
