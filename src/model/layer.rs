//! Layers: databases kept as templates, each keyed by everything that made it. A key is a chain of hashes: the base, then
//! every revision in run order, then every seed; so chains that begin alike share what they have in common.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::schema::Difference;

/// What a step read, as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of parts, which no other division of the same bytes has.
    pub fn of<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Returns the digest of what this one stands for, and then of `next`.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self::of([self.0, next.0])
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Whether it is known what a step's outcome depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Known(Digest),
    /// Not all of it is known, and why; what comes after such a step is never cached.
    Open(String),
}

impl Input {
    /// Returns the digest; nothing for an open input.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Known(digest) => Some(*digest),
            Self::Open(_) => None,
        }
    }

    /// Returns both together; the first reason where one is open.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Known(first), Self::Known(second)) => Self::Known(first.then(second)),
            (Self::Open(why), _) | (_, Self::Open(why)) => Self::Open(why),
        }
    }
}

/// What the project's files say about the steps of a reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The migration tool and what it reads besides revisions: its command, its configuration, `env.py`, the packages of
    /// the interpreter, the container, `[cache] inputs`.
    pub tool: Input,
    /// `[database] init`, each file.
    pub init: Vec<Input>,
    /// `[migrations] bootstrap` and `stamp`; nothing without.
    pub bootstrap: Option<Input>,
    /// In run order, as [`super::chain::Chain::run_order`] or the SQL chain has it: the id and what it reads.
    pub revisions: Vec<(String, Input)>,
    /// As the recipe has the seeds, of every profile.
    pub seeds: Vec<Input>,
    /// The first revision that sets something for its session, by its place: what follows may depend on that.
    pub session: Option<usize>,
}

/// The name of everything that a layer was made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(String);

impl Key {
    /// Returns the key of a digest: its first 16 bytes.
    pub fn new(digest: Digest) -> Self {
        Self(super::text::hex(digest.0.get(..16).unwrap_or_default()))
    }

    /// Returns the name of the layer's database.
    pub fn database(&self) -> String {
        format!("devdb_layer_{}", self.0)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a layer says of itself, in its database's comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    pub key: Key,
    /// The last step that made it: ``revision `1a2b` (add users)``, ``seed `seeds/01.sql` ``.
    pub last: String,
    /// The seed profile; nothing for the common seeds, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The name of the project's folder that made it.
    pub project: String,
    /// Bytes, when it was made.
    pub bytes: u64,
    /// Milliseconds that the steps took which made it.
    pub took: u64,
    /// When it was used last, in microseconds since 1970 by the server's clock.
    pub used: i64,
    /// How many resets started from it.
    pub hits: u64,
}

/// The layers of a server, as its role sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The one that was used last first.
    pub layers: Vec<Listed>,
    /// Bytes that all may take together.
    pub max: u64,
    /// The first step of this project that runs at every reset, and why.
    pub open: Option<(String, String)>,
    /// Whether a spare of this database is ready.
    pub spare: bool,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub contents: Contents,
    /// Seconds since it was made and since it was used, by the server's clock.
    pub age_seconds: i64,
    pub idle_seconds: i64,
    /// This project, as its files are, would start from it or pass through it.
    pub current: bool,
    /// The next reset starts from it, with so many steps done.
    pub next: Option<usize>,
}

/// What a check of the layers found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// What the layer held that a reset would start from; nothing where there is none.
    pub started_from: Option<String>,
    pub tables: usize,
    pub rows: u64,
    /// Before: from the layer; after: from nothing.
    pub schema: Vec<Difference>,
    /// Tables whose rows differ, in words.
    pub content: Vec<String>,
    /// Columns that differ between two databases made from nothing as well: `orders.created_at`.
    pub volatile: Vec<String>,
    /// How many layers were given up, because of differences.
    pub dropped: usize,
}

impl Checked {
    /// Returns whether the layers make what a cold reset makes.
    pub fn is_equal(&self) -> bool {
        self.schema.is_empty() && self.content.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_divisions_apart() {
        assert_ne!(Digest::of(["ab", "c"]), Digest::of(["a", "bc"]));
        assert_ne!(Digest::of(["a"]), Digest::of(["a", ""]));
        let (a, b) = (Digest::of(["a"]), Digest::of(["b"]));
        assert_ne!(a.then(b), b.then(a));
    }

    #[test]
    fn a_layer_has_a_name_within_the_limit() {
        let key = Key::new(Digest::of(["a"]));
        assert_eq!(key.database().len(), 44);
        assert_eq!(key, Key::new(Digest::of(["a"])));
    }

    #[test]
    fn an_open_input_opens_what_it_is_joined_to() {
        let known = Input::Known(Digest::of(["a"]));
        let open = Input::Open("it runs a command".to_owned());
        assert_eq!(known.clone().and(open.clone()), open.clone());
        assert_eq!(open.clone().and(known), open);
    }
}
