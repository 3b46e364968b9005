//! `compose-quotes-literal`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "compose-quotes-literal",
    title: "Quotes in the Compose file are not part of a value",
    area: "env",
    severity: Severity::Warning,
    needs: &[Need::Compose],
    follows: &[],
    explain: "Seen as: `password authentication failed`, `role \"app\" does not exist`, or a database whose name has quotes.\n\
        Cause: in a list, `- POSTGRES_PASSWORD=\"secret\"` is one text to YAML, and the quotes inside of it stay.\n\
        Proof: a POSTGRES_ variable of the database's service begins and ends with the same quote.\n\
        Fix: without the quotes, or quotes around the whole entry. On a volume that was initialised with them, the old value still counts.\n\
        Keeps: the volume, with the value that it was made with.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let service = sample::service(picture);
        let at = service.at.clone();
        let quoted = Some(crate::model::secret::Secret::from("\"app\""));
        service.environment.insert("POSTGRES_DB".to_owned(), crate::model::place::Located::new(quoted, at));
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(service) = picture.database_service() else { return Ok(Vec::new()) };
    let quoted = |value: &str| {
        ['"', '\''].iter().any(|quote| value.len() > 2 && value.starts_with(*quote) && value.ends_with(*quote))
    };
    let mut findings = Vec::new();
    for (key, entry) in service.environment.iter().filter(|(key, _)| key.starts_with("POSTGRES_")) {
        if !entry.value.as_ref().is_some_and(|value| quoted(value.reveal())) {
            continue;
        }
        let text = "the quotes are part of the value";
        findings.push(
            Finding::new(format!("`{key}` of service `{}` has quotes in its value", service.name))
                .at(&entry.at, text)
                .manual("write it without them", &[&format!("- {key}=…"), "devdb up"]),
        );
    }
    Ok(findings)
}
