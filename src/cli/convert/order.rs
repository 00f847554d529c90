//! Lines by input record, although some records are judged later than those after them.
//!
//! A line waits until every record before its own is judged. Within a record lines go by lane. Lines of one
//! conversation or user never overtake each other: one that was made later stands no earlier.

use crate::event::{Event, Key, Lane};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// Writes lines in the order of their records.
pub(super) struct InOrder<W: Write> {
    out: W,
    /// Records not yet judged.
    open: BTreeSet<u64>,
    /// Lines that wait, by record and lane.
    waiting: BTreeMap<(u64, Lane), Vec<u8>>,
    /// Where the latest waiting line of a key stands.
    last: FxHashMap<(Lane, Key), u64>,
}

impl<W: Write> InOrder<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            open: BTreeSet::new(),
            waiting: BTreeMap::new(),
            last: FxHashMap::default(),
        }
    }

    /// A record is read.
    pub(super) fn begin(&mut self, record: u64) {
        self.open.insert(record);
    }

    /// A record is judged: no more lines of it come.
    pub(super) fn ended(&mut self, record: u64) {
        self.open.remove(&record);
    }

    /// A record made this event.
    pub(super) fn add(&mut self, record: u64, event: &Event) {
        let last = self.last.entry((event.lane, event.key)).or_default();
        *last = record.max(*last);
        let lines = self.waiting.entry((*last, event.lane)).or_default();
        lines.extend_from_slice(b"{\"lane\":\"");
        lines.extend_from_slice(event.lane.as_str().as_bytes());
        lines.extend_from_slice(b"\",\"type\":\"");
        lines.extend_from_slice(event.array.as_bytes());
        lines.extend_from_slice(b"\",\"event\":");
        lines.extend_from_slice(&event.json);
        lines.extend_from_slice(b"}\n");
    }

    /// Writes what waits for nothing any more.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let first_open = self.open.first().copied().unwrap_or(u64::MAX);
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 >= first_open {
                return Ok(());
            }
            self.out.write_all(&entry.remove())?;
        }
        self.last.clear();
        Ok(())
    }

    /// The end: nothing is open any more.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.open.clear();
        self.flush()?;
        self.out.flush()
    }
}
