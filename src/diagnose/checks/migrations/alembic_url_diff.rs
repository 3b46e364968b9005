//! `alembic-url-diff`

use super::super::prelude::*;
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-url-diff",
    title: "Alembic migrates the database that the app uses",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain, Need::Target],
    follows: &[],
    explain: "Seen as: migrations that succeed, and an app that still misses the column.\n\
        Cause: `sqlalchemy.url` in `alembic.ini` (or a literal in `env.py`) names another database than `.env` does.\n\
        Proof: both lines, in a project whose `env.py` does not set the URL from the environment.\n\
        Fix: one source: let `env.py` read the same variable as the app.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let at = Place::new("alembic.ini", 60);
        let url = crate::model::secret::Secret::from("postgresql://app@localhost:5432/another");
        sample::chain(picture).config.url = Some(crate::model::place::Located::new(url, at));
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(chain)) = (picture.target(), picture.chain.known()) else { return Ok(Vec::new()) };
    let config = &chain.config;
    if !facts::is_beside_chain(picture, candidate) {
        return Ok(Vec::new());
    }
    // What `env.py` computes wins over the ini's line, and what it computes cannot be told without running it.
    let from_ini = config.url.iter().filter(|_| !config.env_sets_url);
    let named = from_ini.chain(&config.env_urls);
    let mut findings = Vec::new();
    for located in named {
        let Ok(parsed) = pg_url::parse(located.value.reveal()) else { continue };
        if located.value.reveal().contains("driver://") || parsed.target.same_place(&candidate.target) {
            continue;
        }
        let mut finding = Finding::new("Alembic and the app name different databases")
            .at(&located.at, format!("Alembic: {}", parsed.target));
        if let Some(at) = candidate.origin.place() {
            finding = finding.at(at, format!("the app: {}", candidate.target));
        }
        let line = format!("config.set_main_option(\"sqlalchemy.url\", os.environ[\"{}\"])", candidate.origin.key());
        findings.push(finding.manual("let `env.py` read the app's own variable", &[&line]));
    }
    Ok(findings)
}
