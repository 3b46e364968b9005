//! Text into nouns. Pure: what a text refers to is read by the caller and handed in.

pub mod alembic;
pub mod compose;
mod cursor;
pub mod django;
pub mod enum_values;
pub mod env_file;
pub mod error_text;
pub mod extensions;
pub mod git_hook;
pub mod ini;
pub mod pg_archive;
pub mod pg_dump;
pub mod pg_url;
pub mod pgpass;
mod python;
pub mod python_commands;
pub mod python_imports;
pub mod python_settings;
pub mod scripts;
pub mod sql;
pub mod sql_chain;
pub mod sql_ddl;
