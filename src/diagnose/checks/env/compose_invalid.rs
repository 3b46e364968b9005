//! `compose-invalid`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "compose-invalid",
    title: "Compose can read its files",
    area: "env",
    severity: Severity::Error,
    needs: &[Need::Compose],
    follows: &["env-missing"],
    explain: "Seen as: `docker compose up` ends before it begins: `yaml: line 7: did not find expected key`, `invalid interpolation format …\n\
        You may need to escape any $ with another $`, `required variable DB_PASSWORD is missing a value`.\n\
        Cause: a slip in the YAML, a `$` that was meant as it stands, a variable that the file insists on and nobody sets.\n\
        Proof: the files are read as Compose reads them (the Compose specification), and the database does not run.\n\
        Fix: by hand; the line is named.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let Observed::Known(compose) = &mut picture.compose else { panic!("no Compose file") };
        let (at, message) = (Place::new("compose.yaml", 7), "invalid interpolation format".to_owned());
        compose.problems.push(crate::model::compose::ComposeProblem { at, message, fatal: true });
        sample::engine(picture).containers.clear();
        picture.server = Observed::Unknown("refused".to_owned());
        for endpoint in &mut picture.reach.endpoints {
            endpoint.reply = Reply::Refused;
        }
    },
};

/// Problems that are shown; one slip often makes more of them.
const SHOWN: usize = 3;

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Observed::Known(compose) = &picture.compose else { return Ok(Vec::new()) };
    let fatal: Vec<_> = compose.problems.iter().filter(|problem| problem.fatal).collect();
    let Some(first) = fatal.first() else { return Ok(Vec::new()) };
    // What runs was started somehow: with a file, a variable or a profile of which nothing here tells.
    let runs = || picture.database_container().is_some_and(Container::is_running);
    // Another service's file or a remote one may not be asked for at all.
    let elsewhere = |message: &str| message.contains("env file") || message.contains("://") || message.contains("oci:");
    if facts::logged_in(picture) || runs() || fatal.iter().all(|problem| elsewhere(&problem.message)) {
        return Err(Unknown(format!("Compose may refuse {}: {}", first.at, first.message)));
    }
    let mut finding = Finding::new(format!("Compose refuses `{}`", first.at.file.display()));
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
