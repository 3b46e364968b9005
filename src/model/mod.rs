//! The nouns. Plain data and the pure rules that belong to it; imports nothing of the crate.

pub mod chain;
pub mod compose;
pub mod config;
pub mod disposable;
pub mod engine;
pub mod env;
pub mod event;
pub mod finding;
pub mod git;
pub mod history;
pub mod local_server;
pub mod observed;
pub mod operation;
pub mod picture;
pub mod place;
pub mod plan;
pub mod rebase;
pub mod schema;
pub mod scratch;
pub mod secret;
pub mod server;
pub mod sql_chain;
pub mod squash;
pub mod target;
pub mod text;
