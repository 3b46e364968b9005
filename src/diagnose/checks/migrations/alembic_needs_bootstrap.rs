//! `alembic-needs-bootstrap`

use super::super::prelude::*;

/// Tables shown by name.
const SHOWN: usize = 5;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-needs-bootstrap",
    title: "The chain makes every table that it uses",
    area: "migrations",
    severity: Severity::Warning,
    needs: &[Need::Chain],
    follows: &["alembic-missing-parent", "alembic-cycle", "alembic-duplicate-id"],
    explain: "Seen as: `relation \"users\" does not exist` (42P01), or `schema \"events\" does not exist`, at one of the first revisions on\n\
        an empty database.\n\
        Cause: the chain was begun when the tables were there: new databases get them from `create_all()`, and only then\n\
        the revisions.\n\
        Proof: the lines that use tables which no revision creates, where nothing before them could have made them unseen.\n\
        Fix: name the command that makes the tables in `devdb.toml`, and the revision that they stand for.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::operations(picture)[0].up.clear(),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((_, ordered)) = facts::in_order(picture)? else { return Ok(Vec::new()) };
    // A command that makes the tables, or that is no plain `upgrade`, is the project's own answer.
    let migrations = &picture.config.migrations;
    if migrations.bootstrap.is_some() || migrations.upgrade.is_some() || !picture.recipe.init.is_empty() {
        return Ok(Vec::new());
    }
    let missing: Vec<lineage::Misplaced> =
        lineage::misplaced(&ordered).into_iter().filter(|it| it.maker.is_none() && it.column.is_none()).collect();
    let Some(first) = missing.first() else { return Ok(Vec::new()) };
    let tables: Vec<String> = missing.iter().take(SHOWN).map(|it| format!("`{}`", it.table)).collect();
    let more = if missing.len() > SHOWN { format!(" and {} more", missing.len() - SHOWN) } else { String::new() };
    let which = if missing.len() == 1 { "no revision creates the table" } else { "no revision creates the tables" };
    let mut finding = Finding::new(format!("{which} {}{more}", tables.join(", ")));
    for it in missing.iter().take(SHOWN) {
        finding = finding.at(&it.user.at, it.user.source.clone());
    }
    let before = ordered.iter().position(|it| it.revision == first.user.revision).and_then(|it| it.checked_sub(1));
    let stamp = before.and_then(|position| ordered.get(position)).map(|it| format!("stamp = \"{}\"", it.revision));
    let mut lines = vec!["[migrations]", "bootstrap = \"python -m app.create_all\""];
    lines.extend(stamp.as_deref());
    Ok(vec![finding.manual("say in `devdb.toml` what makes the tables first, with the project's own command", &lines)])
}
