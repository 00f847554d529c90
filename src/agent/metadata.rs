//! What a commit says beside its offset, as JSON in its metadata: where the snapshot lies and what comes after it.
//! That commit is the only switch between one snapshot and the next.

use serde::{Deserialize, Serialize};

use super::checkpoints::Witness;
use super::point::Point;
use crate::kafka::Pointer;
use crate::time::Time;

/// The version written, and the highest one read.
const VERSION: u32 = 1;
/// What Kafka takes.
const MOST: usize = 4095;
/// A commit that says where to begin and that there is no state yet.
pub(super) const EMPTY: &str = r#"{"version":1}"#;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Metadata {
    version: u32,
    /// Tells this commit from all others: who reads it back knows that this one arrived and not one like it.
    #[serde(default)]
    nonce: u64,
    /// What it was written for; absent where nothing was read yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kept: Option<Pointed>,
}

/// A snapshot, and what comes after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pointed {
    /// What the snapshot is as of; its offset is the committed one.
    pub(super) point: Point,
    /// Where it lies.
    pub(super) snapshot: Pointer,
    /// Ticks after those that the snapshot has: before which offset, and to which time, in ms.
    #[serde(default)]
    pub(super) ticks: Vec<(i64, i64)>,
    /// The last record below the offset, and a checksum of it: the log is known by it.
    #[serde(default)]
    pub(super) witness: Option<Witness>,
}

/// Why metadata is none of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// There is none, or it is something else.
    Foreign,
    /// A newer agent wrote it.
    Newer(u32),
}

impl Metadata {
    /// What to commit; none where it is too long for a commit. No two have the same `nonce`.
    pub(super) fn write(kept: Pointed, nonce: u64) -> Option<String> {
        let metadata = Self {
            version: VERSION,
            nonce,
            kept: Some(kept),
        };
        let text = serde_json::to_string(&metadata).ok()?;
        (text.len() <= MOST).then_some(text)
    }

    /// What was committed.
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let Ok(Head { version }) = serde_json::from_str(text) else {
            return Err(Unreadable::Foreign);
        };
        if version > VERSION {
            return Err(Unreadable::Newer(version));
        }
        serde_json::from_str(text).map_err(|_| Unreadable::Foreign)
    }
}

impl Pointed {
    /// The ticks as times.
    pub(super) fn ticks(&self) -> Vec<(i64, Time)> {
        let tick = |&(at, to): &(i64, i64)| (at, Time::from_millis(to));
        self.ticks.iter().map(tick).collect()
    }

    /// The same with these ticks.
    pub(super) fn with_ticks(&self, ticks: &[(i64, Time)]) -> Self {
        Self {
            ticks: ticks.iter().map(|(at, to)| (*at, to.millis())).collect(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_told_from_what_is_newer() {
        assert_eq!(Metadata::read(EMPTY).unwrap().kept, None);
        assert_eq!(Metadata::read(""), Err(Unreadable::Foreign));
        assert_eq!(Metadata::read("moved by hand"), Err(Unreadable::Foreign));
        assert_eq!(
            Metadata::read(r#"{"version":2,"other":1}"#),
            Err(Unreadable::Newer(2))
        );
    }
}
