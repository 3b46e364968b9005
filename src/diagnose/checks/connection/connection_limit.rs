//! `connection-limit`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "connection-limit",
    title: "Role and database have connections to spare",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Answer],
    follows: &["wrong-server"],
    explain: "Seen as: `too many connections for role \"app\"`, `too many connections for database \"app\"` (53300), while the server has room.\n\
        Cause: CONNECTION LIMIT of the role or of the database, and sessions that are not closed.\n\
        Proof: SQLSTATE 53300 from the function that checks the limits of role and database.\n\
        Fix: end what is not needed, or take the limit away, inside the container where there is one.\n\
        Keeps: all data; sessions that are ended lose what they have not committed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::refuse_by(picture, LoginFailureKind::TooManyClients, "53300", "CheckMyDatabase");
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(failure)) = (picture.target(), &picture.login_failure) else { return Ok(Vec::new()) };
    if !failure.is_by_limit() {
        return Ok(Vec::new());
    }
    let target = &candidate.target;
    let of_database = failure.routine.as_deref() == Some("CheckMyDatabase");
    let (what, statement) = if of_database {
        let name = target.database();
        (format!("the database `{name}`"), format!("ALTER DATABASE {} CONNECTION LIMIT -1", ident(name)))
    } else {
        let name = target.user();
        (format!("role `{name}`"), format!("ALTER ROLE {} CONNECTION LIMIT -1", ident(name)))
    };
    let finding = Finding::new(format!("{what} has no connection left, by a limit of its own"));
    let finding = facts::leads_there(candidate, finding).seen(format!(
        "the server says: {}{}",
        failure.message,
        facts::code(failure)
    ));
    Ok(vec![match facts::answering_container(picture) {
        Some(container) => {
            let step = facts::as_superuser(container, statement, format!("take the limit of {what} away"));
            finding.confirm(step.describe(), vec![step])
        }
        None => finding.manual(
            "stop apps or notebooks that hold connections, or have a superuser take the limit away",
            &[&facts::superuser_command(picture, "postgres", &[&statement])],
        ),
    }])
}
