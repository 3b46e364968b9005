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
        Fix: mend the file, move it out of the folder, or write the ids as literals.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
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
        let shown = file.at.file.display();
        let is_revision = file.at.file.extension().is_some_and(|ending| ending == "py")
            && !file.at.file.starts_with(chain.config.script_directory.join("env.py"));
        let (message, mend) = if is_revision {
            (format!("`{shown}` cannot be read as a revision"), "mend the file, or move it out of the folder")
        } else {
            (format!("`{shown}` does not lead to the revisions"), "mend it, so that all revisions can be read")
        };
        Finding::new(message).at(&file.at, file.reason.clone()).manual(mend, &[])
    });
    Ok(findings.collect())
}
