//! The nouns. Plain data and the pure rules that belong to it; imports nothing of the crate.

pub mod chain;
pub mod compose;
pub mod env;
pub mod observed;
pub mod place;
pub mod secret;
pub mod target;
