//! `env-committed`

use super::super::prelude::*;
use crate::model::env::InGit;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-committed",
    title: "Git does not carry `.env`",
    area: "env",
    severity: Severity::Info,
    needs: &[],
    follows: &[],
    explain: "Seen as: a password in the history of the repository; everybody's own port as a conflict at each merge.\n\
        Cause: the file was added before it stood in `.gitignore`, or on purpose, with values for development alone.\n\
        Proof: `git ls-files` has it.\n\
        Fix: by hand: out of the index; a password that is used elsewhere wants to be another one then.\n\
        Keeps: the file in your folder; history still has it, for whoever has the repository.",
    detect,
    #[cfg(test)]
    breaks: |picture| picture.env_in_git = vec![(".env".into(), InGit::Committed)],
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let committed = picture
        .env_in_git
        .iter()
        .filter(|(path, state)| *state == InGit::Committed && facts::has_secrets(picture, path));
    let finding = |(path, _): &(std::path::PathBuf, InGit)| {
        let command = format!("git rm --cached {}", shell_argument(&path.display().to_string()));
        Finding::new(format!("`{}` is committed, and a password stands in it", path.display()))
            .at(&Place::new(path, 0), "`git ls-files` has it")
            .manual("take it out of the index; the file stays", &[&command])
    };
    Ok(committed.map(finding).collect())
}
