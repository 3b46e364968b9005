//! Which command brings the sources together.

use super::Chronicle;
use crate::model::drift::{Drift, Drifted, Position, Remedy, Standing, Verdict};
use crate::model::schema::{ObjectKind, Property};

/// Returns the commands, the one to run first; what else would do follows it.
pub fn remedy(drift: &Drift, chronicle: &Chronicle) -> Vec<Remedy> {
    let counts = drift.counts();
    let has = |verdict: Verdict| counts.contains_key(&verdict);
    let mut remedies = Vec::new();
    let mut add = |command: &str, effect: &'static str| {
        if !remedies.iter().any(|it: &Remedy| it.command == command) {
            remedies.push(Remedy { command: command.to_owned(), effect });
        }
    };
    if has(Verdict::OtherBranch) {
        let switch = match &drift.position {
            Position::Unknown { switch, .. } => switch.as_deref(),
            _ => None,
        };
        add(switch.unwrap_or("devdb doctor"), "the branch that made it has its migrations");
        add("devdb reset", "makes this branch's database; the one there is kept for `devdb undo`");
    }
    if has(Verdict::StaleVolume) {
        if let Some(stamp) = stamp(drift, chronicle) {
            add(
                &format!("devdb migrate stamp {stamp} && devdb migrate up"),
                "keeps the rows; what is missing is added",
            );
        }
        add("devdb reset", "makes a new database from the code; the one there is kept for `devdb undo`");
        if drift.position == Position::NoChain {
            add("devdb drift --sql", "prints what adds the missing parts; the rows stay");
        }
    }
    if has(Verdict::EditedMigration) || has(Verdict::ChangedByHand) || has(Verdict::Early) {
        add("devdb reset", "makes what the migrations say; the database there is kept for `devdb undo`");
    }
    if has(Verdict::Pending) {
        add("devdb migrate up", "runs what is pending; the rows stay");
    }
    if has(Verdict::CreatedByModels) {
        let stamped = "devdb migrate new --autogenerate \"…\" && devdb migrate stamp head";
        add(stamped, "writes a migration of what the database has already, and records it as applied");
    }
    if has(Verdict::MadeByHand) && drift.position != Position::NoChain {
        add("devdb drift --adopt \"…\"", "writes a migration of what was made by hand, and records it as applied");
    }
    if (has(Verdict::MadeByHand) || has(Verdict::ChangedByHand)) && drift.position != Position::NoChain {
        add("devdb drift --sql", "prints what takes back what was done by hand; the other rows stay");
    }
    if has(Verdict::MadeByHand) && drift.position == Position::NoChain {
        add("devdb reset", "makes a new database from the code; the one there is kept for `devdb undo`");
    }
    for (command, effect) in of_models(drift) {
        add(command, effect);
    }
    if has(Verdict::Undecided) {
        add("devdb doctor", "says why the migrations could not be read");
    }
    remedies
}

/// What brings the migrations to the models.
fn of_models(drift: &Drift) -> Vec<(&'static str, &'static str)> {
    let ahead = |it: &&Drifted| matches!(it.verdict, Verdict::NotMigrated | Verdict::RemovedFromModels);
    let (unseen, seen): (Vec<&Drifted>, Vec<&Drifted>) =
        drift.differences.iter().filter(ahead).partition(|it| is_unseen(it));
    let drops = seen.iter().any(|it| it.verdict == Verdict::RemovedFromModels);
    let effect = if drops {
        "writes a migration that drops what the models lack, with its rows: add to them what is meant to stay"
    } else {
        "writes the migration that the models lack"
    };
    let by_alembic = ("devdb migrate new --autogenerate \"…\"", effect);
    let by_hand = (
        "devdb migrate new \"…\"",
        "a migration to be written by hand: autogenerate sees no checks, no labels of enums, no sequences",
    );
    let asked = [(!seen.is_empty()).then_some(by_alembic), (!unseen.is_empty()).then_some(by_hand)];
    asked.into_iter().flatten().collect()
}

/// Whether Alembic's autogenerate does not compare it (its documentation, "What does Autogenerate Detect").
fn is_unseen(it: &Drifted) -> bool {
    let said = [&it.models, &it.migrations].into_iter().find_map(|standing| match standing {
        Standing::Present(said) => Some(said),
        Standing::Unsaid | Standing::Absent => None,
    });
    let definition = said.and_then(|said| said.get(&Property::Definition)).map_or("", String::as_str);
    match it.object.kind {
        ObjectKind::Sequence => true,
        // With a table, a type comes along.
        ObjectKind::Enum => [&it.models, &it.migrations].iter().all(|it| matches!(it, Standing::Present(_))),
        ObjectKind::Constraint => definition.starts_with("CHECK") || definition.starts_with("EXCLUDE"),
        _ => false,
    }
}

/// Returns the revision of which the database has everything and of the next one not: that before the first which makes
/// something that is missing.
fn stamp(drift: &Drift, chronicle: &Chronicle) -> Option<String> {
    let stale = drift.differences.iter().filter(|it| it.verdict == Verdict::StaleVolume);
    let places: Option<Vec<usize>> = stale
        .map(|it| chronicle.order.iter().position(|id| it.maker.as_ref().is_some_and(|maker| maker.revision == *id)))
        .collect();
    let first = places?.into_iter().min()?;
    chronicle.order.get(first.checked_sub(1)?).cloned()
}
