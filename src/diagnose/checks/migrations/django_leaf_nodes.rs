//! `django-leaf-nodes`

use super::super::prelude::*;
use crate::model::habits::DjangoMigration;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "django-leaf-nodes",
    title: "Each Django app has one last migration",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Django],
    follows: &[],
    explain: "Seen as: `CommandError: Conflicting migrations detected; multiple leaf nodes in the migration graph`.\n\
        Cause: two branches each added a migration to the same app, and both were merged.\n\
        Proof: two files of one app on which none of that app depends.\n\
        Fix: by hand: `makemigrations --merge` writes a third that depends on both. Or rename yours, where nobody has run \
        it.\n\
        Keeps: all data: the merge has no operations.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.habits.django = vec![sample::django("0001_a", &[]), sample::django("0001_b", &[])];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let all = &picture.habits.django;
    let same = |pair: &(String, String), it: &DjangoMigration| pair.0 == it.app && pair.1 == it.name;
    let replaced = |it: &DjangoMigration| all.iter().any(|other| other.replaces.iter().any(|pair| same(pair, it)));
    let followed = |it: &DjangoMigration| {
        all.iter().any(|other| other.app == it.app && other.dependencies.iter().any(|pair| same(pair, it)))
    };
    // A file that follows one which a squashed one replaces follows that.
    let follows_a_part = |it: &DjangoMigration| {
        let parts = |pair: &(String, String)| {
            all.iter().any(|other| other.app == it.app && other.dependencies.contains(pair) && other.name != it.name)
        };
        it.replaces.iter().any(|pair| parts(pair) && !it.replaces.iter().all(parts))
    };
    let mut leaves: BTreeMap<&str, Vec<&DjangoMigration>> = BTreeMap::new();
    for migration in all.iter().filter(|it| !replaced(it) && !followed(it) && !follows_a_part(it)) {
        leaves.entry(&migration.app).or_default().push(migration);
    }
    let several = leaves.into_iter().filter(|(_, leaves)| leaves.len() > 1);
    Ok(several
        .map(|(app, leaves)| {
            let count = leaves.len();
            let mut finding = Finding::new(format!("the Django app `{app}` has {count} last migrations"));
            for leaf in leaves {
                finding = finding.at(&leaf.at, format!("{}: none follows", leaf.name));
            }
            finding.manual("let one follow both", &["python manage.py makemigrations --merge"])
        })
        .collect())
}
