//! Records in, lines of events out: what `convert` and `run --dry-run` share.
//!
//! A [`Converter`] decodes, converts and resolves with what is configured and a directory that does not change, one
//! [`Partition`] at a time. The lines of events go into an [`InOrder`], which says when each may be printed; what
//! became of the records is counted in a [`Tally`]. Nothing is printed here.

mod order;
mod tally;

pub(super) use order::InOrder;
pub(super) use tally::Tally;

use crate::agent::{replays, settings};
use crate::cic::{self, Fallback};
use crate::cli::exit::{CONFIG, Failure};
use crate::config::Config;
use crate::convert::{self, Fate, Machine, Output};
use crate::names::{self, Directory, Resolved, Resolver};
use crate::time::Time;
use std::path::Path;
use std::sync::Arc;

/// How records become lines.
pub(super) struct Converter {
    conversion: Arc<convert::Settings>,
    resolving: names::Settings,
    directory: Directory,
    default_source: String,
    /// `[cic] max_skew`, in ms.
    max_skew: i64,
}

/// What is known of one partition.
pub(super) struct Partition {
    machine: Machine,
    resolver: Resolver,
}

/// A record as it was read.
pub(super) struct Raw<'a> {
    pub(super) value: &'a [u8],
    /// What it is known by if it says nothing itself.
    pub(super) id: &'a str,
    /// By the broker.
    pub(super) timestamp: Option<Time>,
    /// Taken where it has no other.
    pub(super) time: Option<Time>,
    /// Orders it in its partition.
    pub(super) position: u64,
}

/// Where lines and counts go.
#[derive(Default)]
pub(super) struct Made {
    pub(super) order: InOrder,
    pub(super) tally: Tally,
}

/// The directory file that `flag` or the configuration names; without one, every name has an id made of itself.
pub(super) fn directory(flag: Option<&Path>, config: &Config) -> Result<Directory, Failure> {
    match flag.or(config.directory.file.as_deref()) {
        Some(path) => settings::directory_file(path).map_err(|error| Failure::new(CONFIG, error)),
        None => Ok(Directory::everything()),
    }
}

impl Converter {
    /// Converts as configured, with the names of `directory`.
    pub(super) fn new(config: &Config, directory: Directory) -> Self {
        Self {
            conversion: Arc::new(settings::conversion(config)),
            resolving: settings::names(config, false),
            directory,
            default_source: config.cic.default_source.clone(),
            max_skew: i64::try_from(config.cic.max_skew.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// A partition of which nothing is known yet.
    pub(super) fn partition(&self) -> Partition {
        Partition {
            machine: Machine::new(self.conversion.clone()),
            resolver: Resolver::new(&self.resolving),
        }
    }

    /// Decodes a record.
    pub(super) fn read<'h>(
        &self,
        raw: &Raw<'_>,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    ) -> Result<cic::Record, cic::Error> {
        let fallback = Fallback {
            source: &self.default_source,
            id: raw.id,
            time: raw.timestamp.or(raw.time),
        };
        cic::read(raw.value, headers, fallback, &self.conversion.wanted)
    }

    /// Converts it.
    pub(super) fn record(
        &self,
        partition: &mut Partition,
        raw: &Raw<'_>,
        record: &cic::Record,
        made: &mut Made,
    ) {
        let ceiling = raw.timestamp.map_or(record.time, |time| time.plus(self.max_skew));
        let mut output = Output::default();
        made.tally.records += 1;
        made.order.begin(raw.position);
        partition
            .machine
            .record_until(record, raw.position, ceiling, &mut output);
        self.resolve(partition, raw.position, output, made);
    }

    /// Takes the replay of an event: it makes that event, and says so or why it cannot. False where it is none.
    pub(super) fn replay<'h>(
        &self,
        raw: &Raw<'_>,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
        made: &mut Made,
    ) -> Result<bool, String> {
        let Some(read) = replays::read(headers, raw.value) else {
            return Ok(false);
        };
        let event = read?;
        let Made { order, tally } = made;
        tally.records += 1;
        tally.made += 1;
        tally.event(&event);
        order.begin(raw.position);
        order.add(raw.position, &event);
        order.ended(raw.position);
        Ok(true)
    }

    /// Stream time reaches `to`; what that makes comes after the record at `position`.
    pub(super) fn advance(&self, partition: &mut Partition, to: Time, position: u64, made: &mut Made) {
        let mut output = Output::default();
        partition.machine.advance(to, &mut output);
        self.resolve(partition, position, output, made);
    }

    /// The end of the input: every wait is over.
    pub(super) fn finish(&self, partition: &mut Partition, position: u64, made: &mut Made) {
        let mut output = Output::default();
        partition.machine.finish(&mut output);
        self.resolve(partition, position, output, made);
    }

    /// Turns what conversion put out into lines.
    fn resolve(&self, partition: &mut Partition, position: u64, output: Output, made: &mut Made) {
        let Made { order, tally } = made;
        for (origin, draft) in output.drafts {
            match partition.resolver.resolve(&draft, &self.directory) {
                Resolved::Event(event, without) => {
                    tally.event(&event);
                    without.iter().for_each(|reason| tally.left_out(reason.as_str()));
                    order.add(origin.unwrap_or(position), &event);
                }
                Resolved::LeftOut(reason) => tally.left_out(reason.as_str()),
                // With a directory that cannot grow nothing waits; should it, it is counted rather than lost from
                // sight.
                Resolved::Waits(names) => names.iter().for_each(|_| tally.left_out("waits")),
            }
        }
        for (origin, fate) in output.fates {
            match fate {
                Fate::Made(_) => tally.made += 1,
                Fate::Skipped(reason) => *tally.skipped.entry(reason.as_str()).or_default() += 1,
                Fate::Unreadable(..) => {}
            }
            order.ended(origin);
        }
    }
}

impl Partition {
    /// Stream time: the highest record time so far.
    pub(super) fn stream_time(&self) -> Time {
        self.machine.stream_time()
    }

    /// When the next wait ends, in stream time.
    pub(super) fn next_wait(&self) -> Option<Time> {
        self.machine.next_wait()
    }
}
