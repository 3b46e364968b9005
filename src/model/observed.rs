//! A fact as it was seen: known, absent, or unknown with the reason.

use serde::{Deserialize, Serialize};

/// What a probe learned. Ignorance is never a pass: a check that needs an unknown fact is unknown too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Observed<T> {
    /// The fact was read.
    Known(T),
    /// The thing was looked for and is not there.
    #[default]
    Absent,
    /// It could not be told, and this is why.
    Unknown(String),
}

/// Why a judgement could not be made: a fragment such as "the Docker engine did not answer".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown(pub String);

impl<T> Observed<T> {
    /// Returns the fact, `None` when it is absent, or the reason why it is unknown.
    pub fn look(&self) -> Result<Option<&T>, Unknown> {
        match self {
            Self::Known(fact) => Ok(Some(fact)),
            Self::Absent => Ok(None),
            Self::Unknown(reason) => Err(Unknown(reason.clone())),
        }
    }

    /// Returns the fact when it is known, and nothing otherwise.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// Returns whether the thing was looked for and is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Returns the same for another kind of fact that would have been made from this one, and cannot be.
    pub fn unmade<U>(&self, why: &str) -> Observed<U> {
        match self {
            Self::Absent => Observed::Absent,
            Self::Known(_) => Observed::Unknown(why.to_owned()),
            Self::Unknown(own) => Observed::Unknown(own.clone()),
        }
    }

    /// Returns the same observation of what `change` makes of the fact.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Known(fact) => Observed::Known(change(fact)),
            Self::Absent => Observed::Absent,
            Self::Unknown(reason) => Observed::Unknown(reason),
        }
    }
}

impl<T> From<Option<T>> for Observed<T> {
    fn from(fact: Option<T>) -> Self {
        fact.map_or(Self::Absent, Self::Known)
    }
}
