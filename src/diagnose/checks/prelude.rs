//! What checks are written with.

pub(super) use std::collections::{BTreeMap, BTreeSet};

pub(super) use crate::diagnose::check::{Check, Need};
pub(super) use crate::diagnose::facts;
#[cfg(test)]
pub(super) use crate::diagnose::sample;
#[cfg(test)]
pub(super) use crate::model::chain::UnreadableRevision;
pub(super) use crate::model::chain::{Chain, ChainFault};
pub(super) use crate::model::engine::{Container, EngineOutcome, InsideLook};
pub(super) use crate::model::env::{Dialect, EnvEntry, EnvFile, EnvProblemKind};
pub(super) use crate::model::finding::{Finding, Severity};
pub(super) use crate::model::git::{Elsewhere, FoundRevision, Origins};
pub(super) use crate::model::health::{Health, ReadOnly};
pub(super) use crate::model::observed::{Observed, Unknown};
pub(super) use crate::model::operation::{Action, MigrationOperations, WayBack, lineage};
pub(super) use crate::model::picture::Picture;
pub(super) use crate::model::place::Place;
pub(super) use crate::model::plan::Step;
pub(super) use crate::model::schema::ident;
pub(super) use crate::model::server::{LoginFailureKind, Reply};
#[cfg(test)]
pub(super) use crate::model::sql_chain::{AppliedMigration, State};
pub(super) use crate::model::sql_chain::{SqlChainFault, dirty};
pub(super) use crate::model::target::{Candidate, Host, Origin, UrlProblem};
pub(super) use crate::model::text::{counted, shell_argument, shell_word, shortened, visible};
