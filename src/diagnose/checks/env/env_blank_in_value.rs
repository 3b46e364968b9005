//! `env-blank-in-value`

use super::super::prelude::*;
use crate::diagnose::loaders::names_database;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-blank-in-value",
    title: "No name in `.env` ends in a blank",
    area: "env",
    severity: Severity::Warning,
    needs: &[],
    follows: &["env-missing"],
    explain: "Seen as: `database \"appdb \" does not exist`, `role \"app \" does not exist`, where the blank can hardly be seen.\n\
        Cause: a blank inside of the quotes, which belongs to the value for every loader.\n\
        Proof: the value of a key that names the database begins or ends with white space.\n\
        Fix: the value without it. A password that truly has one wants to be left alone: hence the question.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let text = "DB_NAME=\"app \"\nDATABASE_URL=postgresql://app:pw@localhost:5432/app\n";
        picture.env_files = vec![crate::parse::env_file::parse(std::path::Path::new(".env"), text)];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for file in &picture.env_files {
        for entry in file.entries.iter().filter(|entry| names_database(picture, &entry.key)) {
            let (value, trimmed) = (entry.raw.reveal(), entry.raw.reveal().trim());
            if value == trimmed || trimmed.is_empty() {
                continue;
            }
            let step = Step::SetEnvValue {
                file: file.path.clone(),
                line: entry.line,
                key: entry.key.clone(),
                value: trimmed.into(),
                shown: "the same value without blanks at its ends".to_owned(),
            };
            findings.push(
                Finding::new(format!("`{}` begins or ends with a blank", entry.key))
                    .at(&Place::new(&file.path, entry.line), "white space inside of the quotes")
                    .confirm(step.describe(), vec![step]),
            );
        }
    }
    Ok(findings)
}
