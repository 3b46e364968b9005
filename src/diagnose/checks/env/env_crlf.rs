//! `env-crlf`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-crlf",
    title: "`.env` has Unix line ends",
    area: "env",
    severity: Severity::Warning,
    needs: &[],
    follows: &[],
    explain: "Seen as: `database \"appdb\\r\" does not exist`, often printed so that the `\\r` cannot be seen.\n\
        Cause: the file was saved with Windows line ends; parsers strip them, `source .env` and `docker run --env-file` do not.\n\
        Proof: the bytes `\\r\\n`.\n\
        Fix: writes `\\n`.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| picture.env_files[0].crlf_lines = vec![1, 2],
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let broken = picture.env_files.iter().filter_map(|file| Some((file, *file.crlf_lines.first()?)));
    Ok(broken
        .map(|(file, line)| {
            let step = Step::UnixLineEnds { file: file.path.clone() };
            Finding::new(format!("`{}` has Windows line ends", file.path.display()))
                .at(&Place::new(&file.path, line), counted(file.crlf_lines.len(), "line"))
                .auto(step.describe(), vec![step])
        })
        .collect())
}
