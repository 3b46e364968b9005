//! `socket-missing`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "socket-missing",
    title: "The server's socket is where the app looks for it",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &["localhost-in-container"],
    explain: "Seen as: `connection to server on socket \"/tmp/.s.PGSQL.5432\" failed: No such file or directory`.\n\
        Cause: the URL (or `PGHOST`) names a folder; Debian's servers have their sockets in `/var/run/postgresql`, Homebrew's and those that \
        were built by hand in `/tmp`, and those in containers have none on this machine.\n\
        Proof: the folder is one of those, the socket is not there, and a server answers on another one of this machine, or on a port of it.\n\
        Fix: names the other folder in `.env`, after a question: whether it is the server that is meant, its own login tells.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let url = "postgresql://app:pw@/app?host=/tmp";
        picture.candidates[0].target = crate::parse::pg_url::parse(url).unwrap().target;
        picture.server = Observed::Unknown("no socket".to_owned());
        let reply = Reply::Unreachable("No such file or directory".to_owned());
        picture.reach.endpoints =
            vec![crate::model::server::Endpoint { shown: "/tmp/.s.PGSQL.5432".to_owned(), address: None, reply }];
        picture.reach.sockets = vec!["/run/postgresql/.s.PGSQL.5432".into()];
    },
};

/// Where servers are built, or packaged, to have their sockets.
const USUAL: [&str; 4] = ["/tmp", "/run/postgresql", "/var/run/postgresql", "/var/pgsql_socket"];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target().filter(|_| !facts::logged_in(picture)) else { return Ok(Vec::new()) };
    let Host::Socket(folder) = candidate.target.host() else { return Ok(Vec::new()) };
    // Another folder is that of a certain server, which is down.
    if !USUAL.iter().any(|usual| folder.as_path() == std::path::Path::new(usual)) {
        return Ok(Vec::new());
    }
    let [endpoint] = picture.reach.endpoints.as_slice() else { return Ok(Vec::new()) };
    let Reply::Unreachable(why) = &endpoint.reply else { return Ok(Vec::new()) };
    // One that may not be opened is there.
    if !why.contains("No such file") {
        return Ok(Vec::new());
    }
    let finding = Finding::new(format!("there is no socket `{}`", endpoint.shown));
    let mut finding = facts::leads_there(candidate, finding).seen(why.clone());
    for socket in &picture.reach.sockets {
        finding = finding.seen(format!("PostgreSQL answers on {}", socket.display()));
    }
    for address in &picture.nearby {
        finding = finding.seen(format!("PostgreSQL answers on {address}"));
    }
    let same_port = format!(".s.PGSQL.{}", candidate.target.port());
    let with_port: Vec<_> = picture.reach.sockets.iter().filter(|it| it.ends_with(&same_port)).collect();
    if let [one] = with_port.as_slice()
        && let Some(other) = one.parent()
    {
        let (from, to) = (folder.display().to_string(), other.display().to_string());
        let summary = format!("look in `{to}`");
        return Ok(vec![match step(picture, candidate, &from, &to) {
            Some(step) => finding.confirm(summary, vec![step]),
            None => finding.manual(summary, &[&format!("PGHOST={to}")]),
        }]);
    }
    if let Some(address) = picture.nearby.first() {
        let line = format!("PGHOST={} PGPORT={}   # or as host and port of the URL", address.ip(), address.port());
        return Ok(vec![finding.manual("dial its port instead", &[&line])]);
    }
    if let Some(other) = picture.reach.sockets.first() {
        let line = format!("PGHOST={}   # or as the URL's host", other.parent().unwrap_or(other).display());
        return Ok(vec![finding.manual("name its folder, and its port", &[&line])]);
    }
    // Nothing of this machine answers: the server is down, which `conn-refused` tells.
    Ok(Vec::new())
}

/// Returns the edit that names the other folder, where the folder stands in an `.env` file.
fn step(picture: &Picture, candidate: &Candidate, from: &str, to: &str) -> Option<Step> {
    if let Some(origin) = &candidate.host_origin {
        return facts::set_value(picture, origin, to, format!("`{to}`"));
    }
    let encoded = |path: &str| path.replace('/', "%2F");
    facts::edit_url(picture, candidate, |url| {
        let spellings = [(from.to_owned(), to.to_owned()), (encoded(from), encoded(to))];
        spellings
            .iter()
            .find(|(from, _)| url.matches(from.as_str()).count() == 1)
            .map(|(from, to)| url.replace(from, to))
    })
}
