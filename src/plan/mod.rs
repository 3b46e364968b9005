//! Decides: a picture and a request become a plan, or a refusal that says what would make it pass. Pure.

pub mod adopt;
pub mod branch;
pub mod ddl;
pub mod drift;
mod layers;
pub mod migrate;
pub mod rebase;
mod reset;
pub mod scratch;
pub mod server;
pub mod snapshot;
pub mod squash;
mod workplace;

pub use reset::{ResetRequest, layers_of, reset};
pub use workplace::{target, workplace};
