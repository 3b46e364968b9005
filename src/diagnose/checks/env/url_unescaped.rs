//! `url-unescaped`

use super::super::prelude::*;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "url-unescaped",
    title: "The URL's password is percent-encoded",
    area: "env",
    severity: Severity::Error,
    needs: &[Need::Target],
    follows: &[],
    explain: "Seen as: `could not translate host name \"ss@127.0.0.1\"`, `invalid integer value \"p\" for connection option\n\
        \"port\"`, or a login that fails with the right password.\n\
        Cause: `@ / ? # [ ]` or a bare `%` in the password. Clients disagree on where it ends.\n\
        Proof: the characters, in the URL's own line.\n\
        Fix: percent-encodes user and password; every client then reads the same.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`, and the command that brings it \
        back is printed.",
    detect,
    #[cfg(test)]
    breaks: |picture| picture.candidates[0].problems = vec![UrlProblem::Unescaped { character: '@' }],
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target() else { return Ok(Vec::new()) };
    let characters: Vec<String> =
        candidate.problems.iter().map(|UrlProblem::Unescaped { character }| format!("`{character}`")).collect();
    if characters.is_empty() {
        return Ok(Vec::new());
    }
    let mut finding =
        Finding::new(format!("the password in `{}` holds {} unescaped", candidate.origin.key(), characters.join(", ")));
    if let Some(at) = candidate.origin.place() {
        finding = finding.at(at, format!("read as {}", candidate.target));
    }
    Ok(vec![match facts::edit_url(picture, candidate, pg_url::escape_userinfo) {
        Some(step) => finding.auto("percent-encode the password", vec![step]),
        None => finding.manual("percent-encode the password", &["@ is %40, / is %2F, # is %23, ? is %3F, % is %25"]),
    }])
}
