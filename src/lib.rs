//! `devdb` says in one screen why a developer's PostgreSQL is broken, and gets it back to a working state.
//!
//! # Code map
//!
//! ```text
//! data:    discover → Picture → diagnose → Findings ──────┐
//!                        └────→ plan → Plan → execute → Events → render
//! imports: main → cli → each stage → model;   discover → parse → model;   discover, execute → wire
//! ```
//!
//! - [`model`]: the nouns. [`model::picture::Picture`] is everything that was read, once;
//!   [`model::disposable::Disposable`] is the proof without which nothing is destroyed.
//! - [`parse`]: text into nouns: `.env` files in six dialects, Compose, Alembic, SQL, URLs.
//! - [`wire`]: how to talk to servers, engines, processes and files; it decides nothing.
//! - [`discover`]: looks; a fact is known, absent, or unknown with the reason.
//! - [`diagnose`]: judges; one file a check, the registry is [`diagnose::checks`]; [`diagnose::report`] writes the picture
//!   down without its secrets, so that it can be judged elsewhere; [`diagnose::recorded`] lists those of other platforms.
//! - [`plan`]: decides what a reset does, or refuses.
//! - [`execute`]: acts, alone; sends [`model::event::Event`]s.
//! - [`render`]: tells, alone touches the terminal.
//! - [`cli`]: one file a command; alone composes the stages.
//! - [`error`]: one error on top, whose kind is the exit code.
//!
//! # Invariants
//!
//! 1. Stages never import each other; `model` imports nothing of the crate (`tests/it/architecture.rs`).
//! 2. `model`, `parse`, `diagnose` and `plan` know no clock, environment, file, socket or runtime.
//! 3. `discover` never writes and never fails.
//! 4. Only `execute` changes anything, only from a plan; before a destructive step it reads and proves again.
//! 5. Only `render` writes to the terminal, and it decides nothing. Human and JSON render the same diagnosis.

pub mod cli;
pub mod diagnose;
pub mod discover;
pub mod error;
pub mod execute;
pub mod model;
pub mod parse;
pub mod plan;
pub mod render;
pub mod wire;

pub use cli::run;
