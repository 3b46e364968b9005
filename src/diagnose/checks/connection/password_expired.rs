//! `password-expired`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "password-expired",
    title: "The password of the app's role is still valid",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Answer],
    follows: &["wrong-server", "role-missing"],
    explain: "Seen as: `password authentication failed for user` (28P01), as with a wrong password: the server does not tell a client more.\n\
        Cause: the role was made with VALID UNTIL, and that time is past.\n\
        Proof: `pg_roles.rolvaliduntil`, by `psql` inside the container. Outside of one, only a superuser can see it.\n\
        Fix: VALID UNTIL 'infinity', inside the container.\n\
        Keeps: the password and all data; it never expires from then on.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::refuse_password(picture);
        let mut inside = sample::inside();
        inside.roles.iter_mut().for_each(|role| role.expired = Some("2020-01-01".to_owned()));
        sample::container(picture).inside = Observed::Known(inside);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(failure)) = (picture.target(), &picture.login_failure) else { return Ok(Vec::new()) };
    let refused = failure.kind == LoginFailureKind::Password;
    let Some(container) = facts::answering_container(picture).filter(|_| refused) else { return Ok(Vec::new()) };
    let role = candidate.target.user();
    let expired = container.inside.known().and_then(|inside| inside.role(role)?.expired.clone());
    let Some(since) = expired else { return Ok(Vec::new()) };
    let statement = format!("alter role {} valid until 'infinity'", ident(role));
    let step = facts::as_superuser(container, statement, format!("make the password of role `{role}` valid for good"));
    let finding = Finding::new(format!("the password of role `{role}` is not valid any more"));
    let finding = facts::leads_there(candidate, finding)
        .seen(format!("it was valid until {since}, says {}", facts::container_name(container)));
    Ok(vec![finding.confirm(step.describe(), vec![step])])
}
