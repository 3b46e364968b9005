//! `volume-password-stale`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "volume-password-stale",
    title: "The volume knows the password that the Compose file sets",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Engine],
    follows: &["wrong-server"],
    explain: "Seen as: `password authentication failed for user` after POSTGRES_PASSWORD was changed.\n\
        Cause: the image sets the password only on an empty data directory; the volume keeps the first one.\n\
        Proof: the login over TCP is refused (28P01), the container has the very password that your URL has, `psql` inside, over the\n\
        trusted local socket, gets in and knows the role, and the log says `Skipping initialization`.\n\
        Fix: sets the role's password inside the container.\n\
        Keeps: all data; the old password no longer counts.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::refuse_password(picture);
        sample::container(picture).inside = Observed::Known(sample::inside());
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let refused = picture.login_failure.as_ref().is_some_and(|failure| failure.kind == LoginFailureKind::Password);
    let (Some(candidate), Some(container), true) = (picture.target(), picture.database_container(), refused) else {
        return Ok(Vec::new());
    };
    let target = &candidate.target;
    let serves = facts::on_loopback(candidate) && container.database_ports().contains(&target.port());
    let same_password = container.environment.get("POSTGRES_PASSWORD") == target.password.as_ref();
    if !serves || !same_password || target.password.is_none() {
        return Ok(Vec::new());
    }
    let Some(inside) = container.inside.look()? else { return Ok(Vec::new()) };
    if inside.role(target.user()).is_none_or(|role| role.expired.is_some()) {
        return Ok(Vec::new());
    }
    let name = facts::container_name(container);
    let mut finding = Finding::new(format!(
        "the volume of {name} was initialised with another password for role `{}`",
        target.user()
    ));
    let password_line = candidate.password_origin.as_ref().unwrap_or(&candidate.origin);
    if let Some(at) = password_line.place() {
        finding = finding.at(at, "this password is refused over TCP");
    }
    let service = picture.database_service();
    if let Some(entry) = service.and_then(|service| service.environment.get("POSTGRES_PASSWORD")) {
        finding = finding.at(&entry.at, "the same password; it only counts for an empty volume");
    }
    finding = finding.seen("`psql` inside the container gets in over the local socket and knows the role");
    if container.log_tail.known().is_some_and(|log| log.iter().any(|line| line.contains("Skipping initialization"))) {
        finding = finding.seen("its log says: Skipping initialization");
    }
    let step = Step::SetRolePassword {
        container: container.name.clone(),
        superuser: container.superuser().to_owned(),
        role: target.user().to_owned(),
        password: target.password.clone().unwrap_or_default(),
    };
    Ok(vec![finding.confirm(
        format!("give role `{}` this password inside the container; all data stays", target.user()),
        vec![step],
    )])
}
