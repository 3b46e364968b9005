//! `seed-server-file`

use super::super::prelude::*;
#[cfg(test)]
use crate::model::habits::SeedFault;
use crate::model::habits::SeedFaultKind;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "seed-server-file",
    title: "Seeds bring their data themselves",
    area: "migrations",
    severity: Severity::Warning,
    needs: &[Need::Seeds],
    follows: &[],
    explain: "Seen as: `could not open file \"/home/me/users.csv\" for reading: No such file or directory` (58P01); `must be superuser or have privileges of \
        the pg_read_server_files role to COPY from a file` (42501).\n\
        Cause: `COPY … FROM 'file'` is read by the server, on its own disk: in a container that is another one, and only superusers and \
        members of pg_read_server_files may.\n\
        Proof: the statement in a seed.\n\
        Fix: by hand: `COPY … FROM STDIN` with the rows behind it, or `psql` with `\\copy` as the seed's command.\n\
        Keeps: the rows; the server's file is not touched.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let fault = SeedFaultKind::ServerFile { line: 3, path: "/home/me/users.csv".to_owned() };
        picture.habits.seeds = Observed::Known(vec![SeedFault { file: "seeds/users.sql".into(), fault }]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for seed in picture.habits.seeds.known().into_iter().flatten() {
        let SeedFaultKind::ServerFile { line, path } = &seed.fault else { continue };
        // What is mounted into the database's container the server finds.
        let mounted = |target: &str| std::path::Path::new(path).starts_with(target);
        if picture.database_service().is_some_and(|service| service.mounts.iter().any(|it| mounted(&it.target))) {
            continue;
        }
        findings.push(
            Finding::new(format!("the seed `{}` lets the server read a file of its own disk", seed.file.display()))
                .at(&Place::new(&seed.file, *line), format!("COPY … FROM '{path}'"))
                .manual(
                    "put the rows into the seed, or let psql read the file",
                    &[
                        "COPY … FROM STDIN;   -- then the rows, then \\.",
                        "[[seeds]]\nrun = 'devdb psql -c \"\\copy … from seeds/users.csv csv header\"'",
                    ],
                ),
        );
    }
    Ok(findings)
}
