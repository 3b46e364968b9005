//! What Alembic reads: its configuration, `env.py` and revision files, understood without running Python.

pub mod command;
pub mod config;
pub mod edit;
pub mod env;
pub mod operations;
pub mod revision;
pub mod sys_path;
pub mod template;
#[cfg(test)]
mod tests;
