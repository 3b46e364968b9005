//! A value that cannot be printed by accident.

use std::cell::Cell;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A password, or any text that may hold one. It has no `Display`, and its `Debug` is `***`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Secret(String);

impl Secret {
    /// Returns `text` wrapped.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text itself, for the wire, a child's environment or a parser; never for output.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

thread_local! {
    static OPEN: Cell<bool> = const { Cell::new(false) };
}

/// The key under which [`opened`] shows a secret's text.
pub const MARK: &str = "$secret";

/// Lets `work` serialise secrets with their texts, as `{"$secret": …}`, for whoever masks them before they go anywhere.
pub fn opened<T>(work: impl FnOnce() -> T) -> T {
    /// Closes however `work` ends.
    struct Closing;
    impl Drop for Closing {
        fn drop(&mut self) {
            OPEN.set(false);
        }
    }
    OPEN.set(true);
    let _closing = Closing;
    work()
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if OPEN.get() { serializer.collect_map([(MARK, &self.0)]) } else { serializer.serialize_str("***") }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}
