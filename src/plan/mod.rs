//! Decides.

pub mod server;
