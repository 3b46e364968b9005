//! `role-nologin`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "role-nologin",
    title: "The app's role may log in",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Answer],
    follows: &["wrong-server", "role-missing"],
    explain: "Seen as: `role \"app\" is not permitted to log in` (28000).\n\
        Cause: the role was made with CREATE ROLE, which is NOLOGIN, and not with CREATE USER.\n\
        Proof: the server refuses the role itself, after it took the password.\n\
        Fix: ALTER ROLE … LOGIN, inside the container where there is one.\n\
        Keeps: its password, its privileges and all data.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::refuse_by(picture, LoginFailureKind::NotPermitted, "28000", "InitializeSessionUserId");
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(failure)) = (picture.target(), &picture.login_failure) else { return Ok(Vec::new()) };
    if !failure.is_by_role() {
        return Ok(Vec::new());
    }
    let role = candidate.target.user();
    let finding = Finding::new(format!("role `{role}` may not log in at {}", candidate.target.address()));
    let finding = facts::leads_there(candidate, finding).seen(format!(
        "the server says: {}{}",
        failure.message,
        facts::code(failure)
    ));
    let statement = format!("ALTER ROLE {} LOGIN", ident(role));
    Ok(vec![match facts::answering_container(picture) {
        Some(container) => {
            let step = facts::as_superuser(container, statement, format!("let role `{role}` log in"));
            finding.confirm(step.describe(), vec![step])
        }
        None => {
            finding.manual("have a superuser let it", &[&facts::superuser_command(picture, "postgres", &[&statement])])
        }
    }])
}
