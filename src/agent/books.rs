//! What became of every record of a partition: which are open, how far the commit point may go, and the bytes that
//! each counts for.
//!
//! Rule 1: a record has ended when it is judged and the last of its events has ended; the commit point is the lowest
//! record that has not. Rule 5: a record's bytes go back when it ends, but for a few that stand for its place here
//! until the commit point has passed it.

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::kafka::Offsets;
use crate::time::Time;

/// What an ended record counts for until the commit point has passed it.
const KEPT: usize = 32;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The last of its events was accepted, and none refused.
    Delivered,
    /// One of its events, or a part of it, is a dead letter.
    DeadLettered,
    /// It made no event: this reason.
    Skipped(&'static str),
}

/// A record that has not ended.
#[derive(Debug)]
struct Open {
    /// Events, and dead letters, that have not ended.
    pending: u32,
    /// Whether conversion has judged it: no more events come.
    judged: bool,
    delivered: bool,
    dead: bool,
    reason: Option<&'static str>,
    timestamp: Time,
    key: Option<Bytes>,
    size: usize,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Books {
    offsets: Offsets<Fate>,
    open: FxHashMap<i64, Open>,
    /// Bytes that were taken and not given back.
    held: usize,
    /// Bytes to give back.
    freed: usize,
    passed: Passed,
}

/// Records that the commit point has passed, by fate, since they were last asked for.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) delivered: u64,
    pub(super) dead_lettered: u64,
    pub(super) skipped: u64,
    pub(super) reasons: FxHashMap<&'static str, u64>,
}

impl Books {
    /// A partition that is read from `from` on.
    pub(super) fn new(from: i64) -> Self {
        Self {
            offsets: Offsets::new(from),
            open: FxHashMap::default(),
            held: 0,
            freed: 0,
            passed: Passed::default(),
        }
    }

    /// A record that counts for `size` bytes was read. `key` is kept for its dead letters.
    pub(super) fn read(&mut self, offset: i64, size: usize, timestamp: Time, key: Option<Bytes>) {
        self.offsets.read(offset);
        self.held += size;
        let open = Open {
            pending: 0,
            judged: false,
            delivered: false,
            dead: false,
            reason: None,
            timestamp,
            key,
            size,
        };
        self.open.insert(offset, open);
    }

    /// A record that counts for `size` bytes was read and has ended at once: it makes no event.
    pub(super) fn skipped_at_once(&mut self, offset: i64, size: usize, reason: &'static str) {
        self.offsets.read(offset);
        self.held += size;
        self.end(offset, size, Fate::Skipped(reason));
    }

    /// One more event or dead letter of a record has to end.
    pub(super) fn expect(&mut self, offset: i64) {
        if let Some(open) = self.open.get_mut(&offset) {
            open.pending += 1;
        }
    }

    /// Conversion has judged a record; `reason`: why it made no event.
    pub(super) fn judged(&mut self, offset: i64, reason: Option<&'static str>) {
        self.change(offset, |open| {
            open.judged = true;
            open.reason = open.reason.or(reason);
        });
    }

    /// An event of a record was accepted.
    pub(super) fn accepted(&mut self, offset: i64) {
        self.change(offset, |open| {
            open.pending = open.pending.saturating_sub(1);
            open.delivered = true;
        });
    }

    /// An event of a record is made once more that has ended before.
    pub(super) fn repeated(&mut self, offset: i64) {
        if let Some(open) = self.open.get_mut(&offset) {
            open.delivered = true;
        }
    }

    /// An event that a record did not make itself, but that it holds, has ended.
    pub(super) fn over(&mut self, offset: i64) {
        self.change(offset, |open| open.pending = open.pending.saturating_sub(1));
    }

    /// An event of a record is not sent, for this reason.
    pub(super) fn left_out(&mut self, offset: i64, reason: &'static str) {
        self.change(offset, |open| {
            open.pending = open.pending.saturating_sub(1);
            open.reason = open.reason.or(Some(reason));
        });
    }

    /// A dead letter of a record was acknowledged.
    pub(super) fn dead_lettered(&mut self, offset: i64) {
        self.change(offset, |open| {
            open.pending = open.pending.saturating_sub(1);
            open.dead = true;
        });
    }

    fn change(&mut self, offset: i64, change: impl FnOnce(&mut Open)) {
        let Some(open) = self.open.get_mut(&offset) else {
            return;
        };
        change(open);
        if !open.judged || open.pending > 0 {
            return;
        }
        let fate = match (open.dead, open.delivered) {
            (true, _) => Fate::DeadLettered,
            (false, true) => Fate::Delivered,
            (false, false) => Fate::Skipped(open.reason.unwrap_or("no_change")),
        };
        let size = open.size;
        self.open.remove(&offset);
        self.end(offset, size, fate);
    }

    fn end(&mut self, offset: i64, size: usize, fate: Fate) {
        let passed = &mut self.passed;
        let mut places = 0;
        self.offsets.end(offset, fate, |fate| {
            places += 1;
            match fate {
                Fate::Delivered => passed.delivered += 1,
                Fate::DeadLettered => passed.dead_lettered += 1,
                Fate::Skipped(reason) => {
                    passed.skipped += 1;
                    *passed.reasons.entry(reason).or_default() += 1;
                }
            }
        });
        self.free(size.saturating_sub(KEPT) + places * KEPT);
    }

    /// What an event counts for; taken beside its record's bytes.
    pub(super) fn take(&mut self, bytes: usize) {
        self.held += bytes;
    }

    /// What is not needed any more.
    pub(super) fn free(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        self.freed += bytes;
    }

    /// Bytes to give back to the bound, once.
    pub(super) fn freed(&mut self) -> usize {
        std::mem::take(&mut self.freed)
    }

    /// Bytes that are out, all of them: for a partition that is given up.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// What the commit point has passed since this was last asked.
    pub(super) fn passed(&mut self) -> Passed {
        std::mem::take(&mut self.passed)
    }

    /// The next offset to read after a restart.
    pub(super) fn commit(&self) -> i64 {
        self.offsets.commit()
    }

    /// The timestamp of an open record.
    pub(super) fn timestamp(&self, offset: i64) -> Option<Time> {
        Some(self.open.get(&offset)?.timestamp)
    }

    /// The key of an open record.
    pub(super) fn key(&self, offset: i64) -> Option<Bytes> {
        self.open.get(&offset)?.key.clone()
    }

    /// The timestamp of the lowest record that has not ended.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.open.get(&self.offsets.oldest()?).map(|open| open.timestamp)
    }

    /// Records that have not ended.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}
