//! What pending statements will meet in the data, told before they run.

use std::time::Duration;

use super::Context;
use crate::discover::{operations, preflight};
use crate::model::chain::Revision;
use crate::model::operation::{DataWarning, PendingOperations};
use crate::model::picture::Picture;
use crate::model::plan::{Move, SqlMovePlan, SqlTask};
use crate::parse::sql_ddl;
use crate::plan::migrate::Direction;

/// How long the data are asked; what is not known by then is said to be so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns what will fail or block on the data that is there; nothing where only Alembic knows what will run.
pub(super) async fn warnings(
    context: &Context,
    picture: &Picture,
    plan: &Move,
    direction: Direction,
) -> Vec<DataWarning> {
    let pending = match plan {
        Move::Alembic(_) => of_revisions(context, picture, plan, direction),
        Move::Sql(plan) => of_files(plan),
    };
    Box::pin(preflight::preflight(&plan.workplace().target, &pending, PATIENCE)).await
}

fn of_revisions(context: &Context, picture: &Picture, plan: &Move, direction: Direction) -> Vec<PendingOperations> {
    let Some(chain) = picture.chain.known() else { return Vec::new() };
    let steps = plan.steps().unwrap_or_default();
    let revisions: Vec<&Revision> =
        steps.iter().filter_map(|step| chain.revisions.iter().find(|it| it.at.file == step.at.file)).collect();
    let read = operations::read(&context.root, &revisions);
    let way = |it: &crate::model::operation::MigrationOperations| match direction {
        Direction::Up => it.going_up(),
        Direction::Down => it.going_down(),
    };
    read.iter().map(way).collect()
}

fn of_files(plan: &SqlMovePlan) -> Vec<PendingOperations> {
    let find = |version: &String| plan.chain.migrations.iter().find(|it| it.version == *version);
    let migrations = plan.versions.iter().filter_map(find);
    let pending = migrations.flat_map(|migration| {
        let sections = match plan.task {
            SqlTask::Up => migration.up.as_slice(),
            SqlTask::Down => migration.down.as_slice(),
            SqlTask::Stamp => &[],
        };
        sections.iter().map(|section| PendingOperations {
            revision: migration.version.clone(),
            file: section.file.clone(),
            operations: sql_ddl::of_sql(&section.text, section.line),
        })
    });
    pending.collect()
}
