//! Messages become chunks: the bytes of many records in one piece of memory.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use rdkafka::message::{BorrowedMessage, Headers, Message};

use super::{Backlog, Chunk, Epoch, Place, Record};

/// What a record counts for beside its bytes.
const OVERHEAD: usize = 256;
/// So many bytes are gathered at a time, over all partitions.
const FULL: usize = 256 * 1024;
/// A chunk is closed at this many records.
const MANY: usize = 500;

/// How many bytes to gather before they are handed over: a small part of the memory bound.
pub(super) fn enough(bound: usize) -> usize {
    FULL.min(bound / 8)
}

/// A chunk being gathered.
#[derive(Debug)]
pub(super) struct Gathering {
    place: Place,
    epoch: Epoch,
    bytes: BytesMut,
    records: Vec<Parts>,
    size: usize,
}

/// A record whose parts are places in the bytes.
#[derive(Debug)]
struct Parts {
    offset: i64,
    timestamp: Option<i64>,
    key: Option<Range<usize>>,
    headers: Vec<(String, Range<usize>)>,
    value: Option<Range<usize>>,
    size: usize,
}

impl Gathering {
    /// Begins a chunk, for which so many bytes and records are set aside.
    pub(super) fn new(place: Place, epoch: Epoch, room: (usize, usize)) -> Self {
        Self {
            place,
            epoch,
            bytes: BytesMut::with_capacity(room.0),
            records: Vec::with_capacity(room.1),
            size: 0,
        }
    }

    pub(super) fn is_for(&self, message: &BorrowedMessage<'_>) -> bool {
        self.place.partition == message.partition() && *self.place.topic == *message.topic()
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= MANY
    }

    /// Adds a record; what it counts for.
    pub(super) fn add(&mut self, message: &BorrowedMessage<'_>) -> usize {
        let before = self.bytes.len();
        let mut keep = |part: &[u8]| {
            let begin = self.bytes.len();
            self.bytes.extend_from_slice(part);
            begin..self.bytes.len()
        };
        let key = message.key().map(&mut keep);
        let value = message.payload().map(&mut keep);
        let headers = message.headers().map_or(Vec::new(), |headers| {
            let named = headers.iter().map(|header| {
                let value = keep(header.value.unwrap_or_default());
                (header.key.to_owned(), value)
            });
            named.collect()
        });
        let size = self.bytes.len() - before + OVERHEAD;
        self.size += size;
        self.records.push(Parts {
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key,
            headers,
            value,
            size,
        });
        size
    }

    /// How many bytes and records it has: the next one is likely to have as many.
    pub(super) fn room(&self) -> (usize, usize) {
        (self.bytes.len(), self.records.len())
    }

    pub(super) fn close(self) -> Chunk {
        let bytes = match self.bytes.capacity() / 4 * 3 > self.bytes.len() {
            // It would keep the room to spare for as long as one of its records is there.
            true => Bytes::copy_from_slice(&self.bytes),
            false => self.bytes.freeze(),
        };
        let records = self.records.into_iter().map(|parts| Record {
            offset: parts.offset,
            timestamp: parts.timestamp,
            key: parts.key.map(|range| bytes.slice(range)),
            headers: parts
                .headers
                .into_iter()
                .map(|(name, range)| (name, bytes.slice(range)))
                .collect(),
            value: parts.value.map(|range| bytes.slice(range)),
            size: parts.size,
        });
        Chunk {
            records: records.collect(),
            place: self.place,
            epoch: self.epoch,
            size: self.size,
            backlog: Backlog::default(),
        }
    }
}
