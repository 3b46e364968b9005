pub mod diagnose;
pub mod discover;
pub mod error;
pub mod model;
pub mod parse;
pub mod wire;
