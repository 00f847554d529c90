//! A place in a partition's input: records and, between them, ticks.

use serde::{Deserialize, Serialize};

/// After all records below `offset` and all ticks below `ticks`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Point {
    /// The next record's offset.
    pub(super) offset: i64,
    /// The next tick's number.
    pub(super) ticks: u64,
}

impl Point {
    /// Whether everything before this is before `other` too.
    pub(super) fn is_within(self, other: Self) -> bool {
        self.offset <= other.offset && self.ticks <= other.ticks
    }
}
