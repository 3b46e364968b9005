//! `django-inconsistent`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "django-inconsistent",
    title: "What Django has applied was applied in its order",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Django, Need::Server],
    follows: &["wrong-server", "db-missing", "django-leaf-nodes"],
    explain: "Seen as: `InconsistentMigrationHistory: Migration shop.0003_tags is applied before its dependency shop.0002_total on database 'default'`.\n\
        Cause: a migration was put before one that had run here already: a renumbered merge, another branch's database, an edited dependency.\n\
        Proof: the rows of `django_migrations` against the files' dependencies.\n\
        Fix: by hand: a new database, for which `[migrations] upgrade` in devdb.toml names Django's command; or, where its schema is there already, the missing row alone.\n\
        Keeps: with a reset the old database, for `devdb undo`; with the row everything.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.habits.django = vec![sample::django("0001_a", &[]), sample::django("0002_b", &["0001_a"])];
        sample::health(picture).django = Observed::Known(vec![("shop".to_owned(), "0002_b".to_owned())]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let all = &picture.habits.django;
    let Some((_, database, health)) = facts::health(picture)?.filter(|_| !all.is_empty()) else {
        return Ok(Vec::new());
    };
    let Some(rows) = health.django.look()? else { return Ok(Vec::new()) };
    let is_applied = |pair: &(String, String)| {
        // A squashed one counts as applied when all that it replaces are, and the other way round.
        let replaced = || {
            let its = all.iter().find(|it| it.app == pair.0 && it.name == pair.1);
            its.is_some_and(|it| !it.replaces.is_empty() && it.replaces.iter().all(|part| rows.contains(part)))
        };
        let by_squashed =
            || all.iter().any(|it| it.replaces.contains(pair) && rows.contains(&(it.app.clone(), it.name.clone())));
        rows.contains(pair) || replaced() || by_squashed()
    };
    let known = |pair: &&(String, String)| all.iter().any(|it| it.app == pair.0 && it.name == pair.1);
    let mut findings = Vec::new();
    for migration in all.iter().filter(|it| rows.contains(&(it.app.clone(), it.name.clone()))) {
        for missing in migration.dependencies.iter().filter(known).filter(|pair| !is_applied(pair)) {
            let (app, name) = missing;
            let at = all.iter().find(|it| it.app == *app && it.name == *name).map(|it| &it.at);
            let mut finding = Finding::new(format!(
                "`{}.{}` is applied, and `{app}.{name}`, which it follows, is not",
                migration.app, migration.name
            ))
            .at(&migration.at, format!("depends on {app}.{name}"));
            if let Some(at) = at {
                finding = finding.at(at, format!("no row of `django_migrations` in `{}`", database.name));
            }
            let quoted = [app, name].map(|it| it.replace('\'', "''"));
            let row =
                format!("INSERT INTO django_migrations (app, name, applied) VALUES ('{}', now())", quoted.join("', '"));
            let insert = format!("devdb psql -c {}   # only where its schema is there", shell_word(&row));
            let reset = "devdb reset".to_owned();
            let commands = match &picture.config.migrations.upgrade {
                Some(_) => vec![reset, insert],
                None => vec![
                    "[migrations]\nupgrade = \"python manage.py migrate\"   # in devdb.toml".to_owned(),
                    reset,
                    insert,
                ],
            };
            let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
            findings.push(finding.manual("make the database anew, or say that it is applied", &commands));
        }
    }
    Ok(findings)
}
