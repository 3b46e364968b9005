//! What of a database was made by hand, as a migration.

use super::ddl;
use crate::error::Error;
use crate::model::ddl::{Loss, Script, Statement};
use crate::model::drift::{AdoptPlan, Drift, Position, Sources, Verdict};
use crate::model::schema::{ObjectId, Schema};
use crate::model::text::counted;

/// Returns the statements of the migration; fails where there is nothing to adopt, or the database is not at the end of
/// its migrations: a new one comes after them. What is made again gets the privileges that it has in `granted`.
pub fn adopt(sources: &Sources, drift: &Drift, message: &str, granted: &Schema) -> Result<AdoptPlan, Error> {
    if drift.position == Position::NoChain {
        return Err(Error::usage("the project has no migrations that one could be added to"));
    }
    let Some(made) = sources.migrations.known() else {
        let why = drift.unread.iter().map(|(source, why)| format!("{source}: {why}")).collect::<Vec<_>>().join("\n");
        return Err(Error::environment("without migrations that can be read, there is nothing to add one to")
            .detail("why", why)
            .hint("devdb doctor"));
    };
    at_head(&drift.position)?;
    let by_hand = |verdict| matches!(verdict, Verdict::MadeByHand | Verdict::ChangedByHand | Verdict::CreatedByModels);
    let adopted: Vec<&ObjectId> =
        drift.differences.iter().filter(|it| by_hand(it.verdict)).map(|it| &it.object).collect();
    // What an edited migration makes now is no work of somebody's hands, and not to be told from it in a migration.
    if let Some(edited) = drift.differences.iter().find(|it| it.verdict == Verdict::EditedMigration) {
        let file = edited.maker.as_ref().map(|maker| maker.at.to_string()).unwrap_or_default();
        return Err(Error::usage("a migration was edited after it was applied, which would be adopted, too")
            .detail("where", file)
            .hint("devdb drift --sql   (prints what brings the database to the edited one)")
            .hint("devdb reset"));
    }
    let after = sources.database.clone();
    let mut up = ddl::script_at_once(&made.head, &after, granted);
    ddl::suggest_renames(&mut up, drift);
    if let Some(first) = up.by_hand.first() {
        return Err(Error::failed("not everything that was made by hand can be written as a migration")
            .detail("left out", up.by_hand.join("\n"))
            .hint(format!("write that by hand, or drop it: {first}")));
    }
    if adopted.is_empty() || up.is_empty() {
        return Err(Error::usage("there is nothing that was made by hand").hint("devdb drift"));
    }
    let message = match (message.trim(), adopted.as_slice()) {
        ("", [one]) => format!("adopt {} {}", one.kind.name(), one.path()),
        ("", _) => "adopt what was made by hand".to_owned(),
        // Alembic reads its own arguments.
        (message, _) => message.replace(['\\', '\n', '\r'], " "),
    };
    let down = ddl::script_at_once(&after, &made.head, granted);
    Ok(AdoptPlan { message, up: texts(&up), down: texts(&down), takes: takes(&up), adopted: adopted.len(), after })
}

/// What a colleague's database would lose by it.
fn takes(script: &Script) -> Vec<String> {
    let lossy =
        |it: &&Statement| matches!(it.loses, Some(Loss::Rows(_) | Loss::Values { .. } | Loss::Conversion { .. }));
    let drops = script.statements.iter().filter(lossy);
    let renames = script.statements.iter().filter_map(|it| it.instead.as_ref());
    let drops = drops.map(|it| format!("`{}` loses data wherever it runs", it.text));
    drops
        .chain(renames.map(|text| format!("a column may only have another name now; then write `{text}` instead")))
        .collect()
}

/// Functions of SQL may come before the tables that they name.
fn texts(script: &Script) -> Vec<String> {
    let functions = script.statements.iter().any(|it| it.object.kind.has_arguments());
    let first = functions.then(|| "SET LOCAL check_function_bodies = off".to_owned());
    first.into_iter().chain(script.texts()).collect()
}

fn at_head(position: &Position) -> Result<(), Error> {
    let error = match position {
        Position::AtHead | Position::NoChain => return Ok(()),
        Position::Behind(pending) => {
            let pending = counted(*pending, "revision");
            Error::usage(format!("{pending} pending, and a new migration comes after them")).hint("devdb migrate up")
        }
        Position::Unstamped => Error::usage("the database has no version, so it is not known what it lacks")
            .hint("devdb drift   (says which version it has)")
            .hint("devdb migrate stamp REVISION"),
        Position::Unknown { rows, .. } => {
            Error::usage(format!("the database is at `{}`, which no file has", rows.join("`, `"))).hint("devdb doctor")
        }
    };
    Err(error)
}
