//! `role-missing`

use super::super::prelude::*;
use crate::model::target::Target;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "role-missing",
    title: "The server has the app's role",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Answer],
    follows: CAUSES,
    explain: "Seen as: `password authentication failed for user` (28P01) with a password that is right; `role \"app\" does not exist` (28000)\n\
        where the server asks for no password.\n\
        Cause: the volume was made with another POSTGRES_USER, which counts for an empty one only; or it is another server.\n\
        Proof: `pg_roles`, by `psql` inside the container; or the server's own words.\n\
        Fix: makes the role, with the password that `.env` has, inside the container, where a superuser is known: today's \
        POSTGRES_USER, or `postgres`.\n\
        Keeps: all roles and data that are there; the new role owns nothing yet.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::refuse_password(picture);
        sample::container(picture).inside = Observed::Known(InsideLook { roles: Vec::new(), ..sample::inside() });
    },
};

/// What makes another server answer, or none.
const CAUSES: &[&str] = &["env-missing", "url-unescaped", "wrong-server", "port-mismatch"];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(failure)) = (picture.target(), &picture.login_failure) else { return Ok(Vec::new()) };
    let target = &candidate.target;
    let refused = matches!(failure.kind, LoginFailureKind::Password | LoginFailureKind::NotPermitted);
    if !refused || failure.is_by_hba() {
        return Ok(Vec::new());
    }
    let finding = Finding::new(format!("the server at {} has no role `{}`", target.address(), target.user()));
    let finding = facts::leads_there(candidate, finding);
    let says = format!("the server says: {}{}", failure.message, facts::code(failure));
    let finding = finding.seen(says);
    let Some(container) = facts::answering_container(picture) else {
        // Where it asks for no password, the server tells; in other languages, that it is the role is all that is known.
        if !failure.is_by_role() || !failure.message.contains("does not exist") {
            return Ok(Vec::new());
        }
        let statement = format!("CREATE ROLE {} LOGIN CREATEDB", ident(target.user()));
        let create = facts::superuser_command(picture, "postgres", &[&statement]);
        return Ok(vec![finding.manual("have a superuser make it, or use a role that is there", &[&create])]);
    };
    Ok(match &container.inside {
        Observed::Known(inside) if inside.role(target.user()).is_none() => {
            vec![with_roles(target, container, inside, finding)]
        }
        // Its own superuser is not in its volume, and that is who should log in.
        Observed::Unknown(why) if container.superuser() == target.user() && why.contains("does not exist") => {
            let name = facts::container_name(container);
            let finding = finding.seen(format!("`psql` inside {name} says: {why}"));
            vec![finding.manual(
                "its volume was made with another POSTGRES_USER: write that name again, or begin with an empty volume",
                &["docker compose down --volumes   # all data of the volumes are lost", "devdb up"],
            )]
        }
        _ => Vec::new(),
    })
}

fn with_roles(target: &Target, container: &Container, inside: &InsideLook, finding: Finding) -> Finding {
    let names: Vec<&str> = inside.roles.iter().map(|role| role.name.as_str()).collect();
    let finding = finding.seen(format!("{} has: {}", facts::container_name(container), names.join(", ")));
    let role = target.user().to_owned();
    let own = container.superuser();
    // The volume is as the container wants it: it is the URL that differs.
    if inside.role(own).is_some() && own != role {
        let make = format!(
            "docker exec -it {} createuser -U {} --createdb --pwprompt {}",
            container.name,
            shell_argument(own),
            shell_argument(&role)
        );
        return finding
            .manual(format!("log in as `{own}`, with which the container was made, or make the role"), &[&make]);
    }
    let Some(password) = target.password.clone().filter(|password| !password.is_empty()) else {
        return finding.manual("use one of its roles, with its password", &[]);
    };
    let statement = format!("create role {} login createdb", ident(&role));
    let create = facts::as_superuser(container, statement, format!("make role `{role}`"));
    let (container, superuser) = (container.name.clone(), inside.superuser.clone());
    let steps = vec![create, Step::SetRolePassword { container, superuser, role: role.clone(), password }];
    finding.confirm(format!("make role `{role}` with this password inside the container"), steps)
}
