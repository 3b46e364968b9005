//! `ipv6-localhost`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "ipv6-localhost",
    title: "`localhost` leads to the server on every address",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target],
    follows: &["wrong-server", "port-mismatch"],
    explain: "Seen as: `connect ECONNREFUSED ::1:5432` in Node, while psql works.\n\
        Cause: `localhost` is ::1 first, the server listens on 127.0.0.1 only, and the client tries one address.\n\
        Proof: ::1 refuses, 127.0.0.1 speaks PostgreSQL, and the project is Node's (other drivers try both) .\n\
        Fix: writes 127.0.0.1.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.dialect = Dialect::NodeDotenv;
        picture.reach.endpoints.insert(
            0,
            crate::model::server::Endpoint {
                shown: "[::1]:5432".to_owned(),
                address: Some("[::1]:5432".parse().unwrap()),
                reply: Reply::Refused,
            },
        );
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target() else { return Ok(Vec::new()) };
    let one_address = matches!(picture.dialect, Dialect::NodeDotenv | Dialect::NodeEnvFile);
    let speaks = |six: bool| {
        picture.reach.endpoints.iter().find(|endpoint| endpoint.address.is_some_and(|address| address.is_ipv6() == six))
    };
    let (Some(six), Some(four)) = (speaks(true), speaks(false)) else { return Ok(Vec::new()) };
    let broken = !matches!(six.reply, Reply::Postgres { .. }) && matches!(four.reply, Reply::Postgres { .. });
    if !one_address || !broken {
        return Ok(Vec::new());
    }
    let mut finding = Finding::new(format!("{} refuses, {} answers", six.shown, four.shown));
    if let Some(at) = candidate.host_origin.as_ref().unwrap_or(&candidate.origin).place() {
        finding = finding.at(at, format!("names `{}`", candidate.target.host()));
    }
    Ok(vec![match facts::set_host_and_port(picture, candidate, "127.0.0.1", candidate.target.port()) {
        Some(steps) => finding.auto("write 127.0.0.1", steps),
        None => finding.manual("write 127.0.0.1", &[]),
    }])
}
