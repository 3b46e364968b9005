//! `env-bom`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-bom",
    title: "`.env` starts with its first key",
    area: "env",
    severity: Severity::Warning,
    needs: &[],
    follows: &[],
    explain: "Seen as: the first key of the file is not there for `node --env-file` or `source .env`, and is for others.\n\
        Cause: an editor saved the file with a byte order mark, which those two take for a part of the key.\n\
        Proof: the bytes EF BB BF at the file's begin.\n\
        Fix: takes the three bytes away.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| picture.env_files[0].bom = true,
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let marked = picture.env_files.iter().filter(|file| file.bom);
    Ok(marked
        .map(|file| {
            let step = Step::RemoveMark { file: file.path.clone() };
            let finding = Finding::new(format!("`{}` begins with a byte order mark", file.path.display()));
            let first = file.entries.first().map_or("", |entry| entry.key.as_str());
            finding
                .at(
                    &Place::new(&file.path, 1),
                    format!("`{first}` has another name for `node --env-file` and `source`"),
                )
                .auto(step.describe(), vec![step])
        })
        .collect())
}
