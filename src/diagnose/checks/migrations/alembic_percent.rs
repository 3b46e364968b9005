//! `alembic-percent`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-percent",
    title: "Alembic's settings have no single `%`",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: `'%' must be followed by '%' or '('`, `invalid interpolation syntax in 'postgresql://…'`, from every alembic command.\n\
        Cause: `alembic.ini` is read by Python's configparser, to which `%` begins an interpolation; a percent-encoded password has one. The\n\
        same holds for what `env.py` gives to `set_main_option`.\n\
        Proof: the option that cannot be interpolated; or the call in `env.py`, and a `%` in the URL that `.env` has.\n\
        Fix: `%%` in the file; `.replace(\"%\", \"%%\")` in `env.py`.\n\
        Keeps: every other byte of the file; as it was, it is kept in `.devdb/backups`.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let at = Place::new("alembic.ini", 63);
        let problem = crate::model::place::Located::new("`sqlalchemy.url` cannot be interpolated".to_owned(), at);
        sample::chain(picture).config.problems = vec![problem];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(Chain { config, .. }) = picture.chain.known() else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for problem in &config.problems {
        let (file, says) = (problem.at.file.display(), |words: &str| problem.value.contains(words));
        // `%(NAME)s` is whole, and only what it refers to is missing: `env.py` may set that before it reads.
        let refers = says("names no option");
        if refers && config.env_may.set_options {
            continue;
        }
        let message = if refers {
            format!("`{file}` refers to an option that nothing sets")
        } else if says("interpolated") {
            format!("`{file}` has a single `%`, with which Alembic stops")
        } else {
            format!("Alembic cannot read `{file}`")
        };
        let finding = Finding::new(message).at(&problem.at, problem.value.clone());
        findings.push(if refers {
            finding.manual("set the option in that file, or in `env.py`", &["config.set_main_option(\"NAME\", …)"])
        } else if says("interpolated") {
            let step = Step::DoublePercent { file: problem.at.file.clone(), line: problem.at.line };
            finding.auto(step.describe(), vec![step])
        } else {
            finding.manual("mend the line", &[])
        });
    }
    let entry = picture.target().and_then(|candidate| Some((candidate, facts::entry(picture, &candidate.origin)?.1)));
    let percent = entry.filter(|(_, entry)| entry.raw.reveal().contains('%'));
    if let (Some(at), Some((candidate, _))) = (&config.sets_unescaped, percent) {
        let mut finding = Finding::new(format!("`env.py` gives Alembic a URL with `%` as it is ({at})"))
            .at(at, "`set_main_option` takes `%` for an interpolation");
        if let Some(place) = candidate.origin.place() {
            finding = finding.at(place, format!("{} has a `%`", candidate.origin.key()));
        }
        findings.push(finding.manual("double it there", &[".replace(\"%\", \"%%\")   # behind the URL, in that call"]));
    }
    Ok(findings)
}
