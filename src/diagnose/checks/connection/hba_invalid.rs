//! `hba-invalid`

use super::super::prelude::*;
use crate::model::health::Settings;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "hba-invalid",
    title: "Every line of pg_hba.conf is understood",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server"],
    explain: "Seen as: a change of `pg_hba.conf` that has no effect after a reload; after a restart `could not load pg_hba.conf`, and no server.\n\
        Cause: a slip in one line. A server that runs keeps the rules that it has, all of them; one that starts does not start.\n\
        Proof: `pg_hba_file_rules`, which only a superuser may read: without one the check has nothing to say.\n\
        Fix: by hand: the line, then a reload.\n\
        Keeps: sessions and data; the rules before it go on until the file is right.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let why = "invalid authentication method \"scram\"".to_owned();
        let hba_errors = vec![("/var/lib/postgresql/data/pg_hba.conf".to_owned(), 101, why)];
        sample::health(picture).settings = Observed::Known(Settings { hba_errors, ..Settings::default() });
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, _, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let Some(Settings { hba_errors, .. }) = health.settings.look()? else { return Ok(Vec::new()) };
    let Some((file, _, _)) = hba_errors.first() else { return Ok(Vec::new()) };
    let message = format!("the server does not understand {} of `{file}`", counted(hba_errors.len(), "line"));
    let mut finding = Finding::new(message);
    for (file, line, why) in hba_errors {
        finding = finding.seen(format!("{file}:{line}: {why}"));
    }
    let edit = match facts::own_container(picture, server) {
        // The image has no editor.
        Some(container) => {
            let name = &container.name;
            vec![
                format!("docker cp {name}:{file} pg_hba.conf   # mend it here, then"),
                format!("docker cp pg_hba.conf {name}:{file}"),
            ]
        }
        None => vec![format!("sudo -u postgres vi {file}")],
    };
    let reload = facts::superuser_command(picture, "postgres", &["SELECT pg_reload_conf()"]);
    let commands: Vec<&str> = edit.iter().map(String::as_str).chain([reload.as_str()]).collect();
    Ok(vec![finding.manual("mend the line, then reload: at its next start the server would not come up", &commands)])
}
