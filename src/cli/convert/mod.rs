//! `convert`: CIC messages in, events out, with no network. What the agent would make of a capture.
//!
//! Reads NDJSON, plain or gzip: structured CloudEvents, bare ICWS messages, or the lines of `kcat -J`. Prints one line
//! per event to stdout, `{"lane":…,"type":…,"event":{…}}`, by input record and within it by lane. A line that cannot
//! be read is named on stderr; the others are converted all the same, and the exit code is 65.

mod input;
mod order;

use crate::agent::settings;
use crate::cic::{self, Fallback};
use crate::cli::exit::{BAD_DATA, CONFIG, Failure};
use crate::config::{Config, Sources};
use crate::convert::{Fate, Machine, Output};
use crate::event::Event;
use crate::names::{Directory, Resolved, Resolver};
use crate::time::Time;
use anyhow::Context;
use input::Line;
use order::InOrder;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// More bad lines than this are counted and not printed.
const SHOWN: u64 = 50;

/// `convert [FILE]`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// NDJSON, plain or gzip; `-`: stdin
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The agent's configuration; without it every key has its default
    #[arg(long)]
    config: Option<PathBuf>,
    /// The directory file (JSON, CIC name to Genesys Cloud id by kind); without one every name is given an id made
    /// of itself
    #[arg(long)]
    directory: Option<PathBuf>,
    /// The time of the first lines that carry none, such as 2026-03-29T08:00:00Z
    #[arg(long, value_parser = time)]
    time: Option<Time>,
    /// Print to stderr, at the end, how many records came to what
    #[arg(long)]
    summary: bool,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "no time; write it like 2026-03-29T08:00:00Z".into())
}

/// Runs the command; 65 when a line could not be read.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = Config::load(&Sources::process(args.config))
        .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
    let directory = match args.directory.or_else(|| config.directory.file.clone()) {
        Some(path) => settings::directory_file(&path).map_err(|error| Failure::new(CONFIG, error))?,
        None => Directory::everything(),
    };
    let (input, name) = input::open(&args.file)?;
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut work = Work::new(&config, directory, name, args.time, out);
    work.all(input)?;
    if args.summary {
        work.tally.print(&mut io::stderr().lock())?;
    }
    Ok(match work.tally.bad {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(BAD_DATA),
    })
}

/// One conversion from beginning to end.
struct Work<W: Write> {
    conversion: Arc<crate::convert::Settings>,
    resolving: crate::names::Settings,
    directory: Directory,
    default_source: String,
    max_skew: i64,
    /// What lines are known by that say nothing themselves.
    name: String,
    /// The last time that a line carried.
    time: Option<Time>,
    /// By topic and partition; lines that are no Kafka records have the empty topic.
    partitions: BTreeMap<(String, i32), Partition>,
    order: InOrder<W>,
    tally: Tally,
}

struct Partition {
    machine: Machine,
    resolver: Resolver,
}

impl<W: Write> Work<W> {
    fn new(config: &Config, directory: Directory, name: String, time: Option<Time>, out: W) -> Self {
        Self {
            conversion: Arc::new(settings::conversion(config)),
            resolving: settings::names(config, false),
            directory,
            default_source: config.cic.default_source.clone(),
            max_skew: i64::try_from(config.cic.max_skew.as_millis()).unwrap_or(i64::MAX),
            name,
            time,
            partitions: BTreeMap::new(),
            order: InOrder::new(out),
            tally: Tally::default(),
        }
    }

    fn all(&mut self, mut input: impl BufRead) -> anyhow::Result<()> {
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            number += 1;
            let read = input.read_until(b'\n', &mut line);
            if read.with_context(|| format!("{}: cannot read line {number}", self.name))? == 0 {
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let Err(error) = self.line(&line, number) {
                self.tally.bad(&self.name, number, &error)?;
            }
        }
        let mut output = Output::default();
        for partition in self.partitions.values_mut() {
            partition.machine.finish(&mut output);
            resolve(
                &mut self.order,
                &mut self.tally,
                partition,
                &self.directory,
                number,
                &mut output,
            )?;
        }
        Ok(self.order.finish()?)
    }

    fn line(&mut self, line: &[u8], number: u64) -> anyhow::Result<()> {
        let line = Line::read(line).map_err(anyhow::Error::msg)?;
        let own = format!("{}:{number}", self.name);
        let id = line.place();
        let fallback = Fallback {
            source: &self.default_source,
            id: id.as_deref().unwrap_or(&own),
            time: line.time().or(self.time),
        };
        let record = cic::read(line.value(), line.headers(), fallback, &self.conversion.wanted);
        let record = record.map_err(|error| match error {
            cic::Error::NoTime => anyhow::anyhow!("{error}; give one by --time"),
            error => error.into(),
        })?;
        self.time = Some(record.time);
        let (conversion, resolving) = (&self.conversion, &self.resolving);
        let partition = self
            .partitions
            .entry(line.partition())
            .or_insert_with(|| Partition {
                machine: Machine::new(conversion.clone()),
                resolver: Resolver::new(resolving),
            });
        let ceiling = line.time().map_or(record.time, |time| time.plus(self.max_skew));
        let mut output = Output::default();
        self.tally.records += 1;
        self.order.begin(number);
        partition
            .machine
            .record_until(&record, number, ceiling, &mut output);
        resolve(
            &mut self.order,
            &mut self.tally,
            partition,
            &self.directory,
            number,
            &mut output,
        )?;
        match record.unreadable.first() {
            Some(part) => Err(anyhow::anyhow!("{part}")),
            None => Ok(()),
        }
    }
}

/// Turns what was made into lines.
fn resolve<W: Write>(
    order: &mut InOrder<W>,
    tally: &mut Tally,
    partition: &mut Partition,
    directory: &Directory,
    number: u64,
    output: &mut Output,
) -> io::Result<()> {
    for (position, draft) in output.drafts.drain(..) {
        match partition.resolver.resolve(&draft, directory) {
            Resolved::Event(event, without) => {
                tally.event(&event);
                without.iter().for_each(|reason| tally.left_out(reason.as_str()));
                order.add(position.unwrap_or(number), &event);
            }
            Resolved::LeftOut(reason) => tally.left_out(reason.as_str()),
            Resolved::Waits(names) => unreachable_wait(tally, names.len()),
        }
    }
    for (position, fate) in output.fates.drain(..) {
        match fate {
            Fate::Made(_) => tally.delivered += 1,
            Fate::Skipped(reason) => *tally.skipped.entry(reason.as_str()).or_default() += 1,
            Fate::Unreadable(..) => {}
        }
        order.ended(position);
    }
    order.flush()
}

/// With a directory that cannot grow nothing waits; should it, it is counted rather than lost from sight.
fn unreachable_wait(tally: &mut Tally, names: usize) {
    for _ in 0..names {
        tally.left_out("waits");
    }
}

/// What became of it all.
#[derive(Default)]
struct Tally {
    records: u64,
    delivered: u64,
    bad: u64,
    skipped: BTreeMap<&'static str, u64>,
    events: BTreeMap<&'static str, u64>,
    left_out: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn event(&mut self, event: &Event) {
        *self.events.entry(event.array).or_default() += 1;
    }

    fn left_out(&mut self, reason: &'static str) {
        *self.left_out.entry(reason).or_default() += 1;
    }

    fn bad(&mut self, name: &str, line: u64, error: &anyhow::Error) -> anyhow::Result<()> {
        if error.is::<io::Error>() {
            anyhow::bail!("cannot print: {error}");
        }
        self.bad += 1;
        if self.bad <= SHOWN {
            writeln!(io::stderr(), "{name}:{line}: {error:#}")?;
        }
        Ok(())
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "records         {:>10}", self.records)?;
        writeln!(out, "  made events   {:>10}", self.delivered)?;
        writeln!(out, "  skipped       {:>10}", self.skipped.values().sum::<u64>())?;
        for (reason, count) in &self.skipped {
            writeln!(out, "    {reason:<42} {count:>10}")?;
        }
        writeln!(out, "bad lines       {:>10}", self.bad)?;
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
