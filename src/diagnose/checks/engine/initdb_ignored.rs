//! `initdb-ignored`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "initdb-ignored",
    title: "The image runs every script that is mounted for its first start",
    area: "engine",
    severity: Severity::Warning,
    needs: &[Need::Compose],
    follows: &[],
    explain: "Seen as: `ignoring /docker-entrypoint-initdb.d/schema.psql` in the log of the first start; tables that are missing.\n\
        Cause: the image runs `*.sh`, `*.sql`, `*.sql.gz`, `*.sql.xz` and `*.sql.zst`, and passes over all else.\n\
        Proof: the name of a file below the mounted folder that holds SQL or a dump by its ending.\n\
        Fix: by hand: another name; a dump of `pg_dump -Fc` wants a script that restores it.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let (file, inside) = ("initdb/schema.psql".into(), "/docker-entrypoint-initdb.d/schema.psql".to_owned());
        picture.init_scripts = vec![crate::model::picture::InitScript {
            service: "db".to_owned(),
            file,
            inside,
            changed: 0,
            named: false,
        }];
    },
};

/// Endings of files that somebody means to run, and the image does not.
const MEANT: [&str; 11] = ["psql", "pgsql", "ddl", "dml", "dump", "backup", "bash", "SQL", "bz2", "zip", "tar"];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let meant = |script: &&crate::model::picture::InitScript| {
        let ending = script.file.extension().and_then(|it| it.to_str()).unwrap_or_default();
        MEANT.contains(&ending) && !facts::runs_at_init(&script.file) && !script.named
    };
    let finding = |script: &crate::model::picture::InitScript| {
        let to = script.file.with_extension(if script.file.extension().is_some_and(|it| it == "bash") {
            "sh"
        } else {
            "sql"
        });
        let command = format!(
            "mv {} {}   # where it is plain SQL or a shell's",
            shell_argument(&script.file.display().to_string()),
            shell_argument(&to.display().to_string())
        );
        Finding::new(format!("the image of service `{}` ignores `{}`", script.service, script.file.display()))
            .at(&Place::new(&script.file, 0), format!("mounted as `{}`", script.inside))
            .manual("give it an ending that the image runs", &[&command])
    };
    Ok(picture.init_scripts.iter().filter(meant).map(finding).collect())
}
