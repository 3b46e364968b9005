//! `alembic-unreadable-revision`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-unreadable-revision",
    title: "Every file in the version folders is a revision",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: `Could not determine revision id from filename`, a `SyntaxError`, or a traceback from every alembic command.\n\
        Cause: Alembic runs each `.py` file in the version folders, and stops at the first that fails or has no `revision` variable. \
        devdb does not run them: a `revision` or `down_revision` that only running the file would tell is unreadable to it as well.\n\
        Proof: the file, the line, and what is wrong with it.\n\
        Fix: mend the file, move it out of the folder, or write the ids as literals.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::chain(picture).unreadable.push(UnreadableRevision {
            at: Place::new("alembic/versions/c3.py", 0),
            reason: "no `revision` variable".to_owned(),
        });
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let findings = chain.unreadable.iter().map(|file| {
        Finding::new(format!("`{}` cannot be read as a revision", file.at.file.display()))
            .at(&file.at, file.reason.clone())
            .manual("mend the file, or move it out of the folder", &[])
    });
    Ok(findings.collect())
}
