//! `auth-password`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "auth-password",
    title: "The server accepts the app's role and password",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &["volume-password-stale", "wrong-server", "port-mismatch", "env-missing", "url-unescaped"],
    explain: "Seen as: `password authentication failed for user` (28P01), `role does not exist`, `no pg_hba.conf entry` (28000).\n\
        Cause: user or password differ from the server's; with SCRAM a missing role looks the same as a wrong password.\n\
        Proof: the server's refusal; the roles that `psql` inside the container sees; the password that the container was made with.\n\
        Fix: the container's own password where `.env` has another one.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::refuse_password(picture);
        sample::container(picture).environment.insert("POSTGRES_PASSWORD".to_owned(), "another".into());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let refused = |failure: &&crate::model::server::LoginFailure| {
        matches!(failure.kind, LoginFailureKind::Password | LoginFailureKind::NotPermitted)
    };
    let (Some(candidate), Some(failure)) = (picture.target(), picture.login_failure.as_ref().filter(refused)) else {
        return Ok(Vec::new());
    };
    let target = &candidate.target;
    let mut finding = Finding::new(format!("the server at {} refuses role `{}`", target.address(), target.user()));
    if let Some(at) = candidate.password_origin.as_ref().unwrap_or(&candidate.origin).place() {
        finding =
            finding.at(at, if target.password.is_some() { "the password that is sent" } else { "has no password" });
    }
    let code = failure.sqlstate.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    finding = finding.seen(format!("the server says: {}{code}", failure.message));
    let container = picture.database_container().filter(|container| container.is_running());
    let Some(container) = container.filter(|container| container.database_ports().contains(&target.port())) else {
        if let Some(holder) = facts::holder(picture, target.port()) {
            finding = finding.seen(holder);
        }
        return Ok(vec![finding.manual("use a role and password of that server", &[])]);
    };
    if let Some(inside) =
        container.inside.known().filter(|inside| !inside.roles.iter().any(|role| role == target.user()))
    {
        finding = finding.seen(format!(
            "{} has no such role, only: {}",
            facts::container_name(container),
            inside.roles.join(", ")
        ));
        return Ok(vec![finding.manual("use one of its roles, or start with an empty volume", &[])]);
    }
    Ok(vec![with_container_password(picture, candidate, container, finding)])
}

fn with_container_password(
    picture: &Picture,
    candidate: &Candidate,
    container: &Container,
    finding: Finding,
) -> Finding {
    let target = &candidate.target;
    let theirs = container.environment.get("POSTGRES_PASSWORD").filter(|password| !password.is_empty());
    let Some(theirs) =
        theirs.filter(|theirs| Some(*theirs) != target.password.as_ref() && container.superuser() == target.user())
    else {
        return finding.manual("use a role and password of that server", &[]);
    };
    let mut finding = finding;
    let service = picture.database_service();
    if let Some(entry) = service.and_then(|service| service.environment.get("POSTGRES_PASSWORD")) {
        finding = finding.at(&entry.at, "the container was made with another password");
    } else {
        finding = finding.seen(format!("{} was made with another password", facts::container_name(container)));
    }
    let shown = "the container's password".to_owned();
    let step = match &candidate.password_origin {
        Some(origin) => facts::set_value(picture, origin, theirs.reveal(), shown),
        None => facts::edit_url(picture, candidate, |_url| {
            let changed = crate::model::target::Target { password: Some(theirs.clone()), ..target.clone() };
            Some(crate::parse::pg_url::render(&changed).reveal().to_owned())
        }),
    };
    match step {
        Some(step) => finding.confirm("write the container's password into `.env`", vec![step]),
        None => finding.manual("use the password that the container was made with", &[]),
    }
}
