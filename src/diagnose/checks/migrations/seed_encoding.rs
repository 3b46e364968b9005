//! `seed-encoding`

use super::super::prelude::*;
#[cfg(test)]
use crate::model::habits::SeedFault;
use crate::model::habits::SeedFaultKind;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "seed-encoding",
    title: "Seeds are written in UTF-8",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Seeds],
    follows: &[],
    explain: "Seen as: `invalid byte sequence for encoding \"UTF8\": 0xff` (22021) while a seed or a dump is loaded.\n\
        Cause: the `>` of Windows PowerShell 5 writes UTF-16: `pg_dump … > seed.sql`.\n\
        Proof: the file begins with UTF-16's byte order mark.\n\
        Fix: by hand: writes the same text as UTF-8 beside it, then takes its place.\n\
        Keeps: every row of the seed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.habits.seeds =
            Observed::Known(vec![SeedFault { file: "seeds/users.sql".into(), fault: SeedFaultKind::Utf16 }]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let wide = picture.habits.seeds.known().into_iter().flatten().filter(|it| it.fault == SeedFaultKind::Utf16);
    let finding = |seed: &crate::model::habits::SeedFault| {
        let file = shell_argument(&seed.file.display().to_string());
        let convert = format!("iconv -f UTF-16 -t UTF-8 {file} > {file}.utf8 && mv {file}.utf8 {file}");
        Finding::new(format!("the seed `{}` is written in UTF-16", seed.file.display()))
            .seen("it begins with UTF-16's byte order mark")
            .manual(
                "write it in UTF-8; in Windows PowerShell 5, dump with `pg_dump --file` instead of `>`",
                &[&convert],
            )
    };
    Ok(wide.map(finding).collect())
}
