//! `sql-chain-fault`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "sql-chain-fault",
    title: "The SQL migrations can be read as their tool reads them",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::SqlFiles],
    follows: &[],
    explain: "Seen as: `dbmate requires each migration to define an up block`, `duplicate migration version`, `Found more than one\n\
        migration with version 3`, `error parsing migration filename`.\n\
        Cause: a file without the marks that the tool asks for, two branches that took the same number, a file that cannot be\n\
        read; or folders of migrations of which nothing says whose they are.\n\
        Proof: the files, read by the tool's own rules.\n\
        Fix: mend or rename the file that is named; `[migrations]` in devdb.toml settles what is unclear.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::sql(picture);
        let Observed::Known(chain) = &mut picture.recipe.sql_chain else { panic!("no SQL chain") };
        let reason = "has no `-- migrate:up` line".to_owned();
        chain.faults.push(SqlChainFault::Unreadable { at: Place::new("db/migrations/3_c.sql", 0), reason });
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let chain = match &picture.recipe.sql_chain {
        Observed::Known(chain) => chain,
        Observed::Absent => return Ok(Vec::new()),
        Observed::Unknown(why) => {
            let finding = Finding::new("the SQL migrations are not understood").seen(why.clone());
            return Ok(vec![finding.manual("say in devdb.toml what they are", &[])]);
        }
    };
    let finding = |fault: &SqlChainFault| {
        let finding = Finding::new(format!("{} would not run this chain: {}", chain.tool, fault.describe()));
        let finding = match fault.place() {
            Some(at) => finding.at(&at, "stops the whole chain"),
            None => finding,
        };
        finding.manual(fault.remedy(), &[])
    };
    let by_goose = |fault: &&SqlChainFault| matches!(fault, SqlChainFault::Unreadable { reason, .. } if reason.contains("Go migration"));
    let mut findings: Vec<Finding> = chain.faults.iter().filter(|it| !by_goose(it)).map(finding).collect();
    let in_go: Vec<&SqlChainFault> = chain.faults.iter().filter(by_goose).collect();
    if let Some(first) = in_go.first() {
        let count = counted(in_go.len(), "migration");
        let told = Finding::new(format!("devdb cannot run this chain of goose's: {count} written in Go"));
        let told = match first.place() {
            Some(at) => told.at(&at, "only goose itself runs it"),
            None => told,
        };
        findings.push(
            told.manual("let goose run it, by a command", &["[migrations]\nupgrade = \"goose up\"   # in devdb.toml"]),
        );
    }
    Ok(findings)
}
