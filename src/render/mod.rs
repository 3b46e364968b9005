//! Tells: what was found, planned or done becomes text or JSON. Decides nothing, and alone touches the terminal.

pub mod branch;
pub mod chain_test;
pub mod ci;
pub mod diagnosis;
pub mod drift;
pub mod env;
pub mod error;
pub mod explain;
pub mod graph;
pub mod json;
pub mod layers;
pub mod migrate;
pub mod picture;
pub mod plan;
pub mod progress;
pub mod prompt;
pub mod rebase;
pub mod script;
pub mod snapshot;
pub mod squash;
pub mod style;
pub mod table;
pub mod ui;
pub mod verify;
