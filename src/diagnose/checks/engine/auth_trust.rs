//! `auth-trust`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "auth-trust",
    title: "The database asks for its password",
    area: "engine",
    severity: Severity::Info,
    needs: &[Need::Compose],
    follows: &[],
    explain: "Seen as: any password is right; a wrong one in `.env` shows only in another environment.\n\
        Cause: `POSTGRES_HOST_AUTH_METHOD: trust`, often left from a day on which the password was wrong.\n\
        Proof: the line in the Compose file.\n\
        Fix: by hand: take it away.\n\
        Keeps: all data; it only counts for an empty volume: an old one keeps its `pg_hba.conf`, which goes on \
        trusting.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::set_variable(picture, "POSTGRES_HOST_AUTH_METHOD", "trust"),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for service in picture.database_services().into_iter().filter(|it| it.is_active(&picture.profiles)) {
        let Some(entry) = service.environment.get("POSTGRES_HOST_AUTH_METHOD") else { continue };
        if entry.value.as_ref().is_none_or(|value| value.reveal() != "trust") {
            continue;
        }
        let message = format!("service `{}` lets everybody in who reaches its port", service.name);
        findings.push(
            Finding::new(message)
                .at(&entry.at, "POSTGRES_HOST_AUTH_METHOD: trust")
                .manual("take the line away, and give it a POSTGRES_PASSWORD", &[]),
        );
    }
    Ok(findings)
}
