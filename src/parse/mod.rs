//! Text into nouns. Pure: what a text refers to is read by the caller and handed in.

pub mod alembic;
mod python;
