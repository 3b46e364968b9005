//! Text into nouns. Pure: what a text refers to is read by the caller and handed in.

pub mod alembic;
pub mod ini;
mod python;
pub mod python_commands;
pub mod sql;
