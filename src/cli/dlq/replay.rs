//! `dlq replay`: letters go back to the input partition that they came from.
//!
//! Per input partition, records that could not be read come first, in their order, then events in that of their
//! eventDateTime: per key, the order in which they were made. A letter is marked as replayed in its own topic once Kafka
//! has acknowledged its record; what breaks off in between is replayed again, and Genesys Cloud takes an eventId once.
//! In memory are one small entry per letter, and the letters that are being written.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use super::filter::Filter;
use super::letter::Seen;
use super::{Configured, Letters, failed, unreadable};
use crate::agent::{letter, replays, settings};
use crate::cli::exit::{CONFIG, Failure, USAGE};
use crate::clock;
use crate::kafka::{DeadLetters, Fault, Letter, Place, Record};
use crate::time::Time;

/// Letters in memory at a time, and about how many bytes of them.
const MANY: usize = 500;
const BYTES: usize = 8 << 20;

/// `dlq replay --config FILE [--dry-run] [--again] (POSITION… | filter | --all)`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    configured: Configured,
    /// Letters as `dlq list` prints them: topic/partition:offset
    positions: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Replay every letter
    #[arg(long)]
    all: bool,
    /// Replay also what was replayed before
    #[arg(long)]
    again: bool,
    /// Print what would be written where, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Replays what is asked for.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let ways = [!args.positions.is_empty(), !args.filter.is_empty(), args.all];
    if ways.iter().filter(|way| **way).count() != 1 {
        let what = "say which letters: positions, a filter such as --reason or --conversation, or --all";
        return Err(Failure::new(USAGE, what).into());
    }
    let letters = Letters::open(&args.configured)?;
    let mut plan = Plan::default();
    if args.positions.is_empty() {
        letters.each(|seen, record| {
            if args.filter.takes(&seen, record) {
                plan.take(&letters, args.again, &seen, record);
            }
            Ok(())
        })?;
    } else {
        for position in &args.positions {
            let (seen, record) = letters.at(position)?;
            plan.take(&letters, args.again, &seen, &record);
        }
    }
    plan.picked.sort_unstable();
    plan.picked.dedup();
    let written = match args.dry_run {
        true => plan.show(),
        false => plan.write(&letters),
    };
    plan.summary(args.dry_run)?;
    written
}

/// A letter to replay. Sorted, they are in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pick {
    /// The number of its input partition.
    input: u32,
    turn: Turn,
    /// The number of its partition in the dead-letter topic.
    partition: u32,
    offset: i64,
    size: usize,
}

/// When it is a letter's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// A record that could not be read, by its offset.
    Record(i64),
    /// An event, by its time.
    Event(Time),
}

#[derive(Default)]
struct Plan {
    picked: Vec<Pick>,
    /// Every partition that is named, by its number.
    places: Vec<Place>,
    written: usize,
    replayed_before: usize,
    /// Of these the rest was converted: again it would be said twice.
    partly: usize,
    /// Of topics or partitions that this configuration does not read.
    foreign: usize,
}

impl Plan {
    fn take(&mut self, letters: &Letters, again: bool, seen: &Seen, record: &Record) {
        if seen.replayed && !again {
            self.replayed_before += 1;
            return;
        }
        let partitions = letters
            .inputs
            .get(&*seen.input.topic)
            .copied()
            .unwrap_or_default();
        let Ok((place, offset)) = super::letter::position(&seen.position) else {
            return;
        };
        if !usize::try_from(seen.input.partition).is_ok_and(|partition| partition < partitions) {
            self.foreign += 1;
            return;
        }
        let time = seen.event_date_time.as_deref().and_then(Time::parse);
        let pick = Pick {
            input: self.number(&seen.input),
            turn: match seen.stage == letter::DELIVER {
                true => Turn::Event(time.unwrap_or_default()),
                false => Turn::Record(seen.offset.unwrap_or_default()),
            },
            partition: self.number(&place),
            offset,
            size: record.size,
        };
        self.picked.push(pick);
    }

    fn number(&mut self, place: &Place) -> u32 {
        let known = self.places.iter().position(|one| one == place);
        let number = known.unwrap_or_else(|| {
            self.places.push(place.clone());
            self.places.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    fn place(&self, number: u32) -> &Place {
        &self.places[number as usize]
    }

    fn show(&mut self) -> anyhow::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        for pick in &self.picked {
            let from = self.place(pick.partition);
            writeln!(out, "{from}:{} -> {}", pick.offset, self.place(pick.input))?;
        }
        self.written = self.picked.len();
        Ok(out.flush()?)
    }

    fn write(&mut self, letters: &Letters) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let writer = DeadLetters::open(settings::kafka(&letters.config), "")
            .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
        let picked = std::mem::take(&mut self.picked);
        for same in picked.chunk_by(|a, b| a.input == b.input) {
            let mut rest = same;
            while !rest.is_empty() {
                let mut bytes = 0;
                let fits = rest.iter().take(MANY).take_while(|pick| {
                    bytes += pick.size;
                    bytes <= BYTES
                });
                let (now, later) = rest.split_at(fits.count().max(1));
                rest = later;
                let records = self.fetch(letters, now)?;
                runtime.block_on(self.put(&writer, now, &records))?;
            }
        }
        Ok(())
    }

    /// The letters themselves.
    fn fetch(&self, letters: &Letters, picks: &[Pick]) -> anyhow::Result<BTreeMap<(u32, i64), Record>> {
        let mut stretches: BTreeMap<u32, (i64, i64)> = BTreeMap::new();
        for pick in picks {
            let stretch = stretches
                .entry(pick.partition)
                .or_insert((pick.offset, pick.offset));
            *stretch = (stretch.0.min(pick.offset), stretch.1.max(pick.offset));
        }
        let mut wanted: BTreeMap<(u32, i64), Option<Record>> = picks
            .iter()
            .map(|pick| ((pick.partition, pick.offset), None))
            .collect();
        for (partition, (first, last)) in stretches {
            let read = letters
                .archive
                .some(self.place(partition), first..last + 1, |_, record| {
                    if let Some(place) = wanted.get_mut(&(partition, record.offset)) {
                        *place = Some(record);
                    }
                    true
                });
            read.map_err(unreadable)?;
        }
        // Retention may have taken one meanwhile.
        let there = wanted.into_iter().filter_map(|(at, record)| Some((at, record?)));
        Ok(there.collect())
    }

    /// Writes them in this order, then their markers.
    async fn put(
        &mut self,
        writer: &DeadLetters,
        picks: &[Pick],
        records: &BTreeMap<(u32, i64), Record>,
    ) -> anyhow::Result<()> {
        let Some(first) = picks.first() else {
            return Ok(());
        };
        let input = self.place(first.input).clone();
        let mut sent = Vec::new();
        for pick in picks {
            if let Some(record) = records.get(&(pick.partition, pick.offset)) {
                let position = format!("{}:{}", self.place(pick.partition), pick.offset);
                sent.push((pick, record, replays::of(record, &position), position));
            }
        }
        let offsets = writer
            .send_to(&input, sent.iter().map(|(_, _, letter, _)| letter))
            .await;
        let mut out = io::stdout().lock();
        let mut markers: BTreeMap<u32, Vec<Letter>> = BTreeMap::new();
        let mut fault = None;
        for ((pick, record, _, position), offset) in sent.iter().zip(offsets) {
            match offset {
                Ok(offset) => {
                    let marker = replays::marker(record.key.as_ref(), position, clock::now());
                    markers.entry(pick.partition).or_default().push(marker);
                    self.written += 1;
                    writeln!(out, "{position} -> {input}:{offset}")?;
                }
                Err(why) => fault = fault.or(Some((position.clone(), why))),
            }
        }
        for (partition, markers) in markers {
            let place = self.place(partition);
            let marked = writer.send_to(place, markers.iter()).await;
            if let Some(why) = marked.into_iter().find_map(Result::err) {
                let what = "replayed, but it cannot be marked as such";
                return Err(broken(&place.to_string(), what, &why));
            }
        }
        match fault {
            Some((position, why)) => Err(broken(&position, &format!("cannot be written to {input}"), &why)),
            None => Ok(()),
        }
    }

    fn summary(&self, dry_run: bool) -> io::Result<()> {
        let mut said = match dry_run {
            true => format!("{} would be replayed", self.written),
            false => format!("{} replayed", self.written),
        };
        if self.replayed_before > 0 {
            said += &format!(
                "; {} were before (--again replays them again)",
                self.replayed_before
            );
        }
        if self.partly > 0 {
            said += &format!(
                "; {} are not, because all but a part of each was converted",
                self.partly
            );
        }
        if self.foreign > 0 {
            said += &format!(
                "; {} are of partitions that [kafka] topics does not have",
                self.foreign
            );
        }
        writeln!(io::stderr(), "{said}")
    }
}

fn broken(what: &str, how: &str, fault: &Fault) -> anyhow::Error {
    let failure = failed(fault);
    Failure::new(failure.code, format!("{what} {how}: {}", failure.message)).into()
}
