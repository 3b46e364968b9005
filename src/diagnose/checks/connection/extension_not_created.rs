//! `extension-not-created`

use super::super::prelude::*;
use crate::model::operation::ExtensionUse;
use crate::parse::extensions;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "extension-not-created",
    title: "The migrations create the extensions that they use",
    area: "connection",
    severity: Severity::Error,
    needs: &[Need::Migrations, Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing", "extension-unavailable"],
    explain: "Seen as: `type \"vector\" does not exist` (42704), `function uuid_generate_v4() does not exist` (42883), `operator class \
        \"gin_trgm_ops\" does not exist`.\n\
        Cause: the extension was created by hand in somebody's database, and no migration does it: in a new database it is absent.\n\
        Proof: a migration that is pending uses what the extension brings, none creates it, and `pg_available_extensions` has it, \
        not created.\n\
        Fix: by hand: a line in the first migration that uses it, so that every new database has it.\n\
        Keeps: all data: `CREATE EXTENSION` adds types and functions alone.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let extension =
            crate::model::health::Extension { name: "citext".to_owned(), installed: false, permitted: true };
        sample::health(picture).extensions = vec![extension];
        let used = ExtensionUse { extension: "citext".to_owned(), word: "citext".to_owned(), line: 12 };
        sample::operations(picture)[1].extensions = vec![used];
        sample::database(picture).versions = Observed::Known(vec!["a1".to_owned()]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((_, _, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    // What runs before the chain may create it, and so may `env.py`.
    let elsewhere = !picture.recipe.init.is_empty() || picture.config.migrations.bootstrap.is_some();
    let somewhere = picture.operations.known().into_iter().flatten().any(|it| it.creates_unknown_extensions);
    if elsewhere || somewhere || picture.chain.known().is_some_and(|chain| chain.config.env_may.create_extensions) {
        return Ok(Vec::new());
    }
    let created = facts::created_extensions(picture);
    let mut findings: BTreeMap<String, Finding> = BTreeMap::new();
    for (used, at) in pending(picture)? {
        let absent = |it: &crate::model::health::Extension| it.name == used.extension && !it.installed;
        if created.contains_key(&used.extension) || !health.extensions.iter().any(absent) {
            continue;
        }
        let name = &used.extension;
        let statement = format!("CREATE EXTENSION IF NOT EXISTS {}", ident(name));
        let line = match picture.chain.known() {
            Some(_) => format!("op.execute('{statement}')   # first in upgrade()"),
            None => format!("{statement};   -- first in that file"),
        };
        let finding = Finding::new(format!("no migration creates the extension `{name}`, which they use"))
            .at(&at, format!("uses `{}`", used.word))
            .manual("create it where it is used first", &[&line]);
        findings.entry(used.extension).or_insert(finding);
    }
    Ok(findings.into_values().collect())
}

/// Returns what the pending migrations use of extensions, in the order in which they run.
fn pending(picture: &Picture) -> Result<Vec<(ExtensionUse, Place)>, Unknown> {
    let mut found = Vec::new();
    if let Some((chain, rows)) = facts::applied(picture)?.or(picture.chain.known().map(|chain| (chain, &[][..])))
        && let Some(operations) = picture.operations.look()?
    {
        for revision in chain.pending(rows) {
            let of_it = operations.iter().filter(|it| it.revision == revision.id);
            found.extend(of_it.flat_map(|it| {
                it.extensions.iter().map(|used| (used.clone(), Place::new(&it.file, used.line))).collect::<Vec<_>>()
            }));
        }
    }
    if let Some((chain, rows)) = facts::sql_applied(picture)? {
        for section in chain.pending(rows).into_iter().flat_map(|migration| &migration.up) {
            for used in extensions::used_in_sql(&section.text) {
                let at = Place::new(&section.file, section.line + used.line - 1);
                found.push((used, at));
            }
        }
    }
    Ok(found)
}
