//! Where something was read: a file and a line.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A line of a file. Renders as `backend/.env:7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the project's root when it lies inside.
    pub file: PathBuf,
    /// 1-based; 0 when the whole file is meant.
    pub line: usize,
}

impl Place {
    /// Returns the place `file:line`.
    pub fn new(file: impl AsRef<Path>, line: usize) -> Self {
        Self { file: file.as_ref().to_path_buf(), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}", self.file.display())
        } else {
            write!(f, "{}:{}", self.file.display(), self.line)
        }
    }
}

/// A value and the place that it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located<T> {
    pub value: T,
    pub at: Place,
}

impl<T> Located<T> {
    /// Returns `value` as read from `at`.
    pub fn new(value: T, at: Place) -> Self {
        Self { value, at }
    }
}
