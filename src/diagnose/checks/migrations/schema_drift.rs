//! `schema-drift`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "schema-drift",
    title: "Models, migrations and database agree",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Deep],
    follows: &["wrong-server", "db-missing", "alembic-unstamped", "alembic-stamped-empty", "alembic-overlapping-rows"],
    explain: "Seen as: `column users.username does not exist`, `relation \"orders\" does not exist`, `null value in column … violates \
        not-null constraint`, `invalid input value for enum`.\n\
        Cause: one of the three is behind: a model that no migration makes, an edited migration, a change by hand, a volume whose \
        tables `create_all` made before the column existed.\n\
        Proof: with `--deep` alone, which runs the project's own code: what the migrations make in a scratch database and what the \
        models say, object by object against the catalog. What waits to be migrated is told by `alembic-behind`.\n\
        Fix: `devdb drift` shows the three side by side and names the command for each difference.\n\
        Keeps: everything: it only reads; the commands that it names say themselves what they change.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let object = "column users.username".to_owned();
        let difference = crate::model::deep::Difference { object, verdict: "made by hand".to_owned() };
        picture.deep =
            Observed::Known(crate::model::deep::Deep { differences: vec![difference], ..Default::default() });
    },
};

/// What other checks say already: the verdicts of what waits, of what another branch brought, and of what cannot be told.
const TOLD: [&str; 3] = ["pending", "another branch's", "undecided"];

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(deep) = picture.deep.known() else { return Ok(Vec::new()) };
    let differ: Vec<_> = deep.differences.iter().filter(|it| !TOLD.contains(&it.verdict.as_str())).collect();
    if differ.is_empty() {
        let unread = deep.faults.iter().map(|fault| format!("the {} could not be read", fault.source));
        let unread: Vec<String> = unread.chain(deep.untold.iter().cloned()).collect();
        return if unread.is_empty() { Ok(Vec::new()) } else { Err(Unknown(unread.join("; "))) };
    }
    let mut finding =
        Finding::new(format!("models, migrations and database differ in {}", counted(differ.len(), "object")));
    for difference in &differ {
        finding = finding.seen(format!("{}: {}", difference.object, difference.verdict));
    }
    let command = deep.command.clone().filter(|command| command != "devdb doctor");
    let commands: Vec<&str> = ["devdb drift"].into_iter().chain(command.as_deref()).collect();
    Ok(vec![finding.manual("see them side by side; then what mends them", &commands)])
}
