//! `env-not-ignored`

use super::super::prelude::*;
use crate::model::env::InGit;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-not-ignored",
    title: "Git ignores `.env`",
    area: "env",
    severity: Severity::Info,
    needs: &[],
    follows: &[],
    explain: "Seen as: `git status` lists `.env`; sooner or later `git add .` commits the password.\n\
        Cause: `.gitignore` does not name it.\n\
        Proof: `git ls-files` has it neither among what is committed nor among what is ignored.\n\
        Fix: by hand: a line in `.gitignore`.\n\
        Keeps: the file; one that is committed already stays committed.",
    detect,
    #[cfg(test)]
    breaks: |picture| picture.env_in_git = vec![(".env".into(), InGit::Open)],
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let open =
        picture.env_in_git.iter().filter(|(path, state)| *state == InGit::Open && facts::has_secrets(picture, path));
    let finding = |(path, _): &(std::path::PathBuf, InGit)| {
        let line = format!("/{}", path.display());
        let command = format!("echo {} >> .gitignore", shell_argument(&line));
        Finding::new(format!("`{}` may be committed by mistake: git does not ignore it", path.display()))
            .at(&Place::new(path, 0), "neither ignored nor committed")
            .manual("name it in `.gitignore`", &[&command])
    };
    Ok(open.map(finding).collect())
}
