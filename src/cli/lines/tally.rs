//! What became of records: counted, and printed at the end.

use crate::event::Event;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// What became of it all.
#[derive(Default)]
pub(in crate::cli) struct Tally {
    pub(super) records: u64,
    pub(super) made: u64,
    /// Records that cannot be read, or not all of them.
    pub(in crate::cli) bad: u64,
    pub(super) skipped: BTreeMap<&'static str, u64>,
    events: BTreeMap<&'static str, u64>,
    left_out: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Takes over what another has counted.
    pub(in crate::cli) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.made += other.made;
        self.bad += other.bad;
        let tables = [
            (&mut self.skipped, other.skipped),
            (&mut self.events, other.events),
            (&mut self.left_out, other.left_out),
        ];
        for (mine, theirs) in tables {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        *self.events.entry(event.array).or_default() += 1;
    }

    /// A record that is none, such as a tombstone.
    pub(in crate::cli) fn skipped(&mut self, reason: &'static str) {
        self.records += 1;
        *self.skipped.entry(reason).or_default() += 1;
    }

    pub(super) fn left_out(&mut self, reason: &'static str) {
        *self.left_out.entry(reason).or_default() += 1;
    }

    pub(in crate::cli) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "records         {:>10}", self.records)?;
        writeln!(out, "  made events   {:>10}", self.made)?;
        writeln!(out, "  skipped       {:>10}", self.skipped.values().sum::<u64>())?;
        for (reason, count) in &self.skipped {
            writeln!(out, "    {reason:<42} {count:>10}")?;
        }
        writeln!(out, "unreadable      {:>10}", self.bad)?;
        writeln!(out, "events          {:>10}", self.events.values().sum::<u64>())?;
        for (array, count) in &self.events {
            writeln!(out, "  {array:<44} {count:>10}")?;
        }
        writeln!(out, "left out        {:>10}", self.left_out.values().sum::<u64>())?;
        for (reason, count) in &self.left_out {
            writeln!(out, "  {reason:<44} {count:>10}")?;
        }
        Ok(())
    }
}
