//! `env-missing`

use super::super::prelude::*;
use crate::model::target::{PARTS, URL_KEYS};
use crate::parse::pg_url;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-missing",
    title: "The app finds its `.env`",
    area: "env",
    severity: Severity::Error,
    needs: &[],
    follows: &[],
    explain: "Seen as: `SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string`, `fe_sendauth: no password\n\
        supplied`, or a settings class that misses DATABASE_URL.\n\
        Cause: nobody copied `.env.example` to `.env` on this machine.\n\
        Proof: an example stands in a folder without `.env`, and no shell variable and no other file names a database. Where the app \
        is a service of the same Compose file as a database that is not published, it asks for none.\n\
        Fix: copies the example.\n\
        Keeps: all files; nothing is overwritten.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.env_examples = std::mem::take(&mut picture.env_files);
        for example in &mut picture.env_examples {
            example.path = ".env.example".into();
        }
        picture.candidates.clear();
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let from_shell_or_file =
        |candidate: &Candidate| !matches!(candidate.origin, Origin::Compose { .. } | Origin::Alembic { .. });
    if picture.candidates.iter().any(from_shell_or_file) || !picture.env_files.is_empty() {
        return Ok(Vec::new());
    }
    let names_database = |example: &&EnvFile| {
        let parts = PARTS.iter().flat_map(|keys| keys.iter()).flat_map(|names| names.iter());
        let keys: Vec<&str> = parts.chain(URL_KEYS.iter()).copied().collect();
        example.entries.iter().any(|entry| keys.contains(&entry.key.as_str()) || pg_url::looks_like(entry.raw.reveal()))
    };
    let example = picture.env_examples.iter().find(names_database);
    if let Some(example) = example.or_else(|| picture.env_examples.first()) {
        let path = facts::of_example(&example.path);
        let step = Step::CopyFile { from: example.path.clone(), to: path.clone() };
        let mut finding = Finding::new(format!("there is no `{}`, only `{}`", path.display(), example.path.display()));
        let names = |entry: &&EnvEntry| pg_url::looks_like(entry.raw.reveal());
        if let Some(entry) = example.entries.iter().find(names).or_else(|| example.entries.first()) {
            finding = finding.at(&Place::new(&example.path, entry.line), format!("sets `{}`", entry.key));
        }
        return Ok(vec![finding.auto(step.describe(), vec![step])]);
    }
    if !picture.candidates.is_empty() || is_in_containers(picture) {
        return Ok(Vec::new());
    }
    let finding = Finding::new("no `.env` file and no variable names a database");
    Ok(vec![finding.manual(
        "write the URL of your database into `.env`",
        &["DATABASE_URL=postgresql://USER:PASSWORD@localhost:5432/NAME"],
    )])
}

/// The app runs beside its database, in a container: nothing on the host dials.
fn is_in_containers(picture: &Picture) -> bool {
    let databases: Vec<&str> = picture.database_services().iter().map(|service| service.name.as_str()).collect();
    let others = || picture.compose.known().into_iter().flat_map(|compose| &compose.services);
    let names_it = |text: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').any(|word| databases.contains(&word))
    };
    let is_app = |service: &&crate::model::compose::Service| {
        let values = || service.environment.values().filter_map(|entry| entry.value.as_ref());
        let waits = service.depends_on.keys().any(|name| databases.contains(&name.as_str()));
        service.build || waits || values().any(|value| names_it(value.reveal()))
    };
    !databases.is_empty() && others().filter(|it| !databases.contains(&it.name.as_str())).any(|it| is_app(&it))
}
