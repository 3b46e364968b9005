//! The loaders' own grammars, each in its file.

mod bash;
mod compose;
mod dotenvy;
mod node;
mod python;

use crate::model::env::Dialect;

use super::{BYTE_ORDER_MARK, Lookup};

/// What a loader sets, in the order in which it does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) assignments: Vec<Assignment>,
    /// The 1-based line at which the loader gives up.
    pub(super) stopped_at: Option<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) key: String,
    /// `None` when only running the file would tell.
    pub(super) value: Option<String>,
    /// The 1-based line of the key.
    pub(super) line: usize,
}

impl Outcome {
    /// Returns the value that the file has given `name` so far.
    fn value_of(&self, name: &str) -> Option<&Assignment> {
        self.assignments.iter().rev().find(|assignment| assignment.key == name).filter(|found| may_expand(found))
    }
}

/// What is put into another value is short: twenty lines that each double the one before would fill the memory.
const EXPANDED: usize = 2 << 10;

fn may_expand(assignment: &Assignment) -> bool {
    assignment.value.as_ref().is_none_or(|value| value.len() <= EXPANDED)
}

/// Returns what the loader sets when it reads `text` in an environment of `shell`.
pub(super) fn read(text: &str, dialect: Dialect, shell: &Lookup<'_>) -> Outcome {
    let marked = text.strip_prefix(BYTE_ORDER_MARK);
    let body = marked.unwrap_or(text);
    match dialect {
        Dialect::Compose => compose::read(body, shell),
        Dialect::Dotenvy => dotenvy::read(body, shell),
        Dialect::PythonDotenv => python::read(body, shell),
        Dialect::NodeDotenv => node::read_dotenv(body),
        Dialect::NodeEnvFile => node::read_env_file(text),
        Dialect::Bash => bash::read(text, shell),
    }
}
