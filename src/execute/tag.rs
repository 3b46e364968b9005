//! How devdb's own databases are known: by their comment, which any owner may write (database settings of unknown
//! names are for superusers), follows renames, and is not cloned. The server is the only registry.

use serde::{Deserialize, Serialize};

use crate::model::layer::Contents;
use crate::model::snapshot::Note;

/// What comes before the JSON.
const MARK: &str = "devdb: ";

/// What a database of devdb's own is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    pub role: Role,
    /// The database that it stands beside.
    pub of: String,
    /// The comment that the database had for its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The swap has begun: the target may have been closed to connections.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub swapping: bool,
    /// Microseconds since 1970, by the server's clock.
    #[serde(default)]
    pub made: i64,
    /// What a layer holds, or the layer that a spare was cloned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Contents>,
    /// What a snapshot says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Note>,
    /// The git branch that a database belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// Being built; worthless without the run that builds it.
    Building,
    /// Replaced by a reset; what `devdb undo` brings back.
    Previous,
    /// The old database, renamed away while a new one is built under its name.
    Aside,
    /// A failed build that was asked to be kept.
    Failed,
    /// Made to try something out; worthless once nobody is on it.
    Scratch,
    /// A template that resets start from; `of` is empty, as every project of the server may use it.
    Layer,
    /// A clone of a layer, made ahead of the next reset.
    Spare,
    /// Kept by a person, under a name of theirs.
    Snapshot,
    /// The database of a git branch that is not checked out.
    Branch,
    /// The target itself, where `[branches]` keeps one a branch; its owner's comment is in `comment`.
    Live,
}

impl Tag {
    /// Returns a tag that says no more than this.
    pub(super) fn new(role: Role, of: &str, made: i64) -> Self {
        Self {
            role,
            of: of.to_owned(),
            comment: None,
            swapping: false,
            made,
            layer: None,
            snapshot: None,
            branch: None,
        }
    }

    /// Returns the tag of a database whose DROP was cut short: nobody can connect to it any more (since PostgreSQL 15.4
    /// its connection limit is -2), so that it is worth no more than an unfinished one.
    pub(super) fn broken(self) -> Self {
        Self { role: Role::Building, layer: None, snapshot: None, ..self }
    }

    /// Returns whether a database of this name may carry the tag. A comment alone proves nothing: a database that its
    /// owner renamed is its owner's.
    pub(super) fn belongs_on(&self, name: &str) -> bool {
        match &self.layer {
            Some(contents) if self.role == Role::Layer => contents.key.database() == name,
            _ => self.of == name || is_ours(name, &self.of),
        }
    }

    /// Returns the comment of a database that keeps its name: the owner's own, inside a tag where the database belongs
    /// to a git branch.
    pub(super) fn standing(name: &str, comment: Option<&str>, branch: Option<&str>) -> Option<String> {
        let comment = comment.map(str::to_owned);
        match branch {
            None => comment,
            Some(branch) => {
                Some(Self { comment, branch: Some(branch.to_owned()), ..Self::new(Role::Live, name, 0) }.comment())
            }
        }
    }

    /// Returns the tag that a database's comment holds.
    pub(super) fn read(comment: Option<&str>) -> Option<Self> {
        serde_json::from_str(comment?.strip_prefix(MARK)?).ok()
    }

    /// Returns the comment that holds the tag.
    pub(super) fn comment(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{MARK}{json}")
    }
}

/// Returns a name beside `of`, at most 63 bytes long (the server's limit), ending in `kind` and something unique.
/// Where `of` has to be cut, a hash of it stands in for what is missing: no two databases share such names.
pub(super) fn name_beside(of: &str, kind: &str, unique: u64) -> String {
    let suffix = format!("__devdb_{kind}_{:08x}", unique & 0xffff_ffff);
    if of.len() + suffix.len() <= 63 {
        return format!("{of}{suffix}");
    }
    let hash = format!("~{:08x}", fnv(of));
    let mut end = of.len().min(63 - suffix.len() - hash.len());
    while !of.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{hash}{suffix}", of.get(..end).unwrap_or_default())
}

/// Returns whether `name` is one that [`name_beside`] makes for `of`. A run that is killed between the creation of a
/// database and its tag leaves nothing but the name to know it by.
pub(super) fn is_beside(name: &str, of: &str, kind: &str) -> bool {
    let unique = name.len().checked_sub(8).and_then(|at| name.get(at..));
    let unique = unique.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    unique.is_some_and(|unique| name_beside(of, kind, unique) == name)
}

/// What the names of devdb's databases beside a target say.
const KINDS: [&str; 6] = ["building", "previous", "scratch", "spare", "snapshot", "branch"];

/// Returns whether `name` is one that devdb gives to a database beside `of`.
pub(super) fn is_ours(name: &str, of: &str) -> bool {
    KINDS.iter().any(|kind| is_beside(name, of, kind))
}

/// FNV-1a, 32 bits.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_the_limit() {
        for of in ["app", &"ä".repeat(31), &"x".repeat(63), "a b\"c"] {
            let name = name_beside(of, "previous", u64::MAX);
            assert!(name.len() <= 63, "{name}");
            assert!(is_beside(&name, of, "previous") && !is_beside(&name, of, "building"), "{name}");
            assert!(!is_beside(&name, &format!("{of}x"), "previous"), "{name}");
        }
    }

    #[test]
    fn tags_are_read_back() {
        let tag = Tag { comment: Some("mine".into()), ..Tag::new(Role::Previous, "a\"b", 7) };
        assert_eq!(Tag::read(Some(&tag.comment())), Some(tag));
        assert_eq!(Tag::read(Some("my app's database")), None);
    }

    #[test]
    fn a_branch_keeps_the_owners_comment() {
        assert_eq!(Tag::standing("app", Some("mine"), None).as_deref(), Some("mine"));
        let tag = Tag::read(Tag::standing("app", Some("mine"), Some("main")).as_deref());
        let tag = tag.expect("a tag");
        assert_eq!((tag.role, tag.comment.as_deref(), tag.branch.as_deref()), (Role::Live, Some("mine"), Some("main")));
        assert!(tag.belongs_on("app") && !tag.belongs_on("app2"));
    }
}
