//! The table by which a difference gets its verdict, as docs/drift.md shows it and as the tests hold it.

use crate::model::drift::Verdict;

/// Where the database is in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    AtHead,
    Behind,
    /// Its version is one that no file has.
    Elsewhere,
    /// There are tables, and no version.
    Unstamped,
    NoChain,
}

impl Stand {
    /// Returns the place in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::AtHead => "at the head",
            Self::Behind => "behind",
            Self::Elsewhere => "unknown",
            Self::Unstamped => "none, with tables",
            Self::NoChain => "no chain",
        }
    }
}

/// What the models, the end of the chain, what is applied of it, and the database say of an object: the same letter stands
/// for the same, `-` for nothing, `?` for a source that says nothing or cannot be read.
pub const TABLE: &[(&str, Stand, Option<Verdict>)] = &[
    ("aaaa", Stand::AtHead, None),
    ("?aaa", Stand::AtHead, None),
    ("----", Stand::AtHead, None),
    ("a---", Stand::AtHead, Some(Verdict::NotMigrated)),
    ("baaa", Stand::AtHead, Some(Verdict::NotMigrated)),
    ("-aaa", Stand::AtHead, Some(Verdict::RemovedFromModels)),
    ("aa--", Stand::Behind, Some(Verdict::Pending)),
    ("?a--", Stand::Behind, Some(Verdict::Pending)),
    ("bbaa", Stand::Behind, Some(Verdict::Pending)),
    ("--aa", Stand::Behind, Some(Verdict::Pending)),
    ("ca--", Stand::Behind, Some(Verdict::Pending)),
    ("aa?-", Stand::Behind, Some(Verdict::Pending)),
    ("aa-a", Stand::Behind, Some(Verdict::Early)),
    ("aa-b", Stand::Behind, Some(Verdict::Early)),
    ("?-a-", Stand::Behind, Some(Verdict::Early)),
    ("---a", Stand::AtHead, Some(Verdict::MadeByHand)),
    ("?--a", Stand::AtHead, Some(Verdict::MadeByHand)),
    ("b--a", Stand::AtHead, Some(Verdict::MadeByHand)),
    ("a--a", Stand::AtHead, Some(Verdict::CreatedByModels)),
    ("a--a", Stand::Behind, Some(Verdict::CreatedByModels)),
    ("?-?a", Stand::Behind, Some(Verdict::MadeByHand)),
    ("aaa-", Stand::AtHead, Some(Verdict::ChangedByHand)),
    ("aaab", Stand::AtHead, Some(Verdict::ChangedByHand)),
    ("?aab", Stand::AtHead, Some(Verdict::ChangedByHand)),
    ("baab", Stand::AtHead, Some(Verdict::ChangedByHand)),
    ("aaac", Stand::Behind, Some(Verdict::ChangedByHand)),
    ("aa?b", Stand::Behind, Some(Verdict::Undecided)),
    ("aa?-", Stand::Elsewhere, Some(Verdict::OtherBranch)),
    ("--?a", Stand::Elsewhere, Some(Verdict::OtherBranch)),
    ("aa?b", Stand::Elsewhere, Some(Verdict::OtherBranch)),
    ("aa?a", Stand::Elsewhere, None),
    ("aa?-", Stand::Unstamped, Some(Verdict::StaleVolume)),
    ("aa?b", Stand::Unstamped, Some(Verdict::StaleVolume)),
    ("ab?a", Stand::Unstamped, Some(Verdict::CreatedByModels)),
    ("--?a", Stand::Unstamped, Some(Verdict::MadeByHand)),
    ("a-?a", Stand::Unstamped, Some(Verdict::CreatedByModels)),
    ("a??-", Stand::NoChain, Some(Verdict::StaleVolume)),
    ("-??a", Stand::NoChain, Some(Verdict::MadeByHand)),
    ("a??b", Stand::AtHead, Some(Verdict::Undecided)),
];
