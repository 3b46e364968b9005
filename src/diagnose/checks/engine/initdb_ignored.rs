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
        Fix: by hand: another name; a dump of `pg_dump -Fc` wants a script that restores it.\n\
        Keeps: all data; the script runs in an empty volume alone.",
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
        let inside = std::path::Path::new(&script.inside);
        let ending = inside.extension().and_then(|it| it.to_str()).unwrap_or_default();
        MEANT.contains(&ending) && !facts::runs_at_init(inside) && !script.named
    };
    let finding = |script: &crate::model::picture::InitScript| {
        let ending = script.file.extension().and_then(|it| it.to_str()).unwrap_or_default();
        let to = script.file.with_extension(if ending == "bash" { "sh" } else { "sql" });
        let shown = |path: &std::path::Path| shell_argument(&path.display().to_string());
        let command = format!("mv {} {}   # where it is plain text", shown(&script.file), shown(&to));
        let restore = "pg_restore -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" FILE   # in a script `*.sh` beside it";
        let text = ["psql", "pgsql", "ddl", "dml", "bash", "SQL"].contains(&ending);
        let (fix, command) = if text {
            ("give it an ending that the image runs", command.as_str())
        } else {
            ("restore it by a script that the image runs", restore)
        };
        Finding::new(format!("the image of service `{}` ignores `{}`", script.service, script.file.display()))
            .at(&Place::new(&script.file, 0), format!("mounted as `{}`", script.inside))
            .manual(fix, &[command])
    };
    Ok(picture.init_scripts.iter().filter(meant).map(finding).collect())
}
