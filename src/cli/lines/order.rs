//! Lines by input record, although some records are judged later than those after them.
//!
//! A line waits until every record before its own is judged. Within a record lines go by lane. Lines of one
//! conversation or user never overtake each other: one that was made later stands no earlier.

use crate::event::{Event, Key, Lane};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// Keeps lines until they may be written in the order of their records.
#[derive(Default)]
pub(in crate::cli) struct InOrder {
    /// Records not yet judged.
    open: BTreeSet<u64>,
    /// Lines that wait, by record and lane.
    waiting: BTreeMap<(u64, Lane), Vec<u8>>,
    /// Where the latest waiting line of a key stands.
    last: FxHashMap<(Lane, Key), u64>,
    /// Bytes of the lines that wait.
    bytes: usize,
}

impl InOrder {
    /// A record is read.
    pub(in crate::cli) fn begin(&mut self, record: u64) {
        self.open.insert(record);
    }

    /// A record is judged: no more lines of it come.
    pub(in crate::cli) fn ended(&mut self, record: u64) {
        self.open.remove(&record);
    }

    /// A record made this event.
    pub(in crate::cli) fn add(&mut self, record: u64, event: &Event) {
        let last = self.last.entry((event.lane, event.key)).or_default();
        *last = record.max(*last);
        let lines = self.waiting.entry((*last, event.lane)).or_default();
        let before = lines.len();
        lines.extend_from_slice(b"{\"lane\":\"");
        lines.extend_from_slice(event.lane.as_str().as_bytes());
        lines.extend_from_slice(b"\",\"type\":\"");
        lines.extend_from_slice(event.array.as_bytes());
        lines.extend_from_slice(b"\",\"event\":");
        lines.extend_from_slice(&event.json);
        lines.extend_from_slice(b"}\n");
        self.bytes += lines.len() - before;
    }

    /// Bytes of the lines that wait.
    pub(in crate::cli) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes what waits for nothing any more.
    pub(in crate::cli) fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        let first_open = self.open.first().copied().unwrap_or(u64::MAX);
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 >= first_open {
                return Ok(());
            }
            let lines = entry.remove();
            self.bytes -= lines.len();
            out.write_all(&lines)?;
        }
        self.last.clear();
        Ok(())
    }

    /// The end: nothing is open any more.
    pub(in crate::cli) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.open.clear();
        self.write(out)
    }
}
