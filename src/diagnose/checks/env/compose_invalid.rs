//! `compose-invalid`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "compose-invalid",
    title: "Compose can read its files",
    area: "env",
    severity: Severity::Error,
    needs: &[],
    follows: &["env-missing"],
    explain: "Seen as: `docker compose up` ends before it begins: `yaml: line 7: did not find expected key`, `invalid interpolation format …\n\
        You may need to escape any $ with another $`, `required variable DB_PASSWORD is missing a value`.\n\
        Cause: a slip in the YAML, a `$` that was meant as it stands, a variable that the file insists on and nobody sets.\n\
        Proof: the files are read as Compose reads them (the Compose specification; `docs/architecture.md` says against what this is\n\
        tested).\n\
        Fix: by hand; the line is named.",
    detect,
    #[cfg(test)]
    breaks: |picture| match &mut picture.compose {
        Observed::Known(compose) => compose.problems.push(crate::model::compose::ComposeProblem {
            at: Place::new("compose.yaml", 7),
            message: "invalid interpolation format".to_owned(),
            fatal: true,
        }),
        other => panic!("no Compose file: {other:?}"),
    },
};

/// Problems that are shown; one slip often makes more of them.
const SHOWN: usize = 3;

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Observed::Known(compose) = &picture.compose else { return Ok(Vec::new()) };
    let fatal: Vec<_> = compose.problems.iter().filter(|problem| problem.fatal).collect();
    let Some(first) = fatal.first() else { return Ok(Vec::new()) };
    let mut finding = Finding::new(format!("Compose refuses `{}`: {}", first.at.file.display(), first.message));
    for problem in fatal.iter().take(SHOWN) {
        finding = finding.at(&problem.at, problem.message.clone());
    }
    let interpolates = |text: &str| text.contains("${") || text.contains("dollar");
    let fix = if fatal.iter().any(|problem| interpolates(&problem.message)) {
        "write `$$` for a `$` that is meant as it stands"
    } else if first.message.contains("required variable") {
        "set the variable in the `.env` beside the Compose file"
    } else {
        "mend the line"
    };
    Ok(vec![finding.manual(fix, &["docker compose config --quiet"])])
}
