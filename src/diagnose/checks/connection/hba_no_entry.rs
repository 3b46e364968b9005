//! `hba-no-entry`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "hba-no-entry",
    title: "pg_hba.conf lets the app in",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Answer],
    follows: &["wrong-server"],
    explain: "Seen as: `no pg_hba.conf entry for host …`, `pg_hba.conf rejects connection for host …` (28000).\n\
        Cause: a `pg_hba.conf` of one's own that lists other addresses, databases or roles, or that lets in only what is encrypted.\n\
        Proof: the server's refusal comes from the function that reads that file.\n\
        Fix: a line for this role and database, and a reload; where the server speaks TLS, `sslmode=require` may do.\n\
        Keeps: all other rules, sessions and data; a reload ends nothing.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::refuse_by(picture, LoginFailureKind::NotPermitted, "28000", "ClientAuthentication");
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(failure)) = (picture.target(), &picture.login_failure) else { return Ok(Vec::new()) };
    if !failure.is_by_hba() {
        return Ok(Vec::new());
    }
    let target = &candidate.target;
    let finding =
        Finding::new(format!("`pg_hba.conf` does not let role `{}` into `{}`", target.user(), target.database()));
    let mut finding = facts::leads_there(candidate, finding).seen(format!(
        "the server says: {}{}",
        failure.message,
        facts::code(failure)
    ));
    let container = facts::answering_container(picture);
    let inside = container.and_then(|container| container.inside.known());
    if let Some(inside) = inside.filter(|inside| !inside.hba_file.is_empty()) {
        finding = finding.seen(format!("the file is {}", inside.hba_file));
    }
    let encrypted = picture.reach.endpoints.iter().any(|it| it.reply == Reply::Postgres { tls: true });
    if encrypted && target.parameter("sslmode") == Some("disable") {
        finding =
            finding.seen("the server offers TLS: it may want what is encrypted, and the URL has `sslmode=disable`");
    }
    let sort = if matches!(target.host(), crate::model::target::Host::Socket(_)) { "local" } else { "host" };
    let from = if sort == "local" { "" } else { "  all" };
    let line = format!("{sort}  {}  {}{from}  scram-sha-256", ident(target.database()), ident(target.user()));
    let rejected = failure.message.contains("rejects");
    let line = format!("{line}   # in that file{}", if rejected { ", above the line that rejects" } else { "" });
    let where_ = facts::superuser_command(picture, "postgres", &["SHOW hba_file"]);
    let reload = facts::superuser_command(picture, "postgres", &["SELECT pg_reload_conf()"]);
    Ok(vec![finding.manual("add a line for it to the file, then reload", &[&where_, &line, &reload])])
}
