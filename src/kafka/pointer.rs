//! Where a snapshot lies, and what a record is known by.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Record;

/// Where a snapshot lies: what a commit's metadata says, some 200 characters as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The state topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// What its chunks are told apart by from those of others.
    pub id: String,
    /// The offset of its first chunk.
    pub first: i64,
    /// The offset of its last chunk.
    pub last: i64,
    /// How many chunks it has.
    pub chunks: u32,
    /// Its bytes in all.
    pub length: u64,
    /// Of all its bytes.
    pub checksum: u64,
}

/// A checksum of a record's timestamp, key and value: a log that was made anew does not have the same.
pub fn checksum(record: &Record) -> u64 {
    witness(record.timestamp, record.key.as_deref(), record.value.as_deref())
}

pub(super) fn witness(timestamp: Option<i64>, key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
    let mut hash = Sha256::new();
    hash.update(timestamp.unwrap_or_default().to_be_bytes());
    for part in [key, value] {
        hash.update(part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    first(&hash.finalize())
}

pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    first(&Sha256::digest(bytes))
}

/// Its first eight bytes.
pub(super) fn first(digest: &[u8]) -> u64 {
    digest
        .iter()
        .take(8)
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
