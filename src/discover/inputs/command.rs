//! `[migrations] bootstrap` and `stamp`.

use super::{Project, known};
use crate::model::layer::Input;

/// Returns what they depend on; a stamp alone writes one row of its own text.
pub(super) fn bootstrap(project: &Project<'_>) -> Option<Input> {
    let migrations = &project.picture.config.migrations;
    let stamp = migrations.stamp.as_ref().map(|revision| known(["stamp", revision]));
    let bootstrap = migrations.bootstrap.as_ref();
    let bootstrap = bootstrap.map(|command| project.command(command, project.declared.clone(), "[cache] inputs"));
    match (bootstrap, stamp) {
        (Some(bootstrap), Some(stamp)) => Some(bootstrap.and(stamp)),
        (one, other) => one.or(other),
    }
}
