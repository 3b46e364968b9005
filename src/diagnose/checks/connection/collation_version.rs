//! `collation-version`

use super::super::prelude::*;
use crate::model::health::{Collated, Outdated};
use crate::model::schema::literal;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "collation-version",
    title: "What was sorted is sorted as the system sorts now",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `database \"app\" has a collation version mismatch`; `template database \"template1\" has a collation version mismatch`, with\n\
        which no database can be created; rows that an index does not find.\n\
        Cause: the image (or the system) was renewed with another version of its collation library, and the volume kept its indexes.\n\
        Proof: the recorded version beside the actual one, of the database, of `template1`, and of collations that columns use.\n\
        Fix: builds the indexes again and records the new version. `devdb reset` does it, too, once `template1` is mended.\n\
        Keeps: all rows. Where an index was damaged already, a unique one may find duplicates, and says which.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::health(picture).outdated = vec![Outdated {
            of: Collated::Database("app".to_owned()),
            recorded: "2.31".to_owned(),
            actual: Some("2.36".to_owned()),
        }];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((server, database, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let container = facts::own_container(picture, server);
    let finding = |outdated: &Outdated| {
        let actual = outdated.actual.as_deref().unwrap_or("none that it tells");
        let (message, name) = match &outdated.of {
            Collated::Database(name) => {
                (format!("the database `{name}` was sorted by another version of the system's collation"), name)
            }
            Collated::Collation(name) => (format!("the collation `{name}` has another version than recorded"), name),
        };
        let finding = Finding::new(message).seen(format!("recorded {}, the system has {actual}", outdated.recorded));
        let again = match &outdated.of {
            // There is no version to refresh to: the server refuses.
            Collated::Database(_) if outdated.actual.is_none() => {
                format!("UPDATE pg_database SET datcollversion = NULL WHERE datname = {}", literal(name))
            }
            Collated::Database(_) => format!("ALTER DATABASE {} REFRESH COLLATION VERSION", ident(name)),
            Collated::Collation(_) => format!("ALTER COLLATION {name} REFRESH VERSION"),
        };
        let owned = matches!(outdated.of, Collated::Collation(_)) || *name == database.name;
        if !owned {
            let reindex = format!("REINDEX DATABASE {}", ident(name));
            return match container.filter(|_| name == "template1") {
                Some(container) => {
                    let steps =
                        [(reindex, "build the indexes of `template1` again"), (again, "record its new version")]
                            .map(|(statement, shown)| facts::as_superuser(container, statement, shown.to_owned()));
                    finding.confirm("mend `template1`, from which databases are made", steps.into())
                }
                None => finding.manual(
                    "have a superuser mend it: no database can be made from it",
                    &[&facts::superuser_command(picture, name, &[&reindex, &again])],
                ),
            };
        }
        let reindex = format!("REINDEX DATABASE {}", ident(&database.name));
        let may = if outdated.actual.is_some() { server.role.owns_database } else { server.role.superuser };
        if may && matches!(outdated.of, Collated::Database(_)) {
            let steps = vec![
                Step::Sql { statement: reindex, shown: format!("build the indexes of `{name}` again") },
                Step::Sql { statement: again, shown: format!("record the new version of `{name}`") },
            ];
            return finding.confirm("build its indexes again, and record the new version", steps);
        }
        let command = facts::superuser_command(picture, &database.name, &[&reindex, &again]);
        finding.manual("build the indexes again, and record the new version", &[&command])
    };
    Ok(health.outdated.iter().map(finding).collect())
}
