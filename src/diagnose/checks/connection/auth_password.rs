//! `auth-password`

use super::super::prelude::*;
use crate::model::server::LoginFailure;
use crate::model::target::Target;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "auth-password",
    title: "The server accepts the app's role and password",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &[
        "env-missing",
        "url-unescaped",
        "docker-down",
        "docker-permission",
        "port-allocated",
        "port-in-use",
        "container-created",
        "container-restarting",
        "port-unpublished",
        "port-ephemeral",
        "wrong-server",
        "volume-password-stale",
        "port-mismatch",
        "tls-unsupported",
        "hba-no-entry",
        "role-missing",
        "role-nologin",
        "password-expired",
    ],
    explain: "Seen as: `password authentication failed for user` (28P01), `Peer authentication failed` (28000).\n\
        Cause: user or password differ from the server's; with SCRAM a role that is missing or whose password expired looks the same.\n\
        Proof: the server's refusal; the password that the container was made with.\n\
        Fix: the container's own password where `.env` has another one.\n\
        Keeps: the role, its password in the server and all data; every other byte of the file; as it was, it is kept \
        in `.devdb/backups`, and the command that brings it back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::refuse_password(picture);
        sample::container(picture).environment.insert("POSTGRES_PASSWORD".to_owned(), "another".into());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(failure)) = (picture.target(), picture.login_failure.as_ref()) else {
        return Ok(Vec::new());
    };
    let target = &candidate.target;
    match failure.kind {
        LoginFailureKind::Password | LoginFailureKind::NotPermitted => {}
        // These have checks of their own.
        LoginFailureKind::Starting | LoginFailureKind::TooManyClients | LoginFailureKind::TimedOut => {
            return Ok(Vec::new());
        }
        _ if facts::answers(picture) => return Ok(vec![another(candidate, failure)]),
        _ => return Ok(Vec::new()),
    }
    let mut finding = Finding::new(format!("the server at {} refuses role `{}`", target.address(), target.user()));
    if let Some(at) = candidate.password_origin.as_ref().unwrap_or(&candidate.origin).place() {
        finding =
            finding.at(at, if target.password.is_some() { "the password that is sent" } else { "has no password" });
    }
    finding = finding.seen(format!("the server says: {}{}", failure.message, facts::code(failure)));
    let Some(container) = facts::answering_container(picture) else {
        if let Some(holder) = facts::holder(picture, target.port()) {
            finding = finding.seen(holder);
        }
        return Ok(vec![without_container(picture, (target, failure), finding)]);
    };
    Ok(vec![with_container_password(picture, candidate, container, finding)])
}

/// With SCRAM, a missing role and a password that expired look like a wrong one: a superuser sees which it is.
fn without_container(picture: &Picture, (target, failure): (&Target, &LoginFailure), finding: Finding) -> Finding {
    if matches!(target.host(), Host::Socket(_)) && failure.routine.as_deref() == Some("auth_failed") {
        let other =
            format!("postgresql://{}:PASSWORD@127.0.0.1:{}/{}", target.user(), target.port(), target.database());
        let peer =
            "over the socket the server may ask for the system user of that name: dial 127.0.0.1, with a password";
        return finding.manual(peer, &[&other]);
    }
    let role = ident(target.user());
    let look = facts::superuser_command(picture, "postgres", &[&format!("\\du+ {role}")]);
    let look = format!("{look}   # is it there, may it log in, until when?");
    let set = facts::superuser_command(picture, "postgres", &[&format!("\\password {role}")]);
    finding.manual("use a role and password of that server, or have its superuser look", &[&look, &set])
}

/// The server speaks, and the login fails for a reason that is neither role nor password: TLS, a privilege, a pooler.
fn another(candidate: &Candidate, failure: &LoginFailure) -> Finding {
    let finding = Finding::new(format!("the login at {} fails", candidate.target.address()));
    let finding =
        facts::leads_there(candidate, finding).seen(format!("it says: {}{}", failure.message, facts::code(failure)));
    let fix = if failure.kind == LoginFailureKind::Tls {
        "its certificate is not trusted: name its root in `sslrootcert`, or ask for `sslmode=require`, which trusts any"
    } else {
        "mend what it says; `psql` with the same URL repeats it"
    };
    finding.manual(fix, &[])
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
    let step = if let Some(origin) = &candidate.password_origin {
        facts::set_value(picture, origin, theirs.reveal(), shown)
    } else {
        let changed = Target { password: Some(theirs.clone()), ..target.clone() };
        let shown = format!("the same URL with {shown}");
        facts::set_value(picture, &candidate.origin, pg_url::render(&changed).reveal(), shown)
    };
    match step {
        Some(step) => finding.confirm("write the container's password into `.env`", vec![step]),
        None => finding.manual("use the password that the container was made with", &[]),
    }
}
