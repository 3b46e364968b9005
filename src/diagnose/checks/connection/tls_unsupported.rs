//! `tls-unsupported`

use super::super::prelude::*;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "tls-unsupported",
    title: "The server speaks TLS where the URL asks for it",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Answer],
    follows: &["wrong-server", "not-postgres"],
    explain: "Seen as: `server does not support SSL, but SSL was required`.\n\
        Cause: `sslmode=require` came with a production URL; a server on your machine has no certificate.\n\
        Proof: the server's answer to the request for TLS is `N`, and `sslmode` in the URL allows nothing else.\n\
        Fix: `sslmode=disable` in the URL of this machine.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed. Sessions are then not encrypted: fit for this machine alone.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::fail_login(picture, LoginFailureKind::Tls, "");
        picture.reach.endpoints.iter_mut().for_each(|it| it.reply = Reply::Postgres { tls: false });
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(failure)) = (picture.target(), &picture.login_failure) else { return Ok(Vec::new()) };
    let plain = picture.reach.endpoints.iter().any(|it| it.reply == Reply::Postgres { tls: false });
    if failure.kind != LoginFailureKind::Tls || !plain {
        return Ok(Vec::new());
    }
    let target = &candidate.target;
    let finding =
        Finding::new(format!("the server at {} does not speak TLS, and the URL asks for it", target.address()));
    let finding = facts::leads_there(candidate, finding).seen("it answers `N` to the request for TLS");
    let edited = facts::edit_url(picture, candidate, |url| pg_url::replace_parameter(url, "sslmode", "disable"));
    Ok(vec![match edited {
        Some(step) if facts::on_loopback(candidate) => finding.confirm("ask for no TLS on this machine", vec![step]),
        _ => finding.manual("ask for no TLS on this machine", &["sslmode=disable   # in the URL, or as PGSSLMODE"]),
    }])
}
