//! `run --dry-run`: prints the events that the agent would send.
//!
//! Reads what the agent would read, from where it would go on, without joining its group. Prints `convert`'s lines to
//! stdout as they come, by partition in the order of its records, and to stderr what cannot be read and what is wrong
//! with Kafka. Sends, writes and commits nothing, asks Genesys Cloud for nothing and serves no health page, so it may
//! run beside the agent. Ends by SIGINT or SIGTERM with every wait over and a summary on stderr.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::agent::quiet::Quiet;
use crate::agent::settings;
use crate::agent::sites::Sites;
use crate::cic;
use crate::cli::check::kafka::code;
use crate::cli::exit::{CONFIG, Failure};
use crate::cli::lines::{self, Converter, Made, Partition, Raw, Tally};
use crate::cli::stop;
use crate::config::Config;
use crate::health::Board;
use crate::kafka::{Chunk, Event, Input, NoTail, Place, Record, Tail};
use crate::time::Time;

/// How long each question to Kafka may take at the start.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a stop waits for the reader, which may be asking a broker that does not answer.
const GRACE: Duration = Duration::from_secs(5);

/// Prints until a signal comes.
pub(super) async fn until_told(config: Config) -> anyhow::Result<()> {
    let stop = stop::on_signal()?;
    let told = stop.clone();
    let mut reading = tokio::task::spawn_blocking(move || read(&config, &told));
    tokio::select! {
        ended = &mut reading => ended?,
        () = stop.cancelled() => match tokio::time::timeout(GRACE, reading).await {
            Ok(ended) => ended?,
            Err(_) => Ok(()),
        },
    }
}

fn read(config: &Config, stop: &CancellationToken) -> anyhow::Result<()> {
    let directory = lines::directory(None, config)?;
    let mut tail = Tail::open(settings::kafka(config), PATIENCE).map_err(|none| {
        let code = match &none {
            NoTail::Refused(_) => CONFIG,
            NoTail::Fault(fault) => code(fault.kind),
        };
        Failure::new(code, none.to_string())
    })?;
    let mut dry = DryRun {
        converter: Converter::new(config, directory),
        partitions: BTreeMap::new(),
        sites: Sites::new(Board::default()),
        tally: Tally::default(),
        bound: usize::try_from(config.memory.bound).unwrap_or(usize::MAX),
        out: BufWriter::with_capacity(1 << 16, io::stdout()),
    };
    while !stop.is_cancelled() {
        match tail.poll() {
            Some(input) => dry.take(input)?,
            None => dry.out.flush()?,
        }
    }
    dry.finish()
}

struct DryRun<W: Write> {
    converter: Converter,
    partitions: BTreeMap<Place, Reading>,
    sites: Sites,
    tally: Tally,
    /// Bytes that lines may take while they wait, over all partitions.
    bound: usize,
    out: W,
}

/// A partition that is read.
struct Reading {
    partition: Partition,
    made: Made,
    quiet: Quiet,
    /// The next offset that a chunk may bring.
    next: i64,
}

impl Reading {
    fn last(&self) -> u64 {
        position(self.next.saturating_sub(1))
    }
}

impl<W: Write> DryRun<W> {
    fn take(&mut self, input: Input) -> anyhow::Result<()> {
        match input {
            Input::Assigned { place, from, .. } => self.begin(place, from),
            Input::Chunk(chunk) => self.chunk(chunk),
            Input::AtEnd { place, offset } => self.at_end(&place, offset),
            Input::Event(event) => {
                tell(event);
                Ok(())
            }
            // There is no group that could take something away.
            Input::Revoked { .. } | Input::Lost { .. } => Ok(()),
        }
    }

    /// A partition is read from `from` on; whatever came of it before that is at its end.
    fn begin(&mut self, place: Place, from: i64) -> anyhow::Result<()> {
        tracing::info!(%place, from, "reading");
        let reading = Reading {
            partition: self.converter.partition(),
            made: Made::default(),
            quiet: Quiet::new(),
            next: from,
        };
        match self.partitions.insert(place, reading) {
            Some(before) => self.end(before),
            None => Ok(()),
        }
    }

    fn chunk(&mut self, chunk: Chunk) -> anyhow::Result<()> {
        let Some(reading) = self.partitions.get_mut(&chunk.place) else {
            return Ok(());
        };
        for record in &chunk.records {
            let id = format!("{}/{}", chunk.place, record.offset);
            if let Some(read) = self.converter.take(reading, record, &id)? {
                self.sites.seen(&read.source, &chunk.place);
            }
            reading.next = record.offset + 1;
        }
        reading.quiet = Quiet::new();
        self.print(&chunk.place)
    }

    /// The partition is quiet: stream time goes on with the clock.
    fn at_end(&mut self, place: &Place, offset: i64) -> anyhow::Result<()> {
        let Some(reading) = self
            .partitions
            .get_mut(place)
            .filter(|reading| reading.next <= offset)
        else {
            return Ok(());
        };
        if let Some(to) = reading.quiet.tick(reading.partition.stream_time()) {
            self.converter.tick(reading, to);
        }
        self.print(place)
    }

    /// Prints what waits for nothing. Where too much waits the waits end early, as the agent's do.
    fn print(&mut self, place: &Place) -> anyhow::Result<()> {
        let share = self.bound / self.partitions.len().max(1);
        let Some(reading) = self.partitions.get_mut(place) else {
            return Ok(());
        };
        reading.made.order.write(&mut self.out)?;
        while reading.made.order.bytes() > share
            && let Some(wait) = reading.partition.next_wait()
        {
            self.converter.tick(reading, wait.plus(1));
            reading.made.order.write(&mut self.out)?;
        }
        Ok(())
    }

    fn end(&mut self, mut reading: Reading) -> anyhow::Result<()> {
        let last = reading.last();
        self.converter
            .finish(&mut reading.partition, last, &mut reading.made);
        reading.made.order.finish(&mut self.out)?;
        self.tally.add(reading.made.tally);
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        for reading in std::mem::take(&mut self.partitions).into_values() {
            self.end(reading)?;
        }
        self.out.flush()?;
        Ok(self.tally.print(&mut io::stderr().lock())?)
    }
}

impl Converter {
    /// Converts a record known by `id`; what it says, where it can be read.
    fn take(&self, reading: &mut Reading, record: &Record, id: &str) -> io::Result<Option<cic::Record>> {
        let raw = Raw {
            value: record.value.as_deref().unwrap_or_default(),
            id,
            timestamp: record.timestamp.map(Time::from_millis),
            time: None,
            position: position(record.offset),
        };
        let headers = || record.headers.iter().map(|(name, value)| (&**name, &**value));
        match self.replay(&raw, headers(), &mut reading.made) {
            Ok(false) => {}
            Ok(true) => return Ok(None),
            Err(why) => {
                reading.made.tally.bad += 1;
                unreadable(id, why)?;
                return Ok(None);
            }
        }
        let tally = &mut reading.made.tally;
        match self.read(&raw, headers()) {
            Ok(read) => {
                if !read.unreadable.is_empty() {
                    tally.bad += 1;
                    let parts: Vec<String> = read.unreadable.iter().map(ToString::to_string).collect();
                    unreadable(id, parts.join("; "))?;
                }
                self.record(&mut reading.partition, &raw, &read, &mut reading.made);
                Ok(Some(read))
            }
            Err(cic::Error::Empty) => {
                tally.skipped("empty");
                Ok(None)
            }
            Err(error) => {
                tally.bad += 1;
                unreadable(id, error)?;
                Ok(None)
            }
        }
    }

    fn tick(&self, reading: &mut Reading, to: Time) {
        let last = reading.last();
        self.advance(&mut reading.partition, to, last, &mut reading.made);
    }
}

/// Every one is said: they are what a dry run is for.
fn unreadable(id: &str, why: impl Display) -> io::Result<()> {
    writeln!(io::stderr(), "{id}: {why}")
}

fn tell(event: Event) {
    match event {
        Event::Fault(fault) => tracing::warn!("{fault}"),
        Event::Gap { place, from, to, .. } => {
            let count = to - from;
            tracing::warn!(%place, from, to, "{count} records were removed before they were read");
        }
        Event::Beyond { place, from, end } => {
            tracing::warn!(%place, from, end, "the log ends before the offset to go on from; the topic was made anew");
        }
        // A dry run commits nothing, and what waits to be read is of no interest to it.
        Event::CommitFailed(_) | Event::Rebuilt | Event::Paused(_) | Event::Lag(_) | Event::Connected(_) => {}
    }
}

fn position(offset: i64) -> u64 {
    offset.try_into().unwrap_or_default()
}
