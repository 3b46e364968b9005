//! `localhost-in-container`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "localhost-in-container",
    title: "In a container, the database is dialled by its service's name",
    area: "ports",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Compose],
    follows: &[],
    explain: "Seen as: `Connection refused` in a dev container or a codespace, with the `.env` that works on the host.\n\
        Cause: inside of a container, `localhost` is that container; the database is another one beside it.\n\
        Proof: devdb runs inside of a container, nobody listens where the URL points, and PostgreSQL answers under the name of a service\n\
        of the Compose file.\n\
        Fix: the service's name and its own port in `.env`, after asking.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed. On the host, that name means nothing.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.inside_container = true;
        picture.neighbours = vec!["db".to_owned()];
        picture.server = Observed::Unknown("refused".to_owned());
        for endpoint in &mut picture.reach.endpoints {
            endpoint.reply = Reply::Refused;
        }
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target().filter(|_| picture.inside_container && !facts::logged_in(picture)) else {
        return Ok(Vec::new());
    };
    let services = picture.database_services();
    let answers = |name: &String| services.iter().find(|service| service.name == *name);
    let Some(service) = picture.neighbours.iter().find_map(answers) else { return Ok(Vec::new()) };
    let port = service.inner_port();
    let finding = Finding::new("this is a container, and `localhost` is the container itself");
    let finding = facts::leads_there(candidate, finding)
        .at(&service.at, format!("PostgreSQL answers as `{}:{port}`", service.name));
    Ok(vec![match facts::set_host_and_port(picture, candidate, &service.name, port) {
        Some(steps) => finding.confirm(format!("dial `{}:{port}`", service.name), steps),
        None => finding.manual(format!("dial `{}:{port}`", service.name), &[]),
    }])
}
