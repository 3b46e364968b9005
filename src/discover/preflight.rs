//! Pending migrations against the data that is there: which of their statements the server will refuse, and which
//! will wait for somebody.
//!
//! Only questions are asked, each in a read-only transaction of its own with a time limit. What the pending
//! migrations themselves do before a statement is taken into account: tables that they create are not looked for,
//! renamed ones are found under their present name, and rows that they rewrite are not judged.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::operation::{DataWarning, Operation, PendingOperations, Trouble};
use crate::model::place::Place;
use crate::model::target::Target;
use crate::wire::postgres::Session;

mod locks;
mod look;
mod questions;
mod state;

use look::{Look, Untold};
use state::State;

/// What an operation meets in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Met {
    trouble: Trouble,
    why: String,
    count: Option<u64>,
}

impl Met {
    fn fails(why: String, count: Option<u64>) -> Self {
        Self { trouble: Trouble::Fails, why, count }
    }
}

/// Returns what will fail or block when these run now, in this order, on the target's database.
///
/// Nothing is returned when the database cannot be entered: then the run itself says so.
pub async fn preflight(target: &Target, pending: &[PendingOperations], deadline: Duration) -> Vec<DataWarning> {
    if pending.iter().all(|migration| migration.operations.is_empty()) {
        return Vec::new();
    }
    let opened = Box::pin(Session::open(target, target.database(), "devdb preflight", deadline)).await;
    let Ok(session) = opened else { return Vec::new() };
    let mut look = Look::new(&session, Instant::now() + deadline);
    let warnings = Box::pin(judge(&mut look, pending)).await;
    session.close().await;
    warnings
}

async fn judge(look: &mut Look<'_>, pending: &[PendingOperations]) -> Vec<DataWarning> {
    let mut state = State::default();
    let mut holders = locks::Holders::read(look).await;
    let mut warnings = Vec::new();
    for migration in pending {
        for operation in &migration.operations {
            let mut met = Vec::new();
            if !operation.conditional {
                met.extend(holders.in_the_way(&state, &operation.action));
                met.extend(locks::large(look, &state, &operation.action).await);
                met.extend(data(look, &state, operation).await);
            }
            let warning = |met: Met| DataWarning {
                revision: migration.revision.clone(),
                at: Place::new(&migration.file, operation.line),
                statement: operation.source.clone(),
                trouble: met.trouble,
                why: met.why,
                count: met.count,
            };
            warnings.extend(met.into_iter().map(warning));
            state.apply(operation, &migration.file);
        }
    }
    warnings
}

/// Returns why the rows that are there make the operation fail.
async fn data(look: &mut Look<'_>, state: &State, operation: &Operation) -> Vec<Met> {
    match Box::pin(questions::ask(look, state, &operation.action)).await {
        Ok(met) => met.into_iter().map(|met| unless_mended(met, state)).collect(),
        Err(Untold::NotApplicable) => Vec::new(),
        Err(Untold::TooLong) => vec![Met {
            trouble: Trouble::Unknown,
            why: "the rows could not be checked in the time given".to_owned(),
            count: None,
        }],
        Err(Untold::Locked) => vec![Met {
            trouble: Trouble::Blocks,
            why: "another session has locked the table against reading".to_owned(),
            count: None,
        }],
    }
}

/// Code that cannot be read may change the rows before the statement runs.
fn unless_mended(mut met: Met, state: &State) -> Met {
    if let Some(before) = state.opaque() {
        met.trouble = Trouble::MayFail;
        met.why = format!("{}, unless {before} mends that first", met.why);
    }
    met
}
