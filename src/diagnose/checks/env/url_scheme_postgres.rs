//! `url-scheme-postgres`

use super::super::prelude::*;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "url-scheme-postgres",
    title: "SQLAlchemy knows the URL's scheme",
    area: "env",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Chain],
    follows: &[],
    explain: "Seen as: `Can't load plugin: sqlalchemy.dialects:postgres`.\n\
        Cause: SQLAlchemy 1.4 and later know `postgresql://` only; `postgres://` is what some hosts print.\n\
        Proof: the scheme, in a project with an Alembic chain whose `env.py` does not rewrite it.\n\
        Fix: writes `postgresql://`; libpq and other clients read both.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| picture.candidates[0].target.scheme = "postgres".to_owned(),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target() else { return Ok(Vec::new()) };
    let rewritten = picture.chain.known().is_some_and(|chain| chain.config.rewrites_scheme);
    if candidate.target.scheme != "postgres" || rewritten || !facts::is_beside_chain(picture, candidate) {
        return Ok(Vec::new());
    }
    let mut finding = Finding::new("SQLAlchemy does not know `postgres://`");
    if let Some(at) = candidate.origin.place() {
        finding = finding.at(at, format!("{}=postgres://…", candidate.origin.key()));
    }
    Ok(vec![match facts::edit_url(picture, candidate, pg_url::replace_scheme) {
        Some(step) => finding.auto("write `postgresql://`", vec![step]),
        None => finding.manual("write `postgresql://`", &[]),
    }])
}
