//! Acts, alone, and only from a plan. Before a destructive step it reads and proves again, because the picture has aged.
//!
//! Every change of state is a statement that the server makes atomic; what a killed run leaves behind carries a tag
//! by which the next run knows it.

mod admin;
pub mod branch;
mod bridge;
mod build;
pub mod cache;
mod chain;
pub mod chain_test;
mod check;
mod clone;
mod clone_live;
mod commands;
mod compare;
mod create;
pub mod demo;
pub mod drift;
mod dump;
mod elsewhere;
mod fix;
pub mod hook;
mod in_place;
mod layers;
pub mod migrate;
pub mod numbering;
mod properties;
pub mod rebase;
mod rename_first;
mod reset;
mod scratch;
mod script;
mod seed;
pub mod server;
pub mod shell;
pub mod snapshot;
mod spare;
pub mod sql_chain;
pub mod squash;
mod steps;
mod swap;
mod tag;
mod undo;
mod verify;

use std::path::PathBuf;

use crate::model::event::Event;

pub use check::check;
pub use compare::compare;
pub use fix::{Fixer, create_private, password_for};
pub use reset::{Ahead, Asks, Outcome, ahead, reset};
pub use spare::{Later, after_reset};
pub use undo::{Undone, undo};

/// Receives events as they happen.
pub type Teller<'a> = dyn FnMut(Event) + 'a;

/// Where commands of the project run, and with what.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Absolute root of the project.
    pub root: PathBuf,
    /// devdb's own environment, as the children get it.
    pub shell: std::collections::BTreeMap<String, crate::model::secret::Secret>,
}
