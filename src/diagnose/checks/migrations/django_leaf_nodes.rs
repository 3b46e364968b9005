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
    // Two apps may have one label in two places of a repository: a folder is an app.
    let mut folders: BTreeMap<&std::path::Path, Vec<&DjangoMigration>> = BTreeMap::new();
    for migration in &picture.habits.django {
        folders.entry(migration.at.file.parent().unwrap_or(&migration.at.file)).or_default().push(migration);
    }
    Ok(folders.into_values().filter_map(|all| several(&all)).collect())
}

fn several(all: &[&DjangoMigration]) -> Option<Finding> {
    let of = |it: &DjangoMigration| (it.app.clone(), it.name.clone());
    // What a squashed one replaces is that one.
    let replacing = |pair: &(String, String)| {
        let squashed = all.iter().find(|it| it.replaces.contains(pair));
        squashed.map_or_else(|| pair.clone(), |it| of(it))
    };
    let active: Vec<&&DjangoMigration> = all.iter().filter(|it| replacing(&of(it)) == of(it)).collect();
    let followed = |leaf: &DjangoMigration| {
        let of_others = active.iter().filter(|other| other.name != leaf.name);
        of_others.flat_map(|other| &other.dependencies).any(|pair| replacing(pair) == of(leaf))
    };
    let leaves: Vec<_> = active.iter().filter(|it| !followed(it)).collect();
    let app = &leaves.first()?.app;
    if leaves.len() < 2 {
        return None;
    }
    let mut finding = Finding::new(format!("the Django app `{app}` has {} last migrations", leaves.len()));
    for leaf in &leaves {
        finding = finding.at(&leaf.at, format!("{}: none follows", leaf.name));
    }
    Some(finding.manual("let one follow both", &["python manage.py makemigrations --merge"]))
}
